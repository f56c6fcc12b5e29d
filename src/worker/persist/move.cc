#include <utility>

#include "worker/persist/outcomes.h"
#include "worker/persist/steps.h"

namespace forebay::worker {

namespace {

Task<Outcome> rename_native(const TaskContext* with, ufs::Condition target) {
  const v1::OperationRecord& record = with->record();
  const ufs::Identity source{record.source().identity()};
  Task<Result<void>> renaming =
      with->store.rename(record.source_key(), ufs::Condition::is(source), record.key(), std::move(target), with->request());
  Result<void> renamed = co_await std::move(renaming);
  if (!renamed) co_return co_await after_failed_write(with, std::move(renamed).error(), {});
  Outcome outcome = done(source.text);
  outcome.mutable_done()->set_source_gone(true);
  co_return outcome;
}

// The copy's stamp says what the file's attributes are now.
Task<Outcome> copy(const TaskContext* with, ufs::Condition target) {
  const v1::OperationRecord& record = with->record();
  Task<Result<ufs::ObjectStat>> looking = with->store.head(record.source_key(), with->request());
  Result<ufs::ObjectStat> source = co_await std::move(looking);
  if (!source && ufs::failure_of(source.error()) != ufs::Failure::kNotFound) {
    if (source.error().is(Code::kCancelled)) co_return lost();
    co_return failed(source.error());
  }
  if (!source || source->identity.text != record.source().identity()) co_return co_await refused_after_looking(with);
  ufs::CopyRequest request{.from = record.source_key(),
                           .source = ufs::Condition::is(source->identity),
                           .to = record.key(),
                           .target = std::move(target),
                           .stamp = source->stamp,
                           .operation = operation_name(with)};
  const v1::Attr& attr = with->attr();
  if (request.stamp && attr.inode() != 0) {
    request.stamp->mode = attr.mode() & 0777;
    request.stamp->uid = attr.uid();
    request.stamp->gid = attr.gid();
    request.stamp->mtime_ns = attr.mtime_ns();
  }
  Task<Result<ufs::Identity>> copying = with->store.copy(std::move(request), with->request());
  Result<ufs::Identity> copied = co_await std::move(copying);
  if (copied) co_return done(copied->text);
  co_return co_await after_failed_write(with, std::move(copied).error(), {});
}

}  // namespace

Task<Outcome> move(const TaskContext* with) {
  const v1::OperationRecord& record = with->record();
  std::optional<ufs::Condition> target = expected_at_key(record);
  if (!target || record.source().identity().empty()) co_return co_await refused_after_looking(with);
  const ufs::Capabilities can = with->store.capabilities();
  if (!can.has(ufs::Feature::kRename)) co_return co_await copy(with, *std::move(target));
  Task<Outcome> renaming = rename_native(with, *std::move(target));
  Outcome renamed = co_await std::move(renaming);
  if (!renamed.has_done() || !can.has(ufs::Feature::kAttributes) || with->attr().inode() == 0) co_return renamed;
  // The object is where it belongs; attributes that could not be set are looked at by the next change of them.
  Task<Result<ufs::Identity>> setting = with->store.set_attributes(record.key(), attributes_of(with->attr()), with->request());
  Result<ufs::Identity> set = co_await std::move(setting);
  if (set) renamed.mutable_done()->set_identity(set->text);
  // Until they cannot come any more, nobody says what identity the object has.
  if (!set && ufs::failure_of(set.error()) == ufs::Failure::kUnknown) co_return lost();
  co_return renamed;
}

}  // namespace forebay::worker
