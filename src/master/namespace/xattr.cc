#include "master/namespace/xattr.h"

#include "master/namespace/permission.h"

namespace forebay::master {
namespace {

constexpr std::string_view kUser = "user.", kTrusted = "trusted.", kSecurity = "security.";

void count(v1::InodeRecord& record, std::string_view name, int64_t names, int64_t value_bytes) {
  record.set_xattr_name_bytes(record.xattr_name_bytes() + static_cast<uint32_t>(names * static_cast<int64_t>(name.size() + 1)));
  record.set_xattr_value_bytes(record.xattr_value_bytes() + static_cast<uint32_t>(value_bytes));
  if (name == kCapability) record.set_capability(names >= 0);
}

bool may_have_user_xattrs(const v1::InodeRecord& record) {
  return record.type() == v1::FILE_TYPE_REGULAR || record.type() == v1::FILE_TYPE_DIRECTORY;
}

}  // namespace

Result<void> check_xattr_name(std::string_view name) {
  if (name.empty() || name.size() > kMaxXattrName) return rejected(ERANGE, "name of " + std::to_string(name.size()) + " bytes");
  if (name.find('\0') != std::string_view::npos) return invalid("an attribute's name with NUL");
  for (std::string_view kind : {kUser, kTrusted, kSecurity}) {
    if (name == kind) return rejected(EINVAL, "a kind is no name");
    if (name.starts_with(kind)) return {};
  }
  return rejected(EOPNOTSUPP, "attributes of this kind are not kept");
}

Result<void> check_may_read_xattr(const Caller& caller, const v1::InodeRecord& record, std::string_view name) {
  if (!shows_xattr(caller, name)) return rejected(ENODATA, "for the superuser");
  if (!name.starts_with(kUser)) return {};
  if (!may_have_user_xattrs(record)) return rejected(ENODATA, "of files and directories only");
  return check_access(caller, record, kMayRead);
}

Result<void> check_may_change_xattr(const Caller& caller, const v1::InodeRecord& record, std::string_view name) {
  if (!name.starts_with(kUser) && !caller.is_superuser()) return rejected(EPERM, "for the superuser");
  if (!name.starts_with(kUser)) return {};
  if (!may_have_user_xattrs(record)) return rejected(EPERM, "of files and directories only");
  const bool is_shared = record.type() == v1::FILE_TYPE_DIRECTORY && (record.mode() & kSticky);
  if (is_shared && !owns(caller, record)) return rejected(EPERM, "sticky");
  return check_access(caller, record, kMayWrite);
}

bool shows_xattr(const Caller& caller, std::string_view name) { return caller.is_superuser() || !name.starts_with(kTrusted); }

Result<std::optional<std::string>> find_xattr(const kv::Reader& reader, InodeId inode, std::string_view name) {
  return reader.get(key::xattr(inode, name));
}

Result<std::vector<std::string>> xattr_names(const kv::Reader& reader, InodeId inode) {
  std::vector<std::string> names;
  const std::string prefix = key::xattrs(inode);
  TRY(reader.scan(prefix, kv::prefix_end(prefix), [&](std::string_view key, std::string_view) {
    names.emplace_back(key.substr(prefix.size()));
    return true;
  }));
  return names;
}

Result<void> put_xattr(kv::Txn& txn, InodeId inode, v1::InodeRecord& record, std::string_view name, std::string value) {
  TRY(erase_xattr(txn, inode, record, name));
  count(record, name, 1, static_cast<int64_t>(value.size()));
  const uint64_t names = record.xattr_name_bytes();
  const bool fits = names <= kMaxXattrNameBytes && names + record.xattr_value_bytes() <= kMaxXattrBytes;
  if (!fits) return rejected(ENOSPC, "an inode keeps names of 64 KiB, and with their values 1 MiB");
  txn.put(key::xattr(inode, name), std::move(value));
  return {};
}

Result<bool> erase_xattr(kv::Txn& txn, InodeId inode, v1::InodeRecord& record, std::string_view name) {
  ASSIGN_OR_RETURN(const std::optional<std::string> value, find_xattr(txn, inode, name));
  if (!value) return false;
  count(record, name, -1, -static_cast<int64_t>(value->size()));
  txn.erase(key::xattr(inode, name));
  return true;
}

Result<void> drop_capability(kv::Txn& txn, InodeId inode, v1::InodeRecord& record) {
  if (record.capability()) TRY(erase_xattr(txn, inode, record, kCapability));
  return {};
}

Result<bool> erase_xattrs(kv::Txn& txn, InodeId inode, v1::InodeRecord& record, size_t budget) {
  if (record.xattr_name_bytes() == 0) return true;
  std::vector<std::pair<std::string, size_t>> found;  // names, and the sizes of their values
  const std::string prefix = key::xattrs(inode);
  TRY(txn.scan(prefix, kv::prefix_end(prefix), [&](std::string_view key, std::string_view value) {
    found.emplace_back(key.substr(prefix.size()), value.size());
    return found.size() < budget;
  }));
  for (const auto& [name, bytes] : found) {
    count(record, name, -1, -static_cast<int64_t>(bytes));
    txn.erase(key::xattr(inode, name));
  }
  return record.xattr_name_bytes() == 0;
}

}  // namespace forebay::master
