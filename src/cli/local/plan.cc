#include "cli/local/plan.h"

#include <filesystem>

#include "cli/local/pid_file.h"
#include "cli/local/prepare_persistence.h"
#include "cli/local/probe.h"
#include "config/load.h"
#include "config/sources.h"
#include "config/text.h"
#include "os/file.h"

namespace forebay::cli {
namespace {

using config::kTable;

constexpr uint16_t kFirstWorkerPort = 29999;
constexpr uint64_t kDefaultQuota = 10 * kGiB;
constexpr size_t kMostSocketPath = 107;  // bytes; the system's limit on the path of a Unix socket

struct WorkerPorts {
  uint16_t rpc, web;
};

Result<std::vector<WorkerPorts>> worker_ports(const config::Settings& settings) {
  std::vector<WorkerPorts> ports;
  for (const std::string& item : settings.list("forebay.local.worker_ports")) {
    size_t colon = item.find(':');
    unsigned long rpc = std::strtoul(item.c_str(), nullptr, 10);
    unsigned long web = colon == std::string::npos ? 0 : std::strtoul(item.c_str() + colon + 1, nullptr, 10);
    if (rpc == 0 || web == 0 || rpc > 65535 || web > 65535)
      return invalid("forebay.local.worker_ports: '" + item + "' is not of the form RPC:WEB");
    ports.push_back({static_cast<uint16_t>(rpc), static_cast<uint16_t>(web)});
  }
  while (ports.size() < settings.count("forebay.local.workers")) {
    auto first = static_cast<uint16_t>(kFirstWorkerPort + 2 * ports.size());
    ports.push_back({first, static_cast<uint16_t>(first + 1)});
  }
  return ports;
}

void set_port(config::Settings& settings, std::string_view name, uint16_t port) {
  (void)settings.set(config::find_setting(name), std::to_string(port), "chosen");
}

// Ports that nobody listens on. Those of an earlier choice are kept as long as they are free or ours.
Result<void> choose_ports(const Directory& directory, config::Settings& settings, PortChooser& chooser) {
  size_t worker_ports_at = config::find_setting("forebay.local.worker_ports");
  auto keep_or_choose = [&](uint16_t present, bool was_chosen, const std::string& role) -> Result<uint16_t> {
    if (was_chosen && present != 0 && (pid_file_holder(directory.pid_file(role)) || chooser.take(present))) return present;
    return chooser.choose();
  };
  struct Single {
    std::string_view name;
    const char* role;
  };
  for (Single each : {Single{"forebay.master.rpc_port", "master"}, Single{"forebay.master.web_port", "master"},
                      Single{"forebay.coordinator.rpc_port", "coordinator"},
                      Single{"forebay.coordinator.web_port", "coordinator"}, Single{"forebay.fuse.web_port", "fuse"}}) {
    size_t at = config::find_setting(each.name);
    auto present = static_cast<uint16_t>(std::stoul(settings.raw(at)));
    ASSIGN_OR_RETURN(uint16_t port, keep_or_choose(present, !settings.is_default(at), each.role));
    set_port(settings, each.name, port);
  }
  bool were_chosen = !settings.is_default(worker_ports_at);
  ASSIGN_OR_RETURN(std::vector<WorkerPorts> ports, worker_ports(settings));
  size_t kept = were_chosen ? settings.list("forebay.local.worker_ports").size() : 0;
  std::string text;
  for (size_t i = 0; i < settings.count("forebay.local.workers"); ++i) {
    std::string role = "worker-" + std::to_string(i + 1);
    ASSIGN_OR_RETURN(uint16_t rpc, keep_or_choose(ports[i].rpc, i < kept, role));
    ASSIGN_OR_RETURN(uint16_t web, keep_or_choose(ports[i].web, i < kept, role));
    text += (text.empty() ? "" : ",") + std::to_string(rpc) + ":" + std::to_string(web);
  }
  return settings.set(worker_ports_at, text, "chosen");
}

// The quota of the tier that is made when the user names none: what the disk has, shared fairly, but not all of it.
Result<uint64_t> default_quota(const Directory& directory, uint64_t workers) {
  ASSIGN_OR_RETURN(os::Space space, os::real_files().space(directory.path));
  uint64_t share = space.free_bytes / 10 * 8 / workers / kMiB * kMiB;
  uint64_t quota = std::min(kDefaultQuota, share);
  if (quota < config::kLeastQuota)
    return rejected(ENOSPC, "the disk of " + directory.path + " has only " + format_size(space.free_bytes) +
                                " free: free some space, or name another place with --tier ALIAS:PATH:QUOTA");
  return quota;
}

std::string toml_text(std::string_view text) {
  std::string quoted = "\"";
  for (char c : text) {
    if (c == '"' || c == '\\') quoted += '\\';
    if (static_cast<unsigned char>(c) < 0x20) {
      char escape[8];
      std::snprintf(escape, sizeof escape, "\\u%04x", c);
      quoted += escape;
    } else {
      quoted += c;
    }
  }
  return quoted + "\"";
}

std::string to_toml(const config::Settings& settings) {
  std::string text =
      "# Settings of this local cluster, written by `forebay local start`. Commands take this file by --conf or FOREBAY_CONF.\n"
      "# Values may be changed here while the cluster is stopped; comments are not kept when start's options change "
      "something.\n\n";
  for (size_t i = 0; i < config::kSettings; ++i)
    if (!settings.is_default(i)) text += std::string(kTable[i].name) + " = " + toml_text(settings.raw(i)) + "\n";
  return text;
}

Result<config::Settings> read_conf(const Directory& directory) {
  config::Settings settings;
  std::string path = directory.conf();
  ASSIGN_OR_RETURN(std::string text, os::real_files().read_whole(path, config::kMostFileBytes));
  ASSIGN_OR_RETURN(std::vector<config::Entry> entries, config::parse_toml(text, path));
  for (const config::Entry& entry : entries) {
    size_t at = config::find_setting(entry.key);
    if (at == config::kSettings) return invalid(entry.where + ": " + config::unknown_key_message(entry.key));
    TRY(settings.set(at, entry.value, entry.where));
  }
  return settings;
}

Result<void> apply_options(config::Settings& settings, const LocalOptions& options, const std::vector<std::string>& defines) {
  auto set = [&](std::string_view name, const std::string& value, const char* origin) {
    return settings.set(config::find_setting(name), value, origin);
  };
  if (options.replication) TRY(set("forebay.client.replication", std::to_string(*options.replication), "--replication"));
  if (options.workers) TRY(set("forebay.local.workers", std::to_string(*options.workers), "--workers"));
  if (options.ports) TRY(set("forebay.local.ports", *options.ports, "--ports"));
  if (options.mount)
    TRY(set("forebay.local.mount", options.mount->empty() ? "" : std::filesystem::absolute(*options.mount).lexically_normal(),
            "--mount"));
  if (options.ufs) {
    std::string uri = *options.ufs;
    if (uri != "none") {
      ASSIGN_OR_RETURN(uri, normal_ufs_uri(uri));
    }
    TRY(set("forebay.local.ufs", uri, "--ufs"));
  }
  if (options.mapping)
    TRY(set("forebay.persist.mapping_file", std::filesystem::absolute(*options.mapping).lexically_normal(), "--mapping"));
  if (options.no_restart) TRY(set("forebay.local.restart", "false", "--no-restart"));
  std::string tiers;
  for (const std::string& tier : options.tiers) tiers += (tiers.empty() ? "" : ",") + tier;
  if (!tiers.empty()) TRY(set("forebay.local.tiers", tiers, "--tier"));
  for (const std::string& define : defines) {
    ASSIGN_OR_RETURN(config::Entry entry, config::parse_define(define));
    size_t at = config::find_setting(entry.key);
    if (at == config::kSettings) return invalid("-D: " + config::unknown_key_message(entry.key));
    TRY(settings.set(at, entry.value, "-D"));
  }
  return {};
}

// Below the run directory, or where that is too long for a socket's address, in a directory of its own under /tmp.
std::string socket_path(const Directory& directory, const std::string& role) {
  std::string path = directory.run() + "/" + role + ".sock";
  if (path.size() <= kMostSocketPath) return path;
  return "/tmp/forebay-" + std::to_string(std::hash<std::string>{}(directory.path)) + "/" + role + ".sock";
}

// What makes it a cluster of one host: set where the user has said nothing else.
Result<void> apply_local_defaults(const Directory& directory, config::Settings& settings) {
  auto if_unset = [&](std::string_view name, const std::string& value) -> Result<void> {
    size_t at = config::find_setting(name);
    if (!settings.is_default(at)) return {};
    return settings.set(at, value, "local");
  };
  for (const char* name : {"forebay.master.hostname", "forebay.master.bind_host", "forebay.worker.hostname",
                           "forebay.worker.bind_host", "forebay.coordinator.hostname", "forebay.coordinator.bind_host"})
    TRY(if_unset(name, "127.0.0.1"));
  TRY(if_unset("forebay.master.socket", socket_path(directory, "master")));
  TRY(if_unset("forebay.master.store_dir", directory.master_store()));
  TRY(if_unset("forebay.coordinator.store_dir", directory.coordinator_store()));
  if (settings.text("forebay.local.ufs") != "none") TRY(if_unset("forebay.persist.mapping_file", directory.mapping()));
  if (!settings.is_default(config::find_setting("forebay.local.tiers"))) return {};
  ASSIGN_OR_RETURN(uint64_t quota, default_quota(directory, settings.count("forebay.local.workers")));
  return if_unset("forebay.local.tiers", "SSD:" + directory.default_data() + ":" + std::to_string(quota / kMiB) + "MB");
}

std::vector<std::string> role_arguments(const Directory& directory, const std::string& command, const std::string& name) {
  return {command,
          "--conf",
          directory.conf(),
          "--pid-file",
          directory.pid_file(name),
          "-D",
          "forebay.log.file=" + directory.log_file(name)};
}

// Each worker's own, below those that are configured, or beside its bytes.
std::string page_directories(const Directory& directory, const config::Settings& settings, const std::string& name) {
  std::string paths;
  for (const std::string& path : settings.list("forebay.worker.pagestore.dirs"))
    paths += (paths.empty() ? "" : ",") + path + "/" + name;
  return paths.empty() ? directory.path + "/pages/" + name : paths;
}

RolePlan worker_plan(const Directory& directory, const config::Settings& settings, size_t number, WorkerPorts ports) {
  std::string name = "worker-" + std::to_string(number);
  RolePlan plan{
      .name = name, .arguments = role_arguments(directory, "worker", name), .rpc_port = ports.rpc, .web_port = ports.web};
  std::vector<config::Tier> tiers = settings.tiers("forebay.local.tiers");
  for (config::Tier& tier : tiers) tier.path += "/" + name;
  for (const std::string& define :
       {"forebay.worker.rpc_port=" + std::to_string(ports.rpc), "forebay.worker.web_port=" + std::to_string(ports.web),
        "forebay.worker.socket=" + socket_path(directory, name), "forebay.worker.tiers=" + config::format_tiers(tiers),
        "forebay.worker.host_file=" + directory.run() + "/writers",
        "forebay.worker.pagestore.dirs=" + page_directories(directory, settings, name)}) {
    plan.arguments.push_back("-D");
    plan.arguments.push_back(define);
  }
  if (settings.list("forebay.worker.pagestore.sizes").empty()) {
    plan.arguments.push_back("-D");
    plan.arguments.push_back("forebay.worker.pagestore.sizes=1GB");
  }
  return plan;
}

}  // namespace

Result<config::Settings> settle(const Directory& directory, const LocalOptions& options, const std::vector<std::string>& defines,
                                PortChooser& ports) {
  os::FileSystem& files = os::real_files();
  ASSIGN_OR_RETURN(bool there, files.exists(directory.conf()));
  config::Settings settings;
  if (there) {
    ASSIGN_OR_RETURN(settings, read_conf(directory));
  }
  std::string before = there ? to_toml(settings) : "";
  TRY(apply_options(settings, options, defines));
  TRY(apply_local_defaults(directory, settings));
  if (settings.text("forebay.local.ports") == "auto") TRY(choose_ports(directory, settings, ports));
  if (std::string after = to_toml(settings); after != before) TRY(files.write_whole(directory.conf(), as_bytes(after)));
  return read_conf(directory);
}

Result<config::Settings> settled(const Directory& directory) {
  ASSIGN_OR_RETURN(bool there, os::real_files().exists(directory.conf()));
  if (!there) return invalid("there is no local cluster in " + directory.path + " (`forebay local start --dir …` makes one)");
  return read_conf(directory);
}

Result<Plan> make_plan(const Directory& directory, const config::Settings& settings) {
  Plan plan{.mount = settings.text("forebay.local.mount"),
            .ufs = ufs_uri(directory, settings),
            .mapping = settings.text("forebay.persist.mapping_file"),
            .master_port = settings.port("forebay.master.rpc_port")};
  plan.roles.push_back({.name = "master",
                        .arguments = role_arguments(directory, "master", "master"),
                        .rpc_port = plan.master_port,
                        .web_port = settings.port("forebay.master.web_port")});
  ASSIGN_OR_RETURN(std::vector<WorkerPorts> ports, worker_ports(settings));
  for (size_t i = 0; i < settings.count("forebay.local.workers"); ++i)
    plan.roles.push_back(worker_plan(directory, settings, i + 1, ports[i]));
  plan.roles.push_back({.name = "coordinator",
                        .arguments = role_arguments(directory, "coordinator", "coordinator"),
                        .rpc_port = settings.port("forebay.coordinator.rpc_port"),
                        .web_port = settings.port("forebay.coordinator.web_port")});
  if (!plan.mount.empty()) {
    RolePlan fuse{.name = "fuse",
                  .arguments = role_arguments(directory, "fuse", "fuse"),
                  .web_port = settings.port("forebay.fuse.web_port")};
    fuse.arguments.push_back(plan.mount);
    plan.roles.push_back(std::move(fuse));
  }
  return plan;
}

}  // namespace forebay::cli
