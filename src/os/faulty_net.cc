#include "os/faulty_net.h"

#include <algorithm>
#include <string>
#include <utility>

namespace forebay::os {
namespace {

uint64_t size_of(std::span<const Bytes> parts) {
  uint64_t bytes = 0;
  for (Bytes part : parts) bytes += part.size();
  return bytes;
}

std::vector<Bytes> first_bytes(std::span<const Bytes> parts, uint64_t count) {
  std::vector<Bytes> first;
  for (Bytes part : parts) {
    first.push_back(part.first(std::min<uint64_t>(part.size(), count)));
    count -= first.back().size();
  }
  return first;
}

class FaultyConnection final : public Connection {
 public:
  FaultyConnection(std::unique_ptr<Connection> inner, SeamWatch& watch) : inner_(std::move(inner)), watch_(watch) {}

  Task<Result<size_t>> read_some(MutableBytes into) override {
    SeamFate fate = watch_.before({"net.read", inner_->peer(), into.size()});
    if (fate.then) fate.then();
    if (fate.error != 0) co_return broken_off(fate);
    Task<Result<size_t>> reading = inner_->read_some(into);
    Result<size_t> got = co_await std::move(reading);
    if (got && *got > 0 && fate.flip_bit >= 0) {
      into[static_cast<size_t>(fate.flip_bit / 8) % *got] ^= static_cast<std::byte>(1 << (fate.flip_bit % 8));
    }
    co_return got;
  }

  Task<Result<void>> write(std::span<const Bytes> parts) override { return write_parts(parts, -1); }
  Result<size_t> write_now(std::span<const Bytes> parts) override {
    SeamFate fate = watch_.before({"net.write", inner_->peer(), size_of(parts)});
    Result<size_t> written = 0;
    if (fate.error == 0 || fate.done_bytes > 0) {
      written = inner_->write_now(first_bytes(parts, fate.error == 0 ? SeamFate::kAll : fate.done_bytes));
    }
    if (fate.then) fate.then();
    if (fate.error != 0) return broken_off(fate);
    return written;
  }
  Task<Result<void>> write_with_descriptor(std::span<const Bytes> parts, int descriptor) override {
    return write_parts(parts, descriptor);
  }

  std::vector<int> take_descriptors() override { return inner_->take_descriptors(); }
  void close() override { inner_->close(); }
  std::string peer() const override { return inner_->peer(); }
  bool peer_is_local() const override { return inner_->peer_is_local(); }

 private:
  Error broken_off(const SeamFate& fate) {
    std::string peer = inner_->peer();
    inner_->close();
    return unknown_outcome("connection to " + peer + " broken", fate.error);
  }

  Task<Result<void>> write_parts(std::span<const Bytes> parts, int descriptor) {
    const uint64_t bytes = size_of(parts);
    SeamFate fate = watch_.before({"net.write", inner_->peer(), bytes});
    std::vector<Bytes> sent = first_bytes(parts, fate.error == 0 ? bytes : std::min(bytes, fate.done_bytes));
    Result<void> written;
    if (fate.error == 0 || fate.done_bytes > 0) {
      Task<Result<void>> writing = descriptor < 0 ? inner_->write(sent) : inner_->write_with_descriptor(sent, descriptor);
      written = co_await std::move(writing);
    }
    if (fate.then) fate.then();
    if (fate.error != 0) co_return broken_off(fate);
    co_return written;
  }

  const std::unique_ptr<Connection> inner_;
  SeamWatch& watch_;
};

class FaultyListener final : public Listener {
 public:
  FaultyListener(std::unique_ptr<Listener> inner, SeamWatch& watch) : inner_(std::move(inner)), watch_(watch) {}

  Task<Result<std::unique_ptr<Connection>>> accept(async::Executor executor_of_connection) override {
    SeamWatch& watch = watch_;  // this object may be destroyed while the call is parked
    for (;;) {
      Task<Result<std::unique_ptr<Connection>>> accepting = inner_->accept(executor_of_connection);
      Result<std::unique_ptr<Connection>> connection = co_await std::move(accepting);
      if (!connection) co_return connection;
      SeamFate fate = watch.before({"net.accept", (*connection)->peer()});
      if (fate.then) fate.then();
      if (fate.error == 0) co_return std::make_unique<FaultyConnection>(*std::move(connection), watch);
      // The connection is dropped; a listener goes on with the next.
    }
  }
  Address address() const override { return inner_->address(); }
  void close() override { inner_->close(); }

 private:
  const std::unique_ptr<Listener> inner_;
  SeamWatch& watch_;
};

}  // namespace

Task<Result<std::unique_ptr<Connection>>> FaultyNetwork::connect(Address to, Instant deadline) {
  const std::string name = to.to_string();
  SeamFate fate = watch_.before({"net.connect", name});
  SeamWatch& watch = watch_;
  if (fate.then) fate.then();
  if (fate.error != 0) co_return elsewhere("connect to " + name, fate.error);
  Task<Result<std::unique_ptr<Connection>>> connecting = inner_.connect(std::move(to), deadline);
  Result<std::unique_ptr<Connection>> connection = co_await std::move(connecting);
  if (!connection) co_return connection;
  co_return std::make_unique<FaultyConnection>(*std::move(connection), watch);
}

Result<std::unique_ptr<Listener>> FaultyNetwork::listen(const Address& at, async::Executor executor) {
  SeamFate fate = watch_.before({"net.listen", at.to_string()});
  if (fate.then) fate.then();
  if (fate.error != 0) return from_errno(fate.error, "listen at " + at.to_string());
  ASSIGN_OR_RETURN(std::unique_ptr<Listener> listener, inner_.listen(at, std::move(executor)));
  return std::make_unique<FaultyListener>(std::move(listener), watch_);
}

}  // namespace forebay::os
