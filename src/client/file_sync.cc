// Making durable what was committed before, at a weaker level.
#include <algorithm>

#include "client/core.h"
#include "client/file_state.h"
#include "client/write_path/sync.h"

namespace forebay::client {

namespace rpcs = v1::namespace_service;

namespace {
Task<Result<void>> sync_object(Core* core, ObjectId object, std::vector<WorkerId> workers, uint64_t length, TraceId trace) {
  if (workers.empty()) co_return broken("no worker holds object " + to_string(object));
  v1::SyncObjectRequest request;
  request.set_object(object.value);
  request.set_length(length);
  auto is_gone = [](const Status& status) { return status.is_errno(ENOENT); };
  for (WorkerId worker : workers) CO_TRY(co_await sync_at(core, worker, request, trace, is_gone));
  co_return Result<void>{};
}
}  // namespace

Task<Result<void>> FileState::fsync(std::shared_ptr<OpenHandle> handle, v1::Durability durability) {
  auto committing = co_await committing_.lock();
  CO_TRY(co_await commit_everything(durability));
  if (!fsync_level(durability) || (durable_layout_ == content_.layout() && !unsynced_)) co_return Result<void>{};
  CO_TRY(co_await sync_committed(handle));
  CO_TRY(co_await sync_journal());
  unsynced_ = false;
  co_return Result<void>{};
}

Task<Result<FileState::CommittedObjects>> FileState::committed_objects(HandleId handle, Identity who) {
  v1::GetLayoutRequest request;
  request.set_inode(inode_.value);
  request.set_handle(handle.value);
  CommittedObjects committed;
  bool first = true;
  for (bool more = true; more; first = false) {
    CO_ASSIGN_OR_RETURN(const v1::Layout page, co_await core_.session.call<rpcs::GetLayout>(who, request));
    if (first) committed.layout = page.layout();
    if (committed.layout != page.layout()) committed.layout.reset();
    for (const v1::ObjectLocation& location : page.objects()) {
      if (location.inlined()) continue;  // as durable as the journal
      std::vector<WorkerId>& workers = committed.objects[ObjectId{location.object()}].workers;
      workers.clear();
      for (uint64_t worker : location.workers()) workers.push_back(WorkerId{worker});
    }
    for (const v1::Extent& extent : page.extents()) {
      const auto object = committed.objects.find(ObjectId{extent.object()});
      if (object == committed.objects.end()) continue;
      object->second.length = std::max(object->second.length, extent.object_offset() + extent.length());
    }
    more = page.more() && page.extents_size() > 0;
    if (more) {
      const v1::Extent& last = page.extents(page.extents_size() - 1);
      request.set_offset(last.file_offset() + last.length());
    }
  }
  co_return committed;
}

Task<Result<bool>> FileState::is_committed(ObjectId object, WriteHandle handle) {
  CO_ASSIGN_OR_RETURN(const CommittedObjects committed, co_await committed_objects(handle.id, handle.who));
  co_return committed.objects.contains(object);
}

// With commits held. An object that is not there any more is no failure when the file no longer refers to it.
Task<Result<void>> FileState::sync_committed(std::shared_ptr<OpenHandle> handle) {
  constexpr int kMostRounds = 100;  // others replace objects meanwhile
  for (int round = 1;; ++round) {
    CO_ASSIGN_OR_RETURN(const CommittedObjects committed, co_await committed_objects(handle->id, handle->who));
    std::vector<Task<Result<void>>> syncs;
    syncs.reserve(committed.objects.size());
    for (const auto& [id, object] : committed.objects)
      syncs.push_back(sync_object(&core_, id, object.workers, object.length, handle->who.trace));
    std::vector<Result<void>> results =
        co_await core_.background.run_all(executor_, std::move(syncs), core_.config.stream_window);
    auto failed = std::ranges::find_if(results, [](const Result<void>& result) { return !result; });
    if (failed == results.end()) {
      if (committed.layout) durable_layout_ = *committed.layout;
      co_return Result<void>{};
    }
    if (!failed->error().is_errno(ENOENT) || round == kMostRounds) co_return std::move(*failed);
    CO_ASSIGN_OR_RETURN(const CommittedObjects now, co_await committed_objects(handle->id, handle->who));
    if (committed.layout && now.layout == committed.layout) {
      co_return std::unexpected(std::move(*failed).error().with_context("sync inode " + to_string(inode_)));
    }
  }
}

// Any change at level fsync takes along all that came before it: an open that is closed again.
Task<Result<void>> FileState::sync_journal() {
  const Identity superuser;
  v1::OpenRequest request;
  request.set_inode(inode_.value);
  request.set_access(v1::ACCESS_WRITE);
  request.set_durability(v1::DURABILITY_FSYNC);
  SessionId session;
  Result<v1::OpenReply> opened = co_await core_.session.call<rpcs::Open>(superuser, request, {}, &session);
  if (!opened) {
    // Removed meanwhile, and open nowhere: there is nothing left to keep.
    if (opened.error().is_errno(ENOENT)) co_return Result<void>{};
    co_return std::unexpected(std::move(opened).error().with_context("sync inode " + to_string(inode_)));
  }
  core_.background.spawn(executor_, end_handle(&core_, HandleId{opened->handle()}, session, superuser));
  co_return Result<void>{};
}

// With commits held: the answer to a commit or a truncation of this client's.
void FileState::committed_durably(const v1::Attr& attr, bool changed) {
  const uint64_t durable = durable_layout_;
  if (durable == kNoLayout) return;
  if (attr.layout() == durable || (changed && attr.layout() == durable + 1)) durable_layout_ = attr.layout();
}

}  // namespace forebay::client
