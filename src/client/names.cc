// Directories, names and attributes.
#include "client/client_impl.h"

namespace forebay::client {

namespace rpcs = v1::namespace_service;

// Files open here are further on than the master knows.
v1::Attr ClientImpl::merged(v1::Attr attr) {
  if (attr.type() != v1::FILE_TYPE_REGULAR) return attr;
  if (std::shared_ptr<FileState> state = core_->files.find(InodeId{attr.inode()})) state->merge_into(attr);
  return attr;
}

// `after`: as its last change has left it; none is known when the call failed, or was refused.
void ClientImpl::note_directory(const v1::Attr* after, InodeId directory) {
  if (after != nullptr)
    core_->directories.note(*after, core_->env.clock.now());
  else
    core_->directories.forget(directory);
}

std::optional<v1::Attr> ClientImpl::changed_directory(InodeId directory, Duration not_older) const {
  const std::optional<DirectoryAttrs::Known> known = core_->directories.find(directory);
  if (!known || core_->env.clock.now() - known->since >= not_older) return std::nullopt;
  return known->attr;
}

Task<Result<v1::Attr>> ClientImpl::lookup(Identity who, InodeId parent, std::string name) {
  if (core_->names.is_absent(parent, name, who)) co_return rejected(ENOENT, "no such entry");
  v1::LookupRequest request;
  request.set_parent(parent.value);
  request.set_name(std::move(name));
  Result<v1::AttrReply> reply = co_await core_->session.call<rpcs::Lookup>(who, request);
  if (!reply) co_return std::unexpected(std::move(reply).error());
  co_return merged(reply->attr());
}

Task<Result<v1::Attr>> ClientImpl::get_attr(Identity who, InodeId inode) {
  v1::GetAttrRequest request;
  request.set_inode(inode.value);
  Result<v1::AttrReply> reply = co_await core_->session.call<rpcs::GetAttr>(who, request);
  if (!reply) co_return std::unexpected(std::move(reply).error());
  co_return merged(reply->attr());
}

Task<Result<v1::Attr>> ClientImpl::set_attr(Identity who, v1::SetAttrRequest change, File* file) {
  std::shared_ptr<OpenHandle> handle = handle_of(file);
  if (handle && !handle->flags.write && change.has_size()) co_return rejected(EINVAL, "the file is not open for writing");
  if (std::shared_ptr<FileState> state = core_->files.find(InodeId{change.inode()})) {
    Result<v1::Attr> changed = co_await state->set_attr(who, std::move(change), std::move(handle));
    co_return changed;
  }
  if (handle && change.has_size()) co_return broken("the file has to be opened again");
  const InodeId inode{change.inode()};
  if (change.has_mode() || change.has_uid() || change.has_gid()) core_->names.forget(inode);
  Result<v1::AttrReply> reply = co_await core_->session.call<rpcs::SetAttr>(who, change);
  if (!reply) core_->directories.forget(inode);
  if (!reply) co_return std::unexpected(std::move(reply).error());
  if (reply->attr().type() == v1::FILE_TYPE_DIRECTORY) core_->directories.note(reply->attr(), core_->env.clock.now());
  co_return reply->attr();
}

Task<Result<Listed>> ClientImpl::read_dir(Identity who, InodeId inode, std::string after, uint32_t limit, bool attributes) {
  v1::ReadDirRequest request;
  request.set_inode(inode.value);
  request.set_after(std::move(after));
  request.set_limit(limit);
  request.set_attributes(attributes);
  Result<v1::ReadDirReply> reply = co_await core_->session.call<rpcs::ReadDir>(who, request);
  if (!reply) co_return std::unexpected(std::move(reply).error());
  Listed listed{{}, reply->end(), InodeId{reply->parent()}};
  listed.entries.reserve(static_cast<size_t>(reply->entries_size()));
  for (v1::DirEntry& entry : *reply->mutable_entries()) {
    if (entry.has_attr()) *entry.mutable_attr() = merged(std::move(*entry.mutable_attr()));
    listed.entries.push_back(std::move(entry));
  }
  co_return listed;
}

Task<Result<v1::Attr>> ClientImpl::make_dir(Identity who, InodeId parent, std::string name, uint32_t mode) {
  core_->names.adding(parent, name);
  v1::MakeDirRequest request;
  request.set_parent(parent.value);
  request.set_name(std::move(name));
  request.set_mode(mode);
  const KnownNames::Making making(core_->names);
  Result<v1::AttrReply> reply = co_await core_->session.call<rpcs::MakeDir>(who, request);
  note_directory(reply && reply->has_parent() ? &reply->parent() : nullptr, parent);
  if (!reply) co_return std::unexpected(std::move(reply).error());
  if (reply->has_names()) core_->names.made(InodeId{reply->attr().inode()}, reply->names());
  co_return reply->attr();
}

Task<Result<v1::Attr>> ClientImpl::make_node(Identity who, v1::MakeNodeRequest request) {
  const InodeId parent{request.parent()};
  core_->names.adding(parent, request.name());
  Result<v1::AttrReply> reply = co_await core_->session.call<rpcs::MakeNode>(who, request);
  note_directory(reply && reply->has_parent() ? &reply->parent() : nullptr, parent);
  if (!reply) co_return std::unexpected(std::move(reply).error());
  co_return reply->attr();
}

Task<Result<v1::Attr>> ClientImpl::make_symlink(Identity who, InodeId parent, std::string name, std::string target) {
  core_->names.adding(parent, name);
  v1::MakeSymlinkRequest request;
  request.set_parent(parent.value);
  request.set_name(std::move(name));
  request.set_target(std::move(target));
  Result<v1::AttrReply> reply = co_await core_->session.call<rpcs::MakeSymlink>(who, request);
  note_directory(reply && reply->has_parent() ? &reply->parent() : nullptr, parent);
  if (!reply) co_return std::unexpected(std::move(reply).error());
  co_return reply->attr();
}

Task<Result<v1::Attr>> ClientImpl::link(Identity who, InodeId inode, InodeId parent, std::string name) {
  core_->names.adding(parent, name);
  v1::LinkRequest request;
  request.set_inode(inode.value);
  request.set_parent(parent.value);
  request.set_name(std::move(name));
  Result<v1::AttrReply> reply = co_await core_->session.call<rpcs::Link>(who, request);
  note_directory(reply && reply->has_parent() ? &reply->parent() : nullptr, parent);
  if (!reply) co_return std::unexpected(std::move(reply).error());
  co_return merged(reply->attr());
}

Task<Result<void>> ClientImpl::unlink(Identity who, InodeId parent, std::string name) {
  v1::UnlinkRequest request;
  request.set_parent(parent.value);
  request.set_name(std::move(name));
  Result<v1::UnlinkReply> reply = co_await core_->session.call<rpcs::Unlink>(who, request);
  note_directory(reply && reply->has_parent() ? &reply->parent() : nullptr, parent);
  if (!reply) co_return std::unexpected(std::move(reply).error());
  co_return Result<void>{};
}

Task<Result<void>> ClientImpl::remove_dir(Identity who, InodeId parent, std::string name) {
  v1::RemoveDirRequest request;
  request.set_parent(parent.value);
  request.set_name(std::move(name));
  Result<v1::RemoveDirReply> reply = co_await core_->session.call<rpcs::RemoveDir>(who, request);
  if (reply) core_->directories.forget(InodeId{reply->inode()});
  if (reply) core_->names.forget(InodeId{reply->inode()});
  note_directory(reply && reply->has_parent() ? &reply->parent() : nullptr, parent);
  if (!reply) co_return std::unexpected(std::move(reply).error());
  co_return Result<void>{};
}

Task<Result<void>> ClientImpl::remove_tree(Identity who, InodeId parent, std::string name) {
  v1::RemoveTreeRequest request;
  request.set_parent(parent.value);
  request.set_name(std::move(name));
  Result<v1::Empty> reply = co_await core_->session.call<rpcs::RemoveTree>(who, request);
  core_->directories.forget(parent);
  core_->names.forget_all();
  if (!reply) co_return std::unexpected(std::move(reply).error());
  co_return Result<void>{};
}

Task<Result<void>> ClientImpl::rename(Identity who, v1::RenameRequest request) {
  const InodeId from{request.parent()}, to{request.new_parent()};
  core_->names.adding(to, request.new_name());
  if (request.exchange()) core_->names.adding(from, request.name());
  Result<v1::RenameReply> reply = co_await core_->session.call<rpcs::Rename>(who, request);
  if (request.exchange()) core_->directories.forget_all();  // the reply does not say what else was moved
  for (const uint64_t moved : {reply ? reply->moved() : 0, reply ? reply->replaced() : 0}) {
    if (moved != 0) core_->directories.forget(InodeId{moved});
  }
  if (reply && reply->replaced() != 0) core_->names.forget(InodeId{reply->replaced()});
  note_directory(reply && reply->has_parent() ? &reply->parent() : nullptr, from);
  if (to != from) note_directory(reply && reply->has_new_parent() ? &reply->new_parent() : nullptr, to);
  if (!reply) co_return std::unexpected(std::move(reply).error());
  co_return Result<void>{};
}

Task<Result<v1::StatFsReply>> ClientImpl::stat_fs() {
  Result<v1::StatFsReply> reply = co_await core_->session.call<rpcs::StatFs>(Identity{}, v1::Empty{});
  co_return reply;
}

Task<Result<v1::ResolveReply>> ClientImpl::resolve(Identity who, std::string path, bool follow) {
  v1::ResolveRequest request;
  request.set_path(std::move(path));
  request.set_follow(follow);
  Result<v1::ResolveReply> reply = co_await core_->session.call<rpcs::Resolve>(who, request);
  if (reply && reply->has_attr()) *reply->mutable_attr() = merged(std::move(*reply->mutable_attr()));
  co_return reply;
}

Task<Result<v1::Layout>> ClientImpl::layout(Identity who, InodeId inode, uint64_t offset) {
  v1::GetLayoutRequest request;
  request.set_inode(inode.value);
  request.set_offset(offset);
  Result<v1::Layout> reply = co_await core_->session.call<rpcs::GetLayout>(who, request);
  co_return reply;
}

Task<Result<std::vector<v1::WorkerAddress>>> ClientImpl::workers() {
  Result<std::vector<v1::WorkerAddress>> table = co_await core_->routing.refresh_workers();
  co_return table;
}

Task<Result<v1::ReportReply>> ClientImpl::report() {
  Result<v1::ReportReply> reply = co_await core_->session.call<v1::admin_service::Report>(Identity{}, v1::Empty{});
  co_return reply;
}

Task<Result<v1::RestoreReply>> ClientImpl::restore(Identity who, InodeId inode, uint64_t offset, uint64_t length) {
  v1::RestoreRequest request;
  request.set_inode(inode.value);
  request.set_offset(offset);
  request.set_length(length);
  Result<v1::RestoreReply> reply = co_await core_->session.call<rpcs::Restore>(who, request);
  co_return reply;
}

Task<Result<v1::FreeReply>> ClientImpl::free(Identity who, InodeId inode, bool force) {
  v1::FreeRequest request;
  request.set_inode(inode.value);
  request.set_force(force);
  Result<v1::FreeReply> reply = co_await core_->session.call<rpcs::Free>(who, request);
  co_return reply;
}

Task<Result<v1::Attr>> ClientImpl::set_pinned(Identity who, InodeId inode, bool pinned) {
  v1::SetPinnedRequest request;
  request.set_inode(inode.value);
  request.set_pinned(pinned);
  Result<v1::AttrReply> reply = co_await core_->session.call<rpcs::SetPinned>(who, request);
  if (!reply) co_return std::unexpected(std::move(reply).error());
  co_return merged(reply->attr());
}

Task<Result<v1::Attr>> ClientImpl::set_ttl(Identity who, v1::SetTtlRequest request) {
  Result<v1::AttrReply> reply = co_await core_->session.call<rpcs::SetTtl>(who, request);
  if (!reply) co_return std::unexpected(std::move(reply).error());
  co_return merged(reply->attr());
}

}  // namespace forebay::client
