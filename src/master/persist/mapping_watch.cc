#include "master/persist/mapping_watch.h"

#include "forebay/v1/persist.rpc.h"
#include "master/namespace/name_leases.h"
#include "master/persist/mapping_file.h"
#include "master/persist/ops.h"

namespace forebay::master {
namespace {

constexpr Duration kPatience = std::chrono::seconds(10);  // of the change in the commit loop's queue

}  // namespace

Task<Result<void>> MappingWatch::start() {
  if (config_.file.empty()) co_return Result<void>{};
  CO_ASSIGN_OR_RETURN(const Mappings before, Mappings::load(parts_.store));
  {
    std::lock_guard lock(mutex_);
    was_in_force_ = before.changes() != 0;
    mount_by_ = parts_.env.clock.now() + config_.mount_patience;
  }
  Task<Result<v1::ApplyMappingReply>> loading = reload();
  Result<v1::ApplyMappingReply> loaded = co_await std::move(loading);
  if (!loaded) {
    Result<std::string> text = parts_.env.files.read_whole(config_.file, kMaxMappingFile);
    const bool is_malformed = !text || !parse_mapping_file(config_.file, *text);
    if (before.changes() == 0 && is_malformed) co_return invalid(loaded.error().message());
  }
  scope_.spawn(watch(this, scope_.token()));
  co_return Result<void>{};
}

Task<void> MappingWatch::stop() { co_await scope_.stop(); }

Task<Result<rpc::Answer<v1::ApplyMappingReply>>> MappingWatch::answer(MappingWatch* self, rpc::Call call) {
  if (call.context.uid() != 0) co_return rejected(EPERM, "persistence is the superuser's to control");
  Task<Result<v1::ApplyMappingReply>> reloading = self->reload();
  CO_ASSIGN_OR_RETURN(v1::ApplyMappingReply reply, co_await std::move(reloading));
  co_return rpc::Answer<v1::ApplyMappingReply>(std::move(reply));
}

void MappingWatch::bind(rpc::Router& router) {
  router.handle<v1::persist_service::ReloadMapping>([this](rpc::Call call, v1::Empty) { return answer(this, std::move(call)); });
}

Task<void> MappingWatch::watch(MappingWatch* self, std::stop_token stop) {
  for (;;) {
    Task<bool> sleeping = self->parts_.env.clock.sleep(self->config_.interval, stop);
    const bool slept = co_await std::move(sleeping);
    if (!slept) co_return;
    auto look = [self] { return self->parts_.env.files.status(self->config_.file); };
    Result<os::FileStatus> status = co_await async::run_blocking(self->parts_.env.blocking, look);
    if (self->is_unchanged(status)) continue;
    Task<Result<v1::ApplyMappingReply>> reloading = self->reload();
    (void)co_await std::move(reloading);  // remembered for operators
  }
}

bool MappingWatch::is_unchanged(const Result<os::FileStatus>& status) {
  std::lock_guard lock(mutex_);
  return status && *status == seen_ && problem_.empty();
}

Task<Result<v1::ApplyMappingReply>> MappingWatch::reload() {
  if (config_.file.empty())
    co_return rejected(ENOENT, "the master has no mapping file: set forebay.persist.mapping_file and start it again");
  auto guard = co_await applying_.lock();
  Task<Result<v1::ApplyMappingReply>> applying = read_and_apply();
  Result<v1::ApplyMappingReply> outcome = co_await std::move(applying);
  remember(outcome);
  co_return outcome;
}

Task<Result<v1::ApplyMappingReply>> MappingWatch::read_and_apply() {
  // Looked at before it is read: a change in between is seen by the next look.
  auto read = [this]() -> Result<std::pair<os::FileStatus, std::string>> {
    ASSIGN_OR_RETURN(const os::FileStatus status, parts_.env.files.status(config_.file));
    ASSIGN_OR_RETURN(std::string text, parts_.env.files.read_whole(config_.file, kMaxMappingFile));
    return std::pair(status, std::move(text));
  };
  auto found = co_await async::run_blocking(parts_.env.blocking, read);
  if (!found) co_return invalid("mapping file " + config_.file + " cannot be read: " + found.error().to_string());
  {
    std::lock_guard lock(mutex_);
    seen_ = found->first;
  }
  Task<Result<v1::ApplyMappingReply>> applying = apply(std::move(found->second));
  co_return co_await std::move(applying);
}

Task<Result<v1::ApplyMappingReply>> MappingWatch::apply(std::string text) {
  v1::ApplyMappingRequest request;
  request.set_file(config_.file);
  request.set_text(std::move(text));
  const os::Instant deadline = parts_.env.clock.now() + kPatience;
  for (;;) {
    std::optional<os::Instant> wait;
    auto step = [this, &request, &wait](kv::Txn& txn) -> Result<v1::ApplyMappingReply> {
      const Caller superuser;
      MutationContext context{
          txn, superuser, parts_.env.clock.wall_now(), parts_.placer, parts_.open_reads, parts_.persistence, &parts_.names};
      parts_.names.begin_step();
      Result<v1::ApplyMappingReply> applied = ops::apply_mapping(context, request);
      wait = parts_.names.wait_until();
      if (wait) return busy("a directory on the way is in use for a moment");
      return applied;
    };
    Result<v1::ApplyMappingReply> applied = co_await parts_.loop.run(step, Level::kSynced, deadline);
    if (!wait || *wait >= deadline) co_return applied;
    const bool slept = co_await parts_.env.clock.sleep_until(*wait, scope_.token());
    if (!slept) co_return cancelled("the master stops");
  }
}

bool MappingWatch::is_first_mount_due_locked(const Result<v1::ApplyMappingReply>& outcome) const {
  const bool lacks_mount = !outcome && outcome.error().is(Code::kInvalid) && outcome.error().is_errno(ops::kNotMounted);
  return lacks_mount && !was_in_force_ && parts_.env.clock.now() < mount_by_;
}

void MappingWatch::remember(const Result<v1::ApplyMappingReply>& outcome) {
  std::string problem = outcome ? "" : outcome.error().message();
  bool waits_for_mount = false;
  {
    std::lock_guard lock(mutex_);
    waits_for_mount = is_first_mount_due_locked(outcome);
    const bool is_told = problem == problem_ && waits_for_mount == waits_for_mount_;
    waits_for_mount_ = waits_for_mount;
    was_in_force_ = was_in_force_ || outcome.has_value();
    if (is_told && !outcome) return;
    if (problem != problem_) problem_since_ns_ = outcome ? 0 : os::unix_nanos(parts_.env.clock.wall_now());
    problem_ = problem;
  }
  if (waits_for_mount) return parts_.log.info("the mapping file waits for its under store to be mounted", {{"why", problem}});
  if (!outcome) {
    if (outcome.error().is(Code::kCancelled)) return;
    return parts_.log.error("the mapping file is not put in force; what was in force before stays", {{"error", problem}});
  }
  parts_.log.info(
      "the mapping file is in force",
      {{"file", config_.file}, {"added", outcome->added()}, {"changed", outcome->changed()}, {"removed", outcome->removed()}});
}

void MappingWatch::describe(v1::GetMappingReply& reply) const {
  std::lock_guard lock(mutex_);
  reply.set_file(config_.file);
  reply.set_problem(problem_);
  reply.set_problem_since_ns(problem_since_ns_);
}

}  // namespace forebay::master
