#include "cli/roles/configs.h"

namespace forebay::cli {
namespace {

constexpr uint64_t kMultipartBuffer = 64 * kMiB;

v1::Durability durability_of(const std::string& name) {
  if (name == "memory") return v1::DURABILITY_MEMORY;
  if (name == "fsync") return v1::DURABILITY_FSYNC;
  return v1::DURABILITY_PAGE_CACHE;
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

Result<client::ClientConfig> client_config(const config::Settings& settings) {
  client::ClientConfig config;
  ASSIGN_OR_RETURN(config.masters, master_addresses(settings));
  config.durability = durability_of(settings.text("forebay.client.durability"));
  config.short_circuit = settings.flag("forebay.client.short_circuit");
  config.object_bytes = settings.size("forebay.client.object_size");
  config.stream_window = settings.count("forebay.client.stream_window");
  config.write_buffer_bytes = settings.size("forebay.client.write_buffer");
  config.retry_for = settings.duration("forebay.client.retry_for");
  if (settings.flag("forebay.client.multipart_upload.enabled")) {
    config.short_circuit = false;
    config.stream_window = settings.count("forebay.client.multipart_upload.threads");
    config.write_buffer_bytes = settings.count("forebay.client.multipart_upload.buffers") * kMultipartBuffer;
  }
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
  config.receivers = static_cast<int>(settings.count("forebay.fuse.receivers"));
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
