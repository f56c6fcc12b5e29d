#include "master/persist/pins.h"

#include "master/extents/content.h"

namespace forebay::master {

void pin(kv::Txn& txn, InodeId inode, v1::InodeRecord& record, Version version, uint64_t operation) {
  txn.put(key::pin(inode, version, operation), {});
  record.set_pins(record.pins() + 1);
}

Result<void> unpin(MutationContext& context, InodeId inode, Version version, uint64_t operation) {
  ASSIGN_OR_RETURN(v1::InodeRecord record, load_inode(context.txn, inode));
  context.txn.erase(key::pin(inode, version, operation));
  record.set_pins(record.pins() - 1);
  ASSIGN_OR_RETURN(const bool pinned, is_pinned(context.txn, inode, record, version));
  if (version.value != record.version() && !pinned) {
    const std::string name = key::sealed_extents(inode, version);
    ASSIGN_OR_RETURN(const ExtentList list, load_list(context.txn, name));
    if (!list.empty()) context.txn.erase(name);
    ContentEdit edit(context, inode, record);
    for (const ObjectId object : list.objects()) edit.examine(object);
    TRY(edit.finish());
  }
  save_inode(context.txn, inode, record);
  return {};
}

Result<bool> is_pinned(const kv::Reader& reader, InodeId inode, const v1::InodeRecord& record, Version version) {
  if (record.pins() == 0) return false;
  bool found = false;
  const std::string prefix = key::pins(inode, version);
  TRY(reader.scan(prefix, kv::prefix_end(prefix), [&](std::string_view, std::string_view) {
    found = true;
    return false;
  }));
  return found;
}

Result<std::vector<Version>> pinned_versions(const kv::Reader& reader, InodeId inode) {
  std::vector<Version> versions;
  const std::string prefix = key::pins(inode);
  TRY(reader.scan(prefix, kv::prefix_end(prefix), [&](std::string_view key, std::string_view) {
    const Version version{read_big_endian(key.substr(prefix.size()))};
    if (versions.empty() || versions.back() != version) versions.push_back(version);
    return true;
  }));
  return versions;
}

}  // namespace forebay::master
