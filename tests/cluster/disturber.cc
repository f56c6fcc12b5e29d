#include "disturber.h"

#include <algorithm>
#include <memory>
#include <utility>
#include <vector>

namespace forebay::cluster {
namespace {

using Kind = Disturbance::Kind;
using std::chrono::milliseconds;
using std::chrono::minutes;

}  // namespace

Disturber::Disturber(os::SimWorld& world, const Scenario& scenario, SimCluster& cluster, Verdict& verdict)
    : world_(world), scenario_(scenario), cluster_(cluster), verdict_(verdict) {}

void Disturber::start() {
  for (size_t i = 0; i < scenario_.disturbances.size(); ++i) {
    ++running_;
    async::spawn_detached(world_.executor(),
                          repeat(this, &scenario_.disturbances[i], world_.random("disturbance " + std::to_string(i))));
  }
}

bool Disturber::stop() {
  stopping_ = true;
  if (!world_.run_until([&] { return running_ == 0; }, minutes(10))) {
    verdict_.violation("a disturbance does not end");
    return false;
  }
  world_.links().heal_all();
  return true;
}

// In small steps, so that stop() does not wait for a whole pause.
Task<void> Disturber::pause(Disturber* disturber, Duration time) {
  const os::Instant end = disturber->world_.time().now() + time;
  while (!disturber->stopping_ && disturber->world_.time().now() < end) {
    co_await disturber->world_.time().wait_until(std::min(end, disturber->world_.time().now() + milliseconds(500)));
  }
}

Task<void> Disturber::repeat(Disturber* disturber, const Disturbance* disturbance, os::SimRandom random) {
  while (!disturber->stopping_) {
    co_await pause(disturber,
                   Duration(static_cast<int64_t>(random.below(2 * static_cast<uint64_t>(disturbance->every.count())))));
    if (disturber->stopping_) break;
    std::vector<RoleSlot*> targets = disturber->cluster_.of_kind(disturbance->target);
    RoleSlot* target = targets[random.below(targets.size())];
    ++disturber->verdict_.disturbances;
    disturber->world_.history().record("strike", target->name, {static_cast<uint64_t>(disturbance->kind)});
    co_await strike(disturber, disturbance, target, &random);
  }
  --disturber->running_;
}

Task<void> Disturber::strike(Disturber* disturber, const Disturbance* disturbance, RoleSlot* target, os::SimRandom* random) {
  os::SimWorld& world = disturber->world_;
  SimCluster& cluster = disturber->cluster_;
  const std::string host = target->host;
  std::vector<std::string> others;
  for (const auto& slot : cluster.slots()) {
    if (slot->host != host) others.push_back(slot->host);
  }
  switch (disturbance->kind) {
    case Kind::kKill:
      cluster.kill(*target);
      co_await pause(disturber, disturbance->lasting);
      cluster.start_role(*target);
      break;
    case Kind::kPowerCut:
      cluster.power_off(host);
      co_await pause(disturber, disturbance->lasting);
      cluster.power_on(host);
      break;
    case Kind::kCut: {
      std::string from = host, to = others[random->below(others.size())];
      if (random->one_in(2)) std::swap(from, to);
      world.links().cut(from, to);
      co_await pause(disturber, disturbance->lasting);
      world.links().heal(from, to);
      break;
    }
    case Kind::kIsolate:
      for (const std::string& other : others) world.links().cut(host, other), world.links().cut(other, host);
      co_await pause(disturber, disturbance->lasting);
      for (const std::string& other : others) world.links().heal(host, other), world.links().heal(other, host);
      break;
    case Kind::kSlowLink:
      world.links().slow(host, milliseconds(50));
      co_await pause(disturber, disturbance->lasting);
      world.links().slow(host, Duration(0));
      break;
    case Kind::kFillDisk:
      world.host(host).disk().set_capacity(world.host(host).disk().used_bytes());
      co_await pause(disturber, disturbance->lasting);
      world.host(host).disk().set_capacity(disturber->scenario_.worker_capacity);
      break;
    case Kind::kFileError:
      disturber->fail_files(target, random->next());
      co_await pause(disturber, disturbance->lasting);
      target->watch.plan = nullptr;
      break;
  }
}

void Disturber::fail_files(RoleSlot* target, uint64_t seed) {
  auto random = std::make_shared<os::SimRandom>(seed);
  target->watch.plan = [random](const os::SeamCall& call) -> os::SeamFate {
    if (!call.name.starts_with("file.") || !random->one_in(20)) return {};
    return {.error = EIO, .done_bytes = random->below(call.bytes + 1)};
  };
}

}  // namespace forebay::cluster
