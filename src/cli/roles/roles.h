// The roles as processes: each builds its parts, serves until SIGTERM or SIGINT, and takes them down again.
#pragma once

#include <string>

#include "config/settings.h"

namespace forebay::cli {

struct RoleOptions {
  std::string pid_file;  // held while the role runs; empty: none
};

// The exit code. kInvalid: it cannot start with these settings, on this host; the message says why.
Result<int> run_master(const config::Settings& settings, const RoleOptions& options);
Result<int> run_worker(const config::Settings& settings, const RoleOptions& options);
Result<int> run_coordinator(const config::Settings& settings, const RoleOptions& options);
Result<int> run_fuse(const config::Settings& settings, const RoleOptions& options, const std::string& mount_point);

}  // namespace forebay::cli
