// The file system's operations, as libfuse calls them: on the receiving thread, one call per request, without waiting. Each takes
// what it needs out of the message, which is only valid during the call, and starts a coroutine that does the work and replies.
#pragma once

#include <fuse3/fuse_lowlevel.h>

#include <cstdint>

#include "fuse/volume.h"

namespace forebay::fuse {

// The table for libfuse. What is not in it, the kernel gets ENOSYS for, once: locks (it keeps them itself, per mount),
// copy_file_range (it copies).
const fuse_lowlevel_ops& operations();

inline Volume& volume_of(fuse_req_t request) { return *static_cast<Volume*>(fuse_req_userdata(request)); }

// Of a request on an open file, which reaches up to `end`.
inline Volume::Work work_on(const OpenFile* open, uint64_t end = 0) {
  return open->is_small(end) ? Volume::Work::kShort : Volume::Work::kBytes;
}

// Takes from a file that somebody has written what it may no longer have: a capability, and set-user-id and set-group-id unless
// it was the superuser. attr_ops.cc
Task<Result<v1::Attr>> drop_privilege(client::Client* client, client::Identity who, InodeId inode);
// SetAttr; a new size is seen by those who read the file by passthrough, too. attr_ops.cc
Task<Result<v1::Attr>> change_attr(Volume* volume, client::Identity who, v1::SetAttrRequest change, client::File* file);

// names_ops.cc
void op_lookup(fuse_req_t, fuse_ino_t parent, const char* name);
void op_forget(fuse_req_t, fuse_ino_t, uint64_t lookups);
void op_forget_multi(fuse_req_t, size_t count, fuse_forget_data*);
void op_mknod(fuse_req_t, fuse_ino_t parent, const char* name, mode_t, dev_t);
void op_mkdir(fuse_req_t, fuse_ino_t parent, const char* name, mode_t);
void op_unlink(fuse_req_t, fuse_ino_t parent, const char* name);
void op_rmdir(fuse_req_t, fuse_ino_t parent, const char* name);
void op_symlink(fuse_req_t, const char* target, fuse_ino_t parent, const char* name);
void op_rename(fuse_req_t, fuse_ino_t parent, const char* name, fuse_ino_t new_parent, const char* new_name, unsigned flags);
void op_link(fuse_req_t, fuse_ino_t inode, fuse_ino_t parent, const char* name);

// attr_ops.cc
void op_getattr(fuse_req_t, fuse_ino_t, fuse_file_info*);
void op_setattr(fuse_req_t, fuse_ino_t, struct stat* wanted, int to_set, fuse_file_info*);
void op_readlink(fuse_req_t, fuse_ino_t);
void op_statfs(fuse_req_t, fuse_ino_t);

// dir_ops.cc
void op_opendir(fuse_req_t, fuse_ino_t, fuse_file_info*);
void op_readdir(fuse_req_t, fuse_ino_t, size_t size, off_t offset, fuse_file_info*);
void op_readdirplus(fuse_req_t, fuse_ino_t, size_t size, off_t offset, fuse_file_info*);
void op_releasedir(fuse_req_t, fuse_ino_t, fuse_file_info*);
void op_fsyncdir(fuse_req_t, fuse_ino_t, int datasync, fuse_file_info*);

// file_ops.cc
void op_create(fuse_req_t, fuse_ino_t parent, const char* name, mode_t, fuse_file_info*);
void op_open(fuse_req_t, fuse_ino_t, fuse_file_info*);
void op_flush(fuse_req_t, fuse_ino_t, fuse_file_info*);
void op_release(fuse_req_t, fuse_ino_t, fuse_file_info*);
void op_fsync(fuse_req_t, fuse_ino_t, int datasync, fuse_file_info*);

// data_ops.cc
void op_read(fuse_req_t, fuse_ino_t, size_t size, off_t offset, fuse_file_info*);
void op_write(fuse_req_t, fuse_ino_t, const char* data, size_t size, off_t offset, fuse_file_info*);
void op_lseek(fuse_req_t, fuse_ino_t, off_t offset, int whence, fuse_file_info*);

// space_ops.cc
void op_fallocate(fuse_req_t, fuse_ino_t, int mode, off_t offset, off_t length, fuse_file_info*);

// xattr_ops.cc
void op_setxattr(fuse_req_t, fuse_ino_t, const char* name, const char* value, size_t size, int flags);
void op_getxattr(fuse_req_t, fuse_ino_t, const char* name, size_t size);
void op_listxattr(fuse_req_t, fuse_ino_t, size_t size);
void op_removexattr(fuse_req_t, fuse_ino_t, const char* name);

}  // namespace forebay::fuse
