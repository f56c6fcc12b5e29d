// Commits and closes of FileState.
#include <algorithm>
#include <utility>

#include "base/crc32c.h"
#include "client/compaction/policy.h"
#include "client/core.h"
#include "client/file_state.h"

namespace forebay::client {

namespace rpcs = v1::namespace_service;

namespace {
Task<Result<void>> seal_one(std::shared_ptr<ObjectWriter> object, bool sync) {
  Result<uint32_t> sealed = co_await object->seal(sync);
  if (!sealed) co_return std::unexpected(std::move(sealed).error());
  co_return Result<void>{};
}

Task<Result<void>> sync_one(std::shared_ptr<ObjectWriter> object) { return object->sync(); }

// Those that are part of what the commit carries; whether there are any.
bool mark_inlined(std::vector<v1::NewExtent>& extents) {
  bool any = false;
  for (v1::NewExtent& added : extents) {
    if (!InlineContent::is_provisional(ObjectId{added.extent().object()})) continue;
    added.set_inlined(true);
    any = true;
  }
  return any;
}

void name_inlined(std::vector<v1::NewExtent>& extents, uint64_t object) {
  for (v1::NewExtent& added : extents)
    if (added.inlined()) added.mutable_extent()->set_object(object);
}

}  // namespace

Task<void> FileState::end_handle(Core* core, HandleId handle, SessionId session, Identity who) {
  v1::CommitRequest request;
  request.set_handle(handle.value);
  request.set_close(true);
  Result<v1::CommitReply> ignored = co_await core->session.call<rpcs::Commit>(who, request, session);
  (void)ignored;  // otherwise it ends with the session
}

bool FileState::fsync_level(v1::Durability durability) const {
  return durability == v1::DURABILITY_FSYNC || core_.config.durability == v1::DURABILITY_FSYNC;
}

Task<Result<void>> FileState::commit(v1::Durability durability) {
  auto committing = co_await committing_.lock();
  Result<void> committed = co_await commit_everything(durability);
  co_return committed;
}

Task<Result<void>> FileState::commit_everything(v1::Durability durability) {
  if (staged()) {
    Result<void> committed = co_await commit_staged(durability);
    co_return committed;
  }
  auto writing = co_await writing_.lock();
  {
    std::lock_guard lock(mutex_);
    if (broken_) co_return std::unexpected(*broken_);
  }
  const bool syncs = fsync_level(durability) && unsynced_ && writer_.primary();
  if (!content_.has_uncommitted() && !syncs) co_return Result<void>{};
  Result<void> committed = co_await commit_locked({.durability = durability, .keep_writing = false}, &writing);
  co_return committed;
}

Task<Result<void>> FileState::commit_locked(Commit what, async::Mutex::Guard* writing) {
  for (bool more = true; more;) {
    Result<void> done = co_await commit_batch(what, writing, &more);
    if (done) continue;
    const Status status = breaks(std::move(done).error());
    co_return std::unexpected(status);
  }
  consider_compaction(what.closing != nullptr);
  co_return Result<void>{};
}

Task<Result<void>> FileState::commit_batch(Commit what, async::Mutex::Guard* writing, bool* more) {
  Result<void> drained = co_await writer_.drain();
  if (!drained) {
    writer_.forget_unacknowledged();
    co_return drained;
  }
  {
    // Broken while this waited: what was given up is not stored anywhere, and looks drained.
    std::lock_guard lock(mutex_);
    if (broken_) co_return std::unexpected(*broken_);
  }
  std::optional<WriteHandle> handle = writer_.primary();
  if (what.closing != nullptr) handle = WriteHandle{what.closing->id, what.closing->session, what.closing->who};
  if (!handle) co_return broken("it is no longer open for writing");
  std::vector<v1::NewExtent> extents = content_.begin_commit(core_.config.max_commit_extents);
  *more = content_.written_extents() > 0;
  const std::shared_ptr<const std::string> waiting = writer_.begin_inline_commit(!*more);
  std::optional<HandleId> closing;
  if (what.closing != nullptr && !*more) closing = handle->id;
  ObjectsOfCommit plan = co_await writer_.plan_commit(handle->id, closing.has_value());
  if (*more) plan.to_seal.clear();  // the master frees what is sealed and in no file: extents first
  int64_t written_ns = 0;
  Identity who;
  {
    std::lock_guard lock(mutex_);
    written_ns = written_ns_;
    who = *more ? writer_who_ : std::exchange(writer_who_, Identity{});
  }
  // From here on writes through other handles go on in objects of theirs: this one's would come too late for its last commit.
  if (closing) writer_.remove_handle(*closing);
  if (!*more && !what.keep_writing) writing->unlock();

  const bool synced = fsync_level(what.durability);
  CO_ASSIGN_OR_RETURN(const std::vector<v1::SealedObject> sealed, co_await seal_all(&plan, synced));
  if (synced) CO_TRY(co_await sync_all(&plan, *handle));

  v1::CommitRequest request;
  request.set_handle(handle->id.value);
  request.set_durability(synced ? v1::DURABILITY_FSYNC : std::max(what.durability, core_.config.durability));
  request.set_close(closing.has_value());
  const bool inlined = waiting && mark_inlined(extents);
  if (inlined) {
    request.set_inline_content(*waiting);
    request.set_inline_crc32c(crc32c(as_bytes(*waiting)));
  }
  for (const v1::NewExtent& extent : extents) *request.add_extents() = extent;
  std::vector<ObjectId> sealed_ids;
  for (const v1::SealedObject& object : sealed) {
    *request.add_sealed() = object;
    sealed_ids.push_back(ObjectId{object.object()});
  }
  for (ObjectId object : plan.unused) request.add_unused(object.value);
  if (!extents.empty()) request.set_mtime_ns(written_ns);
  Result<v1::CommitReply> reply = co_await core_.session.call<rpcs::Commit>(who, request, handle->session);
  if (!reply) co_return std::unexpected(std::move(reply).error());
  const uint64_t size_before = content_.committed_size();
  {
    std::lock_guard lock(mutex_);  // before the content has nothing uncommitted
    last_commit_ = {.layout = reply->attr().layout(), .mtime_ns = reply->attr().mtime_ns()};
  }
  if (inlined) name_inlined(extents, reply->inline_object());
  content_.finish_commit(extents, *reply, inlined ? waiting : nullptr);
  writer_.inline_committed();
  writer_.committed(plan, sealed_ids, closing, synced);
  unsynced_ = !synced && (unsynced_ || !extents.empty());
  committed_durably(reply->attr(), !extents.empty());
  note_extents(extents, reply->attr().size() - std::min(reply->attr().size(), size_before));
  co_return Result<void>{};
}

// A worker that is silent leaves sealing to the master, which has it done when the worker is back; one that says that the bytes
// are not as they were acknowledged fails the commit.
Task<Result<std::vector<v1::SealedObject>>> FileState::seal_all(ObjectsOfCommit* plan, bool sync) {
  std::vector<Task<Result<void>>> seals;
  seals.reserve(plan->to_seal.size());
  for (const auto& object : plan->to_seal) seals.push_back(seal_one(object, sync));
  std::vector<Result<void>> results = co_await core_.background.run_all(executor_, std::move(seals), core_.config.stream_window);
  std::vector<v1::SealedObject> sealed;
  for (size_t i = 0; i < results.size(); ++i) {
    const ObjectWriter& object = *plan->to_seal[i];
    if (!results[i]) {
      if (!is_silence(results[i].error())) co_return std::unexpected(std::move(results[i]).error());
      core_.log.warning("a complete object could not be sealed; the master has it done later",
                        {{"object", object.object().value}, {"error", results[i].error().to_string()}});
      continue;
    }
    v1::SealedObject& wire = sealed.emplace_back();
    wire.set_object(object.object().value);
    wire.set_length(object.acknowledged());
    wire.set_crc32c(*object.sealed());
  }
  co_return sealed;
}

Task<Result<void>> FileState::sync_all(ObjectsOfCommit* plan, WriteHandle handle) {
  std::vector<Task<Result<void>>> syncs;
  syncs.reserve(plan->written.size());
  for (const auto& object : plan->written) syncs.push_back(sync_one(object));
  std::vector<Result<void>> results = co_await core_.background.run_all(executor_, std::move(syncs), core_.config.stream_window);
  for (size_t i = 0; i < results.size(); ++i) {
    if (results[i]) continue;
    // What was committed before as sealed is removed when nothing refers to it any more, and then there is nothing to sync.
    if (!results[i].error().is_errno(ENOENT) || i >= plan->committed_before) co_return std::move(results[i]);
    CO_ASSIGN_OR_RETURN(const bool wanted, co_await is_committed(plan->written[i]->object(), handle));
    if (wanted) co_return std::move(results[i]);
  }
  co_return Result<void>{};
}

// ---- compaction ----

void FileState::note_extents(const std::vector<v1::NewExtent>& extents, uint64_t grown) {
  uint64_t bytes = 0;
  for (const v1::NewExtent& added : extents) bytes += added.extent().length();
  new_extents_ += extents.size();
  overwritten_bytes_ += bytes - std::min(bytes, grown);
}

// What is known of the layout is enough: a file that was opened shows its first thousand extents.
void FileState::consider_compaction(bool closing) {
  const size_t from = core_.config.compact_from_extents;
  if (from == 0) return;
  const bool dead_space = overwritten_bytes_ >= std::max<uint64_t>(core_.config.compact_dead_bytes, 1);
  bool fragmented = new_extents_ >= from;
  if (!fragmented && closing && content_.known_extents() >= from) {
    const uint64_t whole = whole_extent_bytes(content_.committed_size(), core_.config.compact_extent_bytes);
    fragmented = !choose_extents(content_.known_layout(), whole, {}).empty();
  }
  if (!fragmented && !dead_space) return;
  new_extents_ = 0;
  if (dead_space) overwritten_bytes_ = 0;
  core_.compactor.ask(core_, {inode_, dead_space});
}

void FileState::compacted(const std::vector<v1::NewExtent>& extents, const v1::CommitReply& reply, ObjectId object,
                          const std::vector<WorkerId>& workers) {
  content_.placed(object, workers);
  content_.finish_commit(extents, reply);
  committed_durably(reply.attr(), true);
}

// ---- closing ----

Task<Result<void>> FileState::close(std::shared_ptr<OpenHandle> handle) {
  auto committing = co_await committing_.lock();
  Result<void> closed = co_await close_locked(std::move(handle));
  co_return closed;
}

Task<Result<void>> FileState::release(std::shared_ptr<OpenHandle> handle) {
  auto committing = co_await committing_.lock();
  if (!handle->closed) {
    const bool ended = co_await end_later(handle);
    if (ended) forget(handle, {});
  }
  Result<void> closed = co_await close_locked(std::move(handle));
  co_return closed;
}

// If nothing is left to be said through it. Under the writing lock to the end: whoever writes next would have an object granted
// to it, as the oldest handle, that nobody could commit afterwards.
Task<bool> FileState::end_later(std::shared_ptr<OpenHandle> handle) {
  if (!handle->flags.write || staged() || is_broken() || handle->session != core_.session.id()) co_return false;
  auto writing = co_await writing_.lock();
  if (content_.has_uncommitted() || writer_.has_objects_of(handle->id) || !core_.write_ends.end(core_, *handle)) co_return false;
  writer_.remove_handle(handle->id);
  co_return true;
}

Task<Result<void>> FileState::close_locked(std::shared_ptr<OpenHandle> handle) {
  if (handle->closed) co_return *handle->closed;
  Result<void> closed;
  if (handle->flags.write && staged()) {
    Result<bool> done = co_await close_staged(handle);
    if (!done) closed = std::unexpected(done.error());
    handle->closed = closed;
    if (done && !*done) co_return closed;  // it stays open at the master until the rest is done
  } else if (handle->flags.write) {
    closed = co_await close_writing(handle);
  } else {
    core_.read_ends.end(core_, *handle);
    core_.session.not_reading(inode_);
  }
  forget(handle, closed);
  co_return closed;
}

void FileState::forget(std::shared_ptr<OpenHandle> handle, Result<void> closed) {
  handle->ahead.clear();
  handle->closed = std::move(closed);
  core_.files.detach(shared_from_this());  // before the handle is forgotten: see ClientImpl::opened
  std::lock_guard lock(mutex_);
  std::erase(handles_, handle);
}

Task<Result<void>> FileState::close_writing(std::shared_ptr<OpenHandle> handle) {
  Result<void> closed;
  if (is_broken()) {
    std::lock_guard lock(mutex_);
    closed = std::unexpected(*broken_);
  } else if (handle->session != core_.session.id()) {
    // The master has ended the handle, and sealed the file at its last commit.
    if (content_.has_uncommitted()) closed = check_writable(*handle);
    writer_.remove_handle(handle->id);
    co_return closed;
  } else {
    auto writing = co_await writing_.lock();
    const std::optional<WriteHandle> primary = writer_.primary();
    if (primary && primary->id != handle->id && content_.has_uncommitted()) {
      closed = co_await commit_locked({.durability = core_.config.durability, .keep_writing = true}, &writing);
    }
    if (closed) closed = co_await commit_locked({.durability = core_.config.durability, .closing = handle.get()}, &writing);
  }
  writer_.remove_handle(handle->id);
  if (!closed) core_.background.spawn(executor_, end_handle(&core_, handle->id, handle->session, handle->who));
  co_return closed;
}

Task<void> FileState::close_all() {
  std::vector<std::shared_ptr<OpenHandle>> handles;
  {
    std::lock_guard lock(mutex_);
    handles = handles_;
  }
  for (const auto& handle : handles) {
    Result<void> closed = co_await close(handle);
    if (!closed) {
      core_.log.error("a file that was open when the client stopped lost what was not committed",
                      {{"inode", inode_.value}, {"error", closed.error().to_string()}});
    }
  }
}

}  // namespace forebay::client
