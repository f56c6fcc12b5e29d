#include "client/testing/fake_master.h"

#include <algorithm>

#include "base/crc32c.h"
#include "client/layout_cache.h"
#include "forebay/v1/under.rpc.h"
#include "rpc/error_detail.h"

namespace forebay::client {

namespace rpcs = v1::namespace_service;

namespace {
constexpr uint64_t kStagedBytes = uint64_t{1} << 44;  // granted with a staged object
}  // namespace

FakeMaster::FakeMaster(std::shared_ptr<os::SimProcess> process) : FakeServer(std::move(process)) {
  serve_sessions();
  serve_names();
  serve_content();
  serve_mount_points();
}

void FakeMaster::expire_sessions() {
  sessions.clear();
  handles.clear();
}

std::optional<Status> FakeMaster::admit(const rpc::Method& method, const v1::RequestContext& context) {
  if (method.name == "open_session" || context.session() == 0) return std::nullopt;
  if (!sessions.contains(context.session()))
    return stale("session " + std::to_string(context.session()) + " has expired").error();
  if (method.retry == rpc::Retry::kSameId && context.sequence() == 0) return invalid("a mutation without a sequence").error();
  return std::nullopt;
}

std::optional<std::string> FakeMaster::outcome(const v1::RequestContext& context) {
  auto found = outcomes_.find({context.session(), context.sequence()});
  return context.sequence() == 0 || found == outcomes_.end() ? std::nullopt : std::optional(found->second);
}

void FakeMaster::remember(const v1::RequestContext& context, std::string reply) {
  if (context.sequence() != 0) outcomes_[{context.session(), context.sequence()}] = std::move(reply);
}

void FakeMaster::serve_sessions() {
  on<rpcs::OpenSession>([this](const rpc::Call&, const v1::OpenSessionRequest&) -> Result<rpc::Answer<v1::OpenSessionReply>> {
    v1::OpenSessionReply reply;
    reply.set_session(++next_);
    sessions.insert(reply.session());
    reply.set_lease_ms(lease_ms);
    reply.set_cluster("fake");
    reply.set_master_epoch(epoch);
    reply.set_inline_max(inline_max);
    return reply;
  });
  on<rpcs::RenewSession>(
      [this](const rpc::Call&, const v1::RenewSessionRequest& request) -> Result<rpc::Answer<v1::RenewSessionReply>> {
        if (!sessions.contains(request.session())) return stale("expired");
        told_reads.assign(request.open_reads().begin(), request.open_reads().end());
        v1::RenewSessionReply reply;
        reply.set_master_epoch(epoch);
        reply.set_intake(intake);
        slowed_ms = request.slowed_ms();
        ++renewals;
        return reply;
      });
  on<rpcs::CloseSession>([this](const rpc::Call&, const v1::CloseSessionRequest& request) -> Result<rpc::Answer<v1::Empty>> {
    sessions.erase(request.session());
    return v1::Empty{};
  });
  on<rpcs::GetWorkers>([this](const rpc::Call&, const v1::Empty&) -> Result<rpc::Answer<v1::GetWorkersReply>> {
    v1::GetWorkersReply reply;
    for (const v1::WorkerAddress& worker : workers) *reply.add_workers() = worker;
    return reply;
  });
}

void FakeMaster::serve_names() {
  on<rpcs::Lookup>([this](const rpc::Call&, const v1::LookupRequest& request) -> Result<rpc::Answer<v1::AttrReply>> {
    if (!names.contains(request.name())) return rejected(ENOENT, "no such name");
    v1::AttrReply reply;
    auto directory = directories.find(names[request.name()]);
    *reply.mutable_attr() = directory != directories.end() ? directory->second : attr_of(names[request.name()]);
    return reply;
  });
  on<rpcs::GetAttr>([this](const rpc::Call&, const v1::GetAttrRequest& request) -> Result<rpc::Answer<v1::AttrReply>> {
    v1::AttrReply reply;
    auto directory = directories.find(request.inode());
    *reply.mutable_attr() = directory != directories.end() ? directory->second : attr_of(request.inode());
    return reply;
  });
  on<rpcs::MakeDir>([this](const rpc::Call&, const v1::MakeDirRequest& request) -> Result<rpc::Answer<v1::AttrReply>> {
    if (names.contains(request.name())) return rejected(EEXIST, "it is there");
    ++executed_["make_dir"];
    names[request.name()] = ++next_;
    v1::AttrReply reply;
    reply.mutable_attr()->set_inode(next_);
    reply.mutable_attr()->set_type(v1::FILE_TYPE_DIRECTORY);
    return reply;
  });
  on<rpcs::SetAttr>([this](const rpc::Call&, const v1::SetAttrRequest& request) -> Result<rpc::Answer<v1::AttrReply>> {
    FakeFile& file = files[request.inode()];
    if (request.handle() != 0 && !handles.contains(request.handle())) return stale("no such handle");
    if (request.has_size() && request.size() != file.size) {
      file.extents.cut(request.size());
      file.size = request.size();
      ++file.layout;
      cut_staged(request.inode(), request.size());
    }
    if (request.has_mtime_ns()) file.mtime_ns = request.mtime_ns();
    v1::AttrReply reply;
    *reply.mutable_attr() = attr_of(request.inode());
    return reply;
  });
}

void FakeMaster::serve_mount_points() {
  namespace points = v1::mount_point_service;
  on<points::ListMountPoints>([this](const rpc::Call&, const v1::Empty&) -> Result<rpc::Answer<v1::ListMountPointsReply>> {
    v1::ListMountPointsReply reply;
    for (const v1::MountPoint& point : mount_points) *reply.add_points() = point;
    return reply;
  });
  on<points::FindStored>(
      [this](const rpc::Call&, const v1::FindStoredRequest& request) -> Result<rpc::Answer<v1::FindStoredReply>> {
        v1::FindStoredReply reply;
        auto found = stored.find(request.key());
        if (found == stored.end()) return reply;
        reply.set_inode(found->second);
        reply.set_identity(stored_identity[request.key()]);
        reply.set_layout(files[found->second].layout);
        return reply;
      });
}

void FakeMaster::serve_content() {
  on<rpcs::Create>([this](const rpc::Call& call, const v1::CreateRequest& request) -> Result<rpc::Answer<v1::OpenReply>> {
    ++executed_["create"];
    const bool created = !names.contains(request.name());
    if (!created && request.exclusive()) return rejected(EEXIST, "it is there");
    if (created) files[names[request.name()] = ++next_];
    Result<v1::OpenReply> reply = open(call.context.session(), names[request.name()], request.access(),
                                       request.truncate() && !created, request.has_placement() ? &request.placement() : nullptr);
    if (reply) reply->set_created(created);
    return reply;
  });
  on<rpcs::CreateUnnamed>(
      [this](const rpc::Call& call, const v1::CreateUnnamedRequest& request) -> Result<rpc::Answer<v1::OpenReply>> {
        ++executed_["create_unnamed"];
        return open(call.context.session(), ++next_, request.access(), false, nullptr);
      });
  on<rpcs::Open>([this](const rpc::Call& call, const v1::OpenRequest& request) -> Result<rpc::Answer<v1::OpenReply>> {
    return open(call.context.session(), request.inode(), request.access(), request.truncate(),
                request.has_placement() ? &request.placement() : nullptr);
  });
  on<rpcs::Allocate>([this](const rpc::Call&, const v1::AllocateRequest& request) -> Result<rpc::Answer<v1::AllocateReply>> {
    if (!handles.contains(request.handle())) return stale("no such handle");
    v1::AllocateReply reply;
    for (uint32_t i = 0; i < std::max(request.count(), 1u); ++i) {
      Result<v1::Grant> granted = grant(request.handle(), request.placement());
      if (!granted) return std::unexpected(granted.error());
      *reply.add_grants() = *granted;
    }
    return reply;
  });
  on<rpcs::Commit>([this](const rpc::Call& call, const v1::CommitRequest& request) -> Result<rpc::Answer<v1::CommitReply>> {
    ++executed_["commit"];
    committers.push_back(call.context.uid());
    return commit(request);
  });
  on<rpcs::CloseWrite>(
      [this](const rpc::Call&, const v1::CloseWriteRequest& request) -> Result<rpc::Answer<v1::CloseWriteReply>> {
        ++executed_["close_write"];
        for (uint64_t handle : request.handles()) close(handle);
        return v1::CloseWriteReply{};
      });
  on<rpcs::PutMany>([this](const rpc::Call&, const v1::PutManyRequest& request) -> Result<rpc::Answer<v1::PutManyReply>> {
    ++executed_["put_many"];
    v1::PutManyReply reply;
    for (const v1::PutItem& item : request.files()) {
      Result<v1::Attr> attr = put(item);
      if (attr)
        *reply.add_files()->mutable_attr() = *attr;
      else
        *reply.add_files()->mutable_error() = rpc::to_detail(attr.error());
    }
    return reply;
  });
  on<rpcs::Fallocate>([this](const rpc::Call&, const v1::FallocateRequest& request) -> Result<rpc::Answer<v1::AttrReply>> {
    ++executed_["fallocate"];
    auto handle = handles.find(request.handle());
    if (handle == handles.end()) return stale("no such handle");
    FakeFile& file = files[handle->second.first];
    const uint64_t end = request.offset() + request.length();
    if (request.zero()) file.extents.erase(request.offset(), request.length());
    if (!request.keep_size()) file.size = std::max(file.size, end);
    ++file.layout;
    v1::AttrReply reply;
    *reply.mutable_attr() = attr_of(handle->second.first);
    return reply;
  });
  on<rpcs::SetXattr>([this](const rpc::Call&, const v1::SetXattrRequest& request) -> Result<rpc::Answer<v1::AttrReply>> {
    ++executed_["set_xattr"];
    v1::AttrReply reply;
    *reply.mutable_attr() = attr_of(request.inode());
    return reply;
  });
  on<rpcs::CloseRead>([this](const rpc::Call&, const v1::CloseReadRequest& request) -> Result<rpc::Answer<v1::Empty>> {
    for (uint64_t handle : request.handles()) read_handles_closed.push_back(handle);
    return v1::Empty{};
  });
  on<rpcs::GetLayout>([this](const rpc::Call&, const v1::GetLayoutRequest& request) -> Result<rpc::Answer<v1::Layout>> {
    ++executed_["get_layout"];
    return layout_of(request.inode(), request.offset());
  });
  // Nothing is in an under store: what has no copy is lost.
  on<rpcs::Restore>(
      [](const rpc::Call&, const v1::RestoreRequest&) -> Result<rpc::Answer<v1::RestoreReply>> { return v1::RestoreReply{}; });
}

Result<v1::OpenReply> FakeMaster::open(uint64_t session, uint64_t inode, v1::Access access, bool truncate,
                                       const v1::Placement* placement) {
  FakeFile& file = files[inode];
  if (truncate && file.size != 0) {
    file.extents.clear();
    file.size = 0;
    ++file.layout;
    cut_staged(inode, 0);
  }
  v1::OpenReply reply;
  reply.set_handle(++next_);
  if (access != v1::ACCESS_READ) {
    handles[reply.handle()] = {inode, session};
    if (placement) {
      if (Result<v1::Grant> granted = grant(reply.handle(), *placement)) *reply.add_grants() = *granted;
    }
  }
  *reply.mutable_attr() = attr_of(inode);
  *reply.mutable_layout() = layout_of(inode, 0, access == v1::ACCESS_READ);
  return reply;
}

// Staged objects are as long as their files.
void FakeMaster::cut_staged(uint64_t inode, uint64_t size) {
  for (auto& [id, object] : objects) {
    auto handle = handles.find(object.handle);
    const bool is_its = handle != handles.end() && handle->second.first == inode;
    if (is_its && !object.sealed && object.granted == kStagedBytes) object.length = std::min(object.length, size);
  }
}

std::optional<v1::Grant> FakeMaster::hand_over(uint64_t handle, const v1::Placement& placement) {
  auto object = objects.find(placement.ready_object());
  if (!hands_over || object == objects.end() || object->second.handle != placement.ready_under()) return std::nullopt;
  if (!handles.contains(placement.ready_under())) return std::nullopt;
  object->second.handle = handle;
  v1::Grant granted;
  granted.set_object(object->first);
  granted.add_workers(object->second.workers.front());
  granted.set_staged(true);
  granted.set_bytes(object->second.granted);
  return granted;
}

Result<v1::Grant> FakeMaster::grant(uint64_t handle, const v1::Placement& placement) {
  if (std::optional<v1::Grant> ready = hand_over(handle, placement)) return *std::move(ready);
  for (const v1::WorkerAddress& worker : workers) {
    if (full.contains(worker.worker()) || std::ranges::count(placement.avoid(), worker.worker()) > 0) continue;
    v1::Grant granted;
    granted.set_object(++next_);
    granted.add_workers(worker.worker());
    granted.set_intake(intake);
    granted.set_staged(placement.staged() && worker.host_id() == placement.host_id());
    granted.set_bytes(granted.staged() ? kStagedBytes : placement.bytes());
    objects[next_] = {handle, granted.bytes(), 0, {worker.worker()}, false, 0};
    return granted;
  }
  return rejected(ENOSPC, "the cluster is full");
}

Result<v1::CommitReply> FakeMaster::commit(const v1::CommitRequest& request) {
  auto handle = handles.find(request.handle());
  if (handle == handles.end()) return stale("no such handle");
  commits.push_back(request);
  FakeFile& file = files[handle->second.first];
  const bool compacts = request.same_bytes_at_layout() != 0;
  if (compacts && request.same_bytes_at_layout() != file.layout) return stale("the content has changed");
  if (request.has_only_at_layout() && request.only_at_layout() != file.layout) return stale("the content has changed");
  v1::CommitReply reply;
  if (!request.inline_content().empty()) {
    if (crc32c(as_bytes(request.inline_content())) != request.inline_crc32c())
      return invalid("other content than its checksum says");
    reply.set_inline_object(++next_);
    objects[next_] = {.handle = request.handle(),
                      .granted = request.inline_content().size(),
                      .sealed = true,
                      .crc32c = request.inline_crc32c(),
                      .content = request.inline_content()};
  }
  for (const v1::NewExtent& added : request.extents()) {
    Extent extent = from_wire(added.extent());
    if (added.inlined()) extent.object = ObjectId{reply.inline_object()};
    auto object = objects.find(extent.object.value);
    if (object == objects.end() || object->second.handle != request.handle()) return invalid("not this handle's object");
    const uint64_t end = extent.object_offset + extent.length;
    if (end > object->second.granted) return invalid("beyond what was granted");
    object->second.length = std::max(object->second.length, end);
    if (added.at_end()) extent.offset = file.size;
    file.extents.lay(extent);
    file.size = std::max(file.size, extent.end());
    reply.add_offsets(extent.offset);
  }
  if (request.extents_size() > 0) {
    ++file.layout;
    if (!compacts && request.has_mtime_ns()) file.mtime_ns = request.mtime_ns();
  }
  for (const v1::SealedObject& sealed : request.sealed()) {
    FakeObject& object = objects[sealed.object()];
    if (object.handle != request.handle() || sealed.length() < object.length) return invalid("not sealed like that");
    object.sealed = true;
    object.length = sealed.length();
    object.crc32c = sealed.crc32c();
  }
  for (uint64_t unused : request.unused()) {
    if (objects[unused].handle != request.handle() || objects[unused].length != 0) return invalid("it is used");
    objects.erase(unused);
    removed.push_back(unused);
  }
  const uint64_t inode = handle->second.first;
  if (request.close()) handles.erase(handle);
  close(0);
  *reply.mutable_attr() = attr_of(inode);
  return reply;
}

void FakeMaster::close(uint64_t handle) {
  handles.erase(handle);
  std::erase_if(objects, [&](const auto& object) {  // what no file refers to and nobody may still write
    const bool open = handles.contains(object.second.handle) && !object.second.sealed;
    return !open &&
           std::ranges::none_of(files, [&](const auto& of) { return of.second.extents.mentions(ObjectId{object.first}); });
  });
}

Result<v1::Attr> FakeMaster::put(const v1::PutItem& item) {
  if (item.exclusive() && names.contains(item.name())) return rejected(EEXIST, "it is there");
  if (!names.contains(item.name())) names[item.name()] = ++next_;
  FakeFile& file = files[names[item.name()]];
  ++file.layout;
  file.size = item.content().size();
  file.extents.clear();
  if (!item.content().empty()) {
    objects[++next_] = {
        .granted = file.size, .length = file.size, .sealed = true, .crc32c = item.crc32c(), .content = item.content()};
    file.extents.lay({0, file.size, ObjectId{next_}, 0});
  }
  return attr_of(names[item.name()]);
}

v1::Attr FakeMaster::attr_of(uint64_t inode) {
  const FakeFile& file = files[inode];
  v1::Attr attr;
  attr.set_inode(inode);
  attr.set_type(v1::FILE_TYPE_REGULAR);
  attr.set_size(file.size);
  attr.set_layout(file.layout);
  attr.set_mtime_ns(file.mtime_ns);
  return attr;
}

v1::Layout FakeMaster::layout_of(uint64_t inode, uint64_t offset, bool with_content) {
  const FakeFile& file = files[inode];
  v1::Layout layout;
  layout.set_layout(file.layout);
  layout.set_size(file.size);
  std::set<uint64_t> named;
  for (const Extent& extent : file.extents.find(offset, UINT64_MAX - offset)) {
    if (static_cast<size_t>(layout.extents_size()) == extents_in_page) {
      layout.set_more(true);
      break;
    }
    *layout.add_extents() = to_wire(extent);
    if (!named.insert(extent.object.value).second) continue;
    v1::ObjectLocation& location = *layout.add_objects();
    location.set_object(extent.object.value);
    location.set_sealed(objects[extent.object.value].sealed);
    location.set_length(objects[extent.object.value].length);
    for (uint64_t worker : objects[extent.object.value].workers) location.add_workers(worker);
    if (objects[extent.object.value].content.empty()) continue;
    location.set_inlined(true);
    location.set_crc32c(objects[extent.object.value].crc32c);
    if (with_content) location.set_content(objects[extent.object.value].content);
  }
  return layout;
}

}  // namespace forebay::client
