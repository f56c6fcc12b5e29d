#include "config/compat.h"

#include <algorithm>
#include <charconv>

#include "config/settings.h"
#include "config/text.h"

namespace forebay::config {
namespace {

constexpr std::string_view kTierPrefix = "alluxio.gemini.worker.tieredstore.";
constexpr std::string_view kTiersSetting = "forebay.worker.tiers";
constexpr size_t kMostLevels = 8;

// Their journal addresses carry the journal's own port; masters here are asked on the master's port.
Result<std::string> hosts_only(std::string_view value) {
  std::string hosts;
  for (std::string_view item : split_list(value)) {
    if (!hosts.empty()) hosts += ',';
    hosts += item.substr(0, item.rfind(':'));
  }
  return hosts;
}

// UFS and EMBEDDED name journals that need no other service: here that is the local one.
Result<std::string> journal_type(std::string_view value) {
  for (std::string_view known : {"UFS", "EMBEDDED", "NOOP", "ROCKSDB", "ufs", "embedded", "local"})
    if (value == known) return std::string("local");
  return invalid("'" + std::string(value) + "' is not a journal type (UFS, EMBEDDED)");
}

Result<std::string> lower_case(std::string_view value) {
  std::string lower(value);
  for (char& c : lower)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  return lower;
}

constexpr CompatibleKey kKeys[] = {
    {"alluxio.gemini.user.file.replication", "forebay.client.replication"},
    {"alluxio.gemini.user.file.cache.only.multipart.upload.enabled", "forebay.client.multipart_upload.enabled", lower_case},
    {"alluxio.gemini.user.file.cache.only.multipart.upload.threads", "forebay.client.multipart_upload.threads"},
    {"alluxio.gemini.user.file.cache.only.multipart.upload.buffer.number", "forebay.client.multipart_upload.buffers"},
    {"alluxio.gemini.master.async.upload.local.file.path", "forebay.persist.mapping_file"},
    {"alluxio.gemini.master.persistence.checker.interval", "forebay.persist.checker_interval"},
    {"alluxio.gemini.master.persistence.scheduler.interval", "forebay.persist.scheduler_interval"},
    {"alluxio.gemini.master.hostname", "forebay.master.hostname"},
    {"alluxio.gemini.master.rpc.port", "forebay.master.rpc_port"},
    {"alluxio.gemini.master.web.port", "forebay.master.web_port"},
    {"alluxio.gemini.master.journal.type", "forebay.master.journal.type", journal_type},
    {"alluxio.gemini.master.journal.folder", "forebay.master.journal.folder"},
    {"alluxio.gemini.master.embedded.journal.addresses", "forebay.master.addresses", hosts_only},
    {"alluxio.gemini.master.metastore.dir", "forebay.master.store_dir"},
    {"alluxio.gemini.worker.hostname", "forebay.worker.hostname"},
    {"alluxio.gemini.worker.container.hostname", "forebay.worker.container_hostname"},
    {"alluxio.gemini.worker.rpc.port", "forebay.worker.rpc_port"},
    {"alluxio.gemini.worker.web.port", "forebay.worker.web_port"},
    {"alluxio.gemini.worker.ramdisk.size", "forebay.worker.ramdisk_size"},
    {"alluxio.gemini.user.short.circuit.enabled", "forebay.client.short_circuit", lower_case},
    {"alluxio.gemini.user.block.size.bytes.default", "forebay.client.object_size"},
    {"alluxio.gemini.security.login.username", "forebay.client.user"},
    {"alluxio.gemini.license.file", "forebay.license_file"},
    {"alluxio.etcd.endpoints", "forebay.etcd.endpoints"},
    {"alluxio.cluster.name", "forebay.cluster.name"},
    {"alluxio.mount.table.source", "forebay.mount.table_source"},
    {"alluxio.coordinator.hostname", "forebay.coordinator.hostname"},
    {"alluxio.worker.page.store.dirs", "forebay.worker.pagestore.dirs"},
    {"alluxio.worker.page.store.sizes", "forebay.worker.pagestore.sizes"},
    {"alluxio.worker.page.store.page.size", "forebay.worker.pagestore.page_size"},
};

constexpr bool every_target_exists() {
  for (const CompatibleKey& key : kKeys)
    if (find_setting(key.ours) == kSettings) return false;
  return true;
}
static_assert(every_target_exists(), "a compatible key names a setting that does not exist");

std::vector<std::string> owned(std::string_view list) {
  std::vector<std::string_view> items = split_list(list);
  return {items.begin(), items.end()};
}

// "level2.dirs.path" → 2 and "dirs.path".
std::optional<std::pair<size_t, std::string_view>> level_key(std::string_view rest) {
  if (!rest.starts_with("level")) return std::nullopt;
  rest.remove_prefix(5);
  size_t number = 0;
  auto [end, error] = std::from_chars(rest.data(), rest.data() + rest.size(), number);
  if (error != std::errc{} || end == rest.data() + rest.size() || *end != '.') return std::nullopt;
  rest.remove_prefix(static_cast<size_t>(end - rest.data()) + 1);
  for (std::string_view known :
       {"alias", "dirs.mediumtype", "dirs.path", "dirs.quota", "watermark.high.ratio", "watermark.low.ratio"})
    if (rest == known) return std::pair(number, rest);
  return std::nullopt;
}

}  // namespace

std::span<const CompatibleKey> compatible_keys() { return kKeys; }

std::optional<std::string_view> compatible_setting(std::string_view key) {
  for (const CompatibleKey& known : kKeys)
    if (known.theirs == key) return known.ours;
  if (!key.starts_with(kTierPrefix)) return std::nullopt;
  key.remove_prefix(kTierPrefix.size());
  if (key == "levels" || level_key(key)) return kTiersSetting;
  return std::nullopt;
}

Result<bool> CompatibleTiers::take(const Entry& entry) {
  if (!entry.key.starts_with(kTierPrefix)) return false;
  std::string_view rest = std::string_view(entry.key).substr(kTierPrefix.size());
  if (rest == "levels") {
    size_t levels = 0;
    auto [end, error] = std::from_chars(entry.value.data(), entry.value.data() + entry.value.size(), levels);
    if (error != std::errc{} || end != entry.value.data() + entry.value.size() || levels > kMostLevels)
      return invalid(entry.where + ": " + entry.key + ": '" + entry.value + "' is not a number of levels (at most " +
                     std::to_string(kMostLevels) + ")");
    levels_ = levels;
    return true;
  }
  auto key = level_key(rest);
  if (!key) return false;
  auto [number, field] = *key;
  if (number >= kMostLevels)
    return invalid(entry.where + ": " + entry.key + ": levels are 0 to " + std::to_string(kMostLevels - 1));
  if (level_.size() <= number) level_.resize(number + 1);
  Level& level = level_[number];
  if (field == "alias") level.alias = trim(entry.value);
  if (field == "dirs.mediumtype") level.media = entry.value;
  if (field == "dirs.quota") level.quotas = owned(entry.value);
  if (field == "watermark.high.ratio") level.high = trim(entry.value);
  if (field == "watermark.low.ratio") level.low = trim(entry.value);
  if (field == "dirs.path") {
    level.paths = owned(entry.value);
    level.where = entry.where + " (" + entry.key + ")";
  }
  return true;
}

Result<void> CompatibleTiers::append_level(size_t number, const Level& level, std::string& text) const {
  std::string name = level.where + ": level " + std::to_string(number);
  if (level.quotas.size() != 1 && level.quotas.size() != level.paths.size())
    return invalid(name + " has " + std::to_string(level.paths.size()) + " paths and " + std::to_string(level.quotas.size()) +
                   " quotas: give one quota, or one for each path");
  std::vector<std::string_view> media = split_list(level.media);
  std::string alias = !level.alias.empty() ? level.alias : !media.empty() ? std::string(media[0]) : number == 0 ? "MEM" : "SSD";
  for (size_t i = 0; i < level.paths.size(); ++i) {
    if (!text.empty()) text += ',';
    text += alias + ":" + level.paths[i] + ":" + level.quotas[level.quotas.size() == 1 ? 0 : i];
    if (!level.high.empty() || !level.low.empty())
      text += ":" + (level.high.empty() ? "0.95" : level.high) + ":" + (level.low.empty() ? "0.7" : level.low);
  }
  return {};
}

Result<std::optional<Entry>> CompatibleTiers::assemble() const {
  Entry entry{.key = std::string(kTiersSetting)};
  for (size_t i = 0; i < level_.size() && i < levels_.value_or(level_.size()); ++i) {
    if (level_[i].paths.empty()) continue;
    TRY(append_level(i, level_[i], entry.value));
    if (entry.where.empty()) entry.where = level_[i].where;
  }
  if (entry.value.empty()) return std::optional<Entry>{};
  return std::optional<Entry>(std::move(entry));
}

}  // namespace forebay::config
