#include "cli/commands/workers_table.h"

#include "cli/format.h"

namespace forebay::cli {

std::string workers_table(const v1::ReportReply& report) {
  Table table({"WORKER", "ADDRESS", "STATE", "TIER", "USED", "QUOTA", "AVAILABLE", "OBJECTS", "HEARD"});
  for (size_t column : {0, 4, 5, 6, 7, 8}) table.right_align(column);
  for (const v1::WorkerReport& worker : report.workers()) {
    std::vector<std::string> row{std::to_string(worker.address().worker()), worker.address().address(), worker.state()};
    std::string objects = std::to_string(worker.objects()), heard = std::to_string(worker.last_heartbeat_ms_ago()) + " ms ago";
    if (worker.tiers().empty()) table.add({row[0], row[1], row[2], "-", "-", "-", "-", objects, heard});
    for (const v1::TierSpace& tier : worker.tiers()) {
      table.add({row[0], row[1], row[2], tier.alias(), format_human(tier.used_bytes()), format_human(tier.quota_bytes()),
                 format_human(tier.available_bytes()), objects, heard});
      row = {"", "", ""};
      objects = heard = "";
    }
  }
  return table.text();
}

Json workers_json(const v1::ReportReply& report) {
  Json workers = Json::array();
  for (const v1::WorkerReport& worker : report.workers()) {
    Json tiers = Json::array();
    for (const v1::TierSpace& tier : worker.tiers())
      tiers.push_back({{"alias", tier.alias()},
                       {"quota_bytes", tier.quota_bytes()},
                       {"used_bytes", tier.used_bytes()},
                       {"available_bytes", tier.available_bytes()}});
    workers.push_back({{"worker", worker.address().worker()},
                       {"address", worker.address().address()},
                       {"unix_address", worker.address().unix_address()},
                       {"state", worker.state()},
                       {"objects", worker.objects()},
                       {"last_heartbeat_ms_ago", worker.last_heartbeat_ms_ago()},
                       {"tiers", tiers}});
  }
  return workers;
}

}  // namespace forebay::cli
