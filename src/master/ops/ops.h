// Every operation of the namespace service, one file each. Permissions, errors and times are POSIX.1-2017's as Linux applies
// them; where an inode id is no longer known the answer is `rejected` ESTALE. Times of reading (atime) are not kept, as if
// mounted noatime.
#pragma once

#include "master/operation.h"

namespace forebay::master::ops {

// -- names --
Result<v1::AttrReply> lookup(QueryContext& context, const v1::LookupRequest& request);
Result<v1::ResolveReply> resolve(QueryContext& context, const v1::ResolveRequest& request);
Result<v1::AttrReply> get_attr(QueryContext& context, const v1::GetAttrRequest& request);
Result<v1::AttrReply> set_attr(MutationContext& context, const v1::SetAttrRequest& request);
Result<v1::ReadDirReply> read_dir(QueryContext& context, const v1::ReadDirRequest& request);
Result<v1::AttrReply> make_dir(MutationContext& context, const v1::MakeDirRequest& request);
Result<v1::AttrReply> make_node(MutationContext& context, const v1::MakeNodeRequest& request);
Result<v1::AttrReply> make_symlink(MutationContext& context, const v1::MakeSymlinkRequest& request);
Result<v1::AttrReply> link(MutationContext& context, const v1::LinkRequest& request);
Result<v1::UnlinkReply> unlink(MutationContext& context, const v1::UnlinkRequest& request);
Result<v1::Empty> remove_dir(MutationContext& context, const v1::RemoveDirRequest& request);
Result<v1::Empty> remove_tree(MutationContext& context, const v1::RemoveTreeRequest& request);
Result<v1::RenameReply> rename(MutationContext& context, const v1::RenameRequest& request);

// -- content --
// With read access only, `handle` is 0 in the replies of create() and open_read(): open reads live in memory, and whoever keeps
// them gives the number.
Result<v1::OpenReply> create(MutationContext& context, const v1::CreateRequest& request);
Result<v1::OpenReply> open_read(QueryContext& context, const v1::OpenRequest& request);      // ACCESS_READ, no truncation
Result<v1::OpenReply> open_write(MutationContext& context, const v1::OpenRequest& request);  // the others
Result<v1::AllocateReply> allocate(MutationContext& context, const v1::AllocateRequest& request);
Result<v1::CommitReply> commit(MutationContext& context, const v1::CommitRequest& request);
// With a handle the mode bits are not asked: they were when it was opened.
Result<v1::Layout> get_layout(QueryContext& context, const v1::GetLayoutRequest& request);

}  // namespace forebay::master::ops
