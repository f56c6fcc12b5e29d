// Names that are not there, without asking.
#pragma once

#include <deque>
#include <mutex>
#include <string_view>
#include <unordered_map>
#include <unordered_set>

#include "base/ids.h"
#include "client/client.h"
#include "forebay/v1/namespace.pb.h"
#include "os/clock.h"

namespace forebay::client {

// Which names this client has given in directories that it made, so that while a lease of the master lasts (NamesLease in
// namespace.proto) it can say itself that a name is not there: before each creation the kernel asks. Nothing is ever taken out:
// a name that was removed again is asked for. Owned by Core, with the clock outliving it. Any thread. Limits: kMaxDirectories,
// made first, first out; kMaxNames in all, and a directory that would exceed them is forgotten.
class KnownNames {
 public:
  explicit KnownNames(const os::Clock& clock) : clock_(clock) {}

  // Lives while a directory is being made: from before the call is sent until made() was told.
  class Making {
   public:
    explicit Making(KnownNames& names);
    ~Making();
    Making(const Making&) = delete;
    Making& operator=(const Making&) = delete;

   private:
    KnownNames& names_;
  };
  void made(InodeId directory, const v1::NamesLease& names);

  // Before a call is sent that may add this name, whatever comes of it.
  void adding(InodeId directory, std::string_view name);
  // When a call is sent. Two clocks: one of them goes on while the machine is suspended.
  struct Moment {
    os::Instant instant;
    os::WallTime wall;
  };
  Moment now() const { return {clock_.now(), clock_.wall_now()}; }
  // The answer to a call of this caller, who may search and change the directory.
  void leased(InodeId directory, const v1::NamesLease& names, Moment sent, const Identity& who);
  // Its names may be others, or others may search it, because of what this client does.
  void forget(InodeId directory);
  void forget_all();

  // True: the master would say the same now, to this caller. False: it has to be asked.
  bool is_absent(InodeId directory, std::string_view name, const Identity& who) const;

 private:
  struct Directory {
    uint64_t term = 0;
    Moment leased_from{};
    Duration lasts{};
    Identity who;
    std::unordered_set<uint64_t> names;  // hashes: what looks like one of them is asked for
  };
  void erase(InodeId directory);

  static constexpr size_t kMaxDirectories = 1024;
  static constexpr size_t kMaxNames = 256 * 1024;  // about 10 MiB

  const os::Clock& clock_;
  mutable std::mutex mutex_;
  std::unordered_map<InodeId, Directory> directories_;
  std::deque<InodeId> order_;  // of their making; with some that were forgotten
  size_t names_ = 0;
  // While directories are being made: those that got names and are not known. One of them may be one whose making has not been
  // answered yet.
  size_t making_ = 0;
  std::unordered_set<InodeId> touched_;
};

}  // namespace forebay::client
