#include "storm_weather.h"

#include <algorithm>
#include <string>

namespace forebay::cluster {
namespace {

using std::chrono::milliseconds;
using std::chrono::minutes;
using std::chrono::seconds;
using ufs::StoreFaultKind;
using Victim = PersistCluster::Victim;

Duration below(os::SimRandom* random, Duration most) {
  return Duration(static_cast<int64_t>(random->below(static_cast<uint64_t>(most.count()) + 1)));
}

}  // namespace

ufs::StoreFault StormFaults::next(const ufs::StoreRequest& request) {
  if (is_calm) return {};
  if (is_down) return {hangs ? StoreFaultKind::kHang : StoreFaultKind::kBusy, {}};
  if (!random_.one_in(12)) return {};
  static constexpr StoreFaultKind kKinds[] = {StoreFaultKind::kConflict,  StoreFaultKind::kBusy,      StoreFaultKind::kSlow,
                                              StoreFaultKind::kHang,      StoreFaultKind::kLostReply, StoreFaultKind::kLate,
                                              StoreFaultKind::kDuplicate, StoreFaultKind::kTruncated};
  ufs::StoreFault fault{kKinds[random_.below(std::size(kKinds))], Duration(static_cast<int64_t>(random_.below(20'000'000'000)))};
  if (fault.kind != StoreFaultKind::kDuplicate) return fault;
  // A request that was answered and comes again later cannot be fenced by anybody: what follows the answer may be done by then.
  // The second of two uploads that one request has begun is known to nobody. So the repetition comes before the answer, and there
  // is none of a beginning.
  if (request.operation == "create_upload") return {};
  fault.delay = {};
  return fault;
}

StormWeather::StormWeather(PersistCluster& cluster, StormFaults& faults, StormContents& contents, bool has_foreign_writer)
    : cluster_(cluster), faults_(faults), contents_(contents), has_foreign_writer_(has_foreign_writer) {}

void StormWeather::start() {
  faults_.is_calm = false;
  struct Kind {
    const char* name;
    Strike strike;
    Duration every;
  };
  const Kind kinds[] = {{"kill", &kill, seconds(3)},
                        {"cut", &cut, seconds(15)},
                        {"store away", &take_store_away, seconds(40)},
                        {"foreign", &write_as_somebody_else, seconds(2)}};
  for (const Kind& kind : kinds) {
    if (kind.strike == &write_as_somebody_else && !has_foreign_writer_) continue;
    ++running_;
    async::spawn_detached(cluster_.world().executor(),
                          repeat(this, kind.strike, kind.every, cluster_.world().random(std::string("storm ") + kind.name)));
  }
}

bool StormWeather::stop() {
  stopping_ = true;
  const bool ended = cluster_.world().run_until([&] { return running_ == 0 && !cluster_.is_burying(); }, minutes(10));
  cluster_.world().links().heal_all();
  faults_.is_calm = true;
  return ended;
}

Task<void> StormWeather::pause(StormWeather* weather, Duration time) {
  os::VirtualTime& clock = weather->cluster_.world().time();
  const os::Instant end = clock.now() + time;
  while (!weather->stopping_ && clock.now() < end) co_await clock.wait_until(std::min(end, clock.now() + milliseconds(200)));
}

Task<void> StormWeather::repeat(StormWeather* weather, Strike strike, Duration every, os::SimRandom random) {
  while (!weather->stopping_) {
    co_await pause(weather, below(&random, 2 * every));
    if (!weather->stopping_) co_await strike(weather, &random);
  }
  --weather->running_;
}

Task<void> StormWeather::kill(StormWeather* weather, os::SimRandom* random) {
  static constexpr Victim kVictims[] = {Victim::kMaster, Victim::kWorker0, Victim::kWorker1, Victim::kCoordinator};
  const Victim victim = kVictims[random->below(std::size(kVictims))];
  ++weather->kills_;
  // Mostly as a supervisor does it; sometimes so long that leases end.
  weather->cluster_.kill(victim, random->one_in(8) ? below(random, seconds(60)) : milliseconds(100) + below(random, seconds(2)));
  co_return;
}

Task<void> StormWeather::cut(StormWeather* weather, os::SimRandom* random) {
  static constexpr const char* kHosts[] = {"m", "w0", "w1", "c"};
  const std::string from = kHosts[random->below(4)], to = kHosts[random->below(4)];
  if (from == to) co_return;
  ++weather->cuts_;
  weather->cluster_.world().links().cut(from, to);
  if (random->one_in(2)) weather->cluster_.world().links().cut(to, from);
  co_await pause(weather, below(random, random->one_in(4) ? seconds(90) : seconds(5)));
  weather->cluster_.world().links().heal(from, to);
  weather->cluster_.world().links().heal(to, from);
}

Task<void> StormWeather::take_store_away(StormWeather* weather, os::SimRandom* random) {
  ++weather->outages_;
  weather->faults_.hangs = random->one_in(2);
  weather->faults_.is_down = true;
  co_await pause(weather, below(random, seconds(40)));
  weather->faults_.is_down = false;
}

Task<void> StormWeather::write_as_somebody_else(StormWeather* weather, os::SimRandom* random) {
  static constexpr const char* kPlaces[] = {"", "/d0", "/d1"};
  const std::string key =
      "k/a" + std::to_string(random->below(4)) + kPlaces[random->below(3)] + "/f" + std::to_string(random->below(8));
  ++weather->foreign_;
  ufs::MemoryBucket& bucket = weather->cluster_.bucket();
  if (random->one_in(5)) {
    bucket.remove_foreign(key, weather->cluster_.world().time().now());
    co_return;
  }
  std::string content = "theirs " + std::to_string(weather->foreign_);
  weather->contents_.add(content);  // where the under store wins, files come to hold them
  bucket.write_foreign(key, std::move(content), weather->cluster_.world().time().now());
}

}  // namespace forebay::cluster
