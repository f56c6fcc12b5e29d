// Two byte pipes between two hosts: what MemoryConnection reads and writes.
#pragma once

#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "async/task.h"
#include "os/memory_net.h"

namespace forebay::os {

// Both directions of one connection. Side 0 connected, side 1 accepted. Bytes wait in the sender's pipe, bounded, until read; the
// policy of the wires says when they arrive. Shared by its two connections, and by what is scheduled for it. One thread.
class MemoryStream : public std::enable_shared_from_this<MemoryStream> {
 public:
  MemoryStream(MemoryWires& wires, std::string connecting_host, std::string accepting_host);
  ~MemoryStream();

  const std::string& host(int side) const { return host_[side]; }
  const std::optional<Status>& failure(int side) const { return side_[side].failure; }

  // How many bytes of `data` were taken; 0: the pipe is full. `descriptors` travel with the first byte.
  size_t send(int side, Bytes data, std::vector<int> descriptors);
  // Bytes that have arrived, from one segment; 0: none yet, or ended() for ever.
  size_t receive(int side, MutableBytes into);
  bool ended(int side) const;  // the other side closed, and everything was read
  std::vector<int> take_descriptors(int side);
  // The next change that may let receive() or send() go on. One waiter each.
  void wait_to_receive(int side, async::Waker waker);
  void wait_to_send(int side, async::Waker waker);

  // Orderly: what was sent still arrives, then the end. Bytes that come in later are answered with a reset.
  void close(int side, Status why);
  // Nothing is sent: the machine lost power.
  void vanish(int side);

 private:
  struct Segment {
    enum class Kind { kBytes, kEnd, kReset } kind = Kind::kBytes;
    std::string bytes;
    std::vector<int> descriptors;
    size_t taken = 0;
    Instant at{};
    bool lost = false;
  };
  // What one side sent and the other has not read yet.
  struct Pipe {
    std::deque<Segment> flying, arrived;
    size_t bytes = 0;
    bool ended = false;
    Instant last_arrival{};
    Instant lost_since{};
    Duration resend{0};
    uint64_t timer = 0;
    std::optional<async::Waker> reader, writer;
  };
  struct Side {
    std::optional<Status> failure;  // set: only good for closing
    std::vector<int> descriptors;
  };

  void launch(int from, Segment segment);
  void apply_fate(int from, Segment& segment);
  void schedule(int from);
  void fly(int from);
  bool resend(int from);  // false: still lost
  void arrive(int from, Segment segment);
  void fail(int side, Status why);
  void break_both(const char* why);
  void discard(std::deque<Segment>& segments);
  static void wake(std::optional<async::Waker>& waker);

  MemoryWires& wires_;
  const std::string host_[2];
  Pipe pipe_[2];  // by sending side
  Side side_[2];
};

}  // namespace forebay::os
