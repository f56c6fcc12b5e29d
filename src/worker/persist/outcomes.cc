#include "worker/persist/outcomes.h"

#include <algorithm>
#include <utility>

#include "base/crc32c.h"
#include "rpc/retry.h"

namespace forebay::worker {

namespace {

constexpr rpc::Backoff kPause{.first = std::chrono::milliseconds(200), .most = std::chrono::seconds(5)};
constexpr int kMostFailures = 8;  // in a row: others need this worker more than a store that does not answer
constexpr Duration kClockSkew = std::chrono::minutes(1);  // between a store's clock and the master's

bool publishes(const v1::OperationRecord& record) {
  return record.kind() == v1::OPERATION_UPLOAD || record.kind() == v1::OPERATION_MOVE;
}

// It is there as the operation wants it: nothing that comes later can change that.
bool is_accomplished(const v1::OperationRecord& record, const v1::Seen& key) {
  if (record.kind() == v1::OPERATION_DELETE) return key.has_nothing();
  return publishes(record) && key.has_ours() && key.ours().inode() == record.inode() && key.ours().version() == record.version();
}

Task<Result<v1::Refused>> see_keys(const TaskContext* with) {
  v1::Refused seen;
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

Task<Result<void>> abort_all(const TaskContext* with, std::vector<ufs::Upload> uploads) {
  for (const ufs::Upload& upload : uploads) {
    Task<Result<void>> aborting = with->store.abort_upload(upload, with->request());
    CO_TRY(co_await std::move(aborting));
  }
  co_return Result<void>{};
}

// Uploads of the operation that were begun and not recorded. Nobody but the operation writes to this key for us; what is older
// than it is somebody else's.
Task<Result<std::vector<ufs::Upload>>> find_uploads(const TaskContext* with) {
  const v1::OperationRecord& record = with->record();
  const int64_t since = record.started_ns() - kClockSkew.count();
  std::vector<ufs::Upload> found;
  for (std::string cursor;;) {
    Task<Result<ufs::UploadsPage>> listing = with->store.list_uploads(record.key(), cursor, with->request());
    CO_ASSIGN_OR_RETURN(const ufs::UploadsPage page, co_await std::move(listing));
    for (const ufs::Upload& upload : page.uploads) {
      if (upload.key == record.key() && upload.started_ns >= since) found.push_back(upload);
    }
    if (page.cursor.empty()) co_return found;
    cursor = page.cursor;
  }
}

// What makes sure that nothing of the operation comes later: its uploads are aborted, or so much time has passed.
struct Fence {
  std::vector<ufs::Upload> uploads;
  bool finds_uploads = false;  // that were not recorded
  os::Instant quiet_at{};      // before it, only what is accomplished counts
};

Task<Result<v1::Refused>> fence_and_see(const TaskContext* with, Fence* fence) {
  if (fence->finds_uploads) {
    Task<Result<std::vector<ufs::Upload>>> finding = find_uploads(with);
    CO_ASSIGN_OR_RETURN(fence->uploads, co_await std::move(finding));
  }
  Task<Result<void>> aborting = abort_all(with, fence->uploads);
  CO_TRY(co_await std::move(aborting));
  fence->uploads.clear();
  co_return co_await see_keys(with);
}

// Aborts and looks until that worked and is final.
Task<Outcome> settle(const TaskContext* with, Fence fence) {
  int failures = 0;
  for (int attempt = 0; failures < kMostFailures && !with->stop().stop_requested(); ++attempt) {
    const bool is_quiet = with->env.clock.now() >= fence.quiet_at;
    Task<Result<v1::Refused>> seeing = fence_and_see(with, &fence);
    Result<v1::Refused> seen = co_await std::move(seeing);
    if (seen && (is_quiet || is_accomplished(with->record(), seen->key()))) co_return refused(*std::move(seen));
    failures = seen ? 0 : failures + 1;
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
  outcome.mutable_failed()->set_error(why.to_string());
  outcome.mutable_failed()->set_permanent(ufs::failure_of(why) == ufs::Failure::kPermanent && !why.is(Code::kElsewhere));
  return outcome;
}

Outcome lost() { return {}; }

Task<Result<v1::Seen>> see(const TaskContext* with, std::string key) {
  Task<Result<ufs::ObjectStat>> asking = with->store.head(std::move(key), with->request());
  Result<ufs::ObjectStat> stat = co_await std::move(asking);
  v1::Seen seen;
  if (!stat && ufs::failure_of(stat.error()) == ufs::Failure::kNotFound) {
    seen.mutable_nothing();
    co_return seen;
  }
  if (!stat) co_return std::unexpected(std::move(stat).error());
  if (stat->stamp && stat->stamp->cluster == with->cluster()) {
    seen.mutable_ours()->set_inode(stat->stamp->inode.value);
    seen.mutable_ours()->set_version(stat->stamp->version.value);
    seen.mutable_ours()->set_identity(stat->identity.text);
    co_return seen;
  }
  seen.mutable_foreign()->set_identity(stat->identity.text);
  seen.mutable_foreign()->set_length(stat->length);
  seen.mutable_foreign()->set_mtime_ns(stat->mtime_ns);
  co_return seen;
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
  if (failure == ufs::Failure::kUnknown) co_return co_await after_unknown(with, std::move(fences));
  if (failure == ufs::Failure::kCancelled) co_return lost();
  Task<Result<void>> aborting = abort_all(with, std::move(fences));
  Result<void> aborted = co_await std::move(aborting);
  if (!aborted) co_return lost();
  if (failure == ufs::Failure::kConflict || failure == ufs::Failure::kNotFound) co_return co_await refused_after_looking(with);
  co_return failed(error);
}

Task<Outcome> look(const TaskContext* with) {
  const v1::OperationRecord& record = with->record();
  const bool is_upload = record.kind() == v1::OPERATION_UPLOAD;
  Fence fence;
  if (is_upload && !record.multipart().empty()) fence.uploads.push_back({record.key(), record.multipart(), 0});
  if (is_upload && with->store.capabilities().has(ufs::Feature::kFencedPut))
    fence.uploads.push_back({record.key(), operation_name(with), 0});
  const bool is_fenced = !fence.uploads.empty();
  fence.finds_uploads = is_upload && !is_fenced;
  const bool is_write = publishes(record) || record.kind() == v1::OPERATION_DELETE;
  if (is_write && !is_fenced) fence.quiet_at = with->env.clock.now() + with->config.quarantine;
  co_return co_await settle(with, std::move(fence));
}

std::string operation_name(const TaskContext* with) {
  static constexpr char kDigits[] = "0123456789abcdef";
  const uint32_t cluster = crc32c(as_bytes(with->cluster()));
  std::string name = "op-";
  for (int shift = 28; shift >= 0; shift -= 4) name += kDigits[cluster >> shift & 15];
  return name + "-" + std::to_string(with->live.id());
}

std::optional<ufs::Condition> expected_at_key(const v1::OperationRecord& record) {
  if (record.has_expected()) {
    if (record.expected().identity().empty()) return std::nullopt;
    return ufs::Condition::is({record.expected().identity()});
  }
  if (!record.expected_foreign().empty()) return ufs::Condition::is({record.expected_foreign()});
  return ufs::Condition::absent();
}

}  // namespace forebay::worker
