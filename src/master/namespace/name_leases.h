// Who may rely on the names of a directory, for a moment.
#pragma once

#include <deque>
#include <optional>
#include <unordered_map>

#include "base/ids.h"
#include "base/status.h"
#include "base/units.h"
#include "forebay/v1/namespace.pb.h"
#include "os/clock.h"

namespace forebay::master {

// No master of any version has given a longer one, or has held others up for longer than kLongestWait.
inline constexpr Duration kLongestNamesLease = std::chrono::milliseconds(50);
inline constexpr Duration kLongestWait = kLongestNamesLease + kLongestNamesLease / 8;

struct NameLeasesConfig {
  Duration length = kLongestNamesLease;  // of a lease; at most kLongestNamesLease; 0: none are given
  size_t max_directories = 65'536;       // with a term
};

// A directory's maker has a *term* there until another session adds a name, removes the directory or changes who may search it.
// With each file that it creates there it gets a *lease*: for so long what would end the term waits. A term is ended once and for
// all, and a lease that somebody waits for is not renewed, so that a directory makes others wait once in its life.
// docs/decisions/0025-a-directorys-maker-knows-its-names.md.
//
// In memory only: a master that starts changes nothing for kLongestWait, after which its predecessor's leases are over. Owned by
// the Master. Within steps of the commit loop alone, which run one at a time. A step that comes to nothing after all may have
// ended a term or begun a lease: neither is wrong.
class NameLeases {
 public:
  // `first_term`: a random number, so that a term of an earlier master is not taken for one of this.
  NameLeases(os::Clock& clock, NameLeasesConfig config, uint64_t first_term);

  // -- around a step --
  void begin_step() { wait_until_.reset(); }
  // The step ran into another session's lease: nothing of it may stay, and it is to be run again then.
  std::optional<os::Instant> wait_until() const { return wait_until_; }

  // -- by operations --
  // The session has made the directory. Nothing: too many leases are running, or none are given.
  std::optional<v1::NamesLease> begin(SessionId maker, InodeId directory);
  // Before the session changes what a lease is about. `busy`: wait_until().
  Result<void> change(SessionId session, InodeId directory);
  // The session has created a file there.
  std::optional<v1::NamesLease> lease(SessionId session, InodeId directory);

 private:
  struct Term {
    SessionId maker;
    uint64_t number;
    os::Instant leased_until;
    bool is_wanted = false;  // by somebody else, who waits
  };
  bool make_room();

  os::Clock& clock_;
  const Duration length_;
  const size_t max_directories_;
  uint64_t next_term_;
  std::optional<os::Instant> wait_until_;
  std::unordered_map<InodeId, Term> terms_;
  std::deque<InodeId> order_;  // of their beginnings; with some that have ended
};

}  // namespace forebay::master
