// Who may do what: POSIX file access permissions for the caller's identity, as Linux decides them.
#pragma once

#include "master/namespace/inode.h"

namespace forebay::master {

enum : uint32_t { kMayExecute = 1, kMayWrite = 2, kMayRead = 4 };  // of a directory: search, change entries, list

// Owner, else group (supplementary ones included), else others. The superuser may everything, but execute only what somebody may.
bool may(const Caller& caller, const v1::InodeRecord& record, uint32_t wanted);
Result<void> check_access(const Caller& caller, const v1::InodeRecord& record, uint32_t wanted);  // EACCES

inline bool owns(const Caller& caller, const v1::InodeRecord& record) {
  return caller.is_superuser() || caller.uid == record.uid();
}

// The sticky bit: only the owner of the directory, of the entry's inode, or the superuser removes or renames the entry. EPERM
Result<void> check_sticky(const Caller& caller, const v1::InodeRecord& directory, const v1::InodeRecord& victim);

// The mode after somebody wrote or truncated the file, or changed its owner: set-user-id and set-group-id go.
uint32_t mode_after_write(const Caller& caller, const v1::InodeRecord& record);
uint32_t mode_after_chown(const Caller& caller, const v1::InodeRecord& record);

}  // namespace forebay::master
