#include <sys/xattr.h>

#include "fuse/ops.h"

namespace forebay::fuse {

namespace {

constexpr std::string_view kCapability = "security.capability";

// Answers a call that gives `size` bytes of room, or 0 to ask how many it takes.
void answer(Request& request, const std::string& bytes, size_t size) {
  if (size == 0)
    request.attribute_size(bytes.size());
  else if (bytes.size() > size)
    request.fail(ERANGE);
  else
    request.bytes(bytes.data(), bytes.size());
}

void answer(Request& request, const Result<v1::Attr>& changed) {
  InodeTable& inodes = request.volume().inodes();
  inodes.changed();
  if (!changed) return request.fail(changed.error());
  inodes.note_privilege(*changed);
  request.done();
}

Task<void> setxattr(Request request, client::Identity who, v1::SetXattrRequest change) {
  auto changed = co_await request.client().set_xattr(std::move(who), std::move(change));
  answer(request, changed);
}

Task<void> getxattr(Request request, client::Identity who, InodeId inode, std::string name, size_t size) {
  auto value = co_await request.client().get_xattr(std::move(who), inode, std::move(name));
  if (!value)
    request.fail(value.error());
  else
    answer(request, *value, size);
}

Task<void> listxattr(Request request, client::Identity who, InodeId inode, size_t size) {
  auto names = co_await request.client().list_xattrs(std::move(who), inode);
  if (!names) {
    request.fail(names.error());
    co_return;
  }
  std::string list;
  for (const std::string& name : *names) list.append(name).push_back('\0');
  answer(request, list, size);
}

Task<void> removexattr(Request request, client::Identity who, InodeId inode, std::string name) {
  // Only the superuser gets as far as this with removexattr(2). Otherwise it is the kernel, for somebody who writes the file.
  const bool by_write = who.uid != 0 && name == kCapability;
  if (by_write) who = client::Identity{.trace = who.trace};
  auto changed = co_await request.client().remove_xattr(std::move(who), inode, std::move(name));
  const bool gone_already = by_write && !changed && changed.error().is_errno(ENODATA);
  if (gone_already)
    request.done();
  else
    answer(request, changed);
}

// Access control lists are asked for by every `ls -l`.
bool is_never_there(std::string_view name) { return name.starts_with("system."); }

}  // namespace

void op_setxattr(fuse_req_t raw, fuse_ino_t inode, const char* name, const char* value, size_t size, int flags) {
  Volume& volume = volume_of(raw);
  Request request(volume, raw, "setxattr");
  if (is_never_there(name)) return request.fail(EOPNOTSUPP);
  v1::SetXattrRequest change;
  change.set_inode(inode);
  change.set_name(name);
  change.set_value(value, size);
  change.set_create((flags & XATTR_CREATE) != 0);
  change.set_replace((flags & XATTR_REPLACE) != 0);
  volume.serve(setxattr(std::move(request), identity_of(raw), std::move(change)));
}

// The kernel looks for a capability before it writes to an inode whose attributes are new to it, without room for the value. It
// is told what the attributes say. Should they be out of date: a commit takes the capability away in any case.
void op_getxattr(fuse_req_t raw, fuse_ino_t inode, const char* name, size_t size) {
  Volume& volume = volume_of(raw);
  Request request(volume, raw, "getxattr");
  if (is_never_there(name)) return request.fail(EOPNOTSUPP);
  if (size == 0 && name == kCapability && !volume.inodes().is_privileged(InodeId{inode})) return request.fail(ENODATA);
  volume.serve(getxattr(std::move(request), identity_of(raw), InodeId{inode}, name, size));
}

void op_listxattr(fuse_req_t raw, fuse_ino_t inode, size_t size) {
  Volume& volume = volume_of(raw);
  volume.serve(listxattr(Request(volume, raw, "listxattr"), identity_of(raw), InodeId{inode}, size));
}

void op_removexattr(fuse_req_t raw, fuse_ino_t inode, const char* name) {
  Volume& volume = volume_of(raw);
  Request request(volume, raw, "removexattr");
  if (is_never_there(name)) return request.fail(EOPNOTSUPP);
  volume.serve(removexattr(std::move(request), identity_of(raw), InodeId{inode}, name));
}

}  // namespace forebay::fuse
