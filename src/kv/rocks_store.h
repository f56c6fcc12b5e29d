// The store that keeps metadata on a disk. RocksDB's name appears in this module only.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "base/units.h"
#include "kv/store.h"

namespace forebay::kv {

// Memory that the store takes: block cache (data, index and filter blocks) + 2 write buffers + about 1 MiB for each 64 MiB on
// disk while it is compacted. The defaults hold the metadata of 10 million files within 1.5 GiB of resident memory for the whole
// master.
struct RocksConfig {
  std::string directory;  // created if missing, its parent is not
  uint64_t block_cache_bytes = 384 * kMiB;
  uint64_t write_buffer_bytes = 64 * kMiB;
  // Writes are refused while the file system has less room than this (or a twentieth of its size, if that is less): what is left
  // lets compaction go on and the disk be emptied.
  uint64_t reserve_bytes = 64 * kMiB;
  Duration space_check_interval = std::chrono::milliseconds(200);  // also between attempts to write again after ENOSPC
  bool paranoid_file_checks = false;                               // reads every new table file back: for tests
};

// A store in one directory, with RocksDB's write-ahead log as the record of each write.
//
// Runs: one writer; readers, snapshots and sync() from any thread. All calls may block on the disk.
// Promises: write() has put the batch into the operating system's page cache when it returns; sync() makes all of those survive
// power loss. After SIGKILL everything written is there; after power loss a prefix of the writes that holds everything synced. A
// full disk: write() answers `rejected` ENOSPC without effect, reads go on, and writes are accepted again by themselves when
// there is room. Any other failed write or sync: `broken`, now and for ever. `invalid` from open: another process uses the
// directory, or it is not ours to write. `corrupt`: its content does not check.
Result<std::unique_ptr<Store>> open_rocks_store(const RocksConfig& config);

}  // namespace forebay::kv
