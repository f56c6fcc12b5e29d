#include <sys/socket.h>
#include <unistd.h>

#include <fstream>
#include <mutex>

#include "async/sync.h"
#include "os/real_connection.h"
#include "os/real_listener.h"
#include "os/socket_address.h"

namespace forebay::os {
namespace {

using Addresses = std::vector<SocketAddress>;
using Candidates = async::OneShot<Result<Addresses>>;
constexpr int kResolverThreads = 2;  // one slow name server does not stop every other lookup

Error nobody(const Address& to, int error) {
  char buffer[128];
  return elsewhere("connect to " + to.to_string() + ": " + strerror_r(error, buffer, sizeof buffer), error);
}

Task<void> cancel_at(Instant deadline, std::stop_token finished, std::shared_ptr<Socket> socket) {
  Task<bool> sleeping = async::sleep_until(deadline, finished);
  bool passed = co_await std::move(sleeping);
  if (passed && !finished.stop_requested()) socket->descriptor.cancel();
}

Task<void> give_up_at(Instant deadline, std::stop_token finished, std::shared_ptr<Candidates> found, std::string host) {
  Task<bool> sleeping = async::sleep_until(deadline, finished);
  bool passed = co_await std::move(sleeping);
  if (passed) found->set(elsewhere("look up host '" + host + "': no answer in time", ETIMEDOUT));
}

// A port of the ephemeral range without a listener can connect to itself: the kernel picks it as the source port too.
bool connected_to_itself(int fd) {
  SocketAddress here, there;
  here.length = there.length = sizeof here.storage;
  if (::getsockname(fd, reinterpret_cast<sockaddr*>(&here.storage), &here.length) != 0) return false;
  if (::getpeername(fd, reinterpret_cast<sockaddr*>(&there.storage), &there.length) != 0) return false;
  return here.to_string() == there.to_string();
}

// The socket's own error after a wait, 0 when it is connected.
int connect_result(int fd) {
  int error = 0;
  socklen_t length = sizeof error;
  if (::getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &length) != 0) return errno;
  return error;
}

// 0, or the errno. The wait ends at the deadline.
Task<int> connect_socket(std::shared_ptr<Socket> socket, SocketAddress to, Instant deadline) {
  for (;;) {
    if (::connect(socket->fd, to.get(), to.length) == 0) co_return 0;
    int error = errno;
    if (error == EINPROGRESS) break;
    if (error != EAGAIN && error != EINTR) co_return error;
    // A Unix listener's queue is full. The kernel offers nothing to wait for.
    Instant next = Instant(std::chrono::steady_clock::now()) + std::chrono::milliseconds(2);
    if (next >= deadline) co_return ETIMEDOUT;
    Task<bool> pausing = async::sleep_until(next, std::stop_token());
    co_await std::move(pausing);
  }
  std::stop_source finished;
  async::Executor executor = co_await async::current_executor();
  async::spawn_detached(executor, cancel_at(deadline, finished.get_token(), socket));
  Task<bool> waiting = socket->descriptor.writable();
  bool ready = co_await std::move(waiting);
  finished.request_stop();
  co_return ready ? connect_result(socket->fd) : ETIMEDOUT;
}

Task<Result<std::unique_ptr<Connection>>> connect_one(Address name, SocketAddress to, Instant deadline) {
  bool is_unix = name.is_unix();
  int fd = ::socket(to.family(), SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (fd < 0) co_return nobody(name, errno);
  tune_stream(fd, is_unix);
  async::Executor executor = co_await async::current_executor();
  auto socket = std::make_shared<Socket>(executor, fd, is_unix);
  Task<int> connecting = connect_socket(socket, to, deadline);
  int error = co_await std::move(connecting);
  if (error == 0 && !is_unix && connected_to_itself(fd)) error = ECONNREFUSED;
  if (error != 0) {
    socket->close();
    co_return nobody(name, error);
  }
  co_return std::make_unique<RealConnection>(std::move(socket), name.to_string(), to.is_loopback());
}

class RealNetwork final : public Network {
 public:
  Task<Result<std::unique_ptr<Connection>>> connect(Address to, Instant deadline) override {
    Task<Result<Addresses>> resolving = resolve(this, to, deadline);
    Result<Addresses> candidates = co_await std::move(resolving);
    if (!candidates) co_return std::unexpected(std::move(candidates).error());
    Result<std::unique_ptr<Connection>> connection = nobody(to, EADDRNOTAVAIL);
    for (size_t i = 0; i < candidates->size(); ++i) {
      // Each address gets an equal share of what is left, so that a dead first one does not use up the time of the others.
      Instant now(std::chrono::steady_clock::now());
      Instant until = now + (deadline - now) / static_cast<int64_t>(candidates->size() - i);
      Task<Result<std::unique_ptr<Connection>>> trying = connect_one(to, (*candidates)[i], until);
      connection = co_await std::move(trying);
      if (connection) break;
    }
    co_return connection;
  }

  Result<std::unique_ptr<Listener>> listen(const Address& at, async::Executor executor) override {
    return RealListener::open(at, std::move(executor));
  }

 private:
  static Task<Result<Addresses>> resolve(RealNetwork* self, Address to, Instant deadline) {
    if (to.is_unix()) {
      Result<SocketAddress> address = unix_socket_address(to.path);
      if (!address) co_return nobody(to, address.error().error());
      co_return Addresses{*address};
    }
    Result<Addresses> numeric = tcp_socket_addresses(to.host, to.port, /*numeric_only=*/true);
    if (!numeric || !numeric->empty()) co_return numeric;
    auto found = std::make_shared<Candidates>();
    async::post(self->resolver(), [found, to] { found->set(tcp_socket_addresses(to.host, to.port, /*numeric_only=*/false)); });
    std::stop_source finished;
    async::Executor executor = co_await async::current_executor();
    async::spawn_detached(executor, give_up_at(deadline, finished.get_token(), found, to.host));
    Task<Result<Addresses>> waiting = found->wait();
    Result<Addresses> answer = co_await std::move(waiting);
    finished.request_stop();
    co_return answer;
  }

  // Threads only for a process that looks up names.
  async::Executor resolver() {
    std::call_once(started_, [this] { resolver_ = std::make_unique<async::Loop>("resolver", kResolverThreads); });
    return resolver_->executor();
  }

  std::once_flag started_;
  std::unique_ptr<async::Loop> resolver_;
};

}  // namespace

Network& real_network() {
  static RealNetwork* const network = new RealNetwork;  // never destroyed: a lookup may be running when the process ends
  return *network;
}

std::string real_host_id() {
  std::string id;
  std::ifstream file("/proc/sys/kernel/random/boot_id");
  std::getline(file, id);
  return id;
}

}  // namespace forebay::os
