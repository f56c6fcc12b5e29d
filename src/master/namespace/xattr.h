// Extended attributes of an inode: one record each ("x"), their sizes counted in the inode's record. Permissions are Linux's.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "master/namespace/inode.h"

namespace forebay::master {

inline constexpr size_t kMaxXattrName = 255, kMaxXattrValue = 65'536;  // bytes: Linux's
// Of one inode: names, each counted with one more, so that a listing always fits into what listxattr(2) can return; all together.
inline constexpr uint64_t kMaxXattrNameBytes = 65'536, kMaxXattrBytes = 1 << 20;
inline constexpr std::string_view kCapability = "security.capability";

// ERANGE, EINVAL (a kind and nothing behind it), EOPNOTSUPP (of a kind that is not kept).
Result<void> check_xattr_name(std::string_view name);
// ENODATA: not for this caller; EACCES. What a caller may not see of `trusted.`, listings leave out.
Result<void> check_may_read_xattr(const Caller& caller, const v1::InodeRecord& record, std::string_view name);
Result<void> check_may_change_xattr(const Caller& caller, const v1::InodeRecord& record, std::string_view name);  // EPERM, EACCES
bool shows_xattr(const Caller& caller, std::string_view name);

Result<std::optional<std::string>> find_xattr(const kv::Reader& reader, InodeId inode, std::string_view name);
Result<std::vector<std::string>> xattr_names(const kv::Reader& reader, InodeId inode);  // in order

// Change the attribute and the record, whose saving is the caller's.
Result<void> put_xattr(kv::Txn& txn, InodeId inode, v1::InodeRecord& record, std::string_view name, std::string value);  // ENOSPC
Result<bool> erase_xattr(kv::Txn& txn, InodeId inode, v1::InodeRecord& record, std::string_view name);  // false: there is none
// Content or owner change: a capability was given to what the file was. Reads nothing when there is none.
Result<void> drop_capability(kv::Txn& txn, InodeId inode, v1::InodeRecord& record);
// Of an inode that goes: up to `budget` of them. True when none is left.
Result<bool> erase_xattrs(kv::Txn& txn, InodeId inode, v1::InodeRecord& record, size_t budget);

}  // namespace forebay::master
