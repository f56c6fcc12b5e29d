#include <optional>
#include <utility>

#include "base/crc32c.h"
#include "rpc/retry.h"
#include "worker/persist/extent_source.h"
#include "worker/persist/outcomes.h"
#include "worker/persist/steps.h"

namespace forebay::worker {

namespace {

namespace coordinator = v1::coordinator_service;
constexpr rpc::Backoff kPause{.first = std::chrono::milliseconds(100), .most = std::chrono::seconds(1)};

ufs::Stamp stamp_of(const TaskContext* with, uint32_t crc) {
  const v1::Attr& attr = with->attr();
  return {.cluster = with->cluster(),
          .inode = InodeId{with->record().inode()},
          .version = Version{with->record().version()},
          .length = with->record().size(),
          .crc32c = crc,
          .mode = attr.mode() & 0777,
          .uid = attr.uid(),
          .gid = attr.gid(),
          .mtime_ns = attr.mtime_ns()};
}

// In an ordered directory, until everything sealed earlier is visible. `busy`: not within the time for that. `stale`, which is a
// conflict here: the entry is elsewhere by now.
Task<Result<void>> wait_for_turn(const TaskContext* with) {
  const os::Instant give_up = with->env.clock.now() + with->config.turn_wait;
  v1::MayPublishRequest request;
  request.set_operation(with->live.id());
  request.set_epoch(with->live.epoch());
  for (int attempt = 0;; ++attempt) {
    Task<Result<v1::MayPublishReply>> asking = with->ask_coordinator<coordinator::MayShow>(request);
    Result<v1::MayPublishReply> reply = co_await std::move(asking);
    if (reply && reply->may()) co_return Result<void>{};
    if (reply && reply->moved()) co_return ufs::conflict("the file is elsewhere by now");
    if (!reply && reply.error().is(Code::kStale)) co_return cancelled(reply.error().message());
    if (with->env.clock.now() >= give_up) {
      with->live.store_is_innocent = true;
      co_return busy(reply ? "waits for what was sealed earlier in its directory" : reply.error().message());
    }
    with->moved(0);
    Task<bool> sleeping = with->env.clock.sleep(kPause.pause(attempt, with->env.random), with->stop());
    const bool slept = co_await std::move(sleeping);
    if (!slept) co_return cancelled("the task was told to stop");
  }
}

// Before the first part is sent: whoever takes over has to know what to abort.
Task<Result<void>> record_upload(const TaskContext* with, std::optional<ufs::Upload>* begun, ufs::Upload upload) {
  *begun = upload;
  v1::RecordMultipartRequest request;
  request.set_operation(with->live.id());
  request.set_epoch(with->live.epoch());
  request.set_multipart(upload.id);
  for (int attempt = 0;; ++attempt) {
    Task<Result<v1::Empty>> asking = with->ask_coordinator<coordinator::RecordUpload>(request);
    Result<v1::Empty> recorded = co_await std::move(asking);
    if (recorded) co_return Result<void>{};
    if (recorded.error().is(Code::kStale)) co_return busy(recorded.error().message());  // aborted, and nobody listens any more
    if (recorded.error().is(Code::kInvalid) || recorded.error().is(Code::kRejected)) co_return std::unexpected(recorded.error());
    Task<bool> sleeping = with->env.clock.sleep(kPause.pause(attempt, with->env.random), with->stop());
    const bool slept = co_await std::move(sleeping);
    if (!slept) co_return cancelled("the task was told to stop");
  }
}

// A put of the operation can be fenced by its name, where the store can do that at all.
std::vector<ufs::Upload> put_fences(const TaskContext* with) {
  if (!with->store.capabilities().has(ufs::Feature::kFencedPut)) return {};
  return {{with->record().key(), operation_name(with), 0}};
}

Task<Outcome> put_whole(const TaskContext* with, ExtentSource* source, ufs::Condition condition) {
  std::string content(source->length(), '\0');
  Task<Result<void>> reading = source->read(0, std::as_writable_bytes(std::span(content.data(), content.size())));
  if (Result<void> read = co_await std::move(reading); !read) {
    if (read.error().is(Code::kCancelled)) co_return lost();
    co_return failed(read.error());
  }
  if (with->record().order() != 0) {
    Task<Result<void>> waiting = wait_for_turn(with);
    if (Result<void> turn = co_await std::move(waiting); !turn) co_return co_await after_failed_write(with, turn.error(), {});
  }
  ufs::TextSource body(content);
  const ufs::Stamp stamp = stamp_of(with, crc32c(as_bytes(content)));
  ufs::PutRequest request{with->record().key(), stamp, std::move(condition), operation_name(with)};
  const ufs::Call call = with->request();
  Task<Result<ufs::Identity>> putting = with->store.put(std::move(request), &body, call);
  Result<ufs::Identity> stored = co_await std::move(putting);
  if (stored) co_return done(stored->text);
  if (with->env.clock.now() >= call.deadline) with->put_limit.took_too_long(source->length());
  co_return co_await after_failed_write(with, std::move(stored).error(), put_fences(with));
}

Task<Outcome> put_parts(const TaskContext* with, ExtentSource* source, ufs::Condition condition) {
  Task<Result<uint32_t>> checking = source->content_crc();
  Result<uint32_t> crc = co_await std::move(checking);
  if (!crc) {
    if (crc.error().is(Code::kCancelled)) co_return lost();
    co_return failed(crc.error());
  }
  std::optional<ufs::Upload> begun;
  ufs::UploadPlan plan;
  plan.request = {with->record().key(), stamp_of(with, *crc), operation_name(with)};
  plan.condition = std::move(condition);
  plan.config = with->config.transfer;
  plan.created = [with, &begun](ufs::Upload upload) { return record_upload(with, &begun, std::move(upload)); };
  plan.publish = [with] { return wait_for_turn(with); };
  Task<Result<ufs::Identity>> uploading = ufs::upload_in_parts(&with->store, std::move(plan), source, with->transfer());
  Result<ufs::Identity> stored = co_await std::move(uploading);
  if (stored) co_return done(stored->text);
  std::vector<ufs::Upload> fences;
  if (begun) fences.push_back(*begun);
  // Without a begun upload nothing can become visible, but one may lie in the store: it is found by whoever gives this up.
  if (!begun && ufs::failure_of(stored.error()) == ufs::Failure::kUnknown) {
    with->store_failed(stored.error());
    co_return lost();
  }
  co_return co_await after_failed_write(with, std::move(stored).error(), std::move(fences));
}

}  // namespace

Task<Outcome> upload(const TaskContext* with) {
  std::optional<ufs::Condition> condition = expected_at_key(with->record());
  if (!condition) co_return co_await refused_after_looking(with);
  ExtentSource source(*with);
  const uint64_t small = std::min(with->put_limit.bytes(), with->store.limits().put_bytes);
  const bool is_small = source.length() <= small && with->store.capabilities().can_put(*condition);
  if (is_small) co_return co_await put_whole(with, &source, *std::move(condition));
  co_return co_await put_parts(with, &source, *std::move(condition));
}

}  // namespace forebay::worker
