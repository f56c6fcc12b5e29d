#include "master_process.h"

#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "async/loop.h"
#include "base/check.h"
#include "kv/rocks_store.h"
#include "master/master.h"
#include "os/env.h"

namespace forebay::perf {
namespace {

[[noreturn]] void serve(const std::string& directory, int port_pipe) {
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  async::Loop blocking("blocking", 2), commit("commit"), server("server");
  os::Env env{os::real_clock(), os::real_random(), os::real_files(), os::real_network(), blocking.executor(), "host"};
  master::MasterConfig config;
  config.listen = {{.host = "127.0.0.1"}};
  config.sessions.lease = std::chrono::hours(1);  // nobody renews it here
  auto open = [&] { return kv::open_rocks_store({.directory = directory + "/metadata"}); };
  master::Master master(env, config, open, commit.executor(), {server.executor()}, obs::null_log(), master::no_events());
  const Result<void> started = async::block_on(server.executor(), master.start());
  FOREBAY_CHECK(started.has_value(), started ? "" : started.error().to_string());
  const uint16_t port = master.addresses().front().port;
  FOREBAY_CHECK(::write(port_pipe, &port, sizeof port) == sizeof port, "the port is told");
  for (;;) pause();
}

}  // namespace

MasterProcess::MasterProcess(const std::string& directory) {
  int both[2];
  FOREBAY_CHECK(::pipe(both) == 0, "a pipe");
  child_ = fork();
  FOREBAY_CHECK(child_ >= 0, "a process");
  if (child_ == 0) serve(directory, both[1]);
  ::close(both[1]);
  FOREBAY_CHECK(::read(both[0], &port_, sizeof port_) == sizeof port_, "the master starts");
  ::close(both[0]);
}

void MasterProcess::send_kill() const { ::kill(child_, SIGKILL); }

void MasterProcess::kill() {
  if (child_ < 0) return;
  send_kill();
  waitpid(child_, nullptr, 0);
  child_ = -1;
}

}  // namespace forebay::perf
