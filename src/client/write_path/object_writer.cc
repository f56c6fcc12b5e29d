#include "client/write_path/object_writer.h"

#include <algorithm>
#include <utility>

#include "client/core.h"
#include "client/write_path/seal.h"
#include "client/write_path/sync.h"

namespace forebay::client {

namespace rpcs = v1::worker_service;

namespace {
constexpr uint64_t kLeastReserved = 64 * kKiB;  // by a short object without a hold: it may grow

// So many frames keep a worker busy while their writer is elsewhere; more would only be memory that is no longer in a cache when
// it is sent.
constexpr size_t kWindowsOfFrames = 4;
}  // namespace

ObjectWriter::ObjectWriter(Core& core, size_t executor, Placed placed, HandleId handle, uint64_t granted_bytes,
                           std::function<void()> failed)
    : core_(core),
      executor_(executor),
      placed_(std::move(placed)),
      handle_(handle),
      on_failure_(std::move(failed)),
      limit_(granted_bytes),
      most_frames_(core.config.multipart_upload ? SIZE_MAX : kWindowsOfFrames * core.config.stream_window) {}

ObjectWriter::~ObjectWriter() {
  core_.held_budget.release(held_bytes_);
  core_.holds.give_back(placed_.workers.front(), drawn_);
}

// ---- space ----

Task<Result<uint64_t>> ObjectWriter::prepare(uint64_t wanted) {
  uint64_t end = 0;
  bool holding = false, is_short = false;  // of space
  co_await changes_.wait(&mutex_, [this] { return failure_ || holding_ || frames_.size() < most_frames_; });
  {
    std::lock_guard lock(mutex_);
    if (failure_) co_return std::unexpected(*failure_);
    wanted = std::min(wanted, limit_ - position_);
    end = position_ + wanted;
    holding = holding_;
    is_short = end > reserved_;
  }
  if (wanted == 0) co_return uint64_t{0};
  if (!carrier_) carrier_ = stream_carrier(core_, placed_);
  if (holding && end < core_.config.descriptor_from_bytes) {
    CO_ASSIGN_OR_RETURN(const bool held, co_await hold(end));
    if (held) co_return wanted;
  }
  if (is_short || wants_descriptor(end)) CO_TRY(co_await reserve(end));
  co_return wanted;
}

Task<Result<void>> ObjectWriter::reserve_whole() {
  carrier_ = stream_carrier(core_, placed_);
  return reserve(limit_);
}

// For an object of so many bytes. False: it has to reserve its space itself.
Task<Result<bool>> ObjectWriter::hold(uint64_t length) {
  uint64_t more = 0;
  {
    std::lock_guard lock(mutex_);
    const uint64_t takes = SpaceHolds::taken_by(length);
    if (drawn_ < takes) more = takes - drawn_;
  }
  if (more != 0) {
    CO_ASSIGN_OR_RETURN(const bool drawn, co_await core_.holds.draw(placed_.workers.front(), more, placed_.trace));
    if (!drawn) co_return false;
  }
  std::lock_guard lock(mutex_);
  drawn_ += more;
  reserved_ = std::max(reserved_, length);
  co_return true;
}

// At the worker, for `length` bytes and what may follow: all that is granted, unless it stays a short one. What waits here is
// stored first, in the space that it has. From a certain length on the object goes on by descriptor, if its worker is on this
// host.
Task<Result<void>> ObjectWriter::reserve(uint64_t length) {
  bool exists = false;
  {
    std::lock_guard lock(mutex_);
    exists = position_ > 0 || writes_ > 0;
    if (position_ > 0 && holding_) begin_locked();
    holding_ = false;
  }
  if (exists) CO_TRY(co_await drain());
  const bool is_short = length < core_.config.descriptor_from_bytes;
  const uint64_t bytes = is_short && !exists ? std::min(limit_, std::max(length, kLeastReserved)) : limit_;
  const bool with_descriptor = wants_descriptor(length);
  if (exists) CO_TRY(co_await enlarge(bytes));
  if (with_descriptor) {
    CO_ASSIGN_OR_RETURN(const bool opened, co_await open_descriptor(bytes));
    exists = exists || opened;
  }
  if (!exists) CO_TRY(co_await create(bytes));
  std::lock_guard lock(mutex_);
  reserved_ = std::max(reserved_, bytes);
  co_return Result<void>{};
}

Task<Result<void>> ObjectWriter::create(uint64_t bytes) {
  CO_ASSIGN_OR_RETURN(const uint64_t boot, co_await carrier_->write({}, 0, {.bytes = bytes}));
  std::lock_guard lock(mutex_);
  ++writes_;
  Result<void> same = note_boot_locked(boot);
  co_return same;
}

Task<Result<void>> ObjectWriter::enlarge(uint64_t bytes) {
  {
    std::lock_guard lock(mutex_);
    if (reserved_ >= bytes) co_return Result<void>{};
  }
  v1::ReserveObjectRequest request;
  request.set_object(placed_.object.value);
  request.set_bytes(bytes);
  for (WorkerId worker : placed_.workers) {
    Trying trying{.give_up = core_.env.clock.now() + core_.config.worker_stall};
    for (;;) {
      rpc::CallOptions options{.context = traced(placed_.trace)};
      options.timeout = trying.give_up - core_.env.clock.now();
      auto reply = co_await core_.routing.call_worker<rpcs::ReserveObject>(worker, request, std::move(options));
      if (reply) break;
      if (!reply.error().is(Code::kBusy)) co_return std::unexpected(std::move(reply).error());
      const bool again = co_await core_.routing.pause(&trying);
      if (!again) co_return std::unexpected(std::move(reply).error());
    }
  }
  co_return Result<void>{};
}

bool ObjectWriter::wants_descriptor(uint64_t length) const {
  return length >= core_.config.descriptor_from_bytes && core_.writes_by_descriptor() && !descriptor_refused_ && !direct();
}

// False: the object is streamed. A worker that did not answer is not asked the same in another way.
Task<Result<bool>> ObjectWriter::open_descriptor(uint64_t create_bytes) {
  Result<std::unique_ptr<Carrier>> opened = co_await open_descriptor_carrier(core_, placed_, create_bytes);
  if (!opened && core_.routing.is_silent(placed_.workers.front())) co_return std::unexpected(std::move(opened).error());
  if (!opened) {
    descriptor_refused_ = true;
    co_return false;
  }
  carrier_ = std::move(*opened);
  std::lock_guard lock(mutex_);
  ++writes_;  // the object exists now
  co_return true;
}

// ---- writing ----

void ObjectWriter::close_descriptor() {
  if (direct()) carrier_.reset();
}

bool ObjectWriter::direct() const { return carrier_ && carrier_->direct(); }

Task<Result<uint64_t>> ObjectWriter::append(Bytes data, BudgetShare* memory) {
  uint64_t position = 0;
  {
    std::lock_guard lock(mutex_);
    if (failure_) co_return std::unexpected(*failure_);
    position = position_;
  }
  FOREBAY_CHECK(position + data.size() <= limit_, "no byte is accepted before its space is");
  if (carrier_->direct()) {
    CO_TRY(co_await write_direct(data, position));
    co_return position;
  }
  {
    std::lock_guard lock(mutex_);
    const size_t taken = frames_.append(data, position_, limit_, memory);
    position_ += data.size();
    if (holding_) wait_locked(taken);
  }
  start_sending();
  co_return position;
}

Task<Result<uint64_t>> ObjectWriter::take_over(Unacknowledged piece) {
  if (carrier_->direct()) {
    Result<uint64_t> at = co_await append(piece.data, nullptr);
    co_return at;
  }
  uint64_t position = 0;
  {
    std::lock_guard lock(mutex_);
    if (failure_) co_return std::unexpected(*failure_);
    position = position_;
    FOREBAY_CHECK(position + piece.data.size() <= limit_, "no byte is accepted before its space is");
    position_ += piece.data.size();
    if (holding_) wait_locked(piece.buffer->bytes.size());
    frames_.take_over(std::move(piece), position);
  }
  start_sending();
  co_return position;
}

Task<Result<void>> ObjectWriter::write_direct(Bytes data, uint64_t offset) {
  Result<uint64_t> written = co_await carrier_->write(data, offset, {});
  std::lock_guard lock(mutex_);
  if (!written) {
    if (!failure_) failure_ = written.error();
    co_return std::unexpected(std::move(written).error());
  }
  ++writes_;
  position_ = std::max(position_, offset + data.size());
  acknowledged_ = std::max(acknowledged_, offset + data.size());
  co_return Result<void>{};
}

Task<Result<bool>> ObjectWriter::overwrite(Bytes data, uint64_t offset) {
  {
    std::lock_guard lock(mutex_);
    if (failure_ || crc_) co_return false;
    if (frames_.overwrite(data, offset)) co_return true;
  }
  // A frame that was sent twice could arrive late, over newer bytes; a descriptor has no such past.
  if (!direct()) co_return false;
  {
    std::lock_guard lock(mutex_);
    if (!frames_.empty()) co_return false;
  }
  CO_TRY(co_await write_direct(data, offset));
  co_return true;
}

// Without memory to wait in, it is sent now.
void ObjectWriter::wait_locked(size_t bytes) {
  if (!core_.held_budget.try_acquire(bytes)) return begin_locked();
  held_bytes_ += bytes;
}

void ObjectWriter::begin_locked() {
  holding_ = false;
  reserved_ = position_;
  core_.held_budget.release(std::exchange(held_bytes_, 0));
}

// The object exists, or may: what it took is no longer in the hold.
uint64_t ObjectWriter::settle_hold_locked() { return std::exchange(drawn_, 0); }

// ---- frames on their way ----

void ObjectWriter::start_sending() {
  std::vector<std::shared_ptr<Frame>> ready;
  {
    std::lock_guard lock(mutex_);
    if (!failure_ && !holding_) ready = frames_.begin_sending(core_.config.stream_window);
  }
  for (std::shared_ptr<Frame>& frame : ready) {
    if (core_.background.spawn(executor_, send(shared_from_this(), frame))) continue;
    sent(frame, cancelled("the client has stopped"));
  }
}

Task<void> ObjectWriter::send(std::shared_ptr<ObjectWriter> self, std::shared_ptr<Frame> frame) {
  std::shared_ptr<Carrier> carrier = self->carrier_;
  std::optional<async::Semaphore>& uploads = self->core_.uploads;
  if (uploads) co_await uploads->acquire();
  Creation creation;
  {
    std::lock_guard lock(self->mutex_);
    if (self->writes_ == 0) creation = {.bytes = self->reserved_, .from_hold = self->drawn_ != 0};
  }
  Result<uint64_t> written = co_await carrier->write(frame->view(), frame->offset, creation);
  if (written) self->core_.ack_gaps.acknowledged(self->core_.env.clock.now());
  if (uploads) uploads->release();
  self->sent(frame, std::move(written));
}

// An object that a power cut took may be made again by a frame that was sent before: then it lacks the earlier ones.
Result<void> ObjectWriter::note_boot_locked(uint64_t boot) {
  if (boot_ == 0) boot_ = boot;
  if (boot == 0 || boot == boot_) return {};
  return std::unexpected(Status(Code::kStale, ENODATA, "its machine has been restarted since the first byte"));
}

bool ObjectWriter::is_synced_locked() const { return synced_writes_ == writes_ && synced_bytes_ >= acknowledged_; }

std::optional<Status> ObjectWriter::lost() const {
  std::lock_guard lock(mutex_);
  return lost_;
}

void ObjectWriter::sent(const std::shared_ptr<Frame>& frame, Result<uint64_t> result) {
  uint64_t settled = 0;
  bool failed = false;
  std::shared_ptr<FrameBuffer> released;  // outside the lock
  std::vector<async::Waker> wake;
  {
    std::lock_guard lock(mutex_);
    frames_.ended(*frame);
    if (frames_.on_their_way() == 0) settled = settle_hold_locked();
    if (result) {
      if (Result<void> same = note_boot_locked(*result); !same) result = std::unexpected(std::move(same).error());
    }
    if (result) {
      ++writes_;
      acknowledged_ = std::max(acknowledged_, frame->end());
      released = frames_.acknowledged(frame);
    } else if (!failure_) {
      failure_ = std::move(result).error().with_context("write object " + to_string(placed_.object) + " at worker " +
                                                        to_string(placed_.workers.front()));
      failed = true;
      const bool was_restarted = failure_->is(Code::kStale) && failure_->is_errno(ENODATA);
      if (was_restarted && acknowledged_ > 0 && !is_synced_locked()) lost_ = failure_;
    }
    wake = changes_.take();
  }
  core_.holds.used(placed_.workers.front(), settled);
  released.reset();
  start_sending();
  Changes::wake(std::move(wake));
  if (failed && on_failure_) on_failure_();
}

Task<Result<void>> ObjectWriter::drain() {
  {
    std::lock_guard lock(mutex_);
    if (holding_ && position_ > 0) begin_locked();
  }
  start_sending();
  co_await changes_.wait(&mutex_, [this] { return frames_.on_their_way() == 0 && (frames_.empty() || failure_); });
  std::lock_guard lock(mutex_);
  if (failure_) co_return std::unexpected(*failure_);
  co_return Result<void>{};
}

bool ObjectWriter::has_failed() const {
  std::lock_guard lock(mutex_);
  return failure_.has_value();
}

uint64_t ObjectWriter::remaining() const {
  std::lock_guard lock(mutex_);
  return limit_ - position_;
}

std::optional<Unacknowledged> ObjectWriter::first_unacknowledged() const {
  std::lock_guard lock(mutex_);
  return frames_.first();
}

void ObjectWriter::forget_first(size_t bytes) {
  std::shared_ptr<Frame> forgotten;  // outside the lock
  std::lock_guard lock(mutex_);
  forgotten = frames_.forget_first(bytes);
}

std::vector<MutableBytes> ObjectWriter::copy_buffered(uint64_t offset, MutableBytes into) const {
  std::lock_guard lock(mutex_);
  return frames_.copy(offset, into);
}

// ---- the end ----

uint64_t ObjectWriter::acknowledged() const {
  std::lock_guard lock(mutex_);
  return acknowledged_;
}

Task<Result<void>> ObjectWriter::sync() {
  uint64_t writes = 0, length = 0;
  v1::SyncObjectRequest request;
  {
    std::lock_guard lock(mutex_);
    writes = writes_;
    if (acknowledged_ == 0 || is_synced_locked()) co_return Result<void>{};
    // Later frames may have been acknowledged before earlier ones.
    const std::optional<Unacknowledged> first = frames_.first();
    length = first ? std::min(acknowledged_, first->offset) : acknowledged_;
    request.set_boot(boot_);
  }
  request.set_length(length);
  request.set_object(placed_.object.value);
  auto ends = [](const Status&) { return false; };
  for (WorkerId worker : placed_.workers) CO_TRY(co_await sync_at(&core_, worker, request, placed_.trace, ends));
  std::lock_guard lock(mutex_);
  synced_writes_ = std::max(synced_writes_, writes);
  synced_bytes_ = std::max(synced_bytes_, length);
  co_return Result<void>{};
}

Task<Result<uint32_t>> ObjectWriter::seal(bool sync) {
  auto guard = co_await sealing_.lock();
  v1::SealObjectRequest request;
  {
    std::lock_guard lock(mutex_);
    if (crc_) co_return *crc_;
    FOREBAY_CHECK(frames_.on_their_way() == 0, "an object is sealed when nothing is on its way to it");
    request.set_length(acknowledged_);
    if (!is_synced_locked()) request.set_boot(boot_);
  }
  request.set_object(placed_.object.value);
  request.set_sync(sync);
  std::optional<uint32_t> crc;
  for (WorkerId worker : placed_.workers) {
    auto ends = [](const Status&) { return false; };
    CO_ASSIGN_OR_RETURN(const uint32_t sealed, co_await seal_at(&core_, worker, request, placed_.trace, ends));
    if (crc && *crc != sealed) co_return corrupt("copies of object " + to_string(placed_.object) + " differ");
    crc = sealed;
  }
  std::lock_guard lock(mutex_);
  if (sync) {
    synced_writes_ = writes_;
    synced_bytes_ = acknowledged_;
  }
  crc_ = crc;
  co_return *crc;
}

std::optional<uint32_t> ObjectWriter::sealed() const {
  std::lock_guard lock(mutex_);
  return crc_;
}

}  // namespace forebay::client
