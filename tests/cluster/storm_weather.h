// What happens to a cluster in a storm.
#pragma once

#include "os/sim_random.h"
#include "persist_cluster.h"
#include "storm_contents.h"
#include "ufs/faulty_store.h"

namespace forebay::cluster {

// A store that fails now and then, and while it is down all the time.
class StormFaults final : public ufs::StoreFaults {
 public:
  explicit StormFaults(uint64_t seed) : random_(seed) {}
  ufs::StoreFault next(const ufs::StoreRequest& request) override;

  bool is_calm = true;  // before and after the storm
  bool is_down = false, hangs = false;

 private:
  os::SimRandom random_;
};

// Kills roles, cuts links, takes the store away, writes as somebody else: at moments and places chosen by the seed, until told to
// stop; then everything is healed. All that is passed in outlives it. Harness, not a role.
class StormWeather {
 public:
  StormWeather(PersistCluster& cluster, StormFaults& faults, StormContents& contents, bool has_foreign_writer);
  void start();
  // False: it does not end.
  bool stop();

  uint64_t kills() const { return kills_; }
  uint64_t cuts() const { return cuts_; }
  uint64_t outages() const { return outages_; }
  uint64_t foreign() const { return foreign_; }

 private:
  using Strike = Task<void> (*)(StormWeather* weather, os::SimRandom* random);
  static Task<void> repeat(StormWeather* weather, Strike strike, Duration every, os::SimRandom random);
  static Task<void> kill(StormWeather* weather, os::SimRandom* random);
  static Task<void> cut(StormWeather* weather, os::SimRandom* random);
  static Task<void> take_store_away(StormWeather* weather, os::SimRandom* random);
  static Task<void> write_as_somebody_else(StormWeather* weather, os::SimRandom* random);
  static Task<void> pause(StormWeather* weather, Duration time);

  PersistCluster& cluster_;
  StormFaults& faults_;
  StormContents& contents_;
  const bool has_foreign_writer_;
  size_t running_ = 0;
  bool stopping_ = false;
  uint64_t kills_ = 0, cuts_ = 0, outages_ = 0, foreign_ = 0;
};

}  // namespace forebay::cluster
