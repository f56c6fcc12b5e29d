#include "os/memory_stream.h"

#include <algorithm>
#include <cstring>
#include <utility>

namespace forebay::os {
namespace {

constexpr size_t kMostDescriptors = 16;

Status connection_lost(const std::string& why, int error) { return unknown_outcome(why, error).error(); }

}  // namespace

MemoryStream::MemoryStream(MemoryWires& wires, std::string connecting_host, std::string accepting_host)
    : wires_(wires), host_{std::move(connecting_host), std::move(accepting_host)} {}

MemoryStream::~MemoryStream() {
  for (Pipe& pipe : pipe_) {
    discard(pipe.flying);
    discard(pipe.arrived);
  }
  for (Side& side : side_) {
    for (int descriptor : side.descriptors) wires_.descriptors_->close(descriptor);
  }
}

void MemoryStream::wake(std::optional<async::Waker>& waker) {
  if (!waker) return;
  async::Waker woken = std::move(*waker);
  waker.reset();
  woken();
}

void MemoryStream::discard(std::deque<Segment>& segments) {
  for (const Segment& segment : segments) {
    for (int descriptor : segment.descriptors) wires_.descriptors_->close(descriptor);
  }
  segments.clear();
}

size_t MemoryStream::send(int side, Bytes data, std::vector<int> descriptors) {
  Pipe& pipe = pipe_[side];
  const size_t room = wires_.config_.pipe_bytes - std::min(wires_.config_.pipe_bytes, pipe.bytes);
  const size_t most = std::min({room, data.size(), wires_.config_.segment_bytes});
  if (most == 0) return 0;
  const size_t taken = std::clamp<size_t>(wires_.policy_.segment_size(most), 1, most);
  pipe.bytes += taken;
  launch(side, {.bytes = std::string(as_text(data.first(taken))), .descriptors = std::move(descriptors)});
  return taken;
}

size_t MemoryStream::receive(int side, MutableBytes into) {
  Pipe& pipe = pipe_[1 - side];
  if (pipe.arrived.empty() || into.empty()) return 0;
  Segment& segment = pipe.arrived.front();
  std::vector<int>& waiting = side_[side].descriptors;
  if (waiting.size() + segment.descriptors.size() > kMostDescriptors) {
    for (int descriptor : std::exchange(waiting, {})) wires_.descriptors_->close(descriptor);
    break_both("more descriptors were received than taken");
    return 0;
  }
  waiting.insert(waiting.end(), segment.descriptors.begin(), segment.descriptors.end());
  segment.descriptors.clear();
  const size_t count = std::min(into.size(), segment.bytes.size() - segment.taken);
  std::memcpy(into.data(), segment.bytes.data() + segment.taken, count);
  segment.taken += count;
  if (segment.taken == segment.bytes.size()) pipe.arrived.pop_front();
  pipe.bytes -= count;
  wake(pipe.writer);
  return count;
}

bool MemoryStream::ended(int side) const { return pipe_[1 - side].ended && pipe_[1 - side].arrived.empty(); }

std::vector<int> MemoryStream::take_descriptors(int side) { return std::exchange(side_[side].descriptors, {}); }

void MemoryStream::wait_to_receive(int side, async::Waker waker) { pipe_[1 - side].reader.emplace(std::move(waker)); }
void MemoryStream::wait_to_send(int side, async::Waker waker) { pipe_[side].writer.emplace(std::move(waker)); }

void MemoryStream::close(int side, Status why) {
  if (side_[side].failure) return;
  fail(side, std::move(why));
  launch(side, {.kind = Segment::Kind::kEnd});
}

void MemoryStream::vanish(int side) {
  if (!side_[side].failure) fail(side, connection_lost("the machine lost power", EIO));
  discard(pipe_[side].flying);
}

// What this side had not read is gone with it; what it sent keeps flying.
void MemoryStream::fail(int side, Status why) {
  side_[side].failure.emplace(std::move(why));
  Pipe& incoming = pipe_[1 - side];
  for (const Segment& segment : incoming.arrived) incoming.bytes -= segment.bytes.size() - segment.taken;
  discard(incoming.arrived);
  wake(incoming.reader);
  wake(incoming.writer);
  wake(pipe_[side].writer);
}

void MemoryStream::break_both(const char* why) {
  for (int side : {0, 1}) {
    discard(pipe_[side].flying);
    if (!side_[side].failure) fail(side, connection_lost(why, ECONNRESET));
  }
}

void MemoryStream::apply_fate(int from, Segment& segment) {
  const Instant now = wires_.time_.now();
  Pipe& pipe = pipe_[from];
  LinkPolicy::Fate fate;
  if (host_[0] != host_[1]) fate = wires_.policy_.on_segment(host_[from], host_[1 - from], segment.bytes.size());
  if (wires_.down_.contains(host_[1 - from])) fate.kind = LinkPolicy::Kind::kLose;
  segment.lost = fate.kind == LinkPolicy::Kind::kLose;
  if (fate.kind == LinkPolicy::Kind::kReset) segment.kind = Segment::Kind::kReset;
  segment.at = pipe.last_arrival = std::max(pipe.last_arrival, now + fate.delay);
}

void MemoryStream::launch(int from, Segment segment) {
  Pipe& pipe = pipe_[from];
  apply_fate(from, segment);
  const bool first = pipe.flying.empty();
  pipe.flying.push_back(std::move(segment));
  if (first) fly(from);
}

void MemoryStream::schedule(int from) {
  Pipe& pipe = pipe_[from];
  if (pipe.timer != 0) return;
  const Segment& head = pipe.flying.front();
  const Instant when = head.lost ? wires_.time_.now() + pipe.resend : head.at;
  pipe.timer = wires_.time_.at(when, [self = shared_from_this(), from] {
    Pipe& pipe = self->pipe_[from];
    pipe.timer = 0;
    if (!pipe.flying.empty() && pipe.flying.front().lost && !self->resend(from)) return;
    self->fly(from);
  });
}

bool MemoryStream::resend(int from) {
  Pipe& pipe = pipe_[from];
  Segment& head = pipe.flying.front();
  apply_fate(from, head);
  if (!head.lost) return true;
  if (wires_.time_.now() - pipe.lost_since >= wires_.config_.give_up) {
    // The other side is not told: nothing reaches it. It finds out when it sends something itself.
    discard(pipe.flying);
    if (!side_[from].failure) fail(from, connection_lost("nothing sent to '" + host_[1 - from] + "' arrives", ETIMEDOUT));
    return false;
  }
  pipe.resend = std::min(pipe.resend * 2, wires_.config_.resend_most);
  schedule(from);
  return false;
}

// Delivers what is due, in order, and schedules the rest.
void MemoryStream::fly(int from) {
  Pipe& pipe = pipe_[from];
  while (!pipe.flying.empty()) {
    Segment& head = pipe.flying.front();
    if (head.lost || head.at > wires_.time_.now()) {
      if (head.lost && pipe.timer == 0) {
        pipe.lost_since = wires_.time_.now();
        pipe.resend = wires_.config_.resend_first;
      }
      return schedule(from);
    }
    Segment arrived = std::move(head);
    pipe.flying.pop_front();
    arrive(from, std::move(arrived));
  }
}

void MemoryStream::arrive(int from, Segment segment) {
  const int to = 1 - from;
  Pipe& pipe = pipe_[from];
  if (wires_.history_) {
    wires_.history_->record("segment", host_[from] + ">" + host_[to],
                            {static_cast<uint64_t>(wires_.time_.now().time_since_epoch().count()),
                             static_cast<uint64_t>(segment.kind), History::hash(segment.bytes)});
  }
  if (segment.kind == Segment::Kind::kReset) {
    pipe.bytes -= segment.bytes.size();
    for (int descriptor : segment.descriptors) wires_.descriptors_->close(descriptor);
    return break_both("connection reset");
  }
  if (side_[to].failure) {
    pipe.bytes -= segment.bytes.size();
    for (int descriptor : segment.descriptors) wires_.descriptors_->close(descriptor);
    if (segment.kind == Segment::Kind::kBytes && !side_[from].failure) launch(to, {.kind = Segment::Kind::kReset});
    return;
  }
  if (segment.kind == Segment::Kind::kEnd) {
    pipe.ended = true;
  } else {
    pipe.arrived.push_back(std::move(segment));
  }
  wake(pipe.reader);
}

}  // namespace forebay::os
