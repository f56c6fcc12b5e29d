// The local cluster's under store: its directory, its mapping file, its mount.
#pragma once

#include "cli/local/directory.h"
#include "cli/persist/mounting.h"
#include "config/settings.h"

namespace forebay::cli {

inline constexpr const char* kUfsMount = "/ufs";

// The URI of what is to be mounted; empty: nothing.
std::string ufs_uri(const Directory& directory, const config::Settings& settings);

// Before anything runs: makes the default directory and the default mapping file unless they are there; a mapping file that is
// malformed is `invalid`. Options of the mount are kept for prepare_persistence() in a file that only its owner may read: they
// may be secret, and are the master's alone afterwards.
Result<void> check_persistence(const Directory& directory, const config::Settings& settings, const MountOptions& options);

// Once master and workers serve: mounts the store, unless it is mounted, and has the master look at the mapping file. `invalid`:
// the store cannot be mounted. Whether the mapping can be put in force is the master's to tell: it tries again by itself.
Result<void> prepare_persistence(const Directory& directory, const config::Settings& settings, obs::Log& log);

}  // namespace forebay::cli
