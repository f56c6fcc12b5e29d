// Seam: connections.
#pragma once

#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "async/task.h"
#include "base/bytes.h"
#include "base/status.h"
#include "os/clock.h"

namespace forebay::os {

// "host:port" (TCP) or "unix:/path".
struct Address {
  std::string host;  // empty for Unix sockets
  uint16_t port = 0;
  std::string path;  // empty for TCP

  static Result<Address> parse(std::string_view text, uint16_t default_port = 0);
  bool is_unix() const { return !path.empty(); }
  std::string to_string() const;
  auto operator<=>(const Address&) const = default;
};

// A byte stream. Belongs to one executor: every call is made there. One read and one write may be pending at a time. After an
// error or close() it is only good for destroying.
class Connection {
 public:
  virtual ~Connection() = default;
  // At least one byte, or 0 at the orderly end of the stream.
  virtual Task<Result<size_t>> read_some(MutableBytes into) = 0;
  // All of it. The parts stay valid until it returns.
  virtual Task<Result<void>> write(std::span<const Bytes> parts) = 0;
  // As much from the front as the stream takes at once, without waiting; 0: nothing. Not while another write is pending. A stream
  // that has no buffer of its own keeps this default, and its callers use write().
  virtual Result<size_t> write_now(std::span<const Bytes>) { return 0; }
  // write(), with a descriptor attached to the first byte. Unix sockets only (EOPNOTSUPP elsewhere). The descriptor stays the
  // caller's.
  virtual Task<Result<void>> write_with_descriptor(std::span<const Bytes> parts, int descriptor) = 0;
  // Descriptors that have arrived with bytes read so far, in order; the caller owns them now. At most 16 wait; more close the
  // stream.
  virtual std::vector<int> take_descriptors() = 0;
  // Ends pending calls with kUnknown. Idempotent.
  virtual void close() = 0;
  virtual std::string peer() const = 0;    // for messages and logs
  virtual bool peer_is_local() const = 0;  // same host: a Unix socket, or a loopback address
};

class Listener {
 public:
  virtual ~Listener() = default;
  virtual Task<Result<std::unique_ptr<Connection>>> accept(async::Executor executor_of_connection) = 0;
  virtual Address address() const = 0;  // with the real port when 0 was asked for
  virtual void close() = 0;             // a pending accept ends with kCancelled
};

class Network {
 public:
  virtual ~Network() = default;
  // The connection belongs to the caller's executor. kElsewhere when nobody listens or the deadline passes: nothing was sent.
  virtual Task<Result<std::unique_ptr<Connection>>> connect(Address to, Instant deadline) = 0;
  // kInvalid naming the address when it is in use. A stale Unix socket file without a listener is replaced. Call on `executor`.
  virtual Result<std::unique_ptr<Listener>> listen(const Address& at, async::Executor executor) = 0;
};

Network& real_network();

// Name of this host, as workers and clients compare it to find that they share one (`/proc/sys/kernel/random/boot_id`).
std::string real_host_id();

}  // namespace forebay::os
