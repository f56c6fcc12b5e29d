#include "os/memory_net.h"

#include <algorithm>
#include <deque>
#include <optional>
#include <utility>

#include "base/check.h"
#include "os/memory_stream.h"

namespace forebay::os {
namespace {

constexpr const char* kOwnNames[] = {"127.0.0.1", "localhost", "0.0.0.0", "::1", "::"};

}  // namespace

struct MemoryWires::Port {
  std::deque<std::shared_ptr<MemoryStream>> waiting;  // shared with the connection at the other end
  std::optional<async::Waker> acceptor;
  bool closed = false;

  void wake() {
    if (!acceptor) return;
    async::Waker waker = std::move(*acceptor);
    acceptor.reset();
    waker();
  }
};

struct MemoryNetwork::Process {
  bool dead = false;
  std::vector<std::weak_ptr<MemoryStream>> streams[2];  // by side
  std::vector<std::weak_ptr<MemoryWires::Port>> ports;
};

MemoryWires::MemoryWires(VirtualTime& time, LinkPolicy& policy, std::shared_ptr<DescriptorTable> descriptors, History* history,
                         MemoryNetConfig config)
    : time_(time), policy_(policy), descriptors_(std::move(descriptors)), history_(history), config_(config) {}

MemoryWires::~MemoryWires() = default;

void MemoryWires::set_down(const std::string& host, bool down) {
  if (down) {
    down_.insert(host);
  } else {
    down_.erase(host);
  }
}

size_t MemoryWires::open_streams() const {
  return static_cast<size_t>(std::ranges::count_if(streams_, [](const std::weak_ptr<MemoryStream>& stream) {
    std::shared_ptr<MemoryStream> alive = stream.lock();
    return alive && (!alive->failure(0) || !alive->failure(1));
  }));
}

class MemoryConnection final : public Connection {
 public:
  MemoryConnection(std::shared_ptr<MemoryStream> stream, int side, std::string peer)
      : stream_(std::move(stream)), side_(side), peer_(std::move(peer)) {}
  ~MemoryConnection() override { close(); }

  Task<Result<size_t>> read_some(MutableBytes into) override {
    auto stream = stream_;  // this object may be destroyed while the call is parked
    const int side = side_;
    for (;;) {
      if (stream->failure(side)) co_return std::unexpected(*stream->failure(side));
      size_t count = stream->receive(side, into);
      if (count > 0 || stream->ended(side)) co_return count;
      if (stream->failure(side)) continue;
      co_await async::park([&](async::Waker waker) { stream->wait_to_receive(side, std::move(waker)); });
    }
  }

  Task<Result<void>> write(std::span<const Bytes> parts) override { return write_all(stream_, side_, parts, {}); }

  Result<size_t> write_now(std::span<const Bytes> parts) override {
    size_t written = 0;
    for (Bytes part : parts) {
      while (!part.empty()) {
        if (stream_->failure(side_)) return std::unexpected(*stream_->failure(side_));
        size_t taken = stream_->send(side_, part, {});
        if (taken == 0) return written;
        written += taken;
        part = part.subspan(taken);
      }
    }
    return written;
  }

  Task<Result<void>> write_with_descriptor(std::span<const Bytes> parts, int descriptor) override {
    if (!is_unix_) co_return from_errno(EOPNOTSUPP, "pass a descriptor to " + peer_);
    CO_ASSIGN_OR_RETURN(int passed, duplicate(descriptor));
    Task<Result<void>> writing = write_all(stream_, side_, parts, {passed});
    co_return co_await std::move(writing);
  }

  std::vector<int> take_descriptors() override { return stream_->take_descriptors(side_); }
  void close() override { stream_->close(side_, unknown_outcome("connection to " + peer_ + " closed", ECONNABORTED).error()); }
  std::string peer() const override { return peer_; }
  bool peer_is_local() const override { return stream_->host(0) == stream_->host(1); }

  void make_unix(std::shared_ptr<DescriptorTable> table) {
    is_unix_ = true;
    table_ = std::move(table);
  }

 private:
  Result<int> duplicate(int descriptor) { return table_->duplicate(descriptor); }

  static Task<Result<void>> write_all(std::shared_ptr<MemoryStream> stream, int side, std::span<const Bytes> parts,
                                      std::vector<int> descriptors) {
    for (Bytes part : parts) {
      while (!part.empty()) {
        if (stream->failure(side)) co_return std::unexpected(*stream->failure(side));
        size_t taken = stream->send(side, part, descriptors);
        if (taken > 0) {
          descriptors.clear();
          part = part.subspan(taken);
          continue;
        }
        co_await async::park([&](async::Waker waker) { stream->wait_to_send(side, std::move(waker)); });
      }
    }
    co_return Result<void>{};
  }

  const std::shared_ptr<MemoryStream> stream_;  // shared with the other end and with pending calls
  const int side_;
  const std::string peer_;
  bool is_unix_ = false;
  std::shared_ptr<DescriptorTable> table_;
};

class MemoryListener final : public Listener {
 public:
  MemoryListener(MemoryNetwork& network, MemoryWires::PortKey key, Address address, std::shared_ptr<MemoryWires::Port> port)
      : wires_(network.wires_),
        process_(network.process_),
        key_(std::move(key)),
        address_(std::move(address)),
        port_(std::move(port)) {}
  ~MemoryListener() override { close(); }

  Task<Result<std::unique_ptr<Connection>>> accept(async::Executor) override {
    auto port = port_;  // this object may be destroyed while the call is parked
    auto process = process_;
    auto table = wires_.descriptors_;
    const bool is_unix = address_.is_unix();
    while (!port->closed && port->waiting.empty()) {
      co_await async::park([&](async::Waker waker) { port->acceptor.emplace(std::move(waker)); });
    }
    if (port->closed) co_return cancelled("the listener is closed");
    std::shared_ptr<MemoryStream> stream = std::move(port->waiting.front());
    port->waiting.pop_front();
    process->streams[1].push_back(stream);
    auto connection = std::make_unique<MemoryConnection>(stream, 1, stream->host(0));
    if (is_unix) connection->make_unix(table);
    co_return connection;
  }

