// What a mount can be told. Defaults are the documented ones.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "base/units.h"
#include "forebay/v1/common.pb.h"

namespace forebay::fuse {

// Limits on directories that are being read. Memory of one open directory: two pages and the bookmarks, below 2 MiB with the
// longest names.
struct DirStreamConfig {
  uint32_t page_entries = 1024;  // entries asked for at once; at most 4,096, the master's limit
  size_t bookmarks = 1024;       // places that a seek can resume from; thinned out by half when full
};

// Plain values, read once when the mount starts.
struct MountConfig {
  std::string mount_point;
  std::string source = "forebay";  // first column of df and mount(8)

  // For so long the kernel answers from its caches without asking. What this mount itself changes is seen at once; what others
  // change, after so long. A missing name is asked for each time by default, so that a file closed elsewhere can be opened here.
  Duration attr_timeout = std::chrono::seconds(1);
  Duration entry_timeout = std::chrono::seconds(1);
  Duration negative_timeout{0};

  bool allow_other = true;          // other users than the mounting one; without privilege /etc/fuse.conf has to permit it
  bool page_cache = true;           // false: every read goes to the daemon; before Linux 6.6 shared mappings are refused then
  uint64_t stage_from = 64 * kKiB;  // new files of a directory whose last ones were shorter go through the daemon; 0: never
  bool passthrough = true;  // the kernel reads and writes files of this host itself, if it can and this process may have it do so
  v1::Durability fsync_durability =
      v1::DURABILITY_FSYNC;  // what fsync(2) and fdatasync(2) ask for; close(2) asks for the file's own

  bool follow_callers = true;  // FollowCaller; of use where the thread that receives requests looks on before it sleeps

  uint32_t max_in_flight = 64;          // requests being worked on; more wait in the kernel
  uint32_t max_slowed = 256;            // that wait because writers are slowed and let others have their turn, 1 MiB each
  uint32_t max_background = 256;        // readahead, asynchronous direct I/O and releases that the kernel may have queued
  uint32_t readahead_bytes = 4 * kMiB;  // per open file; the kernel's default of 128 KiB stays where /sys is not writable
  size_t idle_buffers = 16;          // of 1 MiB, kept for reuse; in use: at most one per request in flight for reads and writes
  size_t remembered_inodes = 65536;  // whose page cache is known to be current at the next open; the rest is read again
  DirStreamConfig directories;

  // (alias, name): at the root, `alias` is looked up as `name` unless a real entry has the alias' name.
  std::vector<std::pair<std::string, std::string>> root_aliases = {{"cache_only", "cache-only"}};

  // Called once, from one of the mount's threads, when the mount ends although nobody called stop(): umount(8), or a lost device.
  // Must not call stop() itself.
  std::function<void()> when_unmounted;
};

// One request carries at most so much; the kernel's limit of 256 pages.
inline constexpr uint32_t kMaxRequestBytes = 1 * kMiB;
// A message of the kernel: a page of headers, and the bytes of a write.
inline constexpr uint32_t kMaxMessageBytes = kMaxRequestBytes + 4 * kKiB;

}  // namespace forebay::fuse
