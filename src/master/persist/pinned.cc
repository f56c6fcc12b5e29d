#include "master/persist/pinned.h"

#include <vector>

namespace forebay::master {

Result<bool> is_pinned_file(const kv::Reader& reader, InodeId inode, const v1::InodeRecord& record) {
  if (record.pinned()) return true;
  std::vector<uint64_t> bindings;
  const std::string prefix = key::inode_bindings(inode);
  TRY(reader.scan(prefix, kv::prefix_end(prefix), [&](std::string_view key, std::string_view) {
    bindings.push_back(read_big_endian(key.substr(prefix.size())));
    return true;
  }));
  for (const uint64_t id : bindings) {
    ASSIGN_OR_RETURN(const auto binding, read_record<v1::BindingRecord>(reader, key::binding(id)));
    for (InodeId directory{binding ? binding->directory() : 0}; directory;) {
      ASSIGN_OR_RETURN(const auto above, read_record<v1::InodeRecord>(reader, key::inode(directory)));
      if (above && above->pinned()) return true;
      if (!above || directory == kRootInode) break;
      directory = InodeId{above->parent()};
    }
  }
  return false;
}

}  // namespace forebay::master
