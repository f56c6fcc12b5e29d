// One established connection of a channel, with the calls that are on it.
#pragma once

#include <atomic>
#include <deque>
#include <memory>
#include <vector>

#include "async/task.h"
#include "os/env.h"
#include "rpc/channel.h"
#include "rpc/frame_reader.h"
#include "rpc/frame_writer.h"

namespace forebay::rpc {

// A call from its caller's view: lives in the caller's coroutine, is handed to the channel's executor and belongs to it until
// resolve().
struct PendingCall {
  Method method;
  std::string context, message;
  Bytes payload;
  os::Instant deadline;
  uint64_t ticket = 0;                  // names the call while it may be gone
  std::atomic<bool> abandoned = false;  // by its caller, from any thread
  async::Waker waker;
  Result<RawReply> result = unknown_outcome("the call did not end");

  // On a link: the request id, where its frame is in the stream, and when it was put there.
  uint64_t id = 0;
  uint64_t begin = 0, end = 0;
  os::Instant issued;

  void resolve(Result<RawReply> outcome);  // the call may be gone after this
};

// Issues calls, matches replies with them, and ends them all when the connection is lost: with `unknown` what may have been sent,
// with `elsewhere` what has not. Everything on the channel's executor. Owned by its channel until it is lost, and by its
// coroutines.
class ChannelLink final : public std::enable_shared_from_this<ChannelLink>, private FrameWriter::Events {
 public:
  class Events {
   public:
    virtual ~Events() = default;
    virtual void link_has_room() = 0;
    virtual void link_lost(ChannelLink& link) = 0;  // at once when it is closed; calls have been resolved
    virtual void link_ended() = 0;                  // its last coroutine is through
  };
  ChannelLink(os::Env& env, const ChannelConfig& config, async::Executor executor, std::unique_ptr<os::Connection> connection,
              std::shared_ptr<Events> events);
  void start();
  bool has_room() const;
  void issue(PendingCall* call);  // has_room() first, flush() afterwards
  void flush();
  // The caller no longer waits: resolves the call and tells the server. Closes the link when the payload could not be withdrawn.
  void withdraw(PendingCall* call, Result<RawReply> outcome);
  void expire(os::Instant now);  // calls past their deadline
  PendingCall* find_ticket(uint64_t ticket) const;
  os::Instant earliest_deadline() const;  // the end of time when there is no call
  void close(const Status& why);          // `cancelled` is handed to the calls as it is
  bool has_answered() const { return answered_; }

 private:
  static Task<void> read(std::shared_ptr<ChannelLink> self);
  static Task<Result<void>> take_reply(ChannelLink* self);
  Result<void> take_descriptor(RawReply& reply);
  void deliver(const Header& header, RawReply reply);
  PendingCall* find(uint64_t id) const;
  PendingCall* release(PendingCall* call);
  void discard(RawReply reply);

  void wrote(size_t bytes) override;
  void write_failed(const Status& why) override { close(why); }
  void writer_ended() override;
  void end_if_through();

  os::Env& env_;
  const ChannelConfig config_;
  async::Executor executor_;
  std::unique_ptr<os::Connection> connection_;
  std::shared_ptr<Events> events_;
  FrameReader reader_;
  FrameWriter writer_;
  std::vector<PendingCall*> slots_;  // the low 16 bits of a request id are an index into it
  std::vector<uint16_t> free_;
  std::vector<PendingCall*> held_;  // of a closed link: their payload is in a write that has not returned yet
  uint64_t generation_ = 0;
  std::deque<int> descriptors_;
  os::Instant last_received_;
  bool answered_ = false, closed_ = false, reading_ = true;
};

}  // namespace forebay::rpc
