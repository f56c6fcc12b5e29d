#include "cli/roles/configs.h"

#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <thread>

#include "cli/roles/descriptors.h"

namespace forebay::cli {
namespace {

constexpr size_t kMostSocketPath = 107;  // bytes; the system's limit
constexpr uint64_t kMultipartBuffer = 64 * kMiB;

v1::Durability durability_of(const std::string& name) {
  if (name == "memory") return v1::DURABILITY_MEMORY;
  if (name == "fsync") return v1::DURABILITY_FSYNC;
  return v1::DURABILITY_PAGE_CACHE;
}

std::string own_host_name() {
  char name[256] = "";
  gethostname(name, sizeof name - 1);
  return name;
}

// An alias says what the medium is where it is one of the known words; others are taken for an SSD.
std::string medium_of(const std::string& alias) { return alias == "MEM" || alias == "HDD" ? alias : "SSD"; }

// Paths of one alias make one tier; their watermarks are the first one's.
Result<std::vector<worker::TierConfig>> worker_tiers(const config::Settings& settings) {
  std::vector<config::Tier> paths = settings.tiers("forebay.worker.tiers");
  uint64_t ramdisk = settings.size("forebay.worker.ramdisk_size");
  if (paths.empty() && ramdisk > 0)
    paths.push_back({"MEM", "/dev/shm/forebay-" + std::to_string(settings.port("forebay.worker.rpc_port")), ramdisk});
  if (paths.empty())
    return invalid("forebay.worker.tiers names no tier: a worker needs at least one, for example SSD:/data/forebay:100GB");
  std::vector<worker::TierConfig> tiers;
  for (const config::Tier& path : paths) {
    auto known = std::ranges::find(tiers, path.alias, &worker::TierConfig::alias);
    if (known == tiers.end())
      known = tiers.insert(tiers.end(), {path.alias, medium_of(path.alias), {}, {.high = path.high, .low = path.low}});
    known->paths.push_back({path.path, path.quota_bytes});
  }
  return tiers;
}

Result<void> check_socket_path(const std::string& path, const std::string& setting) {
  if (path.size() <= kMostSocketPath) return {};
  return invalid("the path of the Unix socket has more than " + std::to_string(kMostSocketPath) + " bytes: " + path + " (" +
                 setting + " names a shorter one)");
}

}  // namespace

Result<std::vector<os::Address>> master_addresses(const config::Settings& settings) {
  uint16_t port = settings.port("forebay.master.rpc_port");
  std::vector<std::string> texts = settings.list("forebay.master.addresses");
  if (texts.empty()) texts.push_back(settings.text("forebay.master.hostname"));
  std::vector<os::Address> addresses;
  for (const std::string& text : texts) {
    ASSIGN_OR_RETURN(os::Address address, os::Address::parse(text, port));
    addresses.push_back(std::move(address));
  }
  return addresses;
}

Result<std::vector<os::Address>> ways_to_masters(const config::Settings& settings) {
  ASSIGN_OR_RETURN(std::vector<os::Address> ways, master_addresses(settings));
  const std::string socket = settings.text("forebay.master.socket");
  if (socket.empty()) return ways;
  TRY(check_socket_path(socket, "forebay.master.socket"));
  ways.insert(ways.begin(), os::Address{.host = {}, .port = 0, .path = socket});
  return ways;
}

Result<client::ClientConfig> client_config(const config::Settings& settings) {
  client::ClientConfig config;
  ASSIGN_OR_RETURN(config.masters, ways_to_masters(settings));
  config.durability = durability_of(settings.text("forebay.client.durability"));
  config.short_circuit = settings.flag("forebay.client.short_circuit");
  config.verify_reads = settings.text("forebay.client.verify") == "always";
  config.object_bytes = settings.size("forebay.client.object_size");
  config.inline_bytes = settings.size("forebay.client.inline_size");
  config.stream_window = settings.count("forebay.client.stream_window");
  config.write_buffer_bytes = settings.size("forebay.client.write_buffer");
  config.longest_pause = settings.duration("forebay.client.intake.longest_pause");
  config.retry_for = settings.duration("forebay.client.retry_for");
  config.compact_from_extents = settings.count("forebay.client.compact_from_extents");
  config.compact_extent_bytes = settings.size("forebay.client.compact_extent_size");
  config.compact_dead_bytes = settings.size("forebay.client.compact_dead_size");
  if (settings.flag("forebay.client.multipart_upload.enabled")) {
    config.multipart_upload = client::MultipartUpload{.threads = settings.count("forebay.client.multipart_upload.threads"),
                                                      .buffers = settings.count("forebay.client.multipart_upload.buffers"),
                                                      .buffer_bytes = kMultipartBuffer};
  }
  return config;
}

master::MasterConfig master_config(const config::Settings& settings) {
  master::MasterConfig config;
  config.listen = {{.host = settings.text("forebay.master.bind_host"), .port = settings.port("forebay.master.rpc_port")}};
  if (const std::string socket = settings.text("forebay.master.socket"); !socket.empty())
    config.listen.push_back({.host = {}, .port = 0, .path = socket});
  config.durability = durability_of(settings.text("forebay.client.durability"));
  config.inline_max = settings.size("forebay.master.inline_max");
  config.sessions.lease = settings.duration("forebay.master.session_lease");
  config.names.length = settings.duration("forebay.master.names_lease");
  config.intake.slow_from = static_cast<double>(settings.count("forebay.master.intake.slow_from")) / 100;
  config.intake.horizon = std::max<Duration>(settings.duration("forebay.master.intake.horizon"), std::chrono::milliseconds(100));
  config.workers.lost_after = settings.duration("forebay.master.worker_lost_after");
  config.cluster.heartbeat = settings.duration("forebay.worker.heartbeat");
  config.mapping.file = settings.text("forebay.persist.mapping_file");
  config.mapping.interval =
      std::max<Duration>(settings.duration("forebay.persist.checker_interval"), std::chrono::milliseconds(10));
  config.server.max_connections = share_descriptors(raise_descriptor_limit()).connections;
  config.persistence.sweep_after = settings.duration("forebay.persist.sweep_after");
  config.persist_census = settings.duration("forebay.persist.census_interval");
  return config;
}

namespace {

Result<uint64_t> bandwidth_beside_writers(const config::Settings& settings) {
  const uint64_t each = settings.size("forebay.worker.persist.bandwidth_beside_writers");
  if (each != 0 && each < 8 * kMiB)
    return invalid("forebay.worker.persist.bandwidth_beside_writers is 0 or at least 8MB: slower requests would be given up");
  return each * std::max(std::thread::hardware_concurrency(), 1U);
}

Result<worker::PageStoreConfig> page_store_config(const config::Settings& settings) {
  worker::PageStoreConfig config;
  config.page_bytes = settings.size("forebay.worker.pagestore.page_size");
  if (config.page_bytes < 4 * kKiB || config.page_bytes > 64 * kMiB)
    return invalid("forebay.worker.pagestore.page_size is from 4KB to 64MB");
  const std::vector<std::string> paths = settings.list("forebay.worker.pagestore.dirs");
  const std::vector<std::string> sizes = settings.list("forebay.worker.pagestore.sizes");
  if (!paths.empty() && sizes.size() != 1 && sizes.size() != paths.size())
    return invalid("forebay.worker.pagestore.sizes has " + std::to_string(sizes.size()) + " quotas for " +
                   std::to_string(paths.size()) + " directories; give one for each, or one for all");
  for (size_t i = 0; i < paths.size(); ++i) {
    Result<uint64_t> bytes = parse_size(sizes[sizes.size() == 1 ? 0 : i]);
    if (!bytes) return invalid("forebay.worker.pagestore.sizes: " + bytes.error().message());
    config.directories.push_back({paths[i], *bytes});
  }
  return config;
}

}  // namespace

Result<worker::WorkerConfig> worker_config(const config::Settings& settings) {
  worker::WorkerConfig config;
  config.listen = {.host = settings.text("forebay.worker.bind_host"), .port = settings.port("forebay.worker.rpc_port")};
  config.advertised_host = settings.text("forebay.worker.hostname");
  if (config.advertised_host.empty()) config.advertised_host = own_host_name();
  ASSIGN_OR_RETURN(config.masters, ways_to_masters(settings));
  ASSIGN_OR_RETURN(config.store.tiers, worker_tiers(settings));
  const DescriptorShare share = share_descriptors(raise_descriptor_limit());
  config.server.max_connections = share.connections;
  config.store.max_open_objects = share.open_objects;
  config.store.stage_quota_bytes = settings.size("forebay.worker.stage_room");
  config.persist.max_tasks = settings.count("forebay.worker.persist.tasks");
  config.persist.bytes_per_second = settings.size("forebay.worker.persist.bandwidth");
  ASSIGN_OR_RETURN(config.persist.bytes_per_second_beside_writers, bandwidth_beside_writers(settings));
  config.host_file = settings.text("forebay.worker.host_file");
  config.persist.small_bytes = settings.size("forebay.worker.persist.small_size");
  config.persist.transfer.part_bytes = settings.size("forebay.worker.persist.part_size");
  config.persist.transfer.parallel = settings.count("forebay.worker.persist.parallel_parts");
  config.persist.request_timeout = settings.duration("forebay.worker.persist.request_timeout");
  config.persist.quarantine = 2 * config.persist.request_timeout;
  ASSIGN_OR_RETURN(config.pages, page_store_config(settings));
  config.pages.request_timeout = config.persist.request_timeout;
  std::string socket = settings.text("forebay.worker.socket");
  if (socket.empty()) socket = config.store.tiers.front().paths.front().path + "/worker.sock";
  TRY(check_socket_path(socket, "forebay.worker.socket"));
  TRY(os::real_files().make_directories(std::filesystem::path(socket).parent_path().string()));
  config.unix_listen.path = socket;
  return config;
}

Result<coordinator::CoordinatorConfig> coordinator_config(const config::Settings& settings) {
  coordinator::CoordinatorConfig config;
  config.listen = {.host = settings.text("forebay.coordinator.bind_host"), .port = settings.port("forebay.coordinator.rpc_port")};
  config.advertised_host = settings.text("forebay.coordinator.hostname");
  config.interval = settings.duration("forebay.persist.scheduler_interval");
  config.check_interval = std::clamp<Duration>(settings.duration("forebay.persist.checker_interval"),
                                               std::chrono::milliseconds(10), std::chrono::seconds(10));
  config.lease = settings.duration("forebay.persist.lease");
  config.small_tasks = settings.count("forebay.persist.small_tasks");
  config.large_tasks = settings.count("forebay.persist.large_tasks");
  config.large_from = settings.size("forebay.persist.large_from");
  config.tasks_per_worker = settings.count("forebay.persist.tasks_per_worker");
  config.started = std::max(config.started, 2 * (config.small_tasks + config.large_tasks));
  config.breaker_failures = static_cast<uint32_t>(settings.count("forebay.persist.breaker_failures"));
  config.breaker_most = settings.duration("forebay.persist.breaker_longest");
  if (config.interval <= Duration{}) return invalid("forebay.persist.scheduler_interval has to be more than 0s");
  if (config.lease < std::chrono::seconds(1)) return invalid("forebay.persist.lease has to be 1s at least");
  ASSIGN_OR_RETURN(config.masters, ways_to_masters(settings));
  return config;
}

fuse::MountConfig mount_config(const config::Settings& settings, const std::string& mount_point) {
  fuse::MountConfig config;
  config.mount_point = mount_point;
  config.attr_timeout = settings.duration("forebay.fuse.attr_timeout");
  config.entry_timeout = settings.duration("forebay.fuse.entry_timeout");
  config.negative_timeout = settings.duration("forebay.fuse.negative_timeout");
  config.allow_other = settings.flag("forebay.fuse.allow_other");
  config.page_cache = settings.flag("forebay.fuse.page_cache");
  config.stage_from = settings.size("forebay.fuse.stage_from");
  config.passthrough = settings.text("forebay.fuse.passthrough") == "auto";
  config.follow_callers = settings.duration("forebay.rpc.busy_poll") > Duration{0};
  config.max_in_flight = static_cast<uint32_t>(settings.count("forebay.fuse.max_in_flight"));
  return config;
}

Result<obs::LogConfig> log_config(const config::Settings& settings, const std::string& role) {
  obs::LogConfig config{.role = role, .path = settings.text("forebay.log.file")};
  ASSIGN_OR_RETURN(config.level, obs::parse_level(settings.text("forebay.log.level")));
  config.max_bytes = settings.size("forebay.log.max_size");
  config.max_old_files = settings.count("forebay.log.max_files");
  return config;
}

}  // namespace forebay::cli
