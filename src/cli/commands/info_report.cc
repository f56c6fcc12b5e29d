#include "base/units.h"
#include "cli/commands/commands.h"
#include "cli/commands/slowed_writers.h"
#include "cli/commands/workers_table.h"
#include "cli/format.h"
#include "cli/persist/ask.h"
#include "forebay/v1/admin.rpc.h"

namespace forebay::cli {
namespace {

constexpr Duration kWithoutSession = std::chrono::seconds(2);

Json clients_json(const v1::ReportReply& report) {
  Json clients = Json::array();
  for (const v1::ClientReport& client : report.clients())
    clients.push_back({{"client", client.client()}, {"host_id", client.host_id()}, {"state", client.state()}});
  return clients;
}

std::string clients_table(const v1::ReportReply& report) {
  if (report.clients().empty()) return "";
  Table table({"client", "reads and writes"});
  for (const v1::ClientReport& client : report.clients()) table.add({client.client(), client.state()});
  return "\n" + table.text();
}

Json to_json(const v1::ReportReply& report) {
  return {{"cluster", report.cluster()},
          {"version", report.version()},
          {"state", report.state()},
          {"reason", report.reason()},
          {"uptime_seconds", static_cast<double>(report.uptime_ms()) / 1000},
          {"inodes", report.inodes()},
          {"inline_bytes", report.inline_bytes()},
          {"sessions", report.sessions()},
          {"write_handles", report.write_handles()},
          {"reclaiming", report.reclaiming()},
          {"writers", slowed_writers_json(report.intake())},
          {"workers", workers_json(report)},
          {"clients", clients_json(report)}};
}

// A master that writes nothing any more begins no session, and this is where people look for the reason.
Result<v1::ReportReply> report_without_session(Shell& shell, const Status& refusal) {
  for (const os::Address& master : shell.masters()) {
    Result<v1::ReportReply> report =
        shell.wait(ask_once<v1::admin_service::Report>(&shell.env(), shell.executor(), master, shell.who(), {}, kWithoutSession));
    if (report) return report;
  }
  return std::unexpected(refusal);
}

Result<int> run(Shell& shell) {
  Result<client::Client*> client = shell.client();
  Result<v1::ReportReply> reported = client ? shell.wait((*client)->report()) : report_without_session(shell, client.error());
  ASSIGN_OR_RETURN(v1::ReportReply report, std::move(reported));
  if (shell.json()) {
    print_json(to_json(report));
    return 0;
  }
  Table table({"cluster", report.cluster()});
  table.add({"state", report.state() + (report.reason().empty() ? "" : ": " + report.reason())});
  table.add({"version", report.version()});
  table.add({"up for", format_duration(std::chrono::seconds(report.uptime_ms() / 1000))});
  table.add({"inodes", std::to_string(report.inodes())});
  table.add({"bytes of small files kept inline", format_human(report.inline_bytes())});
  table.add({"client sessions", std::to_string(report.sessions())});
  table.add({"files open for writing", std::to_string(report.write_handles())});
  table.add({"removed, space pending", std::to_string(report.reclaiming())});
  table.add({"writers", slowed_writers_line(report.intake())});
  print(table.text() + "\n" + workers_table(report) + clients_table(report));
  return 0;
}

}  // namespace

void add_info_report(Command info, Shell& shell) { shell.on(info.add("report", "What the cluster does, as a whole"), run); }

}  // namespace forebay::cli
