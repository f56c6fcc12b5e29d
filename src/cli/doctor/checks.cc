#include "cli/doctor/checks.h"

#include <netdb.h>
#include <sys/resource.h>
#include <sys/timex.h>
#include <unistd.h>

#include <filesystem>

#include "base/units.h"
#include "cli/local/probe.h"
#include "fuse/mount_point.h"
#include "os/file.h"

namespace forebay::cli {
namespace {

constexpr rlim_t kEnoughDescriptors = 4096;
constexpr uint64_t kLittleSpace = 1 * kGiB;

Finding check_settings(Shell& shell) {
  Result<const config::Settings*> settings = shell.settings();
  if (!settings)
    return {"settings", Verdict::kProblem, settings.error().message(), "correct what is named; `forebay conf check` looks again"};
  return {"settings", Verdict::kGood, "valid", ""};
}

Finding check_master(Shell& shell) {
  Result<client::Client*> client = shell.client();
  if (!client)
    return {"master", Verdict::kProblem, client.error().message(),
            "start it (`forebay local start --dir …`), or name the right one with --conf"};
  Result<v1::ReportReply> report = shell.wait((*client)->report());
  if (!report) return {"master", Verdict::kProblem, report.error().to_string(), "look at the master's log"};
  if (report->state() != "serving")
    return {"master", Verdict::kProblem, report->state() + ": " + report->reason(), "look at the master's log"};
  size_t live = 0;
  for (const v1::WorkerReport& worker : report->workers()) live += worker.state() == "live" ? 1 : 0;
  std::string found = "serving, with " + std::to_string(live) + " of " + std::to_string(report->workers_size()) + " workers live";
  if (live == 0) return {"master", Verdict::kProblem, found, "start workers: nothing can be written without one"};
  if (live < static_cast<size_t>(report->workers_size()))
    return {"master", Verdict::kWarning, found, "`forebay info nodes` names those that are lost"};
  return {"master", Verdict::kGood, found, ""};
}

Finding check_port(const std::string& role, uint16_t port, uint16_t web_port) {
  std::string check = "port " + std::to_string(port) + " (" + role + ")";
  if (port_is_free("0.0.0.0", port)) return {check, Verdict::kGood, "free", ""};
  if (http_get(web_port, "/healthz", std::chrono::seconds(1))) return {check, Verdict::kGood, "in use by a Forebay role", ""};
  return {
      check, Verdict::kWarning, "in use by another program",
      "`ss -ltnp | grep " + std::to_string(port) + "` names it; stop it, or use other ports (--ports auto for a local cluster)"};
}

void check_ports(const config::Settings& settings, std::vector<Finding>& findings) {
  uint16_t master_web = settings.port("forebay.master.web_port"), worker_web = settings.port("forebay.worker.web_port"),
           fuse_web = settings.port("forebay.fuse.web_port");
  findings.push_back(check_port("master", settings.port("forebay.master.rpc_port"), master_web));
  findings.push_back(check_port("master web", master_web, master_web));
  findings.push_back(check_port("worker", settings.port("forebay.worker.rpc_port"), worker_web));
  findings.push_back(check_port("worker web", worker_web, worker_web));
  findings.push_back(check_port("mount web", fuse_web, fuse_web));
}

Finding check_fuse() {
  Result<void> usable = fuse::check_device();
  if (usable) return {"FUSE", Verdict::kGood, "/dev/fuse can be used", ""};
  return {
      "FUSE", Verdict::kProblem, usable.error().message(),
      "without it nothing can be mounted; commands and libraries work (in a container: --device /dev/fuse --cap-add SYS_ADMIN)"};
}

// The nearest directory that exists, of one that will be made.
std::string existing_parent(std::filesystem::path path) {
  std::error_code error;
  while (!std::filesystem::exists(path, error) && path.has_parent_path() && path != path.parent_path()) path = path.parent_path();
  return path.empty() ? "." : path.string();
}

Finding check_space(const std::string& what, const std::string& path, uint64_t wanted) {
  std::string place = existing_parent(path);
  std::string check = "disk of " + what + " (" + path + ")";
  if (access(place.c_str(), W_OK | X_OK) != 0)
    return {check, Verdict::kProblem, place + " cannot be written by this user", "make it writable, or name another directory"};
  Result<os::Space> space = os::real_files().space(place);
  if (!space) return {check, Verdict::kProblem, space.error().to_string(), "name another directory"};
  std::string found = format_size(space->free_bytes) + " free of " + format_size(space->total_bytes);
  if (space->free_bytes < kLittleSpace) return {check, Verdict::kWarning, found, "free some space"};
  if (wanted > space->total_bytes)
    return {check, Verdict::kWarning, found + ", less than the quota of " + format_size(wanted), "give a smaller quota"};
  return {check, Verdict::kGood, found, ""};
}

void check_disks(const config::Settings& settings, std::vector<Finding>& findings) {
  if (!settings.is_default(config::find_setting("forebay.master.store_dir")))
    findings.push_back(check_space("the metadata", settings.text("forebay.master.store_dir"), 0));
  std::vector<config::Tier> tiers = settings.tiers("forebay.worker.tiers");
  if (tiers.empty()) tiers = settings.tiers("forebay.local.tiers");
  for (const config::Tier& tier : tiers) findings.push_back(check_space("tier " + tier.alias, tier.path, tier.quota_bytes));
  if (tiers.empty()) findings.push_back(check_space("this directory", std::filesystem::current_path().string(), 0));
}

Finding check_descriptors() {
  rlimit limit{};
  getrlimit(RLIMIT_NOFILE, &limit);
  std::string found = std::to_string(limit.rlim_cur) + " open files allowed";
  if (limit.rlim_cur >= kEnoughDescriptors) return {"limits", Verdict::kGood, found, ""};
  return {"limits", Verdict::kWarning, found, "allow more: `ulimit -n 65536`, or LimitNOFILE= of the service"};
}

Finding check_clock() {
  timex state{};
  int result = adjtimex(&state);
  if (result < 0) return {"clock", Verdict::kWarning, "its state cannot be read", ""};
  if ((state.status & STA_UNSYNC) != 0)
    return {"clock", Verdict::kWarning, "is not synchronised",
            "times of files will be wrong where hosts disagree: run an NTP service (`apt install systemd-timesyncd`)"};
  return {"clock", Verdict::kGood, "synchronised", ""};
}

Finding check_name() {
  char name[256] = "";
  gethostname(name, sizeof name - 1);
  addrinfo* found = nullptr;
  int error = getaddrinfo(name, nullptr, nullptr, &found);
  if (error == 0) freeaddrinfo(found);
  if (error == 0) return {"host name", Verdict::kGood, std::string(name) + " has an address", ""};
  return {"host name", Verdict::kWarning, std::string(name) + " has no address",
          "add it to /etc/hosts or the name service, or set forebay.worker.hostname: workers tell it to clients"};
}

}  // namespace

std::string_view verdict_name(Verdict verdict) {
  switch (verdict) {
    case Verdict::kGood: return "ok";
    case Verdict::kWarning: return "warning";
    case Verdict::kProblem: return "problem";
  }
  return "";
}

std::vector<Finding> examine(Shell& shell) {
  std::vector<Finding> findings;
  findings.push_back(check_settings(shell));
  if (Result<const config::Settings*> settings = shell.settings()) {
    findings.push_back(check_master(shell));
    check_ports(**settings, findings);
    check_disks(**settings, findings);
  }
  findings.push_back(check_fuse());
  findings.push_back(check_descriptors());
  findings.push_back(check_clock());
  findings.push_back(check_name());
  return findings;
}

}  // namespace forebay::cli