  Address address() const override { return address_; }

  void close() override {
    if (port_->closed) return;
    wires_.ports_.erase(key_);
    MemoryNetwork::close_port(*port_);
  }

 private:
  MemoryWires& wires_;
  const std::shared_ptr<MemoryNetwork::Process> process_;  // shared with its network and its other listeners
  const MemoryWires::PortKey key_;
  const Address address_;
  const std::shared_ptr<MemoryWires::Port> port_;  // shared with the wires while open
};

MemoryNetwork::MemoryNetwork(MemoryWires& wires, std::string host)
    : wires_(wires), host_(std::move(host)), process_(std::make_shared<Process>()) {}

MemoryNetwork::~MemoryNetwork() = default;

void MemoryNetwork::close_port(MemoryWires::Port& port) {
  port.closed = true;
  for (const auto& stream : std::exchange(port.waiting, {})) {
    stream->close(1, unknown_outcome("the listener closed before it accepted", ECONNRESET).error());
  }
  port.wake();
}

std::string MemoryNetwork::host_of(const Address& address) const {
  if (address.is_unix() || std::ranges::find(kOwnNames, address.host) != std::end(kOwnNames)) return host_;
  return address.host;
}

Result<std::unique_ptr<Listener>> MemoryNetwork::listen(const Address& at, async::Executor) {
  if (process_->dead) return broken("listen at " + at.to_string() + ": the process is dead");
  if (host_of(at) != host_)
    return Error(Status(Code::kInvalid, EADDRNOTAVAIL, "listen at " + at.to_string() + ": not this host"));
  Address address = at;
  if (!at.is_unix() && at.port == 0) {
    do {
      address.port = wires_.next_port_++;
      if (wires_.next_port_ == 0) wires_.next_port_ = 40'000;
    } while (wires_.ports_.contains({host_, {"", address.port, ""}}));
  }
  MemoryWires::PortKey key{host_, {"", address.port, address.path}};
  auto port = std::make_shared<MemoryWires::Port>();
  if (!wires_.ports_.emplace(key, port).second) {
    return Error(Status(Code::kInvalid, EADDRINUSE, "listen at " + at.to_string() + ": the address is in use"));
  }
  process_->ports.push_back(port);
  return std::make_unique<MemoryListener>(*this, std::move(key), std::move(address), std::move(port));
}

Task<Result<std::unique_ptr<Connection>>> MemoryNetwork::connect(Address to, Instant deadline) {
  MemoryWires& wires = wires_;
  const std::string from = host_, target = host_of(to);
  auto process = process_;
  const std::string doing = "connect to " + to.to_string();
  // What a lost packet and a silent host have in common: the wait, and the error when it has been too long.
  Duration pause = wires.config_.resend_first;
  for (bool there = true;;) {
    if (process->dead) co_return broken(doing + ": the process is dead");
    LinkPolicy::Fate fate;
    if (from != target) fate = there ? wires.policy_.on_connect(from, target) : wires.policy_.on_connect(target, from);
    if (wires.down_.contains(target)) fate.kind = LinkPolicy::Kind::kLose;
    const bool lost = fate.kind == LinkPolicy::Kind::kLose;
    const Instant next = wires.time_.now() + (lost ? pause : fate.delay);
    if (fate.kind == LinkPolicy::Kind::kReset) co_return elsewhere(doing + ": refused", ECONNREFUSED);
    if (next > deadline) {
      co_await wires.time_.wait_until(deadline);
      co_return elsewhere(doing + ": no answer", ETIMEDOUT);
    }
    if (next > wires.time_.now()) co_await wires.time_.wait_until(next);
    if (lost) {
      pause = std::min(pause * 2, wires.config_.resend_most);
      there = true;
      continue;
    }
    if (!there) break;
    there = false;
  }
  if (process->dead) co_return broken(doing + ": the process is dead");
  auto found = wires.ports_.find({target, {"", to.port, to.path}});
  if (found == wires.ports_.end() || found->second->waiting.size() >= wires.config_.backlog) {
    co_return elsewhere(doing + ": refused", ECONNREFUSED);
  }
  auto stream = std::make_shared<MemoryStream>(wires, from, target);
  std::erase_if(wires.streams_, [](const std::weak_ptr<MemoryStream>& old) { return old.expired(); });
  wires.streams_.push_back(stream);
  process->streams[0].push_back(stream);
  found->second->waiting.push_back(stream);
  found->second->wake();
  auto connection = std::make_unique<MemoryConnection>(stream, 0, to.to_string());
  if (to.is_unix()) connection->make_unix(wires.descriptors_);
  co_return connection;
}

void MemoryNetwork::crash(bool silently) {
  process_->dead = true;
  for (const auto& weak : std::exchange(process_->ports, {})) {
    std::shared_ptr<MemoryWires::Port> port = weak.lock();
    if (!port || port->closed) continue;
    std::erase_if(wires_.ports_, [&](const auto& entry) { return entry.second == port; });
    close_port(*port);
  }
  for (int side : {0, 1}) {
    for (const auto& weak : std::exchange(process_->streams[side], {})) {
      std::shared_ptr<MemoryStream> stream = weak.lock();
      if (!stream) continue;
      if (silently) {
        stream->vanish(side);
      } else {
        stream->close(side, unknown_outcome("the process died", ECONNRESET).error());
      }
    }
  }
}

}  // namespace forebay::os
