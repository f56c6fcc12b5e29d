#include "master/namespace/check_xattrs.h"

#include "master/namespace/xattr.h"

namespace forebay::master {

Result<void> check_xattrs(const kv::Reader& reader, InodeId inode, const v1::InodeRecord& record,
                          std::vector<std::string>& problems) {
  uint64_t names = 0, values = 0;
  bool capability = false;
  const std::string prefix = key::xattrs(inode);
  TRY(reader.scan(prefix, kv::prefix_end(prefix), [&](std::string_view key, std::string_view value) {
    names += key.size() - prefix.size() + 1;
    values += value.size();
    capability |= key.substr(prefix.size()) == kCapability;
    return true;
  }));
  const bool same =
      names == record.xattr_name_bytes() && values == record.xattr_value_bytes() && capability == record.capability();
  if (!same) problems.push_back("inode " + to_string(inode) + " counts other extended attributes than it has");
  return {};
}

Result<void> check_xattr(const kv::Reader& reader, std::string_view key, std::string_view value,
                         std::vector<std::string>& problems) {
  constexpr size_t kNameAt = 1 + sizeof(uint64_t);
  if (key.size() <= kNameAt || !check_xattr_name(key.substr(kNameAt)) || value.size() > kMaxXattrValue) {
    problems.emplace_back(corrupt_record(key).message());
    return {};
  }
  const InodeId inode{read_big_endian(key.substr(1, sizeof(uint64_t)))};
  ASSIGN_OR_RETURN(const auto owner, reader.get(key::inode(inode)));
  if (!owner) problems.push_back("an extended attribute of inode " + to_string(inode) + ", which does not exist");
  return {};
}

}  // namespace forebay::master
