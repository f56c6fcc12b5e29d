// As many idle peers as a large cluster has.
#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <fstream>

#include "rpc/test_world.h"

namespace forebay::rpc {
namespace {

#if defined(__SANITIZE_ADDRESS__) || __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
constexpr bool kMemoryIsOurs = false;  // a sanitizer keeps more beside every allocation than what is measured
#else
constexpr bool kMemoryIsOurs = true;
#endif

// A process that holds connections, because both ends of so many would not fit one table of descriptors. The child of a process
// with threads: system calls only.
class IdlePeers {
 public:
  IdlePeers(uint16_t port, size_t count) {
    if (::pipe(ready_) != 0 || ::pipe(end_) != 0) return;
    child_ = ::fork();
    if (child_ == 0) hold(port, count);
    ::close(ready_[1]);
    ::close(end_[0]);
  }
  ~IdlePeers() {
    if (child_ <= 0) return;
    ::close(end_[1]);
    ::close(ready_[0]);
    ::waitpid(child_, nullptr, 0);
  }
  bool connected() {
    char byte = 0;
    return child_ > 0 && ::read(ready_[0], &byte, 1) == 1 && byte == 'y';
  }

 private:
  [[noreturn]] void hold(uint16_t port, size_t count) {
    ::close(ready_[0]);
    ::close(end_[1]);
    sockaddr_in to{};
    to.sin_family = AF_INET;
    to.sin_port = htons(port);
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    bool all = true;
    for (size_t i = 0; i < count && all; ++i) {
      int fd = ::socket(AF_INET, SOCK_STREAM, 0);
      all = fd >= 0 && ::connect(fd, reinterpret_cast<const sockaddr*>(&to), sizeof to) == 0;
    }
    char byte = all ? 'y' : 'n';
    bool waits = ::write(ready_[1], &byte, 1) == 1;
    while (waits && ::read(end_[0], &byte, 1) > 0) {
    }
    ::_exit(0);
  }

  int ready_[2] = {-1, -1}, end_[2] = {-1, -1};
  pid_t child_ = -1;
};

size_t resident_bytes() {
  size_t total = 0, resident = 0;
  std::ifstream("/proc/self/statm") >> total >> resident;
  return resident * static_cast<size_t>(::sysconf(_SC_PAGESIZE));
}

size_t open_descriptors() { return static_cast<size_t>(std::distance(std::filesystem::directory_iterator("/proc/self/fd"), {})); }

// What the machine allows, if that is less than 10,000; said in the output.
size_t many() {
  rlimit limit{};
  ::getrlimit(RLIMIT_NOFILE, &limit);
  limit.rlim_cur = limit.rlim_max;
  ::setrlimit(RLIMIT_NOFILE, &limit);
  return std::min<size_t>(10'000, limit.rlim_max - 500);
}

class IdleConnectionsTest : public RpcTest {};

TEST_F(IdleConnectionsTest, ten_thousand_take_a_descriptor_and_little_memory_each_and_one_more_is_refused) {
  const size_t count = many();
  serve({.max_connections = count + 2});
  // Every executor, those of the server and the client's, opens descriptors of its own when it is used first.
  {
    RawPeer first = peer();
  }
  auto busy = channel(tcp), other = channel(tcp);
  ASSERT_TRUE(call<Echo>(*busy, "x"));
  ASSERT_TRUE(call<Echo>(*other, "x"));
  ASSERT_TRUE(eventually([&] { return events.connections == 2; })) << events.connections;
  const size_t descriptors = open_descriptors(), memory = resident_bytes();
  {
    IdlePeers idle(tcp.port, count);
    ASSERT_TRUE(idle.connected());
    ASSERT_TRUE(eventually([&] { return events.connections == static_cast<int>(count) + 2; })) << events.connections;
    EXPECT_LE(open_descriptors(), descriptors + count + 2);  // and the pipes to the other process
    const size_t each = (std::max(resident_bytes(), memory) - memory) / count;
    std::printf("%zu idle connections, %zu bytes of memory each\n", count, each);
    if (kMemoryIsOurs) EXPECT_LE(each, 16u << 10);
    EXPECT_TRUE(peer().is_closed());
    EXPECT_EQ(events.refused, 1);
    EXPECT_TRUE(call<Echo>(*busy, "x"));
  }
  ASSERT_TRUE(eventually([&] { return events.connections == 2; })) << events.connections;
  EXPECT_TRUE(eventually([&] { return open_descriptors() <= descriptors; })) << open_descriptors() << " of " << descriptors;
  RawPeer next = peer();
  ASSERT_TRUE(next.send(request_frame(60000, 1, text("m").SerializeAsString())));
  EXPECT_TRUE(next.receive());
  stop(*busy);
  stop(*other);
}

}  // namespace
}  // namespace forebay::rpc
