#include "plain_sockets.h"

#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <vector>

#include "base/check.h"

namespace forebay::perf {
namespace {

constexpr size_t kPiece = 1 << 20;
constexpr size_t kFileBytes = 256 << 20;

void check(bool good) { FOREBAY_CHECK(good, "a system call of the yardstick failed"); }

void connect_tcp(int& client, int& server) {
  int listener = ::socket(AF_INET, SOCK_STREAM, 0), one = 1;
  sockaddr_in at{};
  at.sin_family = AF_INET;
  at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t length = sizeof at;
  check(::bind(listener, reinterpret_cast<sockaddr*>(&at), length) == 0 && ::listen(listener, 1) == 0);
  check(::getsockname(listener, reinterpret_cast<sockaddr*>(&at), &length) == 0);
  client = ::socket(AF_INET, SOCK_STREAM, 0);
  check(::connect(client, reinterpret_cast<sockaddr*>(&at), length) == 0);
  server = ::accept(listener, nullptr, nullptr);
  check(server >= 0);
  for (int fd : {client, server}) check(::setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one) == 0);
  ::close(listener);
}

}  // namespace

PlainSockets::PlainSockets(Kind kind, Work work, const std::string& file) {
  if (kind == Kind::kTcp) {
    connect_tcp(client_, server_);
  } else {
    int both[2];
    check(::socketpair(AF_UNIX, SOCK_STREAM, 0, both) == 0);
    client_ = both[0];
    server_ = both[1];
  }
  if (work == Work::kStore) {
    file_ = ::open(file.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    check(file_ >= 0);
  }
  thread_ = std::thread([this, work] { work == Work::kEcho ? echo() : store(); });
}

PlainSockets::~PlainSockets() {
  ::shutdown(client_, SHUT_RDWR);
  thread_.join();
  for (int fd : {client_, server_, file_})
    if (fd >= 0) ::close(fd);
}

void PlainSockets::echo() {
  int poller = ::epoll_create1(0);
  epoll_event event{};
  event.events = EPOLLIN;
  check(::epoll_ctl(poller, EPOLL_CTL_ADD, server_, &event) == 0);
  char buffer[64 << 10];
  for (;;) {
    if (::epoll_wait(poller, &event, 1, -1) != 1) continue;
    ssize_t got = ::recv(server_, buffer, sizeof buffer, MSG_DONTWAIT);
    if (got <= 0) break;
    if (::send(server_, buffer, static_cast<size_t>(got), MSG_NOSIGNAL) != got) break;
  }
  ::close(poller);
}

void PlainSockets::store() {
  std::vector<char> buffer(kPiece);
  for (size_t offset = 0;; offset = (offset + kPiece) % kFileBytes) {
    for (size_t have = 0; have < kPiece;) {
      ssize_t got = ::recv(server_, buffer.data() + have, kPiece - have, 0);
      if (got <= 0) return;
      have += static_cast<size_t>(got);
    }
    check(::pwrite(file_, buffer.data(), kPiece, static_cast<off_t>(offset)) == static_cast<ssize_t>(kPiece));
    if (::send(server_, buffer.data(), 1, MSG_NOSIGNAL) != 1) return;
  }
}

void PlainSockets::send(const char* data, size_t size) {
  while (size > 0) {
    ssize_t sent = ::send(client_, data, size, MSG_NOSIGNAL);
    check(sent > 0);
    data += sent;
    size -= static_cast<size_t>(sent);
  }
}

void PlainSockets::wait_for(size_t bytes) {
  char buffer[4096];
  while (bytes > 0) {
    ssize_t got = ::recv(client_, buffer, std::min(bytes, sizeof buffer), 0);
    check(got > 0);
    bytes -= static_cast<size_t>(got);
  }
}

void PlainSockets::exchange(size_t bytes) {
  char buffer[4096] = {};
  check(bytes <= sizeof buffer);
  send(buffer, bytes);
  wait_for(bytes);
}

}  // namespace forebay::perf
