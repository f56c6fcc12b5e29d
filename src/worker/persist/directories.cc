#include <string>
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
  Task<Result<ufs::ObjectStat>> looking = with->store.head(record.key(), with->request());
  Result<ufs::ObjectStat> stat = co_await std::move(looking);
  if (!stat && ufs::failure_of(stat.error()) != ufs::Failure::kNotFound) {
    if (stat.error().is(Code::kCancelled)) co_return lost();
    co_return failed(stat.error());
  }
  if (!stat || stat->identity.text != expected) co_return co_await refused_after_looking(with);
  if (!with->store.capabilities().has(ufs::Feature::kAttributes)) co_return done(expected);
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

bool is_in_use(const Result<void>& removed) { return !removed && removed.error().is_errno(ENOTEMPTY); }

Task<Result<bool>> prune_whole(const TaskContext* with, std::string key, int depth);

// Removes what is below a directory and holds nothing but directories, deepest first. Does anything stay?
Task<Result<bool>> prune(const TaskContext* with, std::string key, int depth) {
  bool stays = false;
  for (std::string cursor;;) {
    ufs::ListRequest list{.prefix = key + "/", .start_after = "", .cursor = std::move(cursor)};
    Task<Result<ufs::ListPage>> listing = with->store.list(std::move(list), with->request());
    CO_ASSIGN_OR_RETURN(const ufs::ListPage page, co_await std::move(listing));
    for (const ufs::ListEntry& entry : page.entries) {
      bool has_files = !entry.is_directory || depth == 0;
      if (!has_files) {
        Task<Result<bool>> pruning = prune_whole(with, entry.key.substr(0, entry.key.size() - 1), depth - 1);
        CO_ASSIGN_OR_RETURN(has_files, co_await std::move(pruning));
      }
      stays = stays || has_files;
    }
    with->moved(0);
    if (page.cursor.empty()) co_return stays;
    cursor = page.cursor;
  }
}

// And the directory itself, if nothing stays in it.
Task<Result<bool>> prune_whole(const TaskContext* with, std::string key, int depth) {
  Task<Result<bool>> pruning = prune(with, key, depth);
  CO_ASSIGN_OR_RETURN(const bool stays, co_await std::move(pruning));
  if (stays) co_return true;
  Task<Result<void>> removing = with->store.remove_directory(key, with->request());
  const Result<void> removed = co_await std::move(removing);
  if (is_in_use(removed)) co_return true;
  CO_TRY(removed);
  co_return false;
}

}  // namespace

Task<Outcome> make_directory(const TaskContext* with) {
  Task<Result<void>> making = with->store.make_directory(with->record().key(), attributes_of(with->attr()), with->request());
  co_return of_directory(co_await std::move(making));
}

// A directory that was renamed leaves its empty subdirectories under the old name, where another may have come to be. One with
// files in it stays: they are somebody else's, or ours that have not left; when they do, this is wanted again.
Task<Outcome> remove_directory(const TaskContext* with) {
  constexpr int kDeepest = 64;
  const std::string& key = with->record().key();
  Task<Result<void>> removing = with->store.remove_directory(key, with->request());
  Result<void> removed = co_await std::move(removing);
  if (!is_in_use(removed)) co_return of_directory(removed);
  Task<Result<bool>> pruning = prune_whole(with, key, kDeepest);
  Result<bool> stays = co_await std::move(pruning);
  co_return stays ? done({}) : of_directory(std::unexpected(std::move(stays).error()));
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
