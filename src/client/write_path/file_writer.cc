#include "client/write_path/file_writer.h"

#include <algorithm>

#include "client/core.h"

namespace forebay::client {

namespace {
template <class T>
bool contains(const std::vector<T>& values, const T& value) {
  return std::ranges::find(values, value) != values.end();
}

// A worker without room sends its client elsewhere; an application whose client has been everywhere hears why.
Status as_told(Status why) { return why.is_errno(ENOSPC) ? Status(Code::kRejected, ENOSPC, why.message()) : std::move(why); }

Task<void> seal_when_drained(std::shared_ptr<ObjectWriter> object, bool sync) {
  Result<void> drained = co_await object->drain();
  if (!drained) co_return;
  Result<uint32_t> ignored = co_await object->seal(sync);
  (void)ignored;  // close asks again, and hears the error
}
}  // namespace

FileWriter::FileWriter(Core& core, Content& content, InodeId inode, size_t executor)
    : core_(core),
      content_(content),
      inode_(inode),
      executor_(executor),
      grants_(core, executor),
      inline_(core.write_budget, core.held_budget) {}

// ---- writing ----

uint64_t FileWriter::write_memory(uint64_t bytes) const {
  return bytes + std::min<uint64_t>(rpc::kMaxPayload, core_.write_budget.total() / 4);
}

Task<Result<void>> FileWriter::write(Bytes data, std::optional<uint64_t> offset, BudgetShare* memory) {
  if (offset) {
    Result<bool> overwritten = co_await overwrite(data, *offset);
    if (overwritten && *overwritten) co_return Result<void>{};
    if (!overwritten) leave_current(overwritten.error());
  }
  if (fits_inline(data.size(), offset) && core_.held_budget.try_acquire(data.size()))
    co_return write_inline(data, offset, memory);
  CO_TRY(co_await spill_inline(memory));
  placing_.clear();
  Result<void> placed = co_await place(data, offset.value_or(0), memory);
  if (placed) {
    const uint64_t end = offset ? 0 : content_.size();
    for (Extent extent : placing_) {
      extent.offset += end;
      if (offset) {
        content_.lay(extent);
      } else {
        content_.lay_appended(extent);
      }
    }
  }
  placing_.clear();
  co_return placed;
}

// Whether the whole file would still be short. One in many pieces, or with bytes in an object that is being written, goes on
// there.
bool FileWriter::fits_inline(size_t more, std::optional<uint64_t> offset) const {
  constexpr size_t kMostExtents = 16;  // committed ones
  const uint64_t limit = core_.inline_limit();
  if (limit == 0 || current_ || retired_objects() != 0 || more > limit || inline_.size() > limit - more) return false;
  const uint64_t size = content_.size(), end = offset ? *offset + more : size + more;
  return std::max(size, end) <= limit && content_.known_extents() < kMostExtents &&
         content_.written_extents() < core_.config.max_commit_extents / 2;
}

Result<void> FileWriter::write_inline(Bytes data, std::optional<uint64_t> offset, BudgetShare* memory) {
  if (!grants_.primary()) {
    core_.held_budget.release(data.size());
    return stale("inode " + to_string(inode_) + " is no longer open for writing");
  }
  const ObjectId object = inline_.object();
  memory->hand_over(data.size());
  const uint64_t at = inline_.append(data);
  if (offset)
    content_.lay({*offset, data.size(), object, at});
  else
    content_.lay_appended({content_.size(), data.size(), object, at});
  return {};
}

// Order matters to readers, as when bytes are moved from one object to another.
Task<Result<void>> FileWriter::spill_inline(BudgetShare* memory) {
  if (inline_.size() == 0) co_return Result<void>{};
  const auto [first, rest] = inline_.copy_rest();
  Bytes left = as_bytes(rest);
  Trying trying{.give_up = core_.routing.give_up_at()};
  while (!left.empty()) {
    CO_ASSIGN_OR_RETURN(const size_t room, co_await make_room(left.size(), &trying));
    Result<uint64_t> at = co_await current_->append(left.first(room), memory);
    if (!at) {
      leave_current(at.error());
      const bool again = co_await core_.routing.pause(&trying);
      if (again) continue;
      co_return std::unexpected(std::move(at).error());
    }
    content_.move(inline_.object(), first + rest.size() - left.size(), room, current_->object(), *at);
    inline_.hand_over(room);
    left = left.subspan(room);
  }
  inline_.discard();
  co_return Result<void>{};
}

Task<Result<bool>> FileWriter::overwrite(Bytes data, uint64_t offset) {
  std::optional<Extent> written = content_.written_whole(offset, data.size());
  if (written && written->object == inline_.object()) {
    inline_.overwrite(data, written->object_offset);
    content_.overwritten();
    co_return true;
  }
  if (!written || !current_ || written->object != current_->object()) co_return false;
  Result<bool> done = co_await current_->overwrite(data, written->object_offset);
  content_.overwritten();  // afterwards, so that what was read meanwhile counts as old; also of one that failed half-way
  co_return done;
}

Task<Result<void>> FileWriter::place(Bytes data, uint64_t offset, BudgetShare* memory) {
  Trying trying{.give_up = core_.routing.give_up_at()};
  while (!data.empty()) {
    CO_ASSIGN_OR_RETURN(const size_t room, co_await make_room(data.size(), &trying));
    Result<uint64_t> at = co_await current_->append(data.first(room), memory);
    if (!at) {
      leave_current(at.error());
      const bool again = co_await core_.routing.pause(&trying);
      if (again) continue;
      co_return std::unexpected(std::move(at).error());
    }
    placing_.push_back({offset, room, current_->object(), *at});
    data = data.subspan(room);
    offset += room;
  }
  co_return Result<void>{};
}

// The current object with room for some of `wanted` bytes.
Task<Result<size_t>> FileWriter::make_room(size_t wanted, Trying* trying) {
  for (;;) {
    std::optional<WriteHandle> handle = grants_.primary();
    if (!handle) co_return stale("inode " + to_string(inode_) + " is no longer open for writing");
    if (current_ && current_->handle() != handle->id) retire_current();  // its handle is gone
    if (!current_) {
      CO_ASSIGN_OR_RETURN(Granted granted, co_await grants_.next(*handle, wanted));
      begin_object(std::move(granted));
    }
    Result<uint64_t> room = co_await current_->prepare(wanted);
    if (room && *room > 0) {
      grants_.ask_ahead(*handle, current_->granted(), current_->remaining() - *room);
      co_return static_cast<size_t>(*room);
    }
    if (room) {
      // Checksums are computed while the next object is being filled, not at the end.
      const bool sync = core_.config.durability == v1::DURABILITY_FSYNC;
      core_.background.spawn(executor_, seal_when_drained(current_, sync));
      retire_current();
      continue;
    }
    leave_current(room.error());
    const bool again = co_await core_.routing.pause(trying);
    if (!again) co_return std::unexpected(as_told(std::move(room).error()));
  }
}

// ---- objects ----

void FileWriter::begin_object(Granted granted) {
  std::shared_ptr<ObjectWriter> object = grants_.begin(std::move(granted));
  content_.placed(object->object(), object->workers());
  std::lock_guard lock(mutex_);
  current_ = std::move(object);
}

void FileWriter::retire_current() {
  if (!current_) return;
  current_->close_descriptor();
  std::lock_guard lock(mutex_);
  retired_.push_back(std::exchange(current_, nullptr));
}

void FileWriter::leave_current(const Status& why) {
  std::shared_ptr<ObjectWriter> object = current_;
  if (!object) return;
  retire_current();
  leave_worker(core_, object->object(), object->workers().front(), why);
}

std::vector<std::shared_ptr<ObjectWriter>> FileWriter::objects() const {
  std::lock_guard lock(mutex_);
  std::vector<std::shared_ptr<ObjectWriter>> all = retired_;
  if (current_) all.push_back(current_);
  return all;
}

size_t FileWriter::retired_objects() const {
  std::lock_guard lock(mutex_);
  return retired_.size();
}

bool FileWriter::has_objects_of(HandleId handle) const {
  if (grants_.has_any_of(handle)) return true;
  const auto is_its = [handle](const std::shared_ptr<ObjectWriter>& object) { return object->handle() == handle; };
  std::lock_guard lock(mutex_);
  return (current_ && is_its(current_)) || std::ranges::any_of(retired_, is_its);
}

std::vector<MutableBytes> FileWriter::copy_buffered(ObjectId object, uint64_t offset, MutableBytes into) const {
  if (inline_.copy(object, offset, into)) return {};
  std::shared_ptr<ObjectWriter> writer;
  {
    std::lock_guard lock(mutex_);
    if (current_ && current_->object() == object) writer = current_;
    for (size_t i = 0; !writer && i < retired_.size(); ++i) {
      if (retired_[i]->object() == object) writer = retired_[i];
    }
  }
  return writer ? writer->copy_buffered(offset, into) : std::vector<MutableBytes>{into};
}

// ---- failures ----

Task<Result<void>> FileWriter::recover() {
  FOREBAY_CHECK(placing_.empty(), "nothing is moved while a write is being placed");
  for (bool found = true; found;) {
    found = false;
    for (const auto& object : objects()) {
      if (!object->has_failed() || !object->first_unacknowledged()) continue;
      found = true;
      Result<void> failure = co_await object->drain();  // until nothing is on its way
      if (object == current_) leave_current(failure.error());
      const bool again = co_await may_try_again(*object);
      if (!again) co_return failure;
      CO_TRY(co_await move_unacknowledged(object, &*recovering_));
    }
  }
  co_return Result<void>{};
}

// The time for retries begins with the first failure and ends with the first success after it: an object that took something.
Task<bool> FileWriter::may_try_again(const ObjectWriter& failed) {
  if (failed.acknowledged() > 0) recovering_.reset();
  if (!recovering_) {
    recovering_ = Trying{.give_up = core_.routing.give_up_at()};
    co_return true;
  }
  const bool again = co_await core_.routing.pause(&*recovering_);
  co_return again;
}

// Order matters to readers, who look at the content first and then here: the bytes are in the new object before the content says
// so, and leave the old one after. These bytes were accepted, and the worker that had their space is lost: while nobody else has
// any, it is waited for like one that does not answer.
Task<Result<void>> FileWriter::move_unacknowledged(std::shared_ptr<ObjectWriter> from, Trying* trying) {
  for (;;) {
    std::optional<Unacknowledged> first = from->first_unacknowledged();
    if (!first) co_return Result<void>{};
    Result<size_t> room = co_await make_room(first->data.size(), trying);
    if (!room) {
      const bool full = room.error().is_errno(ENOSPC) || room.error().is_errno(EDQUOT);
      if (!full) co_return std::unexpected(std::move(room).error());
      const bool again = co_await core_.routing.pause(trying);
      if (again) continue;
      co_return std::unexpected(std::move(room).error());
    }
    Result<uint64_t> at = co_await current_->take_over(first->first(*room));
    if (!at) {
      leave_current(at.error());
      const bool again = co_await core_.routing.pause(trying);
      if (again) continue;
      co_return std::unexpected(std::move(at).error());
    }
    content_.move(from->object(), first->offset, *room, current_->object(), *at);
    from->forget_first(*room);
  }
}

void FileWriter::forget_unacknowledged() {
  for (const auto& object : objects()) {
    if (!object->has_failed()) continue;
    while (auto first = object->first_unacknowledged()) object->forget_first(first->data.size());
  }
}

Task<Result<void>> FileWriter::drain() {
  for (;;) {
    CO_TRY(co_await recover());
    bool drained = true;
    for (const auto& object : objects()) {
      Result<void> done = co_await object->drain();
      if (!done && object->first_unacknowledged()) drained = false;
    }
    if (!drained) continue;
    recovering_.reset();
    for (const auto& object : objects()) {
      if (std::optional<Status> lost = object->lost()) co_return std::unexpected(std::move(*lost));
    }
    co_return Result<void>{};
  }
}

// ---- commits ----

Task<ObjectsOfCommit> FileWriter::plan_commit(HandleId handle, bool closing) {
  ObjectsOfCommit plan;
  if (closing && current_ && current_->handle() == handle) retire_current();
  if (closing) plan.unused = co_await grants_.take_unused(handle);
  std::lock_guard lock(mutex_);
  plan.written = unsynced_;
  plan.committed_before = unsynced_.size();
  for (const auto& object : retired_) {
    const bool of_handle = object->handle() == handle;
    if (object->acknowledged() == 0) {
      if (of_handle) plan.unused.push_back(object->object());
      continue;
    }
    plan.written.push_back(object);
    if (of_handle && (object->sealed() || (closing && !object->has_failed()))) plan.to_seal.push_back(object);
  }
  if (current_ && current_->acknowledged() > 0) plan.written.push_back(current_);
  co_return plan;
}

void FileWriter::committed(const ObjectsOfCommit& objects, const std::vector<ObjectId>& sealed, std::optional<HandleId> closed,
                           bool synced) {
  std::lock_guard lock(mutex_);
  if (synced) {
    std::erase_if(unsynced_, [&](const auto& object) { return contains(objects.written, object); });
  }
  std::erase_if(retired_, [&](const std::shared_ptr<ObjectWriter>& object) {
    if (contains(objects.unused, object->object())) return true;
    const bool done = (closed && object->handle() == *closed) || contains(sealed, object->object());
    if (done && !synced) unsynced_.push_back(object);
    return done;
  });
}

}  // namespace forebay::client
