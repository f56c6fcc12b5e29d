// What the wires between simulated hosts do to what is sent over them.
#pragma once

#include <cstddef>
#include <map>
#include <set>
#include <string>
#include <utility>

#include "base/units.h"
#include "os/sim_random.h"

namespace forebay::os {

// Asked for each segment that leaves a host for another; traffic inside a host is not asked about. One thread.
class LinkPolicy {
 public:
  enum class Kind {
    kDeliver,  // arrives after `delay`; never before what was sent earlier on the same connection
    kLose,     // is sent again later, as TCP does, and asked about again
    kReset,    // the connection breaks, and both ends learn it; a connect is refused
  };
  struct Fate {
    Kind kind = Kind::kDeliver;
    Duration delay{0};
  };
  virtual ~LinkPolicy() = default;
  virtual Fate on_connect(const std::string& from, const std::string& to) = 0;
  virtual Fate on_segment(const std::string& from, const std::string& to, size_t bytes) = 0;
  virtual size_t segment_size(size_t available) = 0;  // how much of it goes into the next segment; 1 to `available`
};

struct LinkSettings {
  Duration delay_least = std::chrono::microseconds(20), delay_most = std::chrono::microseconds(200);
  uint64_t lose_one_in = 0, reset_one_in = 0, refuse_one_in = 0;  // 0: never
};

// Seeded delays and faults; links cut one way until healed. The policy of SimWorld.
class SimLinks final : public LinkPolicy {
 public:
  explicit SimLinks(SimRandom random) : random_(random) {}

  void set(LinkSettings settings) { settings_ = settings; }  // of all links
  void cut(const std::string& from, const std::string& to) { cut_.insert({from, to}); }
  void heal(const std::string& from, const std::string& to) { cut_.erase({from, to}); }
  void heal_all() { cut_.clear(); }
  void slow(const std::string& host, Duration extra) { slow_[host] = extra; }  // 0: as before; to and from it

  Fate on_connect(const std::string& from, const std::string& to) override;
  Fate on_segment(const std::string& from, const std::string& to, size_t bytes) override;
  size_t segment_size(size_t available) override;

 private:
  Duration delay(const std::string& from, const std::string& to);

  SimRandom random_;
  LinkSettings settings_;
  std::set<std::pair<std::string, std::string>> cut_;
  std::map<std::string, Duration> slow_;
};

}  // namespace forebay::os
