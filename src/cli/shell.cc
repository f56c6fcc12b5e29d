#include "cli/shell.h"

#include <grp.h>
#include <pwd.h>
#include <unistd.h>

#include <CLI/App.hpp>
#include <cstring>

#include "cli/exit_code.h"
#include "cli/format.h"
#include "cli/json_text.h"
#include "cli/roles/configs.h"

namespace forebay::cli {
namespace {

// A person waits: without a word about it in the settings a command gives up sooner than a mount.
constexpr Duration kInteractiveRetry = std::chrono::seconds(10);

client::Identity identity_of(uid_t uid, gid_t gid, const char* name) {
  client::Identity who{.uid = uid, .gid = gid};
  int count = 0;
  getgrouplist(name, gid, nullptr, &count);
  std::vector<gid_t> groups(static_cast<size_t>(std::max(count, 1)));
  count = static_cast<int>(groups.size());
  if (getgrouplist(name, gid, groups.data(), &count) >= 0) who.groups.assign(groups.begin(), groups.begin() + count);
  return who;
}

client::Identity own_identity() {
  client::Identity who{.uid = geteuid(), .gid = getegid()};
  int count = getgroups(0, nullptr);
  if (count <= 0) return who;
  std::vector<gid_t> groups(static_cast<size_t>(count));
  count = getgroups(count, groups.data());
  if (count > 0) who.groups.assign(groups.begin(), groups.begin() + count);
  return who;
}

// "chmod /a: Operation not permitted": what the user asked for, then why not.
std::string describe(const Status& status) {
  if (status.is(Code::kInvalid)) return status.message();
  std::string reason = std::strerror(status.error());
  return status.message().find(reason) == std::string::npos ? status.message() + ": " + reason : status.message();
}

}  // namespace

Shell::Shell() = default;

Shell::~Shell() {
  if (client_) wait(client_->stop());
  client_.reset();
}

void Shell::on(Command command, Body body) {
  command.parser().callback([this, body = std::move(body)] { chosen_ = body; });
}

int Shell::run() {
  if (!chosen_) return kExitUsage;
  Result<int> ended = chosen_(*this);
  if (!ended) {
    print_error(ended.error());
    return exit_code_of(ended.error());
  }
  return end(*ended);
}

int Shell::end(int code) const {
  if (flush_output()) return code;
  complain("standard output cannot be written: " + std::string(std::strerror(errno)));
  return kExitFailed;
}

void Shell::print_error(const Status& status) const {
  const TraceId id = status.trace() ? status.trace() : who_.trace;
  const std::string trace = options_.verbose && id ? to_string(id) : "";
  if (!json()) return complain(describe(status) + (trace.empty() ? "" : "\ntrace " + trace));
  std::fflush(stdout);
  Json error = {{"error",
                 {{"message", describe(status)},
                  {"code", std::string(code_name(status.code()))},
                  {"errno", errno_name(to_errno(status))}}}};
  if (!trace.empty()) error["error"]["trace"] = trace;
  std::fprintf(stderr, "%s\n", json_text(error).c_str());
}

void Shell::fail(const Status& status) {
  print_error(status);
  if (failures_++ == 0) first_failure_ = exit_code_of(status);
}

Result<const config::Settings*> Shell::settings(config::Role role) {
  if (loaded_) return &loaded_->settings;
  config::Sources sources{.role = role, .environment = config::process_environment(), .defines = options_.defines};
  if (!options_.conf.empty()) sources.toml = options_.conf;
  TRY(config::find_files(sources, os::real_files()));
  ASSIGN_OR_RETURN(loaded_, config::load(sources, os::real_files()));
  for (const std::string& warning : loaded_->warnings) complain("warning: " + warning);
  return &loaded_->settings;
}

Result<void> Shell::choose_identity(const config::Settings& settings) {
  std::string user = settings.text("forebay.client.user");
  if (user.empty()) {
    who_ = own_identity();
    return {};
  }
  ASSIGN_OR_RETURN(uint32_t uid, user_id(user));
  const passwd* entry = getpwuid(uid);
  who_ = entry != nullptr ? identity_of(entry->pw_uid, entry->pw_gid, entry->pw_name) : client::Identity{.uid = uid, .gid = uid};
  return {};
}

Result<void> Shell::connect(const config::Settings& settings) {
  TRY(choose_identity(settings));
  ASSIGN_OR_RETURN(client::ClientConfig config, client_config(settings));
  config.name = "cli " + std::to_string(getpid());
  if (settings.is_default(config::find_setting("forebay.client.retry_for"))) config.retry_for = kInteractiveRetry;
  loop_ = std::make_unique<async::Loop>("client", 1, settings.duration("forebay.rpc.busy_poll"));
  blocking_ = std::make_unique<async::Loop>("blocking", 2);
  env_ = std::make_unique<os::Env>(os::Env{os::real_clock(), os::real_random(), os::real_files(), os::real_network(),
                                           blocking_->executor(), os::real_host_id()});
  masters_ = config.masters;
  std::string masters;
  for (const os::Address& address : config.masters) masters += (masters.empty() ? "" : ", ") + address.to_string();
  Result<std::unique_ptr<client::Client>> started =
      wait(client::Client::start(*env_, obs::null_log(), std::move(config), {loop_->executor()}));
  if (!started) {
    // A master that is read-only answers; whatever needs a session has to wait until it is not.
    const bool has_answered = started.error().is(Code::kRejected) || started.error().is(Code::kBroken);
    return std::unexpected(std::move(started).error().with_context(
        has_answered ? "the master at " + masters + " takes no new clients"
                     : "no connection to the master at " + masters +
                           " (is the cluster running? --conf or FOREBAY_CONF names its forebay.toml)"));
  }
  client_ = *std::move(started);
  who_.trace = client_->new_trace();
  return {};
}

Result<client::Client*> Shell::client() {
  if (!client_) {
    ASSIGN_OR_RETURN(const config::Settings* settings, this->settings());
    TRY(connect(*settings));
  }
  return client_.get();
}

}  // namespace forebay::cli
