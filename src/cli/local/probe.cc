#include "cli/local/probe.h"

#include <arpa/inet.h>
#include <netdb.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <fstream>
#include <random>

namespace forebay::cli {
namespace {

constexpr size_t kMostReply = 1 << 20;

sockaddr_in loopback(uint16_t port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  return address;
}

void share(int fd) {
  int on = 1;
  setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
}

// Bound, and not listening. Shared: also where connections of an earlier listener linger. -1 and errno when the port is in use.
int bound_socket(const sockaddr_in& address, bool shared) {
  int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (fd < 0) return -1;
  if (shared) share(fd);
  if (bind(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0) {
    share(fd);
    return fd;
  }
  int error = errno;
  close(fd);
  errno = error;
  return -1;
}

// The first port that the kernel may give to a connection.
uint16_t first_ephemeral_port() {
  std::ifstream range("/proc/sys/net/ipv4/ip_local_port_range");
  int first = 0;
  return range >> first ? static_cast<uint16_t>(first) : uint16_t{32768};
}

// A socket with a deadline for everything done on it.
class Caller {
 public:
  explicit Caller(Duration timeout)
      : fd_(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0)), deadline_(Clock::now() + timeout) {}
  ~Caller() {
    if (fd_ >= 0) close(fd_);
  }
  bool connect(uint16_t port) {
    sockaddr_in to = loopback(port);
    if (::connect(fd_, reinterpret_cast<sockaddr*>(&to), sizeof to) == 0) return true;
    if (errno != EINPROGRESS || !wait(POLLOUT)) return false;
    int error = 0;
    socklen_t length = sizeof error;
    return getsockopt(fd_, SOL_SOCKET, SO_ERROR, &error, &length) == 0 && error == 0;
  }
  bool send(const std::string& text) {
    return wait(POLLOUT) && ::send(fd_, text.data(), text.size(), MSG_NOSIGNAL) == static_cast<ssize_t>(text.size());
  }
  bool receive(std::string& all) {
    char buffer[8192];
    while (all.size() < kMostReply && wait(POLLIN)) {
      ssize_t got = recv(fd_, buffer, sizeof buffer, 0);
      if (got == 0) return true;
      if (got < 0 && errno != EAGAIN && errno != EINTR) return false;
      if (got > 0) all.append(buffer, static_cast<size_t>(got));
    }
    return false;
  }

 private:
  using Clock = std::chrono::steady_clock;
  bool wait(short events) {
    for (;;) {
      auto left = std::chrono::duration_cast<std::chrono::milliseconds>(deadline_ - Clock::now()).count();
      if (left <= 0) return false;
      pollfd item{fd_, events, 0};
      int ready = poll(&item, 1, static_cast<int>(left));
      if (ready > 0) return true;
      if (ready == 0 || errno != EINTR) return false;
    }
  }
  const int fd_;
  const Clock::time_point deadline_;
};

}  // namespace

PortChooser::~PortChooser() {
  for (int fd : sockets_) close(fd);
}

Result<uint16_t> PortChooser::choose() {
  // Below the documented ports of a cluster, from a random one on: clusters that start at the same time seldom meet.
  constexpr uint16_t kFirst = 12'000;
  uint16_t end = std::min<uint16_t>(19'900, first_ephemeral_port());
  uint16_t count = end > kFirst ? end - kFirst : 0;
  std::random_device random;
  uint32_t begin = random();
  for (uint32_t i = 0; i < count; ++i) {
    auto port = static_cast<uint16_t>(kFirst + (begin + i) % count);
    int fd = bound_socket(loopback(port), false);
    if (fd < 0 && errno != EADDRINUSE) break;
    if (fd < 0) continue;
    sockets_.push_back(fd);
    return port;
  }
  int fd = bound_socket(loopback(0), false);
  if (fd < 0) return from_errno(errno, "looking for a free port");
  sockets_.push_back(fd);
  sockaddr_in address{};
  socklen_t length = sizeof address;
  if (getsockname(fd, reinterpret_cast<sockaddr*>(&address), &length) != 0) return from_errno(errno, "looking for a free port");
  return ntohs(address.sin_port);
}

bool PortChooser::take(uint16_t port) {
  if (!port_is_free("127.0.0.1", port)) return false;
  int fd = bound_socket(loopback(port), true);
  if (fd >= 0) sockets_.push_back(fd);
  return fd >= 0;
}

bool port_is_free(const std::string& host, uint16_t port) {
  sockaddr_in address = loopback(port);
  if (inet_pton(AF_INET, host.c_str(), &address.sin_addr) != 1) address.sin_addr.s_addr = htonl(INADDR_ANY);
  int fd = bound_socket(address, true);
  if (fd < 0) return false;
  bool listens = listen(fd, 1) == 0;
  close(fd);
  return listens;
}

std::optional<HttpReply> http_get(uint16_t port, const std::string& path, Duration timeout) {
  Caller caller(timeout);
  std::string all;
  if (!caller.connect(port) || !caller.send("GET " + path + " HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n") ||
      !caller.receive(all))
    return std::nullopt;
  size_t body = all.find("\r\n\r\n");
  if (!all.starts_with("HTTP/1.1 ") || body == std::string::npos) return std::nullopt;
  return HttpReply{std::atoi(all.c_str() + 9), all.substr(body + 4)};
}

std::string readiness_of(uint16_t web_port) {
  std::optional<HttpReply> reply = http_get(web_port, "/readyz", std::chrono::seconds(1));
  if (!reply) return "does not answer";
  if (reply->status == 200) return "";
  std::string reason = reply->body.substr(0, 500);
  while (reason.ends_with('\n')) reason.pop_back();
  return reason;
}

}  // namespace forebay::cli
