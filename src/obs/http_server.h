// The web port: a small HTTP/1.1 server for metrics, health and status pages. No part of the data path.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <string>

#include "base/status.h"
#include "base/units.h"
#include "obs/metrics.h"

namespace forebay::obs {

struct HttpConfig {
  size_t max_connections = 64;                  // more are answered 503 and closed
  uint32_t max_header_bytes = 8 * kKiB;         // a larger request is answered 431
  uint64_t max_body_bytes = 4 * kKiB;           // read and ignored; more is answered 413
  Duration timeout = std::chrono::seconds(10);  // for a request to arrive, and for an answer to leave
};

struct HttpAnswer {
  unsigned status = 200;
  std::string content_type = "text/plain; charset=utf-8";
  std::string body;
};

// Answers GET and HEAD on fixed paths (404 elsewhere, 405 for other methods). Owned by main(). get() only before listen();
// handlers run one at a time on the server's own thread and must not block. Memory: max_connections × (max_header_bytes +
// max_body_bytes + one answer). stop() is idempotent and runs in the destructor; no handler runs after it.
class HttpServer {
 public:
  explicit HttpServer(HttpConfig config = {});
  ~HttpServer();
  void get(std::string path, std::function<HttpAnswer()> handler);
  Result<uint16_t> listen(const std::string& host, uint16_t port);  // the real port; kInvalid names an address in use
  void stop();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

// Whether a role serves, and if not, why. Any thread.
class Readiness {
 public:
  void ready() { set(""); }
  void not_ready(std::string reason) { set(std::move(reason)); }
  std::string reason() const {  // empty: ready
    std::lock_guard lock(mutex_);
    return reason_;
  }

 private:
  void set(std::string reason) {
    std::lock_guard lock(mutex_);
    reason_ = std::move(reason);
  }
  mutable std::mutex mutex_;
  std::string reason_ = "starting";
};

// /metrics, /healthz (200 while the process lives), /readyz (200, or 503 with the reason).
void add_standard_pages(HttpServer& server, const Metrics& metrics, const Readiness& readiness);

}  // namespace forebay::obs
