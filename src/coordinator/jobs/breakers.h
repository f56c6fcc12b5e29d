// Stores that do not answer.
#pragma once

#include <cstdint>
#include <map>
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
  void record(uint64_t mount, bool store_failed, std::string why = "");
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
  };
  os::Clock& clock_;
  const CoordinatorConfig& config_;
  std::map<uint64_t, Breaker> breakers_;  // by mount: those that failed last
};

}  // namespace forebay::coordinator
