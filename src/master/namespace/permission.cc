#include "master/namespace/permission.h"

namespace forebay::master {
namespace {

// A setgid bit without group execution once meant mandatory locking: Linux leaves it to those who may set it.
uint32_t without_privileges(const Caller& caller, const v1::InodeRecord& record) {
  uint32_t mode = record.mode() & ~kSetUid;
  bool may_keep = !(mode & kGroupExecute) && (caller.is_superuser() || caller.in_group(record.gid()));
  return may_keep ? mode : mode & ~kSetGid;
}

}  // namespace

bool may(const Caller& caller, const v1::InodeRecord& record, uint32_t wanted) {
  uint32_t mode = record.mode();
  if (caller.is_superuser()) {
    bool executes = (wanted & kMayExecute) && record.type() != v1::FILE_TYPE_DIRECTORY;
    return !executes || (mode & 0111) != 0;
  }
  uint32_t granted = mode;
  if (caller.uid == record.uid()) {
    granted = mode >> 6;
  } else if (caller.in_group(record.gid())) {
    granted = mode >> 3;
  }
  return (granted & wanted) == wanted;
}

Result<void> check_access(const Caller& caller, const v1::InodeRecord& record, uint32_t wanted) {
  if (!may(caller, record, wanted)) return rejected(EACCES, "not permitted");
  return {};
}

Result<void> check_sticky(const Caller& caller, const v1::InodeRecord& directory, const v1::InodeRecord& victim) {
  if (!(directory.mode() & kSticky) || owns(caller, directory) || owns(caller, victim)) return {};
  return rejected(EPERM, "sticky");
}

uint32_t mode_after_write(const Caller& caller, const v1::InodeRecord& record) {
  if (caller.is_superuser() || !(record.mode() & (kSetUid | kSetGid))) return record.mode();
  return without_privileges(caller, record);
}

uint32_t mode_after_chown(const Caller& caller, const v1::InodeRecord& record) {
  if (record.type() == v1::FILE_TYPE_DIRECTORY || !(record.mode() & (kSetUid | kSetGid))) return record.mode();
  return without_privileges(caller, record);
}

}  // namespace forebay::master
