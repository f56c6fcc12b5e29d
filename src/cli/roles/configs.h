// From settings to the configurations of roles and libraries: the only place that knows both.
#pragma once

#include <string>
#include <vector>

#include "client/client.h"
#include "config/settings.h"
#include "coordinator/config.h"
#include "fuse/config.h"
#include "master/master.h"
#include "obs/json_log.h"
#include "worker/worker.h"

namespace forebay::cli {

// All masters; hosts without a port are asked on forebay.master.rpc_port.
Result<std::vector<os::Address>> master_addresses(const config::Settings& settings);
// The same for those who ask them: the socket of a master on this host first.
Result<std::vector<os::Address>> ways_to_masters(const config::Settings& settings);
Result<client::ClientConfig> client_config(const config::Settings& settings);
master::MasterConfig master_config(const config::Settings& settings);
// kInvalid without tiers.
Result<worker::WorkerConfig> worker_config(const config::Settings& settings);
Result<coordinator::CoordinatorConfig> coordinator_config(const config::Settings& settings);
fuse::MountConfig mount_config(const config::Settings& settings, const std::string& mount_point);
Result<obs::LogConfig> log_config(const config::Settings& settings, const std::string& role);

}  // namespace forebay::cli
