// FileState of a file whose bytes go into a staged object: what others write there is told to the master when it is asked for.
#include <algorithm>
#include <array>
#include <utility>

#include "client/core.h"
#include "client/file_state.h"
#include "client/read_path/backing.h"
#include "client/write_path/staged_laying.h"

namespace forebay::client {

namespace rpcs = v1::namespace_service;

namespace {

constexpr size_t kBlockingFrom = 128 << 10;  // as for objects that are read by descriptor

// The last descriptors of a program that ended are closed a little after its last request.
constexpr std::array<int, 7> kSealPausesMs = {0, 1, 2, 4, 8, 16, 32};
constexpr Duration kLeastPause = std::chrono::milliseconds(50), kMostPause = std::chrono::seconds(1);

// Each byte of the file is at its place in the object, or in a hole.
bool is_all_of(ObjectId object, const Found& found) {
  bool is_any = false;
  for (const Piece& piece : found.pieces) {
    if (piece.object && (piece.object != object || piece.object_offset != piece.offset)) return false;
    is_any = is_any || piece.object == object;
  }
  return is_any && !found.unknown_from;
}

}  // namespace

// ---- beginning ----

std::shared_ptr<StagedObject> FileState::staged() const {
  std::lock_guard lock(mutex_);
  return staged_;
}

Task<void> FileState::stage(std::shared_ptr<OpenHandle> handle, v1::Grant grant, v1::Attr attr,
                            std::shared_ptr<StagedObject> ready) {
  auto committing = co_await committing_.lock();
  Result<std::shared_ptr<StagedObject>> staged = ready;
  if (!ready) {
    Placed placed{ObjectId{grant.object()}, {}, handle->who.trace};
    for (uint64_t worker : grant.workers()) placed.workers.push_back(WorkerId{worker});
    staged = co_await StagedObject::create(&core_, std::move(placed), handle->id, core_.config.first_object_bytes);
  }
  if (!staged) {
    core_.log.debug("a file is not staged", {{"inode", inode_.value}, {"why", staged.error().to_string()}});
    writer_.give_back(ObjectId{grant.object()}, handle->id);
    if (staged.error().is_errno(ENOSPC)) core_.staged_pool.refused();
    co_return;
  }
  Result<StagedContent> empty = (*staged)->look();
  if (empty) (*staged)->note_committed(std::move(*empty), attr);
  durable_layout_ = attr.layout();  // nothing is in it
  content_.placed((*staged)->object(), (*staged)->placed().workers);
  std::lock_guard lock(mutex_);
  staged_ = std::move(*staged);
}

// At the worker that has the readers' file, with room for a copy of all of it.
Task<Result<v1::Grant>> FileState::grant_fork(std::shared_ptr<OpenHandle> handle, ObjectId from) {
  const std::vector<WorkerId> workers = content_.locate(from);
  if (workers.size() != 1) co_return elsewhere("object " + to_string(from) + " is not kept by one worker");
  v1::AllocateRequest request;
  request.set_handle(handle->id.value);
  request.set_count(1);
  v1::Placement& placement = *request.mutable_placement();
  placement.set_bytes(std::max<uint64_t>(content_.size(), 1));
  placement.set_host_id(core_.env.host_id);
  placement.set_staged(core_.config.short_circuit);
  placement.set_fork(true);
  for (WorkerId other : core_.routing.others(workers.front())) placement.add_avoid(other.value);
  CO_ASSIGN_OR_RETURN(const v1::AllocateReply reply,
                      co_await core_.session.call<rpcs::Allocate>(handle->who, request, handle->session));
  if (reply.grants_size() != 1) co_return invalid("the master granted no object");
  v1::Grant grant = reply.grants(0);
  core_.intake.told(grant.intake());
  if (grant.staged() && grant.workers_size() == 1 && WorkerId{grant.workers(0)} == workers.front()) co_return grant;
  writer_.give_back(ObjectId{grant.object()}, handle->id);
  co_return elsewhere("object " + to_string(from) + " is kept by another worker");
}

// What others have changed since, readers with the old file need not see; so it need not be that file any more, either.
Task<Result<void>> FileState::fork(std::shared_ptr<OpenHandle> handle, v1::Attr attr, ObjectId from) {
  auto committing = co_await committing_.lock();
  if (staged()) co_return Result<void>{};  // it is the readers' file that others write, or wrote a moment ago
  // The last writer's commit may have come after this open's answer.
  if (content_.find(0, content_.size()).unknown_from) {
    v1::GetAttrRequest request;
    request.set_inode(inode_.value);
    CO_ASSIGN_OR_RETURN(const v1::AttrReply now, co_await core_.session.call<rpcs::GetAttr>(handle->who, request));
    attr = now.attr();
    CO_TRY(co_await reload(handle));
  }
  if (!is_all_of(from, content_.find(0, content_.size())) || content_.has_uncommitted()) {
    core_.log.warning("a file that is read by passthrough has changed elsewhere: its readers do not see what is written now",
                      {{"inode", inode_.value}, {"object", from.value}});
    co_return Result<void>{};
  }
  const Result<v1::Grant> grant = co_await grant_fork(handle, from);
  Result<std::shared_ptr<StagedObject>> staged = nullptr;
  if (grant) {
    Placed placed{ObjectId{grant->object()}, {WorkerId{grant->workers(0)}}, handle->who.trace};
    staged = co_await StagedObject::fork(&core_, std::move(placed), handle->id, from);
  } else {
    staged = std::unexpected(grant.error());
  }
  if (!staged) {
    if (grant) writer_.give_back(ObjectId{grant->object()}, handle->id);
    core_.log.warning("a file that others read by passthrough cannot be opened for writing",
                      {{"inode", inode_.value}, {"object", from.value}, {"error", staged.error().to_string()}});
    const int error = staged.error().is_errno(ENOSPC) ? ENOSPC : ETXTBSY;
    co_return rejected(error, "others read the file by passthrough: " + staged.error().message());
  }
  core_.descriptors.forget(from);
  CO_ASSIGN_OR_RETURN(StagedContent content, (*staged)->look());
  attr.set_layout(content_.layout());
  (*staged)->note_committed(std::move(content), attr);
  content_.placed((*staged)->object(), (*staged)->placed().workers);
  std::lock_guard lock(mutex_);
  staged_ = std::move(*staged);
  co_return Result<void>{};
}

Task<std::optional<Backing>> FileState::backing(std::shared_ptr<OpenHandle> handle) {
  // Of one that writes, only while nothing is being sealed; from then on it is known as a writer. The same where nothing is
  // stored: the object may be about to go.
  async::Mutex::Guard committing(nullptr);
  bool waits = handle->flags.write;
  if (const std::shared_ptr<StagedObject> now = this->staged(); now && !waits) {
    const Result<StagedContent> content = now->look();
    waits = !content || content->ranges.empty();
  }
  if (waits) committing = co_await committing_.lock();
  if (is_broken()) co_return std::nullopt;
  if (std::shared_ptr<StagedObject> staged = this->staged())
    co_return Backing{.file = staged->file(), .object = staged->object(), .writable = true};
  if (handle->flags.write) co_return std::nullopt;
  std::optional<Backing> whole = co_await find_backing(&core_, shared_from_this());
  co_return whole;
}

// ---- bytes that come through this client ----

uint64_t FileState::take_growth() {
  const std::shared_ptr<StagedObject> staged = this->staged();
  if (!staged) return 0;
  const Result<uint64_t> size = staged->file()->size();
  return size ? staged->note_counted(*size) : 0;
}

Task<Result<size_t>> FileState::read_staged(std::shared_ptr<StagedObject> staged, MutableBytes into, uint64_t offset) {
  const std::shared_ptr<os::File> file = staged->file();
  if (into.size() < kBlockingFrom) co_return file->read_at(into, offset);
  auto read = [file, into, offset] { return file->read_at(into, offset); };
  Result<size_t> got = co_await async::run_blocking(core_.env.blocking, read);
  co_return got;
}

Task<Result<void>> FileState::write_staged(std::shared_ptr<OpenHandle> handle, Bytes data, std::optional<uint64_t> offset) {
  auto committing = co_await committing_.lock();
  CO_TRY(check_writable(*handle));
  const std::shared_ptr<StagedObject> staged = this->staged();
  if (!staged) co_return broken("the file is no longer staged");
  CO_ASSIGN_OR_RETURN(const std::shared_ptr<os::File> file, co_await staged->writable());
  if (!offset) {
    CO_ASSIGN_OR_RETURN(offset, file->size());
  }
  auto write = [file, data, at = *offset] { return file->write_at(data, at); };
  if (handle->who.uid != 0) {
    std::lock_guard lock(mutex_);
    writer_who_ = handle->who;
  }
  Result<void> written = co_await async::run_blocking(core_.env.blocking, write);
  staged->note_counted(*offset + data.size());  // it has passed
  co_return written;
}

// At the master first: what it refuses is not done. Then the file, which the kernel does not cut for itself.
Task<Result<v1::Attr>> FileState::set_attr_staged(Identity who, v1::SetAttrRequest change, std::shared_ptr<OpenHandle> handle) {
  const std::shared_ptr<StagedObject> staged = this->staged();
  SessionId session;
  if (change.has_size() && handle) {
    CO_TRY(check_writable(*handle));
    change.set_handle(handle->id.value);
    session = handle->session;
  }
  // What was written before is not to be missing in what others see after it.
  const bool keeps_bytes = change.has_size() && change.size() != 0;
  if (keeps_bytes || (change.has_mode() && needs_commit(change))) {
    CO_TRY(co_await commit_staged(v1::DURABILITY_UNSPECIFIED));
  }
  Result<v1::AttrReply> reply = co_await core_.session.call<rpcs::SetAttr>(who, change, session);
  if (!reply) co_return std::unexpected(std::move(reply).error());
  if (change.has_size()) {
    Result<std::shared_ptr<os::File>> file = co_await staged->writable();
    Result<void> cut = file ? (*file)->truncate(change.size()) : std::unexpected(file.error());
    if (!cut) co_return std::unexpected(breaks(std::move(cut).error()));
    staged->note_answer(reply->attr());
    staged->note_truncated(reply->attr());
    content_.adopt(reply->attr());
    committed_durably(reply->attr(), true);
    if (!has_writers_but({})) staged->close_writable();
  }
  if (change.has_mtime_ns() || change.mtime_now()) staged->note_times(reply->attr());
  v1::Attr attr = reply->attr();
  merge_into(attr);
  co_return attr;
}

// In the file, which is what everybody on this host reads: what is stored of the range becomes zeros. Its space stays until the
// file is sealed, compacted or removed.
Task<Result<void>> FileState::fallocate_staged(std::shared_ptr<OpenHandle> handle, uint64_t offset, uint64_t length,
                                               FallocateMode mode) {
  CO_TRY(check_writable(*handle));
  if (mode.keep_size && !mode.zero) co_return rejected(EOPNOTSUPP, "no space is kept that the file's size does not say");
  CO_TRY(co_await commit_staged(v1::DURABILITY_UNSPECIFIED));  // as a file that is not staged does
  const std::shared_ptr<StagedObject> staged = this->staged();
  CO_ASSIGN_OR_RETURN(const std::shared_ptr<os::File> file, co_await staged->writable());
  CO_ASSIGN_OR_RETURN(const uint64_t size, file->size());
  const uint64_t end = offset + length;
  if (mode.zero) CO_TRY(co_await staged->zero(offset, std::min(end, size)));
  // Modified in any case, also when no byte has changed.
  const bool grows = !mode.keep_size && end > size;
  const Identity who = grows ? handle->who : Identity{.trace = handle->who.trace};  // whom the handle lets write
  v1::SetAttrRequest change;
  change.set_inode(inode_.value);
  if (grows) change.set_size(end);
  if (!grows) change.set_mtime_now(true);
  Result<v1::Attr> changed = co_await set_attr_staged(who, std::move(change), std::move(handle));
  if (!changed) co_return std::unexpected(std::move(changed).error());
  co_return Result<void>{};
}

// ---- commits ----

Task<Result<void>> FileState::commit_staged(v1::Durability durability) {
  {
    std::lock_guard lock(mutex_);
    if (broken_) co_return std::unexpected(*broken_);
  }
  const std::shared_ptr<StagedObject> staged = this->staged();
  Result<StagedContent> content = staged->look();
  if (!content) co_return std::unexpected(breaks(std::move(content).error()));
  const bool syncs = fsync_level(durability);
  if (*content == staged->committed() && !syncs) co_return Result<void>{};
  if (syncs) {
    Result<void> synced = co_await staged->sync(content->size);
    if (!synced) co_return std::unexpected(breaks(std::move(synced).error()));
  }
  Result<void> sent = co_await send_staged(staged, std::move(*content), {.durability = durability, .syncs = syncs});
  if (!sent) co_return std::unexpected(breaks(std::move(sent).error()));
  co_return sent;
}

Task<Result<void>> FileState::send_staged(std::shared_ptr<StagedObject> staged, StagedContent content, StagedCommit what) {
  v1::CommitRequest request;
  request.set_handle(staged->handle().value);
  request.set_durability(what.syncs ? v1::DURABILITY_FSYNC : std::max(what.durability, core_.config.durability));
  request.set_close(what.closes);
  if (what.sealed != nullptr) *request.add_sealed() = *what.sealed;
  if (what.closes) {
    const ObjectsOfCommit plan = co_await writer_.plan_commit(staged->handle(), true);
    for (ObjectId object : plan.unused) request.add_unused(object.value);
  }
  if (what.unused) request.add_unused(staged->object().value);
  const bool written = content.mtime_ns != staged->committed().mtime_ns;
  const bool changed = what.syncs || content != staged->committed();
  if (changed) request.set_mtime_ns(written ? content.mtime_ns : staged->mtime_at_master_ns());
  const std::shared_ptr<OpenHandle> granted = find_handle(staged->handle());
  if (!granted) co_return broken("the handle of a staged object is closed");
  StagedLaying laying{
      .inode = inode_, .who = writer_of_staged(*granted), .session = granted->session, .request = std::move(request)};
  if (changed) laying.ranges = content.ranges;
  Result<v1::CommitReply> reply = co_await lay_staged(&core_, staged, std::move(laying));
  if (!reply) co_return std::unexpected(std::move(reply).error());
  staged->note_answer(reply->attr());
  staged->note_committed(std::move(content), reply->attr());
  content_.adopt(reply->attr());
  unsynced_ = !what.syncs && (unsynced_ || changed);
  committed_durably(reply->attr(), changed);
  co_return Result<void>{};
}

// By whose right set-user-id and set-group-id go with a commit. Of those whose bytes came through here that is known. Of the
// others only that they may have written: so it is somebody unprivileged among them, unless privilege is guarded where they
// write.
Identity FileState::writer_of_staged(const OpenHandle& granted) {
  const bool guarded = core_.privilege_is_guarded && core_.privilege_is_guarded(inode_);
  std::lock_guard lock(mutex_);
  if (writer_who_.uid != 0) return std::exchange(writer_who_, Identity{});
  if (guarded) return Identity{.trace = granted.who.trace};
  auto unprivileged = std::ranges::find_if(
      handles_, [](const std::shared_ptr<OpenHandle>& open) { return open->flags.write && open->who.uid != 0; });
  return unprivileged == handles_.end() ? granted.who : (*unprivileged)->who;
}

// ---- closing ----

std::shared_ptr<OpenHandle> FileState::find_handle(HandleId handle) const {
  std::lock_guard lock(mutex_);
  const auto found = std::ranges::find(handles_, handle, &OpenHandle::id);
  return found == handles_.end() ? nullptr : *found;
}

bool FileState::has_writers_but(HandleId handle) const {
  std::lock_guard lock(mutex_);
  return std::ranges::any_of(handles_, [handle](const std::shared_ptr<OpenHandle>& open) {
    return open->flags.write && open->id != handle && !open->closed;
  });
}

bool FileState::is_read() const {
  std::lock_guard lock(mutex_);
  return std::ranges::any_of(handles_, [](const std::shared_ptr<OpenHandle>& open) { return !open->flags.write; });
}

// Other handles' bytes are in the same object: it is sealed with the last of them, and until then the one that it was granted to
// stays open at the master.
Task<Result<bool>> FileState::close_staged(std::shared_ptr<OpenHandle> handle) {
  const std::shared_ptr<StagedObject> staged = this->staged();
  const bool is_last = !has_writers_but(handle->id), is_granted = handle->id == staged->handle();
  Result<bool> done = true;
  const bool is_expired = handle->session != core_.session.id();
  if (is_broken() || is_expired) {
    // The master has sealed the file at its last commit: nothing is lost if nothing came after it.
    const Result<StagedContent> content = staged->look();
    const bool is_lost = is_broken() || !content || *content != staged->committed();
    if (Result<void> writable = is_lost ? check_writable(*handle) : Result<void>{}; !writable)
      done = std::unexpected(std::move(writable).error());
  } else if (is_last) {
    staged->left(core_.env.clock.now());
    done = co_await finish_staged(staged);
    if (!done) done = std::unexpected(breaks(std::move(done).error()));
    if (done && !*done && !std::exchange(finishing_, true)) core_.background.spawn(executor_, finish_later(shared_from_this()));
  } else {
    Result<void> committed = co_await commit_staged(core_.config.durability);
    if (!committed) done = std::unexpected(committed.error());
    if (committed && is_granted) done = false;
  }
  if (done && !*done && (is_granted || !keeps_one_like(*handle))) {
    std::lock_guard lock(mutex_);
    ended_.push_back(handle);
    co_return done;
  }
  const bool is_over = !done || *done;
  if (is_last && is_over) co_await end_staging(done.has_value());
  if (is_granted && done) co_return done;  // ended by the commit of the seal
  if (done) done = true;                   // all that this handle has to do with it
  Result<void> ended = co_await end_plainly(handle);
  if (done && !ended) co_return std::unexpected(std::move(ended).error());
  co_return done;
}

// What comes later through a mapping is written by right of somebody who is known: one of each is enough, however many come and
// go.
bool FileState::keeps_one_like(const OpenHandle& handle) const {
  std::lock_guard lock(mutex_);
  return std::ranges::any_of(ended_, [&](const std::shared_ptr<OpenHandle>& kept) { return kept->who.uid == handle.who.uid; });
}

// Nothing is committed through it that is not already.
Task<Result<void>> FileState::end_plainly(std::shared_ptr<OpenHandle> handle) {
  writer_.remove_handle(handle->id);
  if (handle->session != core_.session.id()) co_return Result<void>{};  // ended with its session
  v1::CommitRequest request;
  request.set_handle(handle->id.value);
  request.set_close(true);
  const ObjectsOfCommit plan = co_await writer_.plan_commit(handle->id, true);
  for (ObjectId object : plan.unused) request.add_unused(object.value);
  Result<v1::CommitReply> reply = co_await core_.session.call<rpcs::Commit>(handle->who, request, handle->session);
  if (!reply) co_return std::unexpected(std::move(reply).error());
  co_return Result<void>{};
}

// No handle is left that may write. Once the worker says that nobody else can, either, the object is sealed and the version with
// it. False: a mapping still can, or nothing is stored and somebody reads the file, or it rests; what is there is committed, and
// the rest has to wait. A worker that is silent, or whose medium is full, leaves sealing to the master: nobody waits for it, and
// a file that was removed gives its space back.
Task<Result<bool>> FileState::finish_staged(std::shared_ptr<StagedObject> staged) {
  staged->close_writable();
  // Those who read its file would have the next writer copy it again.
  if (is_read() && staged->rests(core_.env.clock.now())) {
    CO_TRY(co_await commit_staged(core_.config.durability));
    co_return false;
  }
  CO_ASSIGN_OR_RETURN(const StagedContent before, staged->look());
  const bool syncs = fsync_level(core_.config.durability);
  std::optional<v1::SealedObject> sealed;
  // An object of which nothing is stored is in no list, and goes. Who reads its file by passthrough has to see what the next
  // writer writes: so it stays.
  const bool stays = before.ranges.empty() && is_read();
  bool written = stays;
  for (size_t i = 0; i < kSealPausesMs.size() && before.size != 0 && !stays; ++i) {
    if (kSealPausesMs[i] != 0)
      co_await core_.env.clock.sleep(std::chrono::milliseconds(kSealPausesMs[i]), core_.background.token());
    Result<v1::SealedObject> done = co_await staged->seal(before.size, syncs);
    written = !done && StagedObject::is_being_written(done.error());
    if (done) sealed = std::move(*done);
    const bool left = !done && (written || is_silence(done.error()) || done.error().is_errno(ENOSPC));
    if (!done && !left) co_return std::unexpected(std::move(done).error());
    if (!written) break;
  }
  CO_ASSIGN_OR_RETURN(StagedContent content, staged->look());
  bool unused = !written && content.size == 0 && !staged->was_committed() && !staged->forked_from();
  if (content == staged->committed() && staged->forked_from() && !staged->was_committed() && !written) {
    // By its time nobody wrote it; a mapping need not change that. If its bytes are those that it had, it was for nothing, unless
    // somebody still reads its file: the next writer has to find that.
    unused = sealed && !is_read() && co_await staged->is_as_before(*sealed);
    if (unused) sealed.reset();
    if (!unused) staged->forget_ranges();
  }
  const StagedCommit what{.durability = core_.config.durability,
                          .syncs = syncs,
                          .sealed = sealed ? &*sealed : nullptr,
                          .closes = !written,
                          .unused = unused && !written};
  if (written && content == staged->committed()) co_return false;
  CO_TRY(co_await send_staged(staged, std::move(content), what));
  co_return !written;
}

// From here on the file is as any other: reads ask for its layout again. `committed`: the handle that the object was granted to
// has been ended with it.
Task<void> FileState::end_staging(bool committed) {
  std::shared_ptr<StagedObject> staged;
  std::vector<std::shared_ptr<OpenHandle>> ended;
  {
    std::lock_guard lock(mutex_);
    staged = std::exchange(staged_, nullptr);
    ended.swap(ended_);
  }
  if (committed) writer_.remove_handle(staged->handle());
  for (const std::shared_ptr<OpenHandle>& handle : ended) {
    if (!committed || handle->id != staged->handle()) {
      Result<void> ignored = co_await end_plainly(handle);
      (void)ignored;  // otherwise it ends with the session
    }
    forget(handle, handle->closed.value_or(Result<void>{}));
  }
}

// An empty one that finish_staged left for its readers, while at the master others have made the file of this layout.
bool FileState::is_overtaken(const StagedObject& staged, uint64_t layout) const {
  if (layout <= staged.layout() || has_writers_but({})) return false;
  const Result<uint64_t> size = staged.file()->size();
  return size && *size == 0;
}

// Whoever opens the file now, or asks for its attributes, gets what others wrote. What the kernel reads for those from before is
// the file that it has.
Task<void> FileState::leave_overtaken(uint64_t layout) {
  if (const std::shared_ptr<StagedObject> now = this->staged(); !now || !is_overtaken(*now, layout)) co_return;
  auto committing = co_await committing_.lock();
  const std::shared_ptr<StagedObject> staged = this->staged();
  if (!staged || !is_overtaken(*staged, layout) || is_broken()) co_return;
  Result<StagedContent> content = staged->look();
  if (!content || *content != staged->committed()) co_return;
  const bool unused = !staged->was_committed() && !staged->forked_from();
  Result<void> sent = co_await send_staged(staged, std::move(*content),
                                           {.durability = core_.config.durability, .closes = true, .unused = unused});
  const bool committed = sent.has_value();
  if (!committed) (void)breaks(std::move(sent).error());
  co_await end_staging(committed);
}

// While a program has the file mapped, which it may for as long as it lives, or the file rests. One at a time. Ends when that is
// over, when the file is opened for writing again (its last close comes back here), or with the client: then the master has the
// object sealed as it is.
Task<void> FileState::finish_later(std::shared_ptr<FileState> self) {
  for (Duration pause = kLeastPause;; pause = std::min(pause * 2, kMostPause)) {
    const bool slept = co_await self->core_.env.clock.sleep(pause, self->core_.background.token());
    if (!slept) co_return;
    auto committing = co_await self->committing_.lock();
    self->finishing_ = false;
    const std::shared_ptr<StagedObject> staged = self->staged();
    if (!staged || self->has_writers_but({})) co_return;
    Result<bool> finished = false;
    if (!self->is_broken()) finished = co_await self->finish_staged(staged);
    if (!finished) (void)self->breaks(finished.error());
    if (finished && !*finished && !self->is_broken()) {
      self->finishing_ = true;
      continue;
    }
    co_await self->end_staging(finished && *finished);
    co_return;
  }
}

}  // namespace forebay::client
