#include "client/write_path/frame_queue.h"

#include <algorithm>
#include <bit>
#include <cstring>
#include <utility>

namespace forebay::client {

namespace {

constexpr size_t kSmallestFrame = 4 << 10;  // capacity of the first frame of a small file

size_t capacity_for(size_t bytes) { return std::clamp(std::bit_ceil(bytes), kSmallestFrame, rpc::kMaxPayload); }

}  // namespace

size_t FrameQueue::append(Bytes data, uint64_t offset, uint64_t limit, BudgetShare* memory) {
  const uint64_t before = memory->bytes();
  while (!data.empty()) {
    const bool extends = !frames_.empty() && !frames_.back()->on_its_way && !frames_.back()->is_full();
    if (!extends ||
        (frames_.back()->used == frames_.back()->capacity() && !enlarge(*frames_.back(), data.size(), limit, memory))) {
      const uint64_t capacity = std::min<uint64_t>({capacity_for(data.size()), limit - offset, memory->bytes()});
      auto frame = std::make_shared<Frame>();
      frame->offset = offset;
      frame->buffer = std::make_shared<FrameBuffer>(memory->split(capacity), rpc::Payload::allocate(capacity));
      frames_.push_back(std::move(frame));
    }
    Frame& frame = *frames_.back();
    const size_t more = std::min(data.size(), frame.capacity() - frame.used);
    std::memcpy(frame.buffer->bytes.writable().data() + frame.used, data.data(), more);
    frame.used += more;
    offset += more;
    data = data.subspan(more);
  }
  return before - memory->bytes();
}

// Old and new memory exist at once for a moment, so both have their share of the budget. False: there is not enough for that.
bool FrameQueue::enlarge(Frame& frame, size_t more, uint64_t limit, BudgetShare* memory) {
  const size_t old = frame.capacity();
  const size_t capacity = std::min<uint64_t>(capacity_for(frame.used + more), limit - frame.offset);
  const uint64_t remaining = more - std::min(more, capacity - frame.used);
  if (memory->bytes() < capacity || memory->bytes() - capacity + old < remaining) return false;
  auto larger = std::make_shared<FrameBuffer>(memory->split(capacity), rpc::Payload::allocate(capacity));
  std::memcpy(larger->bytes.writable().data(), frame.buffer->bytes.view().data(), frame.used);
  frame.buffer->bytes = rpc::Payload();
  memory->merge(std::move(frame.buffer->charge));
  frame.buffer = std::move(larger);
  return true;
}

void FrameQueue::take_over(Unacknowledged piece, uint64_t offset) {
  auto frame = std::make_shared<Frame>();
  frame->offset = offset;
  frame->begin = static_cast<size_t>(piece.data.data() - piece.buffer->bytes.view().data());
  frame->used = piece.data.size();
  frame->taken_over = true;
  frame->buffer = std::move(piece.buffer);
  frames_.push_back(std::move(frame));
}

bool FrameQueue::overwrite(Bytes data, uint64_t offset) {
  if (frames_.empty()) return false;
  Frame& last = *frames_.back();
  if (last.on_its_way || offset < last.offset || offset + data.size() > last.end()) return false;
  std::memcpy(last.buffer->bytes.writable().data() + last.begin + (offset - last.offset), data.data(), data.size());
  return true;
}

std::vector<std::shared_ptr<Frame>> FrameQueue::begin_sending(size_t window) {
  std::vector<std::shared_ptr<Frame>> ready;
  for (const std::shared_ptr<Frame>& frame : frames_) {
    if (on_their_way_ >= window) break;
    if (frame->on_its_way) continue;
    if (!frame->is_full() && on_their_way_ > 0) break;
    frame->on_its_way = true;
    ++on_their_way_;
    ready.push_back(frame);
  }
  return ready;
}

void FrameQueue::ended(Frame& frame) {
  frame.on_its_way = false;
  --on_their_way_;
}

std::shared_ptr<FrameBuffer> FrameQueue::acknowledged(const std::shared_ptr<Frame>& frame) {
  std::erase(frames_, frame);
  return std::move(frame->buffer);
}

std::optional<Unacknowledged> FrameQueue::first() const {
  if (frames_.empty()) return std::nullopt;
  const Frame& frame = *frames_.front();
  return Unacknowledged{frame.offset, frame.view(), frame.buffer};
}

std::shared_ptr<Frame> FrameQueue::forget_first(size_t bytes) {
  Frame& frame = *frames_.front();
  if (bytes < frame.used) {
    frame.begin += bytes;
    frame.used -= bytes;
    frame.offset += bytes;
    return nullptr;
  }
  std::shared_ptr<Frame> forgotten = std::move(frames_.front());
  frames_.pop_front();
  return forgotten;
}

std::vector<MutableBytes> FrameQueue::copy(uint64_t offset, MutableBytes into) const {
  std::vector<MutableBytes> gaps;
  size_t done = 0;
  for (const std::shared_ptr<Frame>& frame : frames_) {
    const uint64_t begin = std::max(frame->offset, offset + done), end = std::min(frame->end(), offset + into.size());
    if (begin >= end) continue;
    const size_t at = begin - offset;
    if (at > done) gaps.push_back(into.subspan(done, at - done));
    std::memcpy(into.data() + at, frame->view().data() + (begin - frame->offset), end - begin);
    done = at + (end - begin);
  }
  if (done < into.size()) gaps.push_back(into.subspan(done));
  return gaps;
}

}  // namespace forebay::client
