#include "cli/local/probe.h"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <set>

namespace forebay::cli {
namespace {

// A socket on a port of 127.0.0.1, as a server binds it (shared), or as any other program does.
class Bound {
 public:
  Bound(uint16_t port, bool shared) : fd_(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    int on = 1;
    if (shared) setsockopt(fd_, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    bound_ = bind(fd_, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0;
  }
  ~Bound() { close(fd_); }
  Bound(const Bound&) = delete;
  Bound& operator=(const Bound&) = delete;
  bool bound() const { return bound_; }
  bool listens() const { return bound_ && listen(fd_, 1) == 0; }

 private:
  int fd_;
  bool bound_ = false;
};

TEST(PortChooser, holds_what_it_chose_against_everybody_but_a_server) {
  PortChooser ports;
  uint16_t port = ports.choose().value();
  EXPECT_FALSE(Bound(port, false).bound());
  EXPECT_TRUE(port_is_free("127.0.0.1", port));
  Bound server(port, true);
  EXPECT_TRUE(server.listens());
  EXPECT_FALSE(port_is_free("127.0.0.1", port));
}

TEST(PortChooser, gives_no_port_twice_and_none_that_a_connection_could_have) {
  PortChooser one, other;
  std::set<uint16_t> chosen;
  for (int i = 0; i < 50; ++i) {
    EXPECT_TRUE(chosen.insert(one.choose().value()).second);
    EXPECT_TRUE(chosen.insert(other.choose().value()).second);
  }
  EXPECT_LT(*chosen.rbegin(), 19'900);
}

TEST(PortChooser, takes_an_earlier_port_unless_somebody_listens_there) {
  uint16_t port = PortChooser().choose().value();
  {
    Bound server(port, true);
    ASSERT_TRUE(server.listens());
    EXPECT_FALSE(PortChooser().take(port));
  }
  PortChooser ports;
  EXPECT_TRUE(ports.take(port));
  EXPECT_FALSE(Bound(port, false).bound());
}

}  // namespace
}  // namespace forebay::cli
