// Mounting an under store: asked about by a worker first, which has the host's directories and credentials.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "async/loop.h"
#include "client/persist_control.h"

namespace forebay::cli {

// As whom, and how, the cluster is asked.
struct Access {
  os::Env& env;
  async::Executor executor;
  client::Client& client;
  client::Identity who;
};

using MountOptions = std::map<std::string, std::string>;

// "name=value" each; names of the reference system (s3a.accessKeyId, alluxio.underfs.s3.endpoint, …) become Forebay's. `invalid`
// names the option without its value.
Result<MountOptions> parse_mount_options(const std::vector<std::string>& texts);

// A path of this host, or a URI. A plain path becomes file://.
Result<std::string> normal_ufs_uri(const std::string& text);

// Probes the store from a worker and mounts it with what was found out. `elsewhere`: no worker can be asked.
Result<void> mount_store(const Access& access, const std::string& path, const std::string& uri, MountOptions options);
// Other options, all of them, for a store that is mounted; probed as well.
Result<void> change_mount(const Access& access, const v1::Mount& mount, MountOptions options);

}  // namespace forebay::cli
