// A store in memory with the crash behaviour of one on a disk: for tests and the simulation.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <vector>

#include "kv/store.h"
#include "os/random.h"

namespace forebay::kv {

// What outlives the process that uses it: all versions that a reader may still see, and how to undo what was not synced. Shared
// by the test, which makes the faults, and the stores opened on it. Any thread. Grows with what is written between two syncs, and
// with what live snapshots hold.
class MemoryDisk : public std::enable_shared_from_this<MemoryDisk> {
 public:
  static std::shared_ptr<MemoryDisk> create() { return std::make_shared<MemoryDisk>(); }

  // `invalid` while another store is open on it.
  Result<std::unique_ptr<Store>> open();

  // The process dies: everything written is kept; the store open on this disk answers `broken` from now on and no longer counts
  // as open.
  void crash();
  // The machine dies: as crash(), and of what was written since the last sync only the first batches are kept, any number of
  // them.
  void power_cut(os::Random& random);

  // Faults, until changed: writes are refused without effect (ENOSPC) while full; the n-th write or sync from now (0: the next)
  // fails, leaving the store that made it broken.
  void set_full(bool full);
  void fail_write_after(uint64_t writes);
  void fail_sync_after(uint64_t syncs);
  // A disk that answers syncs and does nothing.
  void set_lying(bool lying);

  uint64_t writes() const;  // batches written so far
  uint64_t syncs() const;

 private:
  friend class MemoryStore;
  struct Cell {
    uint64_t written;  // the write that made it
    std::optional<std::string> value;
  };
  using Cells = std::vector<Cell>;  // of one key, oldest first
  struct Undo {
    std::string key;
    std::optional<std::string> value;  // before the write
  };

  const std::string* visible(const Cells& cells, uint64_t at) const;
  void apply(std::string_view key, const std::optional<std::string>& value);
  void prune(Cells& cells) const;
  void drop_garbage();
  void end_process();

  mutable std::mutex mutex_;
  std::map<std::string, Cells, std::less<>> keys_;
  std::multiset<uint64_t> snapshots_;  // write counts that live snapshots show
  std::set<std::string> garbage_;      // keys with cells that only a snapshot needed
  std::vector<std::vector<Undo>> unsynced_;
  uint64_t written_ = 0, synced_ = 0;
  uint64_t process_ = 0;  // counts deaths
  bool open_ = false, full_ = false, lying_ = false;
  std::optional<uint64_t> write_fails_at_, sync_fails_at_;
  uint64_t bytes_ = 0;
};

}  // namespace forebay::kv
