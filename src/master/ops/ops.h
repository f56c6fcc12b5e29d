// Every operation of the namespace service, one file each. Permissions, errors, their order when several apply, and times are
// POSIX.1-2017's as Linux applies them on tmpfs, with these differences:
// - an inode id that is no longer known is ESTALE: the kernel then looks the name up again; a directory that was removed and is
//   still open has no entries (ENOENT), and neither has a removed tree for those who are still in it;
// - reading does not change atime, as on a mount with noatime;
// - only files are limited to kMaxLinks; directories have as many directories as there is room for;
// - sizes and offsets go up to 2^63 - 1 (EFBIG).
#pragma once

#include "master/operation.h"

namespace forebay::master::ops {

// -- names --
Result<v1::AttrReply> lookup(QueryContext& context, const v1::LookupRequest& request);
Result<v1::ResolveReply> resolve(QueryContext& context, const v1::ResolveRequest& request);
Result<v1::AttrReply> get_attr(QueryContext& context, const v1::GetAttrRequest& request);
Result<v1::AttrReply> set_attr(MutationContext& context, const v1::SetAttrRequest& request);
Result<v1::AttrReply> set_xattr(MutationContext& context, const v1::SetXattrRequest& request);
Result<v1::GetXattrReply> get_xattr(QueryContext& context, const v1::GetXattrRequest& request);
Result<v1::ListXattrsReply> list_xattrs(QueryContext& context, const v1::ListXattrsRequest& request);
Result<v1::AttrReply> remove_xattr(MutationContext& context, const v1::RemoveXattrRequest& request);
Result<v1::ReadDirReply> read_dir(QueryContext& context, const v1::ReadDirRequest& request);
Result<v1::AttrReply> make_dir(MutationContext& context, const v1::MakeDirRequest& request);
Result<v1::AttrReply> make_node(MutationContext& context, const v1::MakeNodeRequest& request);
Result<v1::AttrReply> make_symlink(MutationContext& context, const v1::MakeSymlinkRequest& request);
Result<v1::AttrReply> link(MutationContext& context, const v1::LinkRequest& request);
Result<v1::UnlinkReply> unlink(MutationContext& context, const v1::UnlinkRequest& request);
Result<v1::RemoveDirReply> remove_dir(MutationContext& context, const v1::RemoveDirRequest& request);
Result<v1::Empty> remove_tree(MutationContext& context, const v1::RemoveTreeRequest& request);
Result<v1::RenameReply> rename(MutationContext& context, const v1::RenameRequest& request);

// -- content --
// With read access only, `handle` is 0 in the replies of create() and open_read(): open reads live in memory, and whoever keeps
// them gives the number.
Result<v1::OpenReply> create(MutationContext& context, const v1::CreateRequest& request);
Result<v1::OpenReply> create_unnamed(MutationContext& context, const v1::CreateUnnamedRequest& request);
Result<v1::OpenReply> open_read(QueryContext& context, const v1::OpenRequest& request);      // ACCESS_READ, no truncation
Result<v1::OpenReply> open_write(MutationContext& context, const v1::OpenRequest& request);  // the others
Result<v1::AllocateReply> allocate(MutationContext& context, const v1::AllocateRequest& request);
Result<v1::CommitReply> commit(MutationContext& context, const v1::CommitRequest& request);
Result<v1::CloseWriteReply> close_write(MutationContext& context, const v1::CloseWriteRequest& request);
Result<v1::AttrReply> fallocate(MutationContext& context, const v1::FallocateRequest& request);
// With a handle the mode bits are not asked: they were when it was opened.
Result<v1::Layout> get_layout(QueryContext& context, const v1::GetLayoutRequest& request);

// -- many at once; an item's failure leaves nothing of it behind and the others as they are --
Result<v1::PutManyReply> put_many(MutationContext& context, const v1::PutManyRequest& request);
Result<v1::LookupManyReply> lookup_many(QueryContext& context, const v1::LookupManyRequest& request);
Result<v1::UnlinkManyReply> unlink_many(MutationContext& context, const v1::UnlinkManyRequest& request);

// -- the cache and the under store --
Result<v1::RestoreReply> restore(MutationContext& context, const v1::RestoreRequest& request);
Result<v1::FreeReply> free(MutationContext& context, const v1::FreeRequest& request);
Result<v1::AttrReply> set_ttl(MutationContext& context, const v1::SetTtlRequest& request);
Result<v1::AttrReply> set_pinned(MutationContext& context, const v1::SetPinnedRequest& request);

}  // namespace forebay::master::ops
