#include "cli/persist/control.h"

#include <algorithm>

#include "master/persist/status_total.h"

namespace forebay::cli {
namespace {

constexpr size_t kMostFailures = 1'000;  // kept of all pages

void add_up(v1::PersistStatusReply& total, v1::PersistStatusReply&& page) {
  master::add_counts(total, page);
  for (v1::PersistFailure& failure : *page.mutable_failures())
    if (static_cast<size_t>(total.failures_size()) < kMostFailures) *total.add_failures() = std::move(failure);
  for (const v1::MappingStatus& each : page.mappings()) {
    auto known = std::ranges::find(*total.mutable_mappings(), each.path(), &v1::MappingStatus::path);
    v1::MappingStatus& mapping = known != total.mutable_mappings()->end() ? *known : *total.add_mappings();
    mapping.set_path(each.path());
    mapping.set_waiting(mapping.waiting() + each.waiting());
    mapping.set_running(mapping.running() + each.running());
    mapping.set_writing(mapping.writing() + each.writing());
    mapping.set_failing(mapping.failing() + each.failing());
    mapping.set_conflicts(mapping.conflicts() + each.conflicts());
    mapping.set_bytes(mapping.bytes() + each.bytes());
    mapping.set_oldest_dirty_ns(master::older(mapping.oldest_dirty_ns(), each.oldest_dirty_ns()));
  }
}

std::string joined(std::string above, const std::string& key) {
  if (key.empty()) return above;
  if (!above.ends_with('/')) above += '/';
  return above + key;
}

}  // namespace

Result<Access> access_of(Shell& shell) {
  ASSIGN_OR_RETURN(client::Client * client, shell.client());
  return Access{shell.env(), shell.executor(), *client, shell.who()};
}

Result<std::unique_ptr<client::PersistControl>> persist_control(Shell& shell) {
  ASSIGN_OR_RETURN(client::Client * client, shell.client());
  return client->persistence();
}

Result<os::Address> coordinator_address(Shell& shell) {
  ASSIGN_OR_RETURN(const config::Settings* settings, shell.settings());
  return os::Address::parse(settings->text("forebay.coordinator.hostname"), settings->port("forebay.coordinator.rpc_port"));
}

MountNames MountNames::load(Shell& shell) {
  MountNames names;
  Result<std::unique_ptr<client::PersistControl>> control = persist_control(shell);
  if (!control) return names;
  Result<v1::ListMountsReply> mounts = shell.wait((*control)->list_mounts(shell.who()));
  if (!mounts) return names;
  for (v1::Mount& mount : *mounts->mutable_mounts()) names.mounts_[mount.mount()] = std::move(*mount.mutable_record());
  return names;
}

std::string MountNames::path(uint64_t mount, const std::string& key) const {
  auto known = mounts_.find(mount);
  if (known == mounts_.end()) return "mount " + std::to_string(mount) + ": " + key;
  return joined(known->second.path(), key);
}

std::string MountNames::uri(uint64_t mount, const std::string& key) const {
  auto known = mounts_.find(mount);
  if (known == mounts_.end()) return "mount " + std::to_string(mount) + ": " + key;
  return joined(known->second.uri(), key);
}

std::string MountNames::uri(uint64_t mount) const {
  auto known = mounts_.find(mount);
  return known == mounts_.end() ? "mount " + std::to_string(mount) : known->second.uri();
}

Result<v1::PersistStatusReply> whole_status(Shell& shell, client::PersistControl& control) {
  v1::PersistStatusReply total;
  v1::PersistStatusRequest request;
  do {
    ASSIGN_OR_RETURN(v1::PersistStatusReply page, shell.wait(control.status(shell.who(), request)));
    request.set_cursor(page.cursor());
    add_up(total, std::move(page));
  } while (!request.cursor().empty());
  return total;
}

std::string format_age(Duration age) {
  const int64_t seconds = std::max<int64_t>(0, std::chrono::duration_cast<std::chrono::seconds>(age).count());
  auto two = [](int64_t big, const char* unit, int64_t small, const char* small_unit) {
    return std::to_string(big) + unit + (small == 0 ? "" : " " + std::to_string(small) + small_unit);
  };
  if (seconds < 60) return std::to_string(seconds) + "s";
  if (seconds < 3'600) return two(seconds / 60, "m", seconds % 60, "s");
  if (seconds < 86'400) return two(seconds / 3'600, "h", seconds % 3'600 / 60, "m");
  return two(seconds / 86'400, "d", seconds % 86'400 / 3'600, "h");
}

Duration duration_since(int64_t unix_nanos) {
  const int64_t now = os::unix_nanos(os::real_clock().wall_now());
  return unix_nanos == 0 || unix_nanos > now ? Duration{} : Duration(now - unix_nanos);
}

std::string age_since(int64_t unix_nanos) { return unix_nanos == 0 ? "-" : format_age(duration_since(unix_nanos)); }

std::string_view kind_name(v1::OperationKind kind) {
  switch (kind) {
    case v1::OPERATION_UPLOAD: return "upload";
    case v1::OPERATION_MOVE: return "move";
    case v1::OPERATION_DELETE: return "delete";
    case v1::OPERATION_RESTORE: return "restore";
    case v1::OPERATION_ATTRIBUTES: return "attributes";
    case v1::OPERATION_MAKE_DIRECTORY: return "make-directory";
    case v1::OPERATION_REMOVE_DIRECTORY: return "remove-directory";
    case v1::OPERATION_SWEEP: return "sweep";
    default: return "?";
  }
}

std::string_view state_name(v1::PersistState state) {
  if (state == v1::PERSIST_STATE_PERSISTED) return "PERSISTED";
  return state == v1::PERSIST_STATE_TO_BE_PERSISTED ? "TO_BE_PERSISTED" : "NOT_PERSISTED";
}

std::string_view conflict_policy_name(v1::OnConflict on_conflict) {
  switch (on_conflict) {
    case v1::ON_CONFLICT_KEEP_BOTH: return "keep-both";
    case v1::ON_CONFLICT_CACHE_WINS: return "cache-wins";
    case v1::ON_CONFLICT_UFS_WINS: return "ufs-wins";
    default: return "fail";
  }
}

Json to_json(const v1::MappingRecord& record) {
  Json json = {{"path", record.path()},
               {"target", record.target()},
               {"onDelete", record.on_delete() == v1::ON_DELETE_DELETE ? "delete" : "keep"},
               {"onConflict", std::string(conflict_policy_name(record.on_conflict()))},
               {"settle", format_duration(Duration(record.settle_ns()))},
               {"order", record.order() == v1::PERSIST_ORDER_DIRECTORY ? "directory" : "none"},
               {"evict", record.evict() == v1::EVICT_CLEAN ? "clean" : "never"}};
  json["exclude"] = Json::array();
  for (const std::string& each : record.exclude()) json["exclude"].push_back(each);
  json["blackList"] = Json::array();
  for (const std::string& each : record.black_list()) json["blackList"].push_back(each);
  return json;
}

}  // namespace forebay::cli
