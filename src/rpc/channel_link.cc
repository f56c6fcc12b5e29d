#include "rpc/channel_link.h"

#include <algorithm>

#include "base/check.h"
#include "rpc/error_detail.h"

namespace forebay::rpc {
namespace {

constexpr int kSlotBits = 16;
constexpr uint32_t kLargePayload = 64 << 10;

Error bad_frame(const std::string& what) { return invalid("malformed frame: " + what); }

Error after_loss(const Status& why, bool sent, const std::string& peer) {
  if (why.is(Code::kCancelled)) return Error(why);
  if (sent) return unknown_outcome(peer + ": " + why.message(), why.error());
  return elsewhere(peer + ": nothing was sent: " + why.message(), why.error());
}

}  // namespace

void PendingCall::resolve(Result<RawReply> outcome) {
  result = std::move(outcome);
  async::Waker wake = std::move(waker);
  wake();
}

ChannelLink::ChannelLink(os::Env& env, const ChannelConfig& config, async::Executor executor,
                         std::unique_ptr<os::Connection> connection, std::shared_ptr<Events> events)
    : env_(env),
      config_(config),
      executor_(std::move(executor)),
      connection_(std::move(connection)),
      events_(std::move(events)),
      reader_(*connection_, env.clock, FrameLimits{.max_message = config.max_message_bytes}),
      writer_(*connection_, env.clock, executor_, *this),
      slots_(config.max_outstanding, nullptr),
      last_received_(env.clock.now()) {
  FOREBAY_CHECK(config.max_outstanding > 0 && config.max_outstanding <= size_t{1} << kSlotBits, "max_outstanding out of range");
  for (size_t slot = slots_.size(); slot > 0; --slot) free_.push_back(static_cast<uint16_t>(slot - 1));
}

void ChannelLink::start() { async::spawn_detached(executor_, read(shared_from_this())); }

bool ChannelLink::has_room() const {
  return !closed_ && !free_.empty() && writer_.unwritten_bytes() < config_.max_unwritten_bytes;
}

void ChannelLink::issue(PendingCall* call) {
  call->issued = env_.clock.now();
  call->id = ++generation_ << kSlotBits | free_.back();
  slots_[free_.back()] = call;
  free_.pop_back();
  auto remaining = std::chrono::ceil<std::chrono::milliseconds>(call->deadline - call->issued).count();
  OutgoingFrame frame;
  frame.header = {.kind = Kind::kRequest,
                  .method = call->method.number,
                  .id = call->id,
                  .remaining_ms = static_cast<uint32_t>(std::clamp<int64_t>(remaining, 1, kMaxRemainingMs))};
  frame.context = call->context;
  frame.message = call->message;
  frame.payload = call->payload;
  call->begin = writer_.add(std::move(frame));
  call->end = call->begin + kHeaderBytes + call->context.size() + call->message.size() + call->payload.size();
}

void ChannelLink::flush() {
  if (!closed_) writer_.flush(shared_from_this());
}

Task<void> ChannelLink::read(std::shared_ptr<ChannelLink> self) {
  Status why(Code::kUnknown, ECONNRESET, "the server closed the connection");
  while (!self->closed_) {
    Result<bool> head = self->reader_.have_head();
    if (head && !*head) {
      Task<Result<bool>> filling = self->reader_.fill();
      head = co_await std::move(filling);
      if (head && !*head) break;  // an orderly end
      self->last_received_ = self->env_.clock.now();
    } else if (head) {
      Task<Result<void>> taking = take_reply(self.get());
      Result<void> taken = co_await std::move(taking);
      if (!taken) head = std::unexpected(std::move(taken).error());
    }
    if (!head) {
      why = std::move(head).error();
      break;
    }
  }
  self->reading_ = false;
  self->close(why);
  self->end_if_through();
}

Task<Result<void>> ChannelLink::take_reply(ChannelLink* self) {
  const Header header = self->reader_.header();
  if (header.kind != Kind::kReply) co_return bad_frame("not a reply");
  RawReply reply;
  // A late one has no call any more, and is read all the same: the next frame begins behind it.
  if (const PendingCall* call = self->find(header.id)) {
    if (call->method.number != header.method) co_return bad_frame("a reply to another method");
    if (header.payload_bytes > call->method.max_payload) co_return bad_frame("a payload beyond the limit of the method");
    reply.message = self->reader_.message();
  }
  if (header.has(kHasDescriptor)) CO_TRY(self->take_descriptor(reply));
  if (header.payload_bytes > 0) {
    Task<Result<Payload>> reading = self->reader_.read_payload();
    Result<Payload> payload = co_await std::move(reading);
    if (!payload) {
      self->discard(std::move(reply));
      co_return std::unexpected(std::move(payload).error());
    }
    reply.payload = std::move(*payload);
    reply.payload_crc = header.payload_crc;
    self->last_received_ = self->env_.clock.now();
  }
  self->reader_.next();
  self->deliver(header, std::move(reply));
  if (header.payload_bytes >= kLargePayload) co_await async::yield();  // the caller takes it before the next one is read
  co_return Result<void>();
}

Result<void> ChannelLink::take_descriptor(RawReply& reply) {
  for (int descriptor : connection_->take_descriptors()) descriptors_.push_back(descriptor);
  if (descriptors_.empty()) return bad_frame("a descriptor is missing");
  reply.descriptors.push_back(descriptors_.front());
  descriptors_.pop_front();
  return {};
}

void ChannelLink::deliver(const Header& header, RawReply reply) {
  PendingCall* call = find(header.id);
  if (call == nullptr) return discard(std::move(reply));
  answered_ = true;
  release(call);
  v1::ErrorDetail detail;
  if (!header.has(kFailed)) {
    call->resolve(std::move(reply));
  } else if (detail.ParseFromString(reply.message)) {
    call->resolve(std::unexpected(from_detail(detail)));
  } else {
    call->resolve(unknown_outcome("the server's error cannot be parsed", EPROTO));
  }
  events_->link_has_room();
}

PendingCall* ChannelLink::find(uint64_t id) const {
  size_t slot = id & ((size_t{1} << kSlotBits) - 1);
  if (slot >= slots_.size() || slots_[slot] == nullptr || slots_[slot]->id != id) return nullptr;
  return slots_[slot];
}

PendingCall* ChannelLink::find_ticket(uint64_t ticket) const {
  for (PendingCall* call : slots_)
    if (call != nullptr && call->ticket == ticket) return call;
  return nullptr;
}

PendingCall* ChannelLink::release(PendingCall* call) {
  auto slot = static_cast<uint16_t>(call->id);
  slots_[slot] = nullptr;
  free_.push_back(slot);
  return call;
}

// Closing a descriptor goes through the seam: in the simulation it is not the kernel's.
void ChannelLink::discard(RawReply reply) {
  for (int descriptor : reply.descriptors) Result<std::unique_ptr<os::File>> closed_at_once = env_.files.adopt(descriptor);
}

os::Instant ChannelLink::earliest_deadline() const {
  os::Instant earliest = os::Instant::max();
  for (const PendingCall* call : slots_)
    if (call != nullptr) earliest = std::min(earliest, call->deadline);
  return earliest;
}

void ChannelLink::withdraw(PendingCall* call, Result<RawReply> outcome) {
  // The payload is the caller's: before it is gone from the writer, the caller cannot go on. A peer that has not taken it within
  // the call's whole time is stuck anyway.
  if (!call->payload.empty() && call->end > writer_.written())
    return close(unknown_outcome("the peer did not take a payload in time").error());
  writer_.add({.header = {.kind = Kind::kCancel, .method = call->method.number, .id = call->id}});
  release(call)->resolve(std::move(outcome));
  flush();
}

void ChannelLink::expire(os::Instant now) {
  for (size_t slot = 0; slot < slots_.size() && !closed_; ++slot) {
    PendingCall* call = slots_[slot];
    if (call == nullptr || call->deadline > now) continue;
    os::Instant heard = std::max(last_received_, call->issued);
    withdraw(call, unknown_outcome(std::string(call->method.name) + ": no answer in time"));
    if (now - heard >= config_.silence_limit) close(unknown_outcome("the server has been silent").error());
  }
}

void ChannelLink::close(const Status& why) {
  if (std::exchange(closed_, true)) return;
  connection_->close();
  writer_.stop();
  for (PendingCall*& slot : slots_) {
    if (slot == nullptr) continue;
    PendingCall* call = std::exchange(slot, nullptr);
    bool sent = call->begin < writer_.handed_over();
    bool in_use = sent && writer_.waits() && !call->payload.empty() && call->end > writer_.written();
    call->result = after_loss(why, sent, connection_->peer());
    if (in_use) {
      held_.push_back(call);
    } else {
      call->resolve(std::move(call->result));
    }
  }
  discard({.descriptors = {descriptors_.begin(), descriptors_.end()}});
  descriptors_.clear();
  events_->link_lost(*this);
}

void ChannelLink::wrote(size_t) {
  if (!closed_) events_->link_has_room();
}

void ChannelLink::writer_ended() {
  std::vector<PendingCall*> held = std::exchange(held_, {});
  for (PendingCall* call : held) call->resolve(std::move(call->result));
  end_if_through();
}

void ChannelLink::end_if_through() {
  if (closed_ && !reading_ && !writer_.waits() && events_) std::exchange(events_, nullptr)->link_ended();
}

}  // namespace forebay::rpc
