// When clients are slowed, and to what.
#pragma once

#include <cstddef>
#include <cstdint>

#include "base/units.h"

namespace forebay::master {

struct IntakeConfig {
  double slow_from = 0.95;                           // share of the workers' room in use; 1: nobody is slowed
  Duration horizon = std::chrono::seconds(10);       // what room is left may be filled in no less than this
  Duration interval = std::chrono::seconds(1);       // between two looks for what will free space
  size_t looked_at = 2'000;                          // bindings, in one look
  Duration writer_counts = std::chrono::seconds(5);  // a client takes its share so long after it was given room or had to wait
  Duration waits_for_deletions = std::chrono::seconds(5);  // whoever finds no room, while there is something to delete; 0: nobody
};

// Of live workers.
struct WorkerRoom {
  uint64_t left = 0, total = 0;  // bytes
};

// Pure decisions. The rate is what room is left, by the horizon: room shrinks ever more slowly, and comes to rest where as much
// comes in as is freed, at (what is freed in a second) * horizon, without anybody knowing how much that is.
class IntakePolicy {
 public:
  // So little room that what will free space has to be known already when slowing begins, however fast it is filled: half of all,
  // and twice what is left where slowing begins.
  static bool is_near(const IntakeConfig& config, const WorkerRoom& room);
  // `slowed` already: it ends at a quarter more room than it began at. `drains`: something will free space; slowing has no
  // purpose otherwise.
  static bool slows(const IntakeConfig& config, const WorkerRoom& room, bool drains, bool slowed);
  static uint64_t bytes_per_second(const IntakeConfig& config, const WorkerRoom& room);  // of all writers; at least 1
  static uint64_t share(uint64_t bytes_per_second, size_t writers);                      // of one of them; at least 1
};

}  // namespace forebay::master
