#include "worker/persist/outcomes.h"

#include <algorithm>
#include <utility>

#include "base/crc32c.h"
#include "base/text.h"
#include "rpc/retry.h"
#include "worker/persist/left_uploads.h"
#include "worker/persist/looking.h"

namespace forebay::worker {

namespace {

constexpr rpc::Backoff kPause{.first = std::chrono::milliseconds(200), .most = std::chrono::seconds(5)};
constexpr int kMostFailures = 8;  // in a row: others need this worker more than a store that does not answer
constexpr Duration kLastAbort = std::chrono::seconds(2);  // of a task that was told to stop

bool publishes(const v1::OperationRecord& record) {
  return record.kind() == v1::OPERATION_UPLOAD || record.kind() == v1::OPERATION_MOVE;
}

bool is_of_directory(const v1::OperationRecord& record) {
  return record.kind() == v1::OPERATION_MAKE_DIRECTORY || record.kind() == v1::OPERATION_REMOVE_DIRECTORY;
}

// It is there as the operation wants it: but for attributes, nothing that comes later can change that.
bool is_accomplished(const v1::OperationRecord& record, const v1::Seen& key) {
  if (record.kind() == v1::OPERATION_DELETE) return key.has_nothing();
  return publishes(record) && key.has_ours() && key.ours().inode() == record.inode() && key.ours().version() == record.version();
}

Task<Result<v1::Refused>> see_keys(const TaskContext* with) {
  v1::Refused seen;
  if (is_of_directory(with->record())) {  // which is no object: whatever it is, it is tried again
    seen.mutable_key()->mutable_nothing();
    co_return seen;
  }
  Task<Result<v1::Seen>> at_key = see(with, with->record().key());
  CO_ASSIGN_OR_RETURN(*seen.mutable_key(), co_await std::move(at_key));
  if (with->record().kind() == v1::OPERATION_MOVE) {
    Task<Result<v1::Seen>> at_source = see(with, with->record().source_key());
    CO_ASSIGN_OR_RETURN(*seen.mutable_source(), co_await std::move(at_source));
  }
  co_return seen;
}

Outcome refused(v1::Refused seen) {
  Outcome outcome;
  *outcome.mutable_refused() = std::move(seen);
  return outcome;
}

// Has the operation, as far as its worker can have got, requests that take effect whatever is aborted?
bool may_come_late(const TaskContext* with) {
  const v1::OperationRecord& record = with->record();
  if (record.kind() == v1::OPERATION_DELETE || record.kind() == v1::OPERATION_MOVE || is_of_directory(record)) return true;
  if (record.kind() == v1::OPERATION_ATTRIBUTES) return with->store.capabilities().has(ufs::Feature::kAttributes);
  if (record.kind() != v1::OPERATION_UPLOAD || record.size() > with->store.limits().put_bytes) return false;
  const std::optional<ufs::Condition> condition = expected_at_key(record);
  return condition && with->store.capabilities().can_put(*condition);
}

// What makes sure that nothing of the operation comes later: its uploads are aborted, or so much time has passed.
struct Fence {
  std::vector<ufs::Upload> uploads;
  bool finds_uploads = false;        // that were not recorded
  os::Instant quiet_at{};            // before it, only what is accomplished counts
  bool attributes_may_come = false;  // which make it another identity: before `quiet_at`, nothing counts
};

Task<Result<v1::Refused>> fence_and_see(const TaskContext* with, Fence* fence) {
  if (fence->finds_uploads) {
    const UploadsBegun begun{with->record().started_ns(), INT64_MAX, with->record().kind() == v1::OPERATION_MOVE};
    Task<Result<std::vector<ufs::Upload>>> finding = find_uploads(with, begun);
    CO_ASSIGN_OR_RETURN(fence->uploads, co_await std::move(finding));
  }
  Task<Result<void>> aborting = abort_all(with, fence->uploads);
  CO_TRY(co_await std::move(aborting));
  fence->uploads.clear();
  co_return co_await see_keys(with);
}

// Aborts and looks until that worked. When it is too early to be final, the caller is told to come again: waiting here would take
// a place from those who have something to do, and begin anew with the next worker should this one die.
Task<Outcome> settle(const TaskContext* with, Fence fence) {
  for (int attempt = 0; attempt < kMostFailures && !with->stop().stop_requested(); ++attempt) {
    const Duration early = fence.quiet_at - with->env.clock.now();
    Task<Result<v1::Refused>> seeing = fence_and_see(with, &fence);
    Result<v1::Refused> seen = co_await std::move(seeing);
    const bool is_final = seen && !fence.attributes_may_come && is_accomplished(with->record(), seen->key());
    if (seen && (early <= Duration{} || is_final)) co_return refused(*std::move(seen));
    if (seen) {
      with->live.look_again = early;
      with->live.store_is_innocent = with->live.task.look();
      co_return lost();
    }
    with->store_failed(seen.error());
    with->moved(0);
    Task<bool> sleeping = with->env.clock.sleep(kPause.pause(attempt, with->env.random), with->stop());
    co_await std::move(sleeping);
  }
  co_return lost();
}

}  // namespace

Outcome done(const std::string& identity) {
  Outcome outcome;
  outcome.mutable_done()->set_identity(identity);
  return outcome;
}

Outcome failed(const Status& why) {
  Outcome outcome;
  outcome.mutable_failed()->set_error(readable_text(why.to_string()));
  outcome.mutable_failed()->set_permanent(ufs::failure_of(why) == ufs::Failure::kPermanent && !why.is(Code::kElsewhere));
  return outcome;
}

Outcome lost() { return {}; }

Task<Result<v1::Seen>> see(const TaskContext* with, std::string key) {
  co_return co_await see_at(&with->store, with->cluster(), std::move(key), with->request());
}

Task<Outcome> refused_after_looking(const TaskContext* with) {
  Task<Result<v1::Refused>> seeing = see_keys(with);
  Result<v1::Refused> seen = co_await std::move(seeing);
  if (seen) co_return refused(*std::move(seen));
  if (seen.error().is(Code::kCancelled)) co_return lost();
  co_return failed(seen.error());
}

Task<Outcome> after_unknown(const TaskContext* with, std::vector<ufs::Upload> fences) {
  Fence fence{.uploads = std::move(fences)};
  if (fence.uploads.empty()) fence.quiet_at = with->env.clock.now() + with->config.quarantine;
  co_return co_await settle(with, std::move(fence));
}

Task<Outcome> after_failed_write(const TaskContext* with, Status error, std::vector<ufs::Upload> fences) {
  const ufs::Failure failure = ufs::failure_of(error);
  with->store_failed(error);
  if (failure == ufs::Failure::kUnknown) co_return co_await after_unknown(with, std::move(fences));
  if (failure == ufs::Failure::kCancelled) {
    // Whoever has taken over may not know of them: a worker that was stopped for a while begins uploads after others have looked.
    const os::Instant until = with->env.clock.now() + kLastAbort;
    for (ufs::Upload& upload : fences) {
      Task<Result<void>> aborting = with->store.abort_upload(std::move(upload), {.deadline = until});
      (void)co_await std::move(aborting);  // else it is swept up
    }
    co_return lost();
  }
  Task<Result<void>> aborting = abort_all(with, std::move(fences));
  Result<void> aborted = co_await std::move(aborting);
  if (!aborted) {
    with->store_failed(aborted.error());
    co_return lost();
  }
  if (failure == ufs::Failure::kConflict || failure == ufs::Failure::kNotFound) co_return co_await refused_after_looking(with);
  co_return failed(error);
}

Task<Outcome> look(const TaskContext* with) {
  const v1::OperationRecord& record = with->record();
  const ufs::Capabilities can = with->store.capabilities();
  const bool is_upload = record.kind() == v1::OPERATION_UPLOAD;
  Fence fence;
  if (is_upload && !record.multipart().empty()) fence.uploads.push_back({record.key(), record.multipart(), 0});
  if (is_upload && can.has(ufs::Feature::kFencedPut)) fence.uploads.push_back({record.key(), operation_name(with), 0});
  const bool is_fenced = !fence.uploads.empty();
  const bool is_move = record.kind() == v1::OPERATION_MOVE;
  const bool is_copy = is_move && !can.has(ufs::Feature::kRename);
  fence.attributes_may_come = is_move && !is_copy && can.has(ufs::Feature::kAttributes);
  fence.finds_uploads = (is_upload || is_copy) && !is_fenced;
  if (!is_fenced && may_come_late(with)) {
    // Since it was fenced, nothing of it was begun: who looks again goes on with the same time.
    const Duration quiet_for = std::chrono::milliseconds(with->live.task.operation().quiet_ms());
    fence.quiet_at = with->env.clock.now() + with->config.quarantine - quiet_for;
  }
  co_return co_await settle(with, std::move(fence));
}

std::string operation_name(const std::string& cluster_id, uint64_t operation) {
  static constexpr char kDigits[] = "0123456789abcdef";
  const uint32_t cluster = crc32c(as_bytes(cluster_id));
  std::string name = "op-";
  for (int shift = 28; shift >= 0; shift -= 4) name += kDigits[cluster >> shift & 15];
  return name + "-" + std::to_string(operation);
}

std::string operation_name(const TaskContext* with) { return operation_name(with->cluster(), with->live.id()); }

std::optional<ufs::Condition> expected_at_key(const v1::OperationRecord& record) {
  if (record.has_expected()) {
    if (record.expected().identity().empty()) return std::nullopt;
    return ufs::Condition::is({record.expected().identity()});
  }
  if (!record.expected_foreign().empty()) return ufs::Condition::is({record.expected_foreign()});
  return ufs::Condition::absent();
}

}  // namespace forebay::worker
