// An HTTP server for tests, on a port that the kernel chose: answers each request as its script says.
#pragma once

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <functional>
#include <map>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "base/check.h"

namespace forebay::ufs {

struct FakeRequest {
  std::string method, target, body;
  std::map<std::string, std::string> headers;  // lower-case names
};
struct FakeResponse {
  int status = 200;
  std::string body;
  std::vector<std::string> headers;
  bool hang_up = false;        // close without an answer
  bool keep_alive = false;     // the connection waits for another request
  size_t cut_body = SIZE_MAX;  // close after so many bytes of it
};

// One connection at a time, closed after each answer that does not say otherwise. The handler runs on the server's thread.
class FakeHttp {
 public:
  using Handler = std::function<FakeResponse(const FakeRequest&)>;

  explicit FakeHttp(Handler handler) : handler_(std::move(handler)) {
    listener_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t length = sizeof address;
    FOREBAY_CHECK(::bind(listener_, reinterpret_cast<sockaddr*>(&address), length) == 0 && ::listen(listener_, 64) == 0,
                  "loopback");
    ::getsockname(listener_, reinterpret_cast<sockaddr*>(&address), &length);
    port_ = ntohs(address.sin_port);
    thread_ = std::thread([this] { run(); });
  }
  ~FakeHttp() {
    ::shutdown(listener_, SHUT_RDWR);
    {
      std::lock_guard lock(mutex_);
      stopped_ = true;
      if (serving_ >= 0) ::shutdown(serving_, SHUT_RDWR);  // it may wait for another request
    }
    thread_.join();
    ::close(listener_);
  }
  FakeHttp(const FakeHttp&) = delete;
  FakeHttp& operator=(const FakeHttp&) = delete;

  std::string endpoint() const { return "http://127.0.0.1:" + std::to_string(port_); }
  std::vector<FakeRequest> requests() const {
    std::lock_guard lock(mutex_);
    return requests_;
  }

 private:
  void run() {
    for (;;) {
      const int fd = ::accept(listener_, nullptr, nullptr);
      if (fd < 0) return;
      set_serving(fd);
      while (serve(fd)) {
      }
      set_serving(-1);
      ::close(fd);
    }
  }
  void set_serving(int fd) {
    std::lock_guard lock(mutex_);
    serving_ = fd;
    if (stopped_ && fd >= 0) ::shutdown(fd, SHUT_RDWR);
  }
  // Does the connection wait for another request?
  bool serve(int fd) {
    std::string text;
    while (text.find("\r\n\r\n") == std::string::npos) {
      if (!more(fd, text)) return false;
    }
    const size_t end = text.find("\r\n\r\n");
    FakeRequest request = parse(text.substr(0, end));
    request.body = text.substr(end + 4);
    const size_t length = request.headers.contains("content-length") ? std::stoul(request.headers["content-length"]) : 0;
    while (request.body.size() < length) {
      if (!more(fd, request.body)) return false;
    }
    {
      std::lock_guard lock(mutex_);
      requests_.push_back(request);
    }
    const FakeResponse response = handler_(request);
    if (response.hang_up) return false;
    std::string out = "HTTP/1.1 " + std::to_string(response.status) + " Status\r\n";
    if (!response.keep_alive) out += "Connection: close\r\n";
    out += "Content-Length: " + std::to_string(response.body.size()) + "\r\n";
    for (const std::string& header : response.headers) out += header + "\r\n";
    out += "\r\n";
    if (request.method != "HEAD") out += response.body.substr(0, response.cut_body);
    for (size_t sent = 0; sent < out.size();) {
      const ssize_t put = ::send(fd, out.data() + sent, out.size() - sent, MSG_NOSIGNAL);
      if (put <= 0) return false;
      sent += static_cast<size_t>(put);
    }
    return response.keep_alive;
  }
  static bool more(int fd, std::string& text) {
    char buffer[16384];
    const ssize_t got = ::recv(fd, buffer, sizeof buffer, 0);
    if (got > 0) text.append(buffer, static_cast<size_t>(got));
    return got > 0;
  }
  static FakeRequest parse(const std::string& head) {
    FakeRequest request;
    size_t at = head.find("\r\n");
    const std::string line = head.substr(0, at);
    request.method = line.substr(0, line.find(' '));
    request.target = line.substr(line.find(' ') + 1, line.rfind(' ') - line.find(' ') - 1);
    while (at != std::string::npos) {
      const size_t start = at + 2, end = head.find("\r\n", start);
      const std::string header = head.substr(start, end == std::string::npos ? end : end - start);
      std::string name = header.substr(0, header.find(':'));
      for (char& c : name) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
      if (header.find(": ") != std::string::npos) request.headers[name] = header.substr(header.find(": ") + 2);
      at = end;
    }
    return request;
  }

  const Handler handler_;
  int listener_ = -1;
  uint16_t port_ = 0;
  mutable std::mutex mutex_;
  std::vector<FakeRequest> requests_;
  int serving_ = -1;
  bool stopped_ = false;
  std::thread thread_;
};

}  // namespace forebay::ufs
