#include "os/simulation.h"

#include "base/check.h"

namespace forebay::os {

SimProcess::SimProcess(SimWorld& world, SimHost& host, const std::string& name, uint64_t incarnation, SeamWatch* watch)
    : host_(host),
      watch_(world, name, watch),
      clock_(world.time_, host.skew, world.config_.timer_jitter, world.random("clock of " + name + std::to_string(incarnation))),
      random_(world.random("random of " + name + std::to_string(incarnation))),
      files_(host.disk()),
      faulty_files_(files_, watch_),
      network_(world.wires_, host.name()),
      faulty_network_(network_, watch_),
      env_{clock_, random_, faulty_files_, faulty_network_, world.executor(), host.boot_id()} {}

SeamFate SimProcess::Watch::before(const SeamCall& call) {
  if (!call.name.starts_with("net.")) world_.history_.record(call.name, name_ + " " + std::string(call.object), {call.bytes});
  return test_ ? test_->before(call) : SeamFate{};
}

void SimProcess::die(bool silently) {
  if (dead_) return;
  dead_ = true;
  files_.crash();
  network_.crash(silently);
}

SimWorld::SimWorld(WorldConfig config)
    : config_(config),
      random_(config.seed),
      links_(random_.split("links")),
      wires_(time_, links_, descriptors_, &history_, config.net) {
  links_.set(config.links);
}

SimWorld::~SimWorld() { time_.clear(); }

SimHost& SimWorld::host(const std::string& name) {
  std::unique_ptr<SimHost>& host = hosts_[name];
  if (!host) host = std::make_unique<SimHost>(name, config_.disk, descriptors_);
  return *host;
}

std::shared_ptr<SimProcess> SimWorld::start_process(const std::string& host_name, const std::string& name, SeamWatch* watch) {
  auto process = std::make_shared<SimProcess>(*this, host(host_name), name, ++incarnations_, watch);
  std::erase_if(processes_, [](const std::weak_ptr<SimProcess>& old) { return old.expired(); });
  processes_.push_back(process);
  history_.record("start", name, {incarnations_});
  return process;
}

void SimWorld::power_off(const std::string& name) {
  SimHost& machine = host(name);
  for (const std::weak_ptr<SimProcess>& weak : processes_) {
    std::shared_ptr<SimProcess> process = weak.lock();
    if (process && &process->host() == &machine) process->die(true);
  }
  wires_.set_down(name, true);
  ++machine.boots_;
  machine.disk().power_cut(random_.split("power cut of " + name + std::to_string(history_.events())).seed());
  history_.record("power off", name);
}

void SimWorld::power_on(const std::string& name) { wires_.set_down(name, false); }

void SimWorld::power_cut(const std::string& name) {
  power_off(name);
  power_on(name);
}

bool SimWorld::run_ready() { return loop_.run_ready(config_.turns_per_moment) < config_.turns_per_moment; }

bool SimWorld::run_until(const std::function<bool()>& condition, Duration limit) {
  const Instant end = time_.now() + limit;
  for (;;) {
    if (!run_ready()) return false;
    if (condition()) return true;
    std::optional<Instant> next = time_.next();
    if (!next) return false;
    if (*next > end) {
      time_.stall(end - time_.now());
      return false;
    }
    time_.advance();
  }
}

void SimWorld::run_for(Duration time) {
  run_until([] { return false; }, time);
}

}  // namespace forebay::os
