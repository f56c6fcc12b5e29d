// Stores that do not answer.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "coordinator/config.h"
#include "os/clock.h"

namespace forebay::coordinator {

// One breaker for each mount. After so many failures of the store in a row its operations are refused, but for one at a time,
// after 1 s, 2 s, … that finds out whether it is back; any other answer closes it. Owned by the coordinator. On one executor.
class Breakers {
 public:
  Breakers(os::Clock& clock, const CoordinatorConfig& config) : clock_(clock), config_(config) {}

  // False: the store is believed dead. True while it is: this one is the probe, and has to be followed by record().
  bool admit(uint64_t mount);
  // For one that has failed, or was not admitted: after so long it may be the next probe, if nobody else is to be that. Without,
  // a dead store would be asked when some operation's turn comes, and one that is back be found out as late.
  std::optional<Duration> next_probe(uint64_t mount);
  void record(uint64_t mount, bool store_failed, std::string why = "");
  // Stores that were believed dead and have answered since this was asked last.
  std::vector<uint64_t> take_back();
  bool is_open(uint64_t mount) const;
  size_t open() const;
  std::vector<uint64_t> broken() const;   // mounts whose breaker is open
  std::string why(uint64_t mount) const;  // what the store's last failure was, for people; "" if it is not known

 private:
  struct Breaker {
    uint32_t failures = 0;
    std::string why;
    bool probing = false;
    Duration pause{};
    os::Instant probe_at{};
    os::Instant prober_until{};  // somebody has been told to be the next probe, and may still come
  };
  os::Clock& clock_;
  const CoordinatorConfig& config_;
  std::vector<uint64_t> back_;
  std::map<uint64_t, Breaker> breakers_;  // by mount: those that failed last
};

}  // namespace forebay::coordinator
