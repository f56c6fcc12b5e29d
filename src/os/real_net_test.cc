#include <gtest/gtest.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstring>
#include <filesystem>
#include <fstream>

#include "async/loop.h"
#include "os/net.h"
#include "os/net_contract.h"

namespace forebay::os {
namespace {

class RealWorld {
 public:
  RealWorld() {
    char name[] = "/tmp/forebay-net-XXXXXX";
    directory_ = mkdtemp(name);
  }
  ~RealWorld() {
    loop_.stop();
    std::filesystem::remove_all(directory_);
  }
  Network& network() { return real_network(); }
  async::Executor executor() { return loop_.executor(); }
  Instant now() { return std::chrono::steady_clock::now(); }
  template <class T>
  T run(Task<T> task) {
    return async::block_on(loop_.executor(), std::move(task));
  }
  Address tcp() { return {.host = "127.0.0.1"}; }
  Address local() { return {.path = directory_ + "/s" + std::to_string(++names_)}; }
  int descriptor(const std::string& content) {
    int fd = memfd_create("contract", MFD_CLOEXEC);
    EXPECT_EQ(::pwrite(fd, content.data(), content.size(), 0), static_cast<ssize_t>(content.size()));
    return fd;
  }
  std::string content(int descriptor) {
    char buffer[64];
    ssize_t got = ::pread(descriptor, buffer, sizeof buffer, 0);
    EXPECT_EQ(::close(descriptor), 0);
    return {buffer, static_cast<size_t>(std::max<ssize_t>(got, 0))};
  }

 private:
  async::Loop loop_{"net test"};
  std::string directory_;
  int names_ = 0;
};

INSTANTIATE_TYPED_TEST_SUITE_P(Real, NetContract, RealWorld);

class RealNet : public NetContract<RealWorld> {};

// A socket file as a killed process leaves it: bound, then nobody.
void leave_stale_socket(const std::string& path) {
  int fd = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_un name{};
  name.sun_family = AF_UNIX;
  std::strncpy(name.sun_path, path.c_str(), sizeof name.sun_path - 1);
  ASSERT_EQ(::bind(fd, reinterpret_cast<sockaddr*>(&name), sizeof name), 0);
  ASSERT_EQ(::listen(fd, 1), 0);
  ::close(fd);
}

TEST_F(RealNet, replaces_the_socket_file_of_a_dead_process) {
  Address at = world_.local();
  leave_stale_socket(at.path);
  auto listener = listen(at);
  finish(pair(*listener));
}

TEST_F(RealNet, does_not_replace_a_file_that_is_no_socket) {
  Address at = world_.local();
  std::ofstream(at.path) << "precious";
  auto listener = world_.network().listen(at, world_.executor());
  ASSERT_FALSE(listener);
  EXPECT_TRUE(listener.error().is(Code::kInvalid)) << listener.error().to_string();
  EXPECT_EQ(std::filesystem::file_size(at.path), 8u);
}

TEST_F(RealNet, removes_its_socket_file_but_not_its_successors) {
  Address at = world_.local();
  auto first = listen(at);
  std::filesystem::remove(at.path);
  auto second = listen(at);
  first->close();
  EXPECT_TRUE(std::filesystem::exists(at.path));
  second->close();
  EXPECT_FALSE(std::filesystem::exists(at.path));
}

TEST_F(RealNet, takes_unix_paths_that_a_socket_address_cannot_hold) {
  Address at = world_.local();
  std::string directory = at.path + "/" + std::string(100, 'd') + "/" + std::string(100, 'e');
  std::filesystem::create_directories(directory);
  at.path = directory + "/socket";
  auto listener = listen(at);
  finish(pair(*listener));
}

TEST_F(RealNet, resolves_names) {
  auto listener = listen(world_.tcp());
  Address to = listener->address();
  to.host = "localhost";
  auto connection = world_.run(world_.network().connect(to, soon()));
  ASSERT_TRUE(connection) << connection.error().to_string();
  EXPECT_TRUE((*connection)->peer_is_local());
  (*connection)->close();
}

TEST_F(RealNet, a_name_that_does_not_exist_is_elsewhere_and_named) {
  auto connection = world_.run(world_.network().connect({.host = "no-such-host.invalid", .port = 1}, soon()));
  ASSERT_FALSE(connection);
  EXPECT_TRUE(connection.error().is(Code::kElsewhere)) << connection.error().to_string();
  EXPECT_NE(connection.error().message().find("no-such-host.invalid"), std::string::npos);
}

TEST_F(RealNet, a_peer_that_does_not_accept_is_elsewhere_at_the_deadline) {
  // A full backlog: the kernel drops further attempts, as a host that is gone does.
  int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in name{};
  name.sin_family = AF_INET;
  name.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  ASSERT_EQ(::bind(fd, reinterpret_cast<sockaddr*>(&name), sizeof name), 0);
  ASSERT_EQ(::listen(fd, 0), 0);
  socklen_t length = sizeof name;
  ASSERT_EQ(::getsockname(fd, reinterpret_cast<sockaddr*>(&name), &length), 0);
  Address to{.host = "127.0.0.1", .port = ntohs(name.sin_port)};
  std::vector<Stream> accepted_by_the_kernel;
  Status last(Code::kBroken, EIO, "");
  for (int i = 0; i < 8; ++i) {
    auto connection = world_.run(world_.network().connect(to, world_.now() + std::chrono::milliseconds(50)));
    if (connection) {
      accepted_by_the_kernel.push_back(std::move(*connection));
      continue;
    }
    last = connection.error();
    break;
  }
  EXPECT_TRUE(last.is(Code::kElsewhere)) << last.to_string();
  EXPECT_TRUE(last.is_errno(ETIMEDOUT)) << last.to_string();
  ::close(fd);
}

TEST_F(RealNet, host_id_is_the_kernels_boot_id) {
  EXPECT_EQ(real_host_id().size(), 36u);
  EXPECT_EQ(real_host_id(), real_host_id());
}

TEST(Address, parses_what_it_prints) {
  for (const char* text : {"host:1", "10.0.0.1:19998", "[::1]:65535", "unix:/run/x.sock"}) {
    Result<Address> address = Address::parse(text);
    ASSERT_TRUE(address) << address.error().to_string();
    EXPECT_EQ(address->to_string(), text);
  }
  EXPECT_EQ(Address::parse("host", 19998)->port, 19998);
}

TEST(Address, refuses_what_is_none) {
  for (const char* text : {"", ":1", "host:", "host:x", "host:65536", "host:-1", "::1:5", "[::1", "[::1]5", "unix:"}) {
    Result<Address> address = Address::parse(text, 7);
    ASSERT_FALSE(address) << text;
    EXPECT_TRUE(address.error().is(Code::kInvalid)) << text;
  }
}

}  // namespace
}  // namespace forebay::os
