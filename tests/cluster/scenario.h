// A scenario: which cluster, what load, what goes wrong.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "base/status.h"
#include "base/units.h"
#include "forebay/v1/common.pb.h"
#include "os/link_policy.h"

namespace forebay::cluster {

// Something that happens again and again while the load runs, at random moments `every` apart on average.
struct Disturbance {
  enum class Kind {
    kKill,       // the process dies and is started again on its disk after `lasting`
    kPowerCut,   // the machine dies: only synced bytes surely stay; it is back after `lasting`
    kCut,        // one direction of one link of the target's host carries nothing for `lasting`
    kIsolate,    // the target's host reaches nobody, and nobody it, for `lasting`
    kSlowLink,   // everything to and from the target's host takes 50 ms longer for `lasting`
    kFillDisk,   // the target's disk has no free byte for `lasting`
    kFileError,  // calls of the target to its files fail with EIO, one in 20, for `lasting`
  };
  Kind kind = Kind::kKill;
  std::string target;  // "master", "worker" or "client": one of them, chosen each time
  Duration every{}, lasting{};
};

// Parsed from a file of tests/scenarios; unknown keys and words are errors that name the file and line.
struct Scenario {
  std::string name;
  uint32_t workers = 2, clients = 2, actors_per_client = 2;
  uint64_t worker_capacity = 256 * kMiB, object_bytes = kMiB, inline_bytes = 0;
  bool staged = false;                // new and truncated files are staged, where there is a worker with the client
  bool multipart = false;             // everything goes through a small pool of buffers
  bool workers_with_clients = false;  // worker i on the host of client i: writes and reads go by descriptor
  Duration clock_skew{0};             // wall clocks differ by up to so much …
  uint32_t clock_drift_ppm = 0;       // … and run at different rates

  uint32_t operations = 60;  // of each actor
  Duration think{};          // between two of them, at most
  uint64_t most_write = 64 * kKiB, most_file = 512 * kKiB;
  v1::Durability durability = v1::DURABILITY_PAGE_CACHE;
  std::map<std::string, uint32_t> mix;  // operation → weight; empty: the default mix

  os::LinkSettings links;
  std::vector<Disturbance> disturbances;

  bool disturbs(Disturbance::Kind kind) const;
};

Result<Scenario> parse_scenario(const std::string& text, const std::string& file);

}  // namespace forebay::cluster
