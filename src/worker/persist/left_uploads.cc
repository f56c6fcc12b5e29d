#include "worker/persist/left_uploads.h"

#include <utility>

#include "worker/persist/outcomes.h"
#include "worker/persist/steps.h"

namespace forebay::worker {

namespace {

constexpr int64_t kClockSkew = Duration(std::chrono::minutes(1)).count();  // between a store's clock and the master's

Task<Result<bool>> may_be_ours(const TaskContext* with, ufs::Upload upload, UploadsBegun begun) {
  if (upload.key != with->record().key()) co_return false;
  if (upload.started_ns < begun.from_ns - kClockSkew) co_return false;
  if (begun.until_ns < INT64_MAX - kClockSkew && upload.started_ns > begun.until_ns + kClockSkew) co_return false;
  if (begun.may_have_parts) co_return true;
  Task<Result<std::vector<ufs::Part>>> listing = with->store.list_parts(std::move(upload), with->request());
  Result<std::vector<ufs::Part>> parts = co_await std::move(listing);
  if (!parts && ufs::failure_of(parts.error()) == ufs::Failure::kNotFound) co_return false;  // it is gone
  CO_TRY(parts);
  const bool has_none = parts->empty();
  co_return has_none;
}

}  // namespace

Task<Result<std::vector<ufs::Upload>>> find_uploads(const TaskContext* with, UploadsBegun begun) {
  std::vector<ufs::Upload> found;
  for (std::string cursor;;) {
    Task<Result<ufs::UploadsPage>> listing = with->store.list_uploads(with->record().key(), cursor, with->request());
    CO_ASSIGN_OR_RETURN(const ufs::UploadsPage page, co_await std::move(listing));
    for (const ufs::Upload& upload : page.uploads) {
      Task<Result<bool>> asking = may_be_ours(with, upload, begun);
      CO_ASSIGN_OR_RETURN(const bool ours, co_await std::move(asking));
      if (ours) found.push_back(upload);
    }
    if (page.cursor.empty()) co_return found;
    cursor = page.cursor;
  }
}

Task<Result<void>> abort_all(const TaskContext* with, std::vector<ufs::Upload> uploads) {
  for (const ufs::Upload& upload : uploads) {
    Task<Result<void>> aborting = with->store.abort_upload(upload, with->request());
    CO_TRY(co_await std::move(aborting));
  }
  co_return Result<void>{};
}

// Where uploads have the operations' names, by these; elsewhere by their key and time.
Task<Outcome> sweep(const TaskContext* with) {
  const v1::OperationRecord& record = with->record();
  Result<std::vector<ufs::Upload>> found = std::vector<ufs::Upload>{};
  if (with->store.capabilities().has(ufs::Feature::kFencedPut)) {
    for (const uint64_t operation : record.given_up())
      found->push_back({record.key(), operation_name(with->cluster(), operation), 0});
  } else {
    const UploadsBegun begun{record.begun_from_ns(), record.begun_until_ns(), false};
    Task<Result<std::vector<ufs::Upload>>> finding = find_uploads(with, begun);
    found = co_await std::move(finding);
  }
  Result<void> aborted = found ? Result<void>{} : std::unexpected(found.error());
  if (aborted) {
    Task<Result<void>> aborting = abort_all(with, *std::move(found));
    aborted = co_await std::move(aborting);
  }
  if (aborted) co_return done({});
  if (aborted.error().is(Code::kCancelled)) co_return lost();
  co_return failed(aborted.error());
}

}  // namespace forebay::worker
