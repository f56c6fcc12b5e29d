#include "rpc/server_connection.h"

#include <algorithm>
#include <exception>

#include "base/check.h"
#include "rpc/error_detail.h"

namespace forebay::rpc {
namespace {

constexpr uint32_t kLargePayload = 64 << 10;
constexpr size_t kFew = 4;  // calls at a time: more are worth being put together by somebody else

Error bad_frame(const std::string& what) { return invalid("malformed frame: " + what); }

}  // namespace

ServerConnection::ServerConnection(std::shared_ptr<ServerShared> shared, async::Executor executor,
                                   std::unique_ptr<os::Connection> connection, bool passes_descriptors,
                                   std::function<void()> on_end)
    : shared_(std::move(shared)),
      executor_(std::move(executor)),
      connection_(std::move(connection)),
      passes_descriptors_(passes_descriptors),
      on_end_(std::move(on_end)),
      peer_(connection_->peer()),
      reader_(*connection_, shared_->env.clock, FrameLimits{.max_message = shared_->config.max_message_bytes}),
      writer_(*connection_, shared_->env.clock, executor_, *this) {}

void ServerConnection::start() { async::spawn_detached(executor_, serve(shared_from_this())); }

Task<void> ServerConnection::serve(std::shared_ptr<ServerConnection> self) {
  Result<bool> more = true;
  while (!self->closed_) {
    more = self->reader_.have_head();
    if (!more) break;
    if (!*more) {
      Task<Result<bool>> filling = self->reader_.fill();
      more = co_await std::move(filling);
      if (!more || !*more) break;
    } else if (self->reader_.header().kind == Kind::kRequest) {
      Task<Result<void>> taking = take_request(self.get());
      Result<void> taken = co_await std::move(taking);
      if (!taken) more = std::unexpected(std::move(taken).error());
    } else {
      Result<void> taken = self->take_cancellation();
      if (!taken) more = std::unexpected(std::move(taken).error());
    }
    if (!more) break;
  }
  self->end(more ? nullptr : &more.error());
}

Task<Result<void>> ServerConnection::take_request(ServerConnection* self) {
  const Header header = self->reader_.header();
  const Router::Entry* entry = self->shared_->router.find(header.method);
  if (entry != nullptr && header.payload_bytes > entry->method.max_payload)
    co_return bad_frame("a payload beyond the limit of " + std::string(entry->method.name));
  if (self->calls_.contains(header.id)) co_return bad_frame("a request id that is in use");
  // Before the payload is allocated. The peer may be silent meanwhile: no frame is overdue.
  while (!self->has_room() && !self->closed_) {
    Task<void> waiting = self->wait_for_room();
    co_await std::move(waiting);
  }
  size_t reserved = self->cost(header, entry);
  if (!self->shared_->budget.try_take(reserved)) {
    Task<void> waiting = self->shared_->budget.take(reserved);
    co_await std::move(waiting);
  }
  Call call;
  bool identified = call.context.ParseFromArray(self->reader_.context().data(), static_cast<int>(self->reader_.context().size()));
  std::string message(self->reader_.message());
  call.payload_crc = header.payload_crc;
  if (header.payload_bytes > 0) {
    Task<Result<Payload>> reading = self->reader_.read_payload();
    Result<Payload> payload = co_await std::move(reading);
    if (!payload) {
      self->shared_->budget.release(reserved);
      co_return std::unexpected(std::move(payload).error());
    }
    call.payload = std::move(*payload);
  }
  self->reader_.next();
  if (identified && entry != nullptr && !self->draining_ && !self->closed_) {
    self->begin(header, entry, std::move(call), std::move(message), reserved);
    // While bytes keep coming, reading never has to wait: let the handler have what has been read, and other connections their
    // turn.
    if (header.payload_bytes >= kLargePayload) co_await async::yield();
    co_return Result<void>();
  }
  self->shared_->budget.release(reserved);
  if (!identified) {
    self->refuse(header, invalid("the context of a request cannot be parsed"));
  } else if (entry == nullptr) {
    self->refuse(header, Error(Status(Code::kInvalid, ENOSYS, "no method " + std::to_string(header.method) + " here")));
  } else {
    self->refuse(header, elsewhere("the server is shutting down", ESHUTDOWN));
  }
  co_return Result<void>();
}

Result<void> ServerConnection::take_cancellation() {
  const Header& header = reader_.header();
  if (header.kind != Kind::kCancel) return bad_frame("a reply to a server");
  auto call = calls_.find(header.id);
  if (call != calls_.end()) call->second.abandoned.request_stop();
  reader_.next();
  return {};
}

// Bytes that a call may hold: its request, and the reply's payload.
size_t ServerConnection::cost(const Header& header, const Router::Entry* entry) const {
  return kHeaderBytes + header.body_bytes() + header.payload_bytes + (entry == nullptr ? 0 : entry->method.max_payload);
}

void ServerConnection::begin(const Header& header, const Router::Entry* entry, Call call, std::string message, size_t reserved) {
  Running& running = calls_[header.id];
  running.deadline = shared_->env.clock.now() + std::chrono::milliseconds(header.remaining_ms);
  running.reserved = reserved;
  call.deadline = running.deadline;
  call.peer = peer_;
  call.peer_is_local = connection_->peer_is_local();
  // Those that wait to be read count as well, taken to be as long as this one: a handler that does the work itself keeps them
  // waiting, and `calls_` would never hold more than one of many.
  const size_t unread = reader_.bytes_ahead() / (kHeaderBytes + header.body_bytes());
  call.is_one_of_few = calls_.size() + unread <= kFew;
  call.abandoned = running.abandoned.get_token();
  async::spawn_detached(executor_, handle(shared_from_this(), entry, header.id, std::move(call), std::move(message)));
}

Task<void> ServerConnection::handle(std::shared_ptr<ServerConnection> self, const Router::Entry* entry, uint64_t id, Call call,
                                    std::string message) {
  os::Instant began = self->shared_->env.clock.now();
  const TraceId trace{call.context.trace_hi(), call.context.trace_lo()};
  Result<Router::Reply> result = unknown_outcome("the handler did not answer");
  try {
    Task<Result<Router::Reply>> running = entry->invoke(std::move(call), std::move(message));
    result = co_await std::move(running);
  } catch (const std::exception& failure) {
    result = unknown_outcome(std::string(entry->method.name) + " failed: " + failure.what(), EIO);
  }
  self->finish(entry, id, began, trace, std::move(result));
}

void ServerConnection::finish(const Router::Entry* entry, uint64_t id, os::Instant began, TraceId trace,
                              Result<Router::Reply> result) {
  if (ServerEvents* events = shared_->events)
    events->call_finished(entry->method, shared_->env.clock.now() - began, result ? nullptr : &result.error(), trace);
  auto call = calls_.find(id);
  bool abandoned = call->second.abandoned.stop_requested();
  size_t reserved = call->second.reserved;
  calls_.erase(call);
  if (!abandoned && !closed_) send(entry->method.number, id, sendable(entry->method, std::move(result)));
  shared_->budget.release(reserved);
  settle();
}

Result<Router::Reply> ServerConnection::sendable(const Method& method, Result<Router::Reply> result) const {
  if (!result) return result;
  std::string name(method.name);
  if (result->descriptor >= 0 && !passes_descriptors_)
    return rejected(EOPNOTSUPP, "the answer to " + name + " is a descriptor, which needs a Unix socket");
  if (result->message.size() > shared_->config.max_message_bytes)
    return rejected(EMSGSIZE, "the answer to " + name + " is too long");
  if (result->payload.size() > method.max_payload) return rejected(EMSGSIZE, "the payload answering " + name + " is too long");
  return result;
}

void ServerConnection::send(uint16_t method, uint64_t id, Result<Router::Reply> result) {
  Header header{.kind = Kind::kReply, .method = method, .id = id};
  std::string failure;
  OutgoingFrame frame;
  if (result) {
    if (result->descriptor >= 0) header.flags = kHasDescriptor;
    frame.message = result->message;
    frame.payload = result->payload.view();
    frame.owned = std::move(result->payload);
    frame.descriptor = result->descriptor;
    frame.descriptor_owner = std::move(result->descriptor_owner);
  } else {
    header.flags = kFailed;
    failure = to_detail(result.error()).SerializeAsString();
    frame.message = failure;
  }
  frame.header = header;
  size_t before = writer_.unwritten_bytes();
  writer_.add(std::move(frame));
  size_t added = writer_.unwritten_bytes() - before;
  charged_ += added;
  shared_->budget.add(added);
  if (std::exchange(flush_posted_, true)) return;
  // Behind everything that is ready now, so that replies which are finished together leave together.
  async::post(executor_, [self = shared_from_this()] {
    self->flush_posted_ = false;
    if (!self->closed_) self->writer_.flush(self);
  });
}

void ServerConnection::refuse(const Header& header, Error why) {
  if (!closed_) send(header.method, header.id, std::move(why));
}

bool ServerConnection::has_room() const {
  const ServerConfig& config = shared_->config;
  return calls_.size() + writer_.unwritten_frames() < config.max_calls_per_connection &&
         writer_.unwritten_bytes() <= config.max_unwritten_bytes;
}

Task<void> ServerConnection::wait_for_room() {
  Task<void> parked = async::park([this](async::Waker waker) { room_ = std::move(waker); });
  co_await std::move(parked);
}

void ServerConnection::wrote(size_t bytes) {
  if (closed_) return;
  charged_ -= bytes;
  shared_->budget.release(bytes);
  settle();
}

void ServerConnection::write_failed(const Status& why) {
  if (!closed_ && shared_->events != nullptr) shared_->events->connection_failed(peer_, why);
  close();
}

void ServerConnection::end(const Status* why) {
  reading_ = false;
  if (why != nullptr && !closed_ && shared_->events != nullptr) shared_->events->connection_failed(peer_, *why);
  close();
}

void ServerConnection::drain() {
  draining_ = true;
  settle();
}

void ServerConnection::abandon() {
  for (auto& [id, call] : calls_) call.abandoned.request_stop();
}

void ServerConnection::close() {
  if (!std::exchange(closed_, true)) {
    connection_->close();
    writer_.stop();
    shared_->budget.release(std::exchange(charged_, 0));
    abandon();
  }
  settle();
}

void ServerConnection::close_if_overdue(os::Instant now) {
  Duration limit = shared_->config.frame_timeout;
  auto overdue = [&](std::optional<os::Instant> since) { return since && now - *since >= limit; };
  if (closed_ || (!overdue(reader_.waiting_since()) && !overdue(writer_.waiting_since()))) return;
  if (shared_->events != nullptr)
    shared_->events->connection_failed(peer_, unknown_outcome("the peer is stuck in a frame").error());
  close();
}

os::Instant ServerConnection::latest_deadline() const {
  os::Instant latest{};
  for (const auto& [id, call] : calls_) latest = std::max(latest, call.deadline);
  return latest;
}

// Called after everything that may have been the last of something.
void ServerConnection::settle() {
  if (room_ && (closed_ || has_room())) std::exchange(room_, nullptr)();
  if (!closed_ && draining_ && calls_.empty() && writer_.unwritten_bytes() == 0) return close();
  if (closed_ && !reading_ && calls_.empty() && !writer_.waits() && on_end_) std::exchange(on_end_, nullptr)();
}

}  // namespace forebay::rpc
