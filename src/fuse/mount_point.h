// The directory that a file system is mounted on: what is there before, and taking it away again.
#pragma once

#include <string>

#include "base/status.h"
#include "obs/log.h"

namespace forebay::fuse {

// Type in /proc/mounts, by which a mount of this program is recognised.
inline constexpr std::string_view kMountType = "fuse.forebay";

// Makes sure that something can be mounted at `path`, and answers with its absolute path. A mount whose daemon was killed
// ("Transport endpoint is not connected") is detached first. Refused, with a message that says what to do: a path that is
// missing or no directory, one that holds files, a live mount of this or another kind of FUSE file system.
Result<std::string> prepare_mount_point(const std::string& path, obs::Log& log);

// Whether this process can use the FUSE device at all; the message says what is missing and what to do.
Result<void> check_device(const char* device = "/dev/fuse");

enum class Unmount { kIfIdle, kDetach };
// kIfIdle: fails with EBUSY while somebody uses the mount. kDetach: takes it out of the tree now; it ends with its last user.
Result<void> unmount(const std::string& path, Unmount how);

// Takes away a mount of this program at `path` whose daemon is gone; a live one is somebody's and stays.
Result<void> detach_if_dead(const std::string& path);

// Type of the file system mounted exactly at the (absolute) path, topmost if several are; empty if none is. Asks only the mount
// table, so a file system that does not answer is no trouble.
Result<std::string> mounted_type(const std::string& path);

// Best effort: how much the kernel reads ahead on the mount.
void set_readahead(const std::string& path, uint32_t bytes, obs::Log& log);

}  // namespace forebay::fuse
