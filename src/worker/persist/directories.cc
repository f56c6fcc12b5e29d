#include <utility>

#include "worker/persist/outcomes.h"
#include "worker/persist/steps.h"

namespace forebay::worker {

ufs::Attributes attributes_of(const v1::Attr& attr) {
  return {.mode = attr.mode() & 07777, .uid = attr.uid(), .gid = attr.gid(), .mtime_ns = attr.mtime_ns()};
}

Task<Outcome> write_attributes(const TaskContext* with) {
  const v1::OperationRecord& record = with->record();
  const std::string& expected = record.expected().identity();
  if (!with->store.capabilities().has(ufs::Feature::kAttributes)) co_return done(expected);
  Task<Result<ufs::ObjectStat>> looking = with->store.head(record.key(), with->request());
  Result<ufs::ObjectStat> stat = co_await std::move(looking);
  if (!stat && ufs::failure_of(stat.error()) != ufs::Failure::kNotFound) {
    if (stat.error().is(Code::kCancelled)) co_return lost();
    co_return failed(stat.error());
  }
  if (!stat || stat->identity.text != expected) co_return co_await refused_after_looking(with);
  Task<Result<ufs::Identity>> setting = with->store.set_attributes(record.key(), attributes_of(with->attr()), with->request());
  Result<ufs::Identity> set = co_await std::move(setting);
  if (set) co_return done(set->text);
  co_return co_await after_failed_write(with, std::move(set).error(), {});
}

// Doing it twice is doing it once: an unknown outcome is a failure like any other, and it is done again.
namespace {
Outcome of_directory(const Result<void>& result) {
  if (result) return done({});
  if (result.error().is(Code::kCancelled)) return lost();
  Outcome outcome = failed(result.error());
  if (result.error().is_errno(ENOTEMPTY)) outcome.mutable_failed()->set_permanent(false);
  return outcome;
}
}  // namespace

Task<Outcome> make_directory(const TaskContext* with) {
  Task<Result<void>> making = with->store.make_directory(with->record().key(), attributes_of(with->attr()), with->request());
  co_return of_directory(co_await std::move(making));
}

Task<Outcome> remove_directory(const TaskContext* with) {
  Task<Result<void>> removing = with->store.remove_directory(with->record().key(), with->request());
  co_return of_directory(co_await std::move(removing));
}

Task<Outcome> carry_out(const TaskContext* with) {
  if (with->live.task.look()) co_return co_await look(with);
  switch (with->record().kind()) {
    case v1::OPERATION_UPLOAD: co_return co_await upload(with);
    case v1::OPERATION_MOVE: co_return co_await move(with);
    case v1::OPERATION_DELETE: co_return co_await clear(with);
    case v1::OPERATION_RESTORE: co_return co_await restore(with);
    case v1::OPERATION_ATTRIBUTES: co_return co_await write_attributes(with);
    case v1::OPERATION_MAKE_DIRECTORY: co_return co_await make_directory(with);
    case v1::OPERATION_REMOVE_DIRECTORY: co_return co_await remove_directory(with);
    default: break;
  }
  // Of a newer master: this worker certainly did nothing.
  co_return failed(
      Status(Code::kInvalid, EINVAL, "this worker does not know operations of kind " + std::to_string(with->record().kind())));
}

}  // namespace forebay::worker
