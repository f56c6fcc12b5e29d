// An object that others write.
#pragma once

#include <algorithm>
#include <atomic>
#include <memory>
#include <optional>
#include <vector>

#include "client/write_path/carrier.h"
#include "forebay/v1/namespace.pb.h"
#include "os/clock.h"
#include "os/file.h"

namespace forebay::client {

// What a file of a worker on this host holds at one moment.
struct StagedContent {
  uint64_t size = 0;
  int64_t mtime_ns = 0;
  std::vector<os::StoredRange> ranges;  // the rest are holes

  bool operator==(const StagedContent&) const = default;
};

// The object that takes all that is written to one open file, each byte at the place that it has there: by the kernel for
// programs, by mappings, by this client for those that come through it. Owned by a FileState, whose committing lock orders the
// calls, except those marked (any). Calls block for as long as the medium does. Limits: kMaxRanges are told apart; of a file in
// more pieces some holes count as stored.
class StagedObject {
 public:
  static constexpr size_t kMaxRanges = 1000;
  static constexpr uint64_t kMaxBytes = uint64_t{1} << 44;  // up to the last one that is stored: a worker seals no more
  static constexpr Duration kRest = std::chrono::seconds(1), kLongestRest = std::chrono::seconds(10);

  // Asks the worker for a new one, and its descriptor. Errors: whatever makes it impossible; then the file is written as any
  // other.
  static Task<Result<std::shared_ptr<StagedObject>>> create(Core* core, Placed placed, HandleId handle, uint64_t room);

  // The same, of the file of `from`, which is sealed and whose bytes go on elsewhere.
  static Task<Result<std::shared_ptr<StagedObject>>> fork(Core* core, Placed placed, HandleId handle, ObjectId from);

  // The sealed object that had its file before; none: it began empty.
  ObjectId forked_from() const { return from_; }
  // Its last writer has gone; another may come. A forked one rests after that, unsealed: who opens it for writing meanwhile needs
  // no further copy. Not for ever, however often that is: what is not sealed is not persisted.
  void left(os::Instant now) {
    if (!first_left_) first_left_ = now;
    rests_until_ = std::min(now + kRest, *first_left_ + kLongestRest);
  }
  bool rests(os::Instant now) const { return from_ && rests_until_ && now < *rests_until_; }
  const Placed& placed() const { return placed_; }
  ObjectId object() const { return placed_.object; }
  HandleId handle() const { return handle_; }                         // that it was granted to
  const std::shared_ptr<os::File>& file() const { return reading_; }  // (any) for reading
  Result<StagedContent> look() const;                                 // (any) EFBIG: something is stored beyond kMaxBytes
  void merge_into(v1::Attr& attr) const;                              // (any)
  Task<Result<std::shared_ptr<os::File>>> writable();
  Task<Result<void>> zero(uint64_t from, uint64_t to);  // what is stored of that range; holes stay
  // (any) So much of it, from its beginning, has been counted as written: how much of that is new.
  uint64_t note_counted(uint64_t bytes) {
    for (uint64_t before = counted_; before < bytes;)
      if (counted_.compare_exchange_weak(before, bytes)) return bytes - before;
    return 0;
  }
  // This client writes no more: as long as it can, nobody may seal it.
  void close_writable() { writing_.reset(); }
  // It was granted to another handle, has been handed over, and nobody has it yet.
  void hand_over(HandleId handle, TraceId trace) {
    handle_ = handle;
    placed_.trace = trace;
  }

  // At its worker, repeated as those of any object. The first two end at once where the object is gone, the seal also while
  // somebody can write the file (is_being_written).
  Task<Result<void>> sync(uint64_t length);
  Task<Result<v1::SealedObject>> seal(uint64_t length, bool sync);
  static bool is_being_written(const Status& status);
  // Whether a sealed one that was forked has the bytes of the one that it was forked from. One attempt.
  Task<bool> is_as_before(v1::SealedObject sealed);

  // What the master knows of it, and at which layout that was so.
  const StagedContent& committed() const { return committed_; }
  uint64_t layout() const { return layout_; }  // (any)
  int64_t mtime_at_master_ns() const { return mtime_at_master_ns_; }
  void note_committed(StagedContent content, const v1::Attr& attr);
  void note_truncated(const v1::Attr& attr);
  void note_times(const v1::Attr& attr);  // they were set
  void note_layout(uint64_t layout) { layout_ = layout; }
  // Of the master's to a change of this client's, which makes one new layout: more are others'.
  void note_answer(const v1::Attr& attr) { is_shared_ = is_shared_ || attr.layout() > layout_ + 1; }
  void forget_ranges() { committed_.ranges.clear(); }
  bool was_committed() const { return was_committed_; }  // bytes of it, once at least
  void note_laid() { was_committed_ = true; }
  // Others have changed the file's content since.
  bool is_shared() const { return is_shared_; }
  void note_shared() { is_shared_ = true; }

 private:
  StagedObject(Core& core, Placed placed, HandleId handle) : core_(core), placed_(std::move(placed)), handle_(handle) {}

  Core& core_;
  Placed placed_;
  HandleId handle_;
  ObjectId from_;
  std::optional<os::Instant> first_left_, rests_until_;
  std::shared_ptr<os::File> reading_, writing_;  // shared with calls at work
  StagedContent committed_;
  std::atomic<uint64_t> layout_ = 0;
  int64_t mtime_at_master_ns_ = 0;
  bool is_shared_ = false, was_committed_ = false;
  std::atomic<uint64_t> counted_ = 0;
  std::atomic<int64_t> known_mtime_ns_ = 0;  // of the file, when the master was told last
};

}  // namespace forebay::client
