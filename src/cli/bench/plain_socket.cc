#include "cli/bench/plain_socket.h"

#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <thread>
#include <utility>

#include "base/units.h"

namespace forebay::cli {
namespace {

class Descriptor {
 public:
  explicit Descriptor(int fd = -1) : fd_(fd) {}
  Descriptor(Descriptor&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  Descriptor& operator=(Descriptor&& other) noexcept {
    std::swap(fd_, other.fd_);
    return *this;
  }
  ~Descriptor() {
    if (fd_ >= 0) close(fd_);
  }
  int get() const { return fd_; }

 private:
  int fd_;
};

Error failed(const std::string& what) { return from_errno(errno, what); }

using Connection = std::array<Descriptor, 2>;  // both ends

Result<Connection> connection() {
  Descriptor listener(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_in at{};
  at.sin_family = AF_INET;
  at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t length = sizeof at;
  auto* address = reinterpret_cast<sockaddr*>(&at);
  if (listener.get() < 0 || bind(listener.get(), address, length) != 0 || listen(listener.get(), 1) != 0 ||
      getsockname(listener.get(), address, &length) != 0)
    return failed("a socket to listen on");
  Descriptor near(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (near.get() < 0 || connect(near.get(), address, length) != 0) return failed("a connection to this host");
  Descriptor far(accept4(listener.get(), nullptr, nullptr, SOCK_CLOEXEC));
  if (far.get() < 0) return failed("a connection from this host");
  const int on = 1;
  for (int fd : {near.get(), far.get()})
    if (setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on) != 0) return failed("a connection to this host");
  return Connection{std::move(near), std::move(far)};
}

Result<void> send_all(int fd, Bytes data) {
  while (!data.empty()) {
    const ssize_t sent = send(fd, data.data(), data.size(), MSG_NOSIGNAL);
    if (sent < 0 && errno == EINTR) continue;
    if (sent <= 0) return failed("send");
    data = data.subspan(static_cast<size_t>(sent));
  }
  return {};
}

// Short only at the end of what is sent.
Result<size_t> receive(int fd, MutableBytes into) {
  size_t have = 0;
  while (have < into.size()) {
    const ssize_t got = recv(fd, into.data() + have, into.size() - have, 0);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return failed("receive");
    if (got == 0) break;
    have += static_cast<size_t>(got);
  }
  return have;
}

enum class Direction : uint8_t { kStore, kLoad };

// One file, and the thread on the other side of its connection, which ends with it.
class PlainFile final : public OpenedFile {
 public:
  PlainFile(Connection connection, std::unique_ptr<OpenedFile> stored, Direction direction)
      : near_(std::move(connection[0])), far_(std::move(connection[1])), stored_(std::move(stored)) {
    thread_ = std::jthread([this, direction] { outcome_ = direction == Direction::kStore ? store() : load(); });
  }
  ~PlainFile() override { shutdown(near_.get(), SHUT_RDWR); }

  Result<void> write_at(Bytes data, uint64_t offset) override {
    if (offset != position_) return rejected(ESPIPE, "a plain connection has no other place than the next");
    position_ += data.size();
    return send_all(near_.get(), data);
  }
  Result<size_t> read_at(MutableBytes into, uint64_t offset) override {
    if (offset != position_) return rejected(ESPIPE, "a plain connection has no other place than the next");
    ASSIGN_OR_RETURN(const size_t got, receive(near_.get(), into));
    position_ += got;
    return got;
  }
  Result<void> finish() override {
    shutdown(near_.get(), SHUT_WR);
    thread_.join();
    TRY(outcome_);
    return stored_->finish();
  }

 private:
  Result<void> store() {
    std::vector<std::byte> piece(kMiB);
    for (uint64_t at = 0;;) {
      ASSIGN_OR_RETURN(const size_t got, receive(far_.get(), piece));
      if (got == 0) return {};
      TRY(stored_->write_at(Bytes(piece).first(got), at));
      at += got;
    }
  }
  Result<void> load() {
    std::vector<std::byte> piece(kMiB);
    for (uint64_t at = 0;;) {
      ASSIGN_OR_RETURN(const size_t got, stored_->read_at(piece, at));
      if (got != 0) TRY(send_all(far_.get(), Bytes(piece).first(got)));
      at += got;
      if (got < piece.size()) {
        shutdown(far_.get(), SHUT_WR);
        return {};
      }
    }
  }

  Descriptor near_, far_;
  const std::unique_ptr<OpenedFile> stored_;  // by the thread, until that has ended
  uint64_t position_ = 0;
  Result<void> outcome_;
  std::jthread thread_;  // the first to go
};

class PlainSocketEndpoint final : public Endpoint {
 public:
  Result<std::optional<Node>> look(const std::string& path, bool follow) override { return files_->look(path, follow); }
  Result<void> list(const std::string& path, const std::function<Result<void>(const std::string&, const Node&)>& each) override {
    return files_->list(path, each);
  }
  Result<void> make_directory(const std::string& path, uint32_t mode) override { return files_->make_directory(path, mode); }
  Result<void> make_link(const std::string& path, const std::string& target) override { return files_->make_link(path, target); }
  Result<std::unique_ptr<OpenedFile>> open(const std::string& path) override {
    return connected(files_->open(path), Direction::kLoad);
  }
  Result<std::unique_ptr<OpenedFile>> create(const std::string& path, uint32_t mode, Existing existing) override {
    return connected(files_->create(path, mode, existing), Direction::kStore);
  }
  Result<void> remove(const std::string& path) override { return files_->remove(path); }
  Result<void> remove_directory(const std::string& path) override { return files_->remove_directory(path); }
  Result<void> rename(const std::string& from, const std::string& to) override { return files_->rename(from, to); }
  Result<void> set_attributes(const std::string& path, const Node& node) override { return files_->set_attributes(path, node); }

 private:
  static Result<std::unique_ptr<OpenedFile>> connected(Result<std::unique_ptr<OpenedFile>> file, Direction direction) {
    if (!file) return file;
    ASSIGN_OR_RETURN(Connection both, connection());
    return std::make_unique<PlainFile>(std::move(both), *std::move(file), direction);
  }

  const std::unique_ptr<Endpoint> files_ = local_endpoint();
};

}  // namespace

std::unique_ptr<Endpoint> plain_socket_endpoint() { return std::make_unique<PlainSocketEndpoint>(); }

}  // namespace forebay::cli
