// A connected socket of the real operating system.
#pragma once

#include <deque>
#include <memory>
#include <string>

#include "async/loop.h"
#include "os/net.h"

namespace forebay::os {

// The socket itself, shared by a connection and its pending reads and writes, which may outlive it by one turn of the loop.
struct Socket {
  Socket(const async::Executor& executor, int fd, bool is_unix) : descriptor(executor, fd), fd(fd), is_unix(is_unix) {}
  ~Socket() { close(); }
  Socket(const Socket&) = delete;
  Socket& operator=(const Socket&) = delete;
  void close();

  async::Descriptor descriptor;
  const int fd;
  const bool is_unix;
  bool closed = false;
  bool drained = false;         // the last read emptied the kernel's buffer: wait before trying again
  std::deque<int> descriptors;  // arrived, not yet taken
};

// See Connection. Tries the system call first and waits only when it would block.
class RealConnection final : public Connection {
 public:
  RealConnection(std::shared_ptr<Socket> socket, std::string peer, bool peer_is_local);
  ~RealConnection() override;

  Task<Result<size_t>> read_some(MutableBytes into) override;
  Task<Result<void>> write(std::span<const Bytes> parts) override;
  Result<size_t> write_now(std::span<const Bytes> parts) override;
  Task<Result<void>> write_with_descriptor(std::span<const Bytes> parts, int descriptor) override;
  std::vector<int> take_descriptors() override;
  void close() override { socket_->close(); }
  std::string peer() const override { return peer_; }
  bool peer_is_local() const override { return peer_is_local_; }

 private:
  std::shared_ptr<Socket> socket_;
  std::string peer_;
  bool peer_is_local_;
};

}  // namespace forebay::os
