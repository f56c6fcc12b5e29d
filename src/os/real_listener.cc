#include "os/real_listener.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include "os/real_connection.h"

namespace forebay::os {
namespace {

constexpr int kBacklog = 1024;
// A peer that vanished without a word is noticed within half a minute, whether data is on its way or not.
constexpr int kUserTimeoutMs = 30'000, kKeepIdleS = 15, kKeepIntervalS = 5, kKeepCount = 3;
constexpr int kUnixBufferBytes = 1 << 20;  // a payload in one go; the kernel may grant less

void set_option(int fd, int level, int name, int value) { (void)setsockopt(fd, level, name, &value, sizeof value); }

Error cannot_listen(const Address& at, int error) {
  char buffer[128];
  std::string why = error == EADDRINUSE ? "it is in use by another process" : strerror_r(error, buffer, sizeof buffer);
  return Error(Status(Code::kInvalid, error, "listen on " + at.to_string() + ": " + why));
}

// Closes unless taken.
class OwnedSocket {
 public:
  explicit OwnedSocket(int fd) : fd_(fd) {}
  ~OwnedSocket() {
    if (fd_ >= 0) ::close(fd_);
  }
  OwnedSocket(const OwnedSocket&) = delete;
  OwnedSocket& operator=(const OwnedSocket&) = delete;
  int get() const { return fd_; }
  int take() { return std::exchange(fd_, -1); }

 private:
  int fd_;
};

int new_socket(int family) { return ::socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0); }

// Whether the file is a socket that a dead process left behind.
bool is_stale(const Address& at, const SocketAddress& where) {
  struct stat status{};
  if (::lstat(at.path.c_str(), &status) != 0 || !S_ISSOCK(status.st_mode)) return false;
  OwnedSocket probe(new_socket(AF_UNIX));
  return probe.get() >= 0 && ::connect(probe.get(), where.get(), where.length) != 0 && errno == ECONNREFUSED;
}

Result<void> bind_unix(const Address& at, const SocketAddress& where, int fd) {
  if (::bind(fd, where.get(), where.length) == 0) return {};
  if (errno != EADDRINUSE) return cannot_listen(at, errno);
  if (!is_stale(at, where)) return cannot_listen(at, EADDRINUSE);
  if (::unlink(at.path.c_str()) != 0 || ::bind(fd, where.get(), where.length) != 0) return cannot_listen(at, errno);
  return {};
}

Result<uint16_t> bind_tcp(const Address& at, const SocketAddress& where, int fd) {
  set_option(fd, SOL_SOCKET, SO_REUSEADDR,
             1);  // what earlier connections left in TIME_WAIT does not keep a restart from its port
  if (::bind(fd, where.get(), where.length) != 0) return cannot_listen(at, errno);
  sockaddr_storage bound{};
  socklen_t length = sizeof bound;
  if (::getsockname(fd, reinterpret_cast<sockaddr*>(&bound), &length) != 0) return cannot_listen(at, errno);
  return ntohs(bound.ss_family == AF_INET6 ? reinterpret_cast<sockaddr_in6*>(&bound)->sin6_port
                                           : reinterpret_cast<sockaddr_in*>(&bound)->sin_port);
}

Result<SocketAddress> where_to_listen(const Address& at) {
  if (at.is_unix()) return unix_socket_address(at.path);
  ASSIGN_OR_RETURN(std::vector<SocketAddress> found, tcp_socket_addresses(at.host, at.port, /*numeric_only=*/false));
  return found.front();
}

Result<std::unique_ptr<Connection>> accepted(int fd, const RealListener::State& state, const async::Executor& executor) {
  OwnedSocket owned(fd);
  bool is_unix = state.address.is_unix();
  tune_stream(fd, is_unix);
  SocketAddress peer;
  peer.length = sizeof peer.storage;
  if (!is_unix && ::getpeername(fd, reinterpret_cast<sockaddr*>(&peer.storage), &peer.length) != 0)
    return unknown_outcome("a connection was lost while it was accepted", errno);
  auto socket = std::make_shared<Socket>(executor, owned.take(), is_unix);
  return std::make_unique<RealConnection>(std::move(socket), is_unix ? "a process of this host" : peer.to_string(),
                                          is_unix || peer.is_loopback());
}

Task<Result<std::unique_ptr<Connection>>> accept_one(std::shared_ptr<RealListener::State> state, async::Executor executor) {
  for (;;) {
    if (state->closed) co_return cancelled("the listener on " + state->address.to_string() + " was closed");
    int fd = ::accept4(state->fd, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd >= 0) {
      Result<std::unique_ptr<Connection>> connection = accepted(fd, *state, executor);
      if (connection) co_return connection;
      continue;
    }
    if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM)
      co_return from_errno(errno, "accept a connection on " + state->address.to_string());
    if (errno != EAGAIN && errno != EWOULDBLOCK) continue;  // that connection was gone before it was accepted
    Task<bool> waiting = state->descriptor.readable();
    co_await std::move(waiting);
  }
}

}  // namespace

void tune_stream(int fd, bool is_unix) {
  if (is_unix) {
    set_option(fd, SOL_SOCKET, SO_SNDBUF, kUnixBufferBytes);
    return;
  }
  set_option(fd, IPPROTO_TCP, TCP_NODELAY, 1);
  set_option(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, kUserTimeoutMs);
  set_option(fd, SOL_SOCKET, SO_KEEPALIVE, 1);
  set_option(fd, IPPROTO_TCP, TCP_KEEPIDLE, kKeepIdleS);
  set_option(fd, IPPROTO_TCP, TCP_KEEPINTVL, kKeepIntervalS);
  set_option(fd, IPPROTO_TCP, TCP_KEEPCNT, kKeepCount);
}

void RealListener::State::close() {
  if (std::exchange(closed, true)) return;
  descriptor.release();
  ::close(fd);
  struct stat status{};
  if (address.is_unix() && ::lstat(address.path.c_str(), &status) == 0 && status.st_dev == device && status.st_ino == inode)
    ::unlink(address.path.c_str());
}

RealListener::~RealListener() { state_->close(); }

Result<std::unique_ptr<Listener>> RealListener::open(const Address& at, async::Executor executor) {
  ASSIGN_OR_RETURN(SocketAddress where, where_to_listen(at));
  OwnedSocket socket(new_socket(where.family()));
  if (socket.get() < 0) return cannot_listen(at, errno);
  Address bound = at;
  struct stat status{};
  if (at.is_unix()) {
    TRY(bind_unix(at, where, socket.get()));
    if (::lstat(at.path.c_str(), &status) != 0) return cannot_listen(at, errno);
  } else {
    ASSIGN_OR_RETURN(bound.port, bind_tcp(at, where, socket.get()));
  }
  if (::listen(socket.get(), kBacklog) != 0) return cannot_listen(at, errno);
  auto state = std::make_shared<State>(executor, socket.take());
  state->address = std::move(bound);
  state->device = status.st_dev;
  state->inode = status.st_ino;
  return std::make_unique<RealListener>(std::move(state));
}

Task<Result<std::unique_ptr<Connection>>> RealListener::accept(async::Executor executor_of_connection) {
  return accept_one(state_, std::move(executor_of_connection));
}

}  // namespace forebay::os
