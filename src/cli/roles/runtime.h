// What every role's process has around the role: log, metrics, web pages, threads, pid file, signals.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "async/loop.h"
#include "cli/local/pid_file.h"
#include "config/settings.h"
#include "obs/http_server.h"
#include "obs/json_log.h"
#include "obs/metrics.h"
#include "os/env.h"

namespace forebay::cli {

struct RuntimeConfig {
  std::string role;
  std::string pid_file;  // empty: none
  std::string web_host;
  uint16_t web_port = 0;
  int loops = 1;     // single-threaded executors for connections
  int blocking = 4;  // threads for slow calls
};

// Made on the main thread before any other thread exists, because it blocks SIGTERM, SIGINT and SIGHUP in all of them. Outlives
// the role, which gets everything from it. The destructor ends web server and threads.
class Runtime {
 public:
  static Result<std::unique_ptr<Runtime>> make(const RuntimeConfig& config, const config::Settings& settings);
  ~Runtime();

  os::Env& env() { return *env_; }
  obs::Log& log() { return *log_; }
  obs::Metrics& metrics() { return metrics_; }
  obs::Readiness& readiness() { return readiness_; }
  std::vector<async::Executor> executors() const;
  template <class T>
  T wait(Task<T> task) {
    return async::block_on(loops_.front()->executor(), std::move(task));
  }

  // Until SIGTERM or SIGINT, or end().
  void wait_for_end();
  void end();  // any thread

 private:
  Runtime() = default;
  std::unique_ptr<PidFile> pid_file_;
  std::unique_ptr<obs::Log> log_;
  obs::Metrics metrics_;
  obs::Readiness readiness_;
  std::vector<std::unique_ptr<async::Loop>> loops_;
  std::unique_ptr<async::Loop> blocking_;
  std::unique_ptr<os::Env> env_;
  obs::HttpServer web_;
};

}  // namespace forebay::cli
