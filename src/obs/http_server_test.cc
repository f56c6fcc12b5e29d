#include "obs/http_server.h"

#include <arpa/inet.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

namespace forebay::obs {
namespace {

using testing::HasSubstr;
using testing::StartsWith;

// A blocking connection that speaks raw bytes.
class Peer {
 public:
  explicit Peer(uint16_t port) : fd_(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in to{};
    to.sin_family = AF_INET;
    to.sin_port = htons(port);
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    connected_ = connect(fd_, reinterpret_cast<sockaddr*>(&to), sizeof to) == 0;
  }
  ~Peer() { close(fd_); }
  bool connected() const { return connected_; }
  void send_text(std::string_view text) { (void)!::send(fd_, text.data(), text.size(), MSG_NOSIGNAL); }
  std::string read_to_end() {
    std::string all;
    char buffer[4096];
    for (ssize_t n; (n = recv(fd_, buffer, sizeof buffer, 0)) > 0;) all.append(buffer, static_cast<size_t>(n));
    return all;
  }

 private:
  int fd_;
  bool connected_ = false;
};

class HttpServerTest : public testing::Test {
 protected:
  void start(HttpConfig config = {}) {
    server_ = std::make_unique<HttpServer>(config);
    metrics_.counter("forebay_calls_total", "Calls.").add(5);
    add_standard_pages(*server_, metrics_, readiness_);
    Result<uint16_t> port = server_->listen("127.0.0.1", 0);
    ASSERT_TRUE(port) << port.error().to_string();
    port_ = *port;
  }
  std::string ask(std::string_view request) {
    Peer peer(port_);
    peer.send_text(request);
    return peer.read_to_end();
  }
  std::string get(std::string path) { return ask("GET " + path + " HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"); }

  Metrics metrics_;
  Readiness readiness_;
  std::unique_ptr<HttpServer> server_;
  uint16_t port_ = 0;
};

TEST_F(HttpServerTest, shows_metrics) {
  start();
  std::string answer = get("/metrics?name=x");
  EXPECT_THAT(answer, StartsWith("HTTP/1.1 200"));
  EXPECT_THAT(answer, HasSubstr("text/plain; version=0.0.4"));
  EXPECT_THAT(answer, HasSubstr("forebay_calls_total 5"));
}

TEST_F(HttpServerTest, says_ready_only_when_the_role_is) {
  start();
  EXPECT_THAT(get("/healthz"), StartsWith("HTTP/1.1 200"));
  EXPECT_THAT(get("/readyz"), testing::AllOf(StartsWith("HTTP/1.1 503"), HasSubstr("starting")));
  readiness_.ready();
  EXPECT_THAT(get("/readyz"), StartsWith("HTTP/1.1 200"));
  readiness_.not_ready("journal is broken");
  EXPECT_THAT(get("/readyz"), HasSubstr("journal is broken"));
}

TEST_F(HttpServerTest, answers_several_requests_on_one_connection) {
  start();
  std::string answers =
      ask("GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n"
          "HEAD /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
  EXPECT_THAT(answers, testing::ContainsRegex("200 OK.*ok.*200 OK"));
}

TEST_F(HttpServerTest, refuses_unknown_pages_other_methods_and_what_is_no_http) {
  start();
  EXPECT_THAT(get("/nothing"), StartsWith("HTTP/1.1 404"));
  EXPECT_THAT(ask("POST /metrics HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"),
              StartsWith("HTTP/1.1 405"));
  EXPECT_THAT(ask("this is not http\r\n\r\n"), StartsWith("HTTP/1.1 400"));
}

TEST_F(HttpServerTest, refuses_headers_and_bodies_beyond_their_limits) {
  start({.max_header_bytes = 512, .max_body_bytes = 64});
  EXPECT_THAT(get("/" + std::string(2000, 'a')), StartsWith("HTTP/1.1 431"));
  EXPECT_THAT(ask("GET /healthz HTTP/1.1\r\nHost: x\r\nContent-Length: 100000\r\n\r\n"), StartsWith("HTTP/1.1 413"));
}

TEST_F(HttpServerTest, closes_a_connection_that_sends_half_a_request_and_stops) {
  start({.timeout = std::chrono::milliseconds(50)});
  EXPECT_EQ(ask("GET /healthz HT"), "");
  EXPECT_THAT(get("/healthz"), StartsWith("HTTP/1.1 200"));
}

TEST_F(HttpServerTest, answers_503_beyond_its_connections) {
  start({.max_connections = 1});
  Peer idle(port_);
  idle.send_text("GET /healthz HTTP/1.1\r\n");
  EXPECT_THAT(get("/healthz"), StartsWith("HTTP/1.1 503"));
}

TEST_F(HttpServerTest, a_connections_place_is_free_again_however_it_ended) {
  start({.max_connections = 1, .timeout = std::chrono::milliseconds(50)});
  const auto is_served_again = [this] {
    for (int i = 0; i < 10'000; ++i)  // what ended here may be noticed there a little later
      if (get("/healthz").starts_with("HTTP/1.1 200")) return true;
    return false;
  };
  for (const std::string_view request :
       {"", "GET /healthz HT", "no HTTP at all\r\n\r\n", "GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n"}) {
    Peer(port_).send_text(request);  // gone without having read
    EXPECT_TRUE(is_served_again()) << request;
    ask(request);
    EXPECT_TRUE(is_served_again()) << request;
  }
}

TEST_F(HttpServerTest, names_an_address_that_is_in_use) {
  start();
  HttpServer second;
  Result<uint16_t> port = second.listen("127.0.0.1", port_);
  ASSERT_FALSE(port);
  EXPECT_EQ(port.error().code(), Code::kInvalid);
  EXPECT_THAT(port.error().message(), HasSubstr("127.0.0.1:" + std::to_string(port_)));
}

TEST_F(HttpServerTest, stops_with_connections_open) {
  start();
  Peer idle(port_);
  idle.send_text("GET /healthz HTTP/1.1\r\nHost: x\r\n");
  server_->stop();
  EXPECT_FALSE(Peer(port_).connected());
}

}  // namespace
}  // namespace forebay::obs
