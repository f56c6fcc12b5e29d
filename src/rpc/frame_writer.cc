#include "rpc/frame_writer.h"

#include <utility>

namespace forebay::rpc {
namespace {

constexpr size_t kMaxParts = 64;            // in one write
constexpr size_t kMaxWrite = 2 << 20;       // bytes in one write: progress is seen at this grain
constexpr size_t kSegmentBytes = 64 << 10;  // small frames are put together up to this
constexpr size_t kSpareBytes = 4 << 10;     // what an idle connection keeps

}  // namespace

FrameWriter::FrameWriter(os::Connection& connection, os::Clock& clock, async::Executor executor, Events& events)
    : connection_(connection), clock_(clock), executor_(std::move(executor)), events_(events) {}

uint64_t FrameWriter::add(OutgoingFrame frame) {
  uint64_t position = added_;
  Segment& segment = segment_for(frame);
  size_t before = segment.bytes.size();
  append_frame(segment.bytes, frame.header, frame.context, frame.message, frame.payload);
  added_ += segment.bytes.size() - before + frame.payload.size();
  segment.payload = frame.payload;
  segment.owned = std::move(frame.owned);
  segment.descriptor = frame.descriptor;
  segment.descriptor_owner = std::move(frame.descriptor_owner);
  ++segment.frames;
  ++frames_;
  return position;
}

FrameWriter::Segment& FrameWriter::segment_for(const OutgoingFrame& frame) {
  if (frame.descriptor < 0 && segments_.size() > sealed_) {
    Segment& last = segments_.back();
    if (last.payload.empty() && last.descriptor < 0 && last.bytes.size() < kSegmentBytes) return last;
  }
  Segment& fresh = segments_.emplace_back();
  fresh.bytes = std::exchange(spare_, std::string());
  return fresh;
}

// What the next write takes: up to the limits, and a frame with a descriptor alone.
size_t FrameWriter::gather(std::vector<Bytes>& parts) {
  parts.clear();
  size_t total = 0, skip = front_offset_;
  for (Segment& segment : segments_) {
    if (total > 0 && (segment.descriptor >= 0 || total + segment.size() > kMaxWrite || parts.size() + 2 > kMaxParts)) break;
    total += segment.size() - skip;
    for (Bytes part : {as_bytes(segment.bytes), segment.payload}) {
      size_t here = std::min(skip, part.size());
      skip -= here;
      if (here < part.size()) parts.push_back(part.subspan(here));
    }
    if (segment.descriptor >= 0) break;
  }
  return total;
}

void FrameWriter::advance(size_t bytes) {
  written_ += bytes;
  front_offset_ += bytes;
  while (!segments_.empty() && front_offset_ >= segments_.front().size()) {
    front_offset_ -= segments_.front().size();
    frames_ -= segments_.front().frames;
    recycle(segments_.front());
    segments_.pop_front();
  }
}

void FrameWriter::recycle(Segment& segment) {
  if (segment.bytes.capacity() > kSpareBytes || segment.bytes.capacity() <= spare_.capacity()) return;
  spare_ = std::move(segment.bytes);
  spare_.clear();
}

void FrameWriter::flush(std::shared_ptr<void> keep_alive) {
  if (waiting_ || stopped_) return;
  if (size_t written = write_now()) events_.wrote(written);
  if (waiting_ || stopped_ || segments_.empty()) return;  // the event may have led here again
  waiting_ = true;
  async::spawn_detached(executor_, write_rest(this, std::move(keep_alive)));
}

size_t FrameWriter::write_now() {
  size_t total = 0;
  while (!segments_.empty() && segments_.front().descriptor < 0) {
    size_t wanted = gather(parts_);
    Result<size_t> taken = connection_.write_now(parts_);
    if (!taken) {
      stopped_ = true;
      events_.write_failed(taken.error());
      break;
    }
    advance(*taken);
    total += *taken;
    if (*taken < wanted) break;
  }
  return total;
}

Task<Result<void>> FrameWriter::write_some(FrameWriter* self) {
  size_t total = self->gather(self->parts_);
  int descriptor = self->front_offset_ == 0 ? self->segments_.front().descriptor : -1;
  self->in_progress_ = total;
  self->sealed_ = self->segments_.size();
  self->waiting_since_ = self->clock_.now();
  Task<Result<void>> writing =
      descriptor < 0 ? self->connection_.write(self->parts_) : self->connection_.write_with_descriptor(self->parts_, descriptor);
  Result<void> written = co_await std::move(writing);
  self->waiting_since_.reset();
  self->sealed_ = 0;
  if (!written) co_return written;
  self->in_progress_ = 0;
  self->advance(total);
  self->events_.wrote(total);
  co_return written;
}

Task<void> FrameWriter::write_rest(FrameWriter* self, std::shared_ptr<void> keep_alive) {
  while (!self->stopped_ && !self->segments_.empty()) {
    Task<Result<void>> step = write_some(self);
    Result<void> written = co_await std::move(step);
    if (written || self->stopped_) continue;
    self->stopped_ = true;
    self->events_.write_failed(written.error());
  }
  self->waiting_ = false;
  self->events_.writer_ended();
  keep_alive.reset();
}

}  // namespace forebay::rpc
