// What a local cluster consists of: from its settings to the processes to start.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "cli/local/directory.h"
#include "cli/local/probe.h"
#include "config/settings.h"

namespace forebay::cli {

// One process of the cluster.
struct RolePlan {
  std::string name;                    // "master", "worker-1", "fuse"
  std::vector<std::string> arguments;  // behind the program's name
  uint16_t rpc_port = 0;               // 0: none
  uint16_t web_port = 0;
};

struct Plan {
  std::vector<RolePlan> roles;  // in the order of starting
  std::string mount;            // empty: none
  std::string ufs, mapping;     // URI of what is mounted at /ufs, and the mapping file; empty: none
  uint16_t master_port = 0;
};

// What the command line of `local` said; the rest stays as it was at the last start.
struct LocalOptions {
  std::string dir;
  std::optional<std::string> mount, ports, ufs, mapping;
  std::vector<std::string> ufs_options;  // name=value; not remembered: they may be secret
  std::optional<uint64_t> workers, replication;
  std::vector<std::string> tiers;
  bool no_restart = false;
};

// Settings of the cluster in `directory`: what its forebay.toml holds, changed by options and defines ("key=value"). Ports are
// chosen if they are free to be (`auto`), quotas made to fit the disk at the first start. Writes forebay.toml when anything
// changed. `ports` holds those that were chosen, until the roles have them.
Result<config::Settings> settle(const Directory& directory, const LocalOptions& options, const std::vector<std::string>& defines,
                                PortChooser& ports);

// As written by the last settle(); kInvalid when there is no cluster in the directory.
Result<config::Settings> settled(const Directory& directory);

Result<Plan> make_plan(const Directory& directory, const config::Settings& settings);

}  // namespace forebay::cli
