#include <algorithm>

#include "cli/commands/commands.h"
#include "cli/commands/slowed_writers.h"
#include "cli/format.h"
#include "cli/persist/control.h"

namespace forebay::cli {
namespace {

std::string broken_error(const v1::Pace& pace, int index) {
  return index < pace.broken_errors_size() ? pace.broken_errors(index) : "";
}

struct Findings {
  v1::PersistStatusReply status;
  v1::GetMappingReply mapping;
  Result<v1::Pace> pace;
  v1::IntakeReport writers;
  MountNames names;
};

uint64_t waiting(const v1::PersistStatusReply& status) {
  return status.waiting_persist() + status.waiting_settle() + status.waiting_clear() + status.waiting_trees() +
         status.waiting_directories();
}

// What is open for writing may have bytes that nobody else knows of yet.
bool is_clean(const v1::PersistStatusReply& status) {
  return waiting(status) == 0 && status.writing() == 0 && status.running() == 0 && status.conflicts() == 0;
}

// Those that something waits for, and those that nothing does.
std::vector<v1::MappingStatus> all_mappings(const Findings& found) {
  std::vector<v1::MappingStatus> all(found.status.mappings().begin(), found.status.mappings().end());
  for (const v1::MappingRecord& record : found.mapping.mappings()) {
    if (std::ranges::find(all, record.path(), &v1::MappingStatus::path) != all.end()) continue;
    all.emplace_back().set_path(record.path());
  }
  std::ranges::sort(all, {}, &v1::MappingStatus::path);
  return all;
}

Json failure_json(const v1::PersistFailure& failure, const MountNames& names) {
  Json json = {{"key", names.path(failure.mount(), failure.key())},
               {"error", failure.error()},
               {"permanent", failure.permanent()},
               {"attempts", failure.attempts()},
               {"next_attempt", format_iso_time(failure.next_ns())}};
  if (!failure.path().empty()) json["path"] = failure.path();
  return json;
}

Json to_json(const Findings& found) {
  const v1::PersistStatusReply& status = found.status;
  Json json = {{"clean", is_clean(status)},
               {"waiting",
                {{"persist", status.waiting_persist()},
                 {"settle", status.waiting_settle()},
                 {"clear", status.waiting_clear()},
                 {"tree", status.waiting_trees()},
                 {"directory", status.waiting_directories()}}},
               {"writing", status.writing()},
               {"sweeps", status.waiting_sweeps()},
               {"running", status.running()},
               {"failing", status.failing()},
               {"permanent", status.permanent()},
               {"lost", status.lost()},
               {"conflicts", status.conflicts()},
               {"dirty_bytes", status.bytes()},
               {"oldest_dirty_seconds", std::chrono::duration<double>(duration_since(status.oldest_dirty_ns())).count()}};
  Json mappings = Json::array(), failures = Json::array();
  for (const v1::MappingStatus& each : all_mappings(found))
    mappings.push_back({{"path", each.path()},
                        {"writing", each.writing()},
                        {"waiting", each.waiting()},
                        {"running", each.running()},
                        {"failing", each.failing()},
                        {"conflicts", each.conflicts()},
                        {"dirty_bytes", each.bytes()},
                        {"oldest_dirty_seconds", std::chrono::duration<double>(duration_since(each.oldest_dirty_ns())).count()}});
  for (const v1::PersistFailure& failure : status.failures()) failures.push_back(failure_json(failure, found.names));
  json["mappings"] = mappings;
  json["failures"] = failures;
  json["writers"] = slowed_writers_json(found.writers);
  json["mapping_problem"] = found.mapping.problem();
  if (!found.pace) {
    json["coordinator"] = {{"error", found.pace.error().to_string()}};
    return json;
  }
  Json broken = Json::array(), errors = Json::array();
  for (int i = 0; i < found.pace->broken_mounts_size(); ++i) {
    broken.push_back(found.names.uri(found.pace->broken_mounts(i)));
    errors.push_back(broken_error(*found.pace, i));
  }
  json["coordinator"] = {{"bytes_per_second", found.pace->bytes_per_second()},
                         {"bandwidth_cap", found.pace->bandwidth()},
                         {"bytes", found.pace->bytes()},
                         {"done", found.pace->done()},
                         {"failed", found.pace->failed()},
                         {"jobs", found.pace->jobs()},
                         {"stores_not_answering", broken},
                         {"store_errors", errors}};
  return json;
}

void print_counts(const Findings& found) {
  const v1::PersistStatusReply& status = found.status;
  auto count = [](uint64_t number) { return std::to_string(number); };
  print_line("writing     " + count(status.writing()) + " files are open for writing");
  print_line("waiting     " + count(waiting(status)) + " (persist " + count(status.waiting_persist()) + ", settle " +
             count(status.waiting_settle()) + ", clear " + count(status.waiting_clear()) + ", trees " +
             count(status.waiting_trees()) + ", directories " + count(status.waiting_directories()) + ")");
  print_line("running     " + count(status.running()));
  print_line("failing     " + count(status.failing()) + " (" + count(status.permanent()) + " that cannot pass by themselves, " +
             count(status.lost()) + " without any copy left)");
  print_line("conflicts   " + count(status.conflicts()));
  if (status.waiting_sweeps() != 0)
    print_line("sweeps      " + count(status.waiting_sweeps()) +
               " keys at which uploads that were given up are looked for later");
  print_line("dirty       " + format_human(status.bytes()) +
             (status.oldest_dirty_ns() == 0 ? "" : ", the oldest for " + age_since(status.oldest_dirty_ns())));
  print_line("writers     " + slowed_writers_line(found.writers));
  if (found.pace)
    print_line("throughput  " + format_rate(found.pace->bytes_per_second(), 1) +
               (found.pace->bandwidth() == 0 ? "" : " (capped at " + format_rate(found.pace->bandwidth(), 1) + ")") +
               "; since the coordinator's start " + format_human(found.pace->bytes()) + ", " + count(found.pace->done()) +
               " jobs done, " + count(found.pace->failed()) + " failed");
  else
    print_line("throughput  not known: " + found.pace.error().to_string());
  if (found.pace)
    for (int i = 0; i < found.pace->broken_mounts_size(); ++i) {
      const std::string error = broken_error(*found.pace, i);
      print_line("store       " + found.names.uri(found.pace->broken_mounts(i)) +
                 " does not answer; it is tried again now and then" + (error.empty() ? "" : ": " + error));
    }
  if (!found.mapping.problem().empty())
    print_line("mapping     not as its file says since " + age_since(found.mapping.problem_since_ns()) + ": " +
               found.mapping.problem());
}

void print_tables(const Findings& found) {
  Table mappings({"MAPPING", "WAITING", "RUNNING", "FAILING", "CONFLICTS", "DIRTY", "OLDEST"});
  for (const size_t column : {1, 2, 3, 4, 5, 6}) mappings.right_align(column);
  for (const v1::MappingStatus& each : all_mappings(found))
    mappings.add({each.path(), std::to_string(each.waiting()), std::to_string(each.running()), std::to_string(each.failing()),
                  std::to_string(each.conflicts()), format_human(each.bytes()), age_since(each.oldest_dirty_ns())});
  print("\n" + mappings.text());
  if (found.status.failures().empty()) return;
  Table failures({"FILE", "KEY", "TRIED", "NEXT IN", "ERROR"});
  const int64_t now = os::unix_nanos(os::real_clock().wall_now());
  for (const v1::PersistFailure& each : found.status.failures())
    failures.add({each.path().empty() ? "-" : each.path(), found.names.path(each.mount(), each.key()),
                  std::to_string(each.attempts()), format_age(Duration(std::max<int64_t>(0, each.next_ns() - now))),
                  each.error()});
  print("\n" + failures.text());
}

Result<int> run(Shell& shell) {
  ASSIGN_OR_RETURN(const auto control, persist_control(shell));
  ASSIGN_OR_RETURN(client::Client * client, shell.client());
  Findings found{.pace = elsewhere("not asked"), .names = {}};
  ASSIGN_OR_RETURN(found.status, whole_status(shell, *control));
  ASSIGN_OR_RETURN(found.mapping, shell.wait(control->mapping(shell.who())));
  ASSIGN_OR_RETURN(const v1::ReportReply report, shell.wait(client->report()));
  found.writers = report.intake();
  found.pace = ask_coordinator<v1::coordinator_service::GetPace>(shell, {});
  found.names = MountNames::load(shell);
  if (shell.json()) {
    print_json(to_json(found));
    return 0;
  }
  print_counts(found);
  print_tables(found);
  return 0;
}

}  // namespace

void add_persist_status(Command persist, Shell& shell) {
  shell.on(persist.add("status", "What waits for the under stores, how old it is, how fast it goes, what fails"), run);
}

}  // namespace forebay::cli
