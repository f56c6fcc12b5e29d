#include "client/file_state.h"

#include <algorithm>

#include "client/core.h"

namespace forebay::client {

namespace rpcs = v1::namespace_service;

namespace {
constexpr uint64_t kLargestSegment = 8 * kMiB;  // of one write that is placed as a whole; more is placed piece by piece
constexpr size_t kMaxRetiredObjects = 64;       // then a write commits what they hold
}  // namespace

FileState::FileState(Core& core, InodeId inode)
    : core_(core),
      inode_(inode),
      executor_(inode.value % core.background.size()),
      content_(core.config.max_layout_extents),
      writer_(core, content_, inode, executor_) {}

std::shared_ptr<FileState> FileState::make(Core& core, InodeId inode) {
  auto state = std::make_shared<FileState>(core, inode);
  state->writer_.on_failure([weak = std::weak_ptr<FileState>(state)] {
    if (std::shared_ptr<FileState> self = weak.lock()) self->core_.background.spawn(self->executor_, recover(self));
  });
  return state;
}

// ---- opening ----

bool FileState::has_handles() const {
  std::lock_guard lock(mutex_);
  return !handles_.empty();
}

Task<Result<void>> FileState::opened(std::shared_ptr<OpenHandle> handle, v1::OpenReply reply, bool empty) {
  if (handle->flags.write) writer_.add_handle({handle->id, handle->session, handle->who}, reply.grants());
  {
    std::lock_guard lock(mutex_);
    handles_.push_back(handle);
  }
  if (reply.created()) {
    auto committing = co_await committing_.lock();
    durable_layout_ = reply.attr().layout();                      // nothing is in it
    unsynced_ = core_.config.durability != v1::DURABILITY_FSYNC;  // that it is there
  }
  if (empty) {
    Result<void> emptied = co_await make_empty(handle, reply.attr());
    co_return emptied;
  }
  if (reply.has_layout()) {
    content_.adopt(reply.layout(), 0);
  } else {
    content_.adopt(reply.attr());
  }
  co_return Result<void>{};
}

Task<Result<void>> FileState::make_empty(std::shared_ptr<OpenHandle> handle, v1::Attr attr) {
  auto committing = co_await committing_.lock();
  {
    auto writing = co_await writing_.lock();
    content_.discard_written();
    writer_.discard_inline();
  }
  CO_TRY(co_await reload(handle));
  const std::shared_ptr<StagedObject> staged = this->staged();
  if (staged) {
    CO_ASSIGN_OR_RETURN(const std::shared_ptr<os::File> file, co_await staged->writable());
    CO_TRY(file->truncate(0));
    v1::Attr empty = attr;
    empty.set_size(0);
    empty.set_layout(content_.layout());
    staged->note_truncated(empty);
  }
  if (content_.committed_size() == 0) co_return Result<void>{};
  v1::SetAttrRequest change;
  change.set_inode(inode_.value);
  change.set_size(0);
  change.set_handle(handle->id.value);
  Result<v1::AttrReply> reply = co_await core_.session.call<rpcs::SetAttr>(handle->who, change, handle->session);
  if (!reply) co_return std::unexpected(std::move(reply).error());
  content_.truncated(reply->attr());
  if (staged) staged->note_truncated(reply->attr());
  co_return Result<void>{};
}

Task<Result<void>> FileState::reload(std::shared_ptr<OpenHandle> handle) {
  v1::GetLayoutRequest request;
  request.set_inode(inode_.value);
  request.set_handle(handle->id.value);
  Result<v1::Layout> layout = co_await core_.session.call<rpcs::GetLayout>(handle->who, request);
  if (!layout) co_return std::unexpected(std::move(layout).error());
  content_.forget_layout();
  content_.adopt(*layout, 0);
  co_return Result<void>{};
}

// ---- bytes ----

Task<Result<size_t>> FileState::read(std::shared_ptr<OpenHandle> handle, MutableBytes into, uint64_t offset) {
  auto self = shared_from_this();
  if (std::shared_ptr<StagedObject> staged = this->staged()) {
    Result<size_t> read = co_await read_staged(std::move(staged), into, offset);
    co_return read;
  }
  const size_t ahead = co_await handle->ahead.take(&core_, into, offset, content_.changes());
  size_t length = ahead;
  if (ahead < into.size()) {
    CO_ASSIGN_OR_RETURN(const size_t read, co_await read_file(&core_, self, handle, into.subspan(ahead), offset + ahead));
    length += read;
  }
  handle->ahead.note_read(core_, self, handle, offset, length);
  handle->restored.note_read(core_, self, handle, offset + length);
  co_return length;
}

ObjectId FileState::far_object(uint64_t offset) const {
  if (staged()) return {};
  const Found found = content_.find(offset, 1);
  if (found.pieces.empty() || !found.pieces.front().committed || found.pieces.front().inlined) return {};
  const ObjectId object = found.pieces.front().object;
  if (!object || !core_.config.short_circuit || core_.config.verify_reads) return object;
  const std::vector<WorkerId> workers = content_.locate(object);
  const bool is_near = std::ranges::any_of(workers, [this](WorkerId worker) { return core_.routing.is_local(worker); });
  return is_near ? ObjectId{} : object;
}

Task<Result<void>> FileState::write(std::shared_ptr<OpenHandle> handle, Bytes data, std::optional<uint64_t> offset) {
  if (offset && (*offset > INT64_MAX || data.size() > INT64_MAX - *offset)) co_return rejected(EFBIG, "beyond the largest file");
  if (staged()) {
    Result<void> written = co_await write_staged(std::move(handle), data, offset);
    co_return written;
  }
  const uint64_t most = std::clamp<uint64_t>(core_.write_budget.total() / 4, 1, kLargestSegment);
  while (!data.empty()) {
    const size_t length = std::min<uint64_t>(data.size(), most);
    CO_TRY(co_await write_segment(handle, data.first(length), offset));
    data = data.subspan(length);
    if (offset) *offset += length;
  }
  co_return Result<void>{};
}

Task<Result<void>> FileState::write_segment(std::shared_ptr<OpenHandle> handle, Bytes data, std::optional<uint64_t> offset) {
  core_.ack_gaps.writing(core_.env.clock.now(), core_.write_budget.used() == 0);
  BudgetShare memory = co_await BudgetShare::acquire(&core_.write_budget, writer_.write_memory(data.size()));
  auto writing = co_await writing_.lock();
  Result<void> writable = check_writable(*handle);
  while (writable && offset && content_.has_appended()) {
    // Where appended bytes are is known when they are committed; only then can something be laid over them.
    writing.unlock();
    writable = co_await commit(v1::DURABILITY_UNSPECIFIED);
    writing = co_await writing_.lock();
    if (writable) writable = check_writable(*handle);
  }
  if (!writable) co_return writable;
  if (handle->who.uid != 0) {
    std::lock_guard lock(mutex_);
    writer_who_ = handle->who;
  }
  Result<void> written = co_await writer_.write(data, offset, &memory);
  if (written) {
    // After the bytes can be read: who keeps bytes (the kernel) takes a new time for a reason to read them again. Before others
    // may go on: the commit that takes these bytes takes this time.
    std::lock_guard lock(mutex_);
    written_ns_ = os::unix_nanos(core_.env.clock.wall_now());
  }
  writing.unlock();
  memory.release(memory.bytes());
  if (!written) {
    if (written.error().is(Code::kStale)) co_return std::unexpected(breaks(std::move(written).error()));
    co_return written;
  }
  if (content_.written_extents() > core_.config.max_commit_extents || writer_.retired_objects() > kMaxRetiredObjects) {
    written = co_await commit(v1::DURABILITY_UNSPECIFIED);
  }
  co_return written;
}

Result<void> FileState::check_writable(const OpenHandle& handle) {
  {
    std::lock_guard lock(mutex_);
    if (broken_) return std::unexpected(*broken_);
  }
  if (handle.session == core_.session.id()) return {};
  return std::unexpected(breaks(Status(Code::kStale, ESTALE, "the session of this handle has expired")));
}

Task<void> FileState::recover(std::shared_ptr<FileState> self) {
  auto writing = co_await self->writing_.lock();
  Result<void> recovered = co_await self->writer_.recover();
  if (recovered) co_return;
  (void)self->breaks(std::move(recovered).error());
  self->writer_.forget_unacknowledged();
}

Status FileState::breaks(Status why) {
  bool first = false;
  Status status =
      broken("inode " + to_string(inode_) + " cannot be written until it is opened again: " + why.to_string()).error();
  // An application shall hear that the cluster is full, or the file too long, if that is why.
  if (why.is_errno(ENOSPC) || why.is_errno(EDQUOT) || why.is_errno(EFBIG))
    status = Status(Code::kRejected, why.error(), status.message());
  {
    std::lock_guard lock(mutex_);
    first = !broken_;
    if (first) broken_ = status;
    status = *broken_;
  }
  broken_flag_ = true;
  if (first) core_.log.error("an open file is broken", {{"inode", inode_.value}, {"error", why.to_string()}});
  return status;
}

// Not those that the master keeps.
uint64_t FileState::bytes_for_workers(size_t bytes, std::optional<uint64_t> offset) const {
  const uint64_t size = content_.size(), limit = core_.inline_limit();
  const uint64_t end = offset.value_or(size) + bytes;
  const bool stays_inline = !staged() && std::max(size, end) <= limit;
  return stays_inline ? 0 : bytes;
}

// ---- attributes ----

// A write takes the privilege bits away when it is committed. Those that are set after it are to stay.
bool FileState::needs_commit(const v1::SetAttrRequest& change) {
  constexpr uint32_t kPrivilegeBits = 06000;  // set-user-id, set-group-id
  return change.has_size() || (change.has_mode() && (change.mode() & kPrivilegeBits) != 0);
}

Task<Result<v1::Attr>> FileState::set_attr(Identity who, v1::SetAttrRequest change, std::shared_ptr<OpenHandle> handle) {
  auto committing = co_await committing_.lock();
  if (staged()) {
    Result<v1::Attr> changed = co_await set_attr_staged(std::move(who), std::move(change), std::move(handle));
    co_return changed;
  }
  auto writing = co_await writing_.lock();
  SessionId session;
  if (change.has_size() && handle) {
    CO_TRY(check_writable(*handle));
    change.set_handle(handle->id.value);
    session = handle->session;
  }
  if (needs_commit(change) && content_.has_uncommitted()) {
    Result<void> committed = co_await commit_locked({.keep_writing = true}, &writing);
    if (!committed) co_return std::unexpected(std::move(committed).error());
  }
  if (!change.has_size()) writing.unlock();
  Result<v1::AttrReply> reply = co_await core_.session.call<rpcs::SetAttr>(who, change, session);
  if (!reply) co_return std::unexpected(std::move(reply).error());
  unsynced_ = true;
  if (change.has_size()) {
    content_.truncated(reply->attr());
    committed_durably(reply->attr(), true);
  }
  if (change.has_mtime_ns() || change.mtime_now()) {
    // What is written but not committed must not take the new time back.
    std::lock_guard lock(mutex_);
    written_ns_ = reply->attr().mtime_ns();
  }
  v1::Attr attr = reply->attr();
  merge_into(attr);
  co_return attr;
}

void FileState::merge_into(v1::Attr& attr) {
  if (is_broken()) return;
  if (std::shared_ptr<StagedObject> staged = this->staged()) {
    if (!is_overtaken(*staged, attr.layout())) staged->merge_into(attr);
    return;
  }
  content_.adopt(attr);
  content_.merge_into(attr);
  const bool uncommitted = content_.has_uncommitted();
  std::lock_guard lock(mutex_);
  const bool is_older = attr.layout() < last_commit_.layout;
  if (!uncommitted && !is_older) return;
  attr.set_mtime_ns(uncommitted ? written_ns_ : last_commit_.mtime_ns);
  attr.set_ctime_ns(std::max(attr.ctime_ns(), attr.mtime_ns()));
}

}  // namespace forebay::client
