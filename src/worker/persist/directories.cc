#include <optional>
#include <string>
#include <utility>
#include <vector>

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

// Doing it twice is doing it once. But one that comes late would make a directory that has gone since, or remove one that is new:
// what is not known to have been done or not has to have its quiet time before it is done again.
namespace {
Outcome of_directory(const Result<void>& result) {
  if (result) return done({});
  if (result.error().is(Code::kCancelled) || ufs::failure_of(result.error()) == ufs::Failure::kUnknown) return lost();
  return failed(result.error());
}

// Directories below it, each of which holds nothing but such; deepest first. More than a page of them: some are left for the next
// time. Nothing: there are files.
Task<Result<std::optional<std::vector<std::string>>>> empty_below(const TaskContext* with, std::string key, int depth) {
  std::vector<std::string> found;
  ufs::ListRequest list{.prefix = key + "/", .start_after = "", .cursor = ""};
  Task<Result<ufs::ListPage>> listing = with->store.list(std::move(list), with->request());
  CO_ASSIGN_OR_RETURN(const ufs::ListPage page, co_await std::move(listing));
  for (const ufs::ListEntry& entry : page.entries) {
    if (!entry.is_directory || depth == 0) co_return std::nullopt;
    const std::string below = entry.key.substr(0, entry.key.size() - 1);
    Task<Result<std::optional<std::vector<std::string>>>> looking = empty_below(with, below, depth - 1);
    CO_ASSIGN_OR_RETURN(const std::optional<std::vector<std::string>> deeper, co_await std::move(looking));
    if (!deeper) co_return std::nullopt;
    found.insert(found.end(), deeper->begin(), deeper->end());
    found.push_back(below);
  }
  co_return found;
}

bool is_in_use(const Result<void>& removed) { return !removed && removed.error().is_errno(ENOTEMPTY); }

}  // namespace

Task<Outcome> make_directory(const TaskContext* with) {
  Task<Result<void>> making = with->store.make_directory(with->record().key(), attributes_of(with->attr()), with->request());
  co_return of_directory(co_await std::move(making));
}

// A directory that was renamed leaves its empty subdirectories under the old name. One with files in it stays: they are somebody
// else's, or ours that have not left; when they do, this is wanted again.
Task<Outcome> remove_directory(const TaskContext* with) {
  constexpr int kDeepest = 64;
  const std::string& key = with->record().key();
  Task<Result<void>> removing = with->store.remove_directory(key, with->request());
  Result<void> removed = co_await std::move(removing);
  if (!is_in_use(removed)) co_return of_directory(removed);
  Task<Result<std::optional<std::vector<std::string>>>> looking = empty_below(with, key, kDeepest);
  Result<std::optional<std::vector<std::string>>> below = co_await std::move(looking);
  if (!below) co_return of_directory(std::unexpected(std::move(below).error()));
  if (!*below) co_return done({});
  (*below)->push_back(key);
  for (const std::string& each : **below) {
    Task<Result<void>> removing_one = with->store.remove_directory(each, with->request());
    removed = co_await std::move(removing_one);
    if (!removed) break;
  }
  co_return is_in_use(removed) ? done({}) : of_directory(removed);
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
    case v1::OPERATION_SWEEP: co_return co_await sweep(with);
    default: break;
  }
  // Of a newer master: this worker certainly did nothing.
  co_return failed(
      Status(Code::kInvalid, EINVAL, "this worker does not know operations of kind " + std::to_string(with->record().kind())));
}

}  // namespace forebay::worker
