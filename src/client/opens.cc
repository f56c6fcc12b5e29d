// Opening and creating.
#include "client/client_impl.h"

namespace forebay::client {

namespace rpcs = v1::namespace_service;

namespace {
v1::Access access_of(const OpenFlags& flags) {
  if (!flags.write) return v1::ACCESS_READ;
  return flags.read ? v1::ACCESS_READ_WRITE : v1::ACCESS_WRITE;
}

Result<OpenFlags> checked(OpenFlags flags) {
  if (flags.append) flags.write = true;
  if (!flags.read && !flags.write) return rejected(EINVAL, "open for neither reading nor writing");
  if (flags.truncate && !flags.write) return rejected(EINVAL, "truncating needs write access");
  return flags;
}
// A staged object that was granted, which is for nothing else.
std::optional<v1::Grant> take_staged(v1::OpenReply& reply) {
  for (int i = 0; i < reply.grants_size(); ++i) {
    if (!reply.grants(i).staged()) continue;
    v1::Grant grant = reply.grants(i);
    reply.mutable_grants()->DeleteSubrange(i, 1);
    return grant;
  }
  return std::nullopt;
}
// The object that was named, if the call has handed it over to the handle that it opened.
std::shared_ptr<StagedObject> handed_over(std::shared_ptr<StagedObject> ready, const v1::OpenReply& reply, TraceId trace) {
  if (!ready || reply.grants_size() == 0 || reply.grants(0).object() != ready->object().value) return nullptr;
  ready->hand_over(HandleId{reply.handle()}, trace);
  return ready;
}
}  // namespace

v1::Placement ClientImpl::placement(const OpenFlags& flags) const {
  v1::Placement placement;
  placement.set_bytes(std::min(core_->config.first_object_bytes, core_->config.object_bytes));
  placement.set_host_id(core_->env.host_id);
  const bool may_stage = !flags.append && core_->writes_by_descriptor();
  placement.set_staged(flags.stage && may_stage && !core_->staged_pool.is_refused());
  for (WorkerId worker : core_->routing.avoided()) placement.add_avoid(worker.value);
  return placement;
}

Task<Result<Created>> ClientImpl::create(Identity who, InodeId parent, std::string name, uint32_t mode, OpenFlags flags,
                                         bool exclusive) {
  CO_ASSIGN_OR_RETURN(flags, checked(flags));
  core_->names.adding(parent, name);
  v1::CreateRequest request;
  request.set_parent(parent.value);
  request.set_name(std::move(name));
  request.set_mode(mode);
  request.set_access(access_of(flags));
  request.set_exclusive(exclusive);
  request.set_truncate(flags.truncate);
  // Where small files are inline, most need no object: what is longer asks for one when it is.
  if (flags.write && (flags.stage || core_->inline_limit() == 0)) *request.mutable_placement() = placement(flags);
  std::shared_ptr<StagedObject> ready;
  if (request.placement().staged()) ready = core_->staged_pool.take();
  if (ready) {
    request.mutable_placement()->set_ready_object(ready->object().value);
    request.mutable_placement()->set_ready_under(ready->handle().value);
  }
  request.set_durability(core_->config.durability);
  const uint64_t departures = core_->files.departures();
  const KnownNames::Moment sent = core_->names.now();
  SessionId session;
  Result<v1::OpenReply> reply = co_await core_->session.call<rpcs::Create>(who, request, {}, &session);
  if (reply && reply->has_names()) core_->names.leased(parent, reply->names(), sent, who);
  if (!reply || reply->has_parent()) note_directory(reply ? &reply->parent() : nullptr, parent);
  if (ready && !reply && reply.error().is(Code::kRejected)) core_->staged_pool.give_back(std::move(ready));
  if (!reply) co_return std::unexpected(std::move(reply).error());
  ready = handed_over(std::move(ready), *reply, who.trace);
  const bool created = reply->created();
  v1::Attr attr = reply->attr();
  CO_ASSIGN_OR_RETURN(std::unique_ptr<File> file,
                      co_await opened(who, flags, std::move(*reply), session, departures, std::move(ready)));
  co_return Created{std::move(file), merged(std::move(attr)), created};
}

Task<Result<Created>> ClientImpl::create_unnamed(Identity who, InodeId parent, uint32_t mode, OpenFlags flags, bool linkable) {
  CO_ASSIGN_OR_RETURN(flags, checked(flags));
  flags.truncate = false;  // it is empty
  v1::CreateUnnamedRequest request;
  request.set_parent(parent.value);
  request.set_mode(mode);
  request.set_access(access_of(flags));
  request.set_linkable(linkable);
  flags.stage = false;
  if (core_->inline_limit() == 0) *request.mutable_placement() = placement(flags);
  request.set_durability(core_->config.durability);
  const uint64_t departures = core_->files.departures();
  SessionId session;
  Result<v1::OpenReply> reply = co_await core_->session.call<rpcs::CreateUnnamed>(who, request, {}, &session);
  if (!reply) co_return std::unexpected(std::move(reply).error());
  v1::Attr attr = reply->attr();
  CO_ASSIGN_OR_RETURN(std::unique_ptr<File> file, co_await opened(who, flags, std::move(*reply), session, departures));
  co_return Created{std::move(file), merged(std::move(attr)), true};
}

Task<Result<std::unique_ptr<File>>> ClientImpl::open(Identity who, InodeId inode, OpenFlags flags) {
  CO_ASSIGN_OR_RETURN(flags, checked(flags));
  v1::OpenRequest request;
  request.set_inode(inode.value);
  request.set_access(access_of(flags));
  request.set_truncate(flags.truncate);
  flags.stage = flags.stage && flags.truncate && !flags.fork_from;
  const bool wants_object = flags.write && !flags.fork_from;  // a fork asks for its own, if it needs one
  if (wants_object && (flags.stage || core_->inline_limit() == 0)) *request.mutable_placement() = placement(flags);
  request.set_durability(core_->config.durability);
  const uint64_t departures = core_->files.departures();
  SessionId session;
  Result<v1::OpenReply> reply = co_await core_->session.call<rpcs::Open>(who, request, {}, &session);
  if (!reply) co_return std::unexpected(std::move(reply).error());
  Result<std::unique_ptr<File>> file = co_await opened(who, flags, std::move(*reply), session, departures);
  co_return file;
}

Task<Result<std::unique_ptr<File>>> ClientImpl::opened(Identity who, OpenFlags flags, v1::OpenReply reply, SessionId session,
                                                       uint64_t departures, std::shared_ptr<StagedObject> ready_object) {
  const InodeId inode{reply.attr().inode()};
  auto handle = std::make_shared<OpenHandle>();
  handle->id = HandleId{reply.handle()};
  handle->session = session;
  handle->who = std::move(who);
  handle->flags = flags;
  handle->attr = reply.attr();
  if (!flags.write) core_->session.reading(inode);
  const bool truncated = flags.truncate && !reply.created();
  std::shared_ptr<FileState> state = core_->files.attach(*core_, inode);
  // A commit through another handle of this client may have been on its way to the master while the file was truncated there.
  const bool shared = state->has_handles() || core_->files.departures() != departures;
  std::optional<v1::Grant> grant = take_staged(reply);
  v1::Attr attr = reply.attr();
  const bool stages = grant && !shared && (reply.created() || truncated);
  if (grant && !stages) state->give_back(*grant, handle->id);
  co_await state->leave_overtaken(attr.layout());
  Result<void> ready = co_await state->opened(handle, std::move(reply), truncated && shared);
  if (ready && stages) {
    co_await state->stage(handle, std::move(*grant), std::move(attr), std::move(ready_object));
  } else if (ready && flags.fork_from) {
    ready = co_await state->fork(handle, std::move(attr), flags.fork_from);
  }
  if (!ready) {
    Result<void> ignored = co_await state->close(handle);
    (void)ignored;  // nothing was written through it
    co_return std::unexpected(std::move(ready).error());
  }
  co_return make_file(core_, std::move(state), std::move(handle));
}

}  // namespace forebay::client
