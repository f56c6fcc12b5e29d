#include "cli/roles/runtime.h"

#include <signal.h>
#include <unistd.h>

#include "cli/roles/configs.h"
#include "cli/version.h"

namespace forebay::cli {
namespace {

constexpr int kEndSignal = SIGUSR1;

sigset_t end_signals() {
  sigset_t signals;
  sigemptyset(&signals);
  for (int number : {SIGTERM, SIGINT, SIGHUP, kEndSignal}) sigaddset(&signals, number);
  return signals;
}

}  // namespace

Result<std::unique_ptr<Runtime>> Runtime::make(const RuntimeConfig& config, const config::Settings& settings) {
  sigset_t signals = end_signals();
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  signal(SIGPIPE, SIG_IGN);
  std::unique_ptr<Runtime> runtime(new Runtime);
  if (!config.pid_file.empty()) {
    ASSIGN_OR_RETURN(runtime->pid_file_, PidFile::take(config.pid_file));
  }
  ASSIGN_OR_RETURN(obs::LogConfig log, log_config(settings, config.role));
  ASSIGN_OR_RETURN(runtime->log_, obs::open_log(log));
  const Duration busy_poll = settings.duration("forebay.rpc.busy_poll");
  for (int i = 0; i < config.loops; ++i)
    runtime->loops_.push_back(std::make_unique<async::Loop>(config.role.c_str(), 1, busy_poll));
  runtime->blocking_ = std::make_unique<async::Loop>("blocking", config.blocking);
  runtime->env_ = std::make_unique<os::Env>(os::Env{os::real_clock(), os::real_random(), os::real_files(), os::real_network(),
                                                    runtime->blocking_->executor(), os::real_host_id()});
  obs::add_process_metrics(runtime->metrics_, config.role, kVersion);
  obs::add_standard_pages(runtime->web_, runtime->metrics_, runtime->readiness_);
  TRY(runtime->web_.listen(config.web_host, config.web_port));
  runtime->log_->info("starting", {{"version", kVersion}, {"pid", getpid()}, {"web_port", config.web_port}});
  return runtime;
}

Runtime::~Runtime() {
  web_.stop();
  if (log_) log_->info("ended");
}

std::vector<async::Executor> Runtime::executors() const {
  std::vector<async::Executor> executors;
  executors.reserve(loops_.size());
  for (const auto& loop : loops_) executors.push_back(loop->executor());
  return executors;
}

void Runtime::wait_for_end() {
  sigset_t signals = end_signals();
  int number = 0;
  do {
    if (sigwait(&signals, &number) != 0) break;
  } while (number == SIGHUP);  // a closed terminal does not end a server
  readiness_.not_ready("stopping");
  log_->info("stopping", {{"signal", number}});
}

void Runtime::end() { kill(getpid(), kEndSignal); }

}  // namespace forebay::cli
