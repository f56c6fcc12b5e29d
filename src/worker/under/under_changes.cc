#include "worker/under/under_changes.h"

#include <utility>

namespace forebay::worker {
namespace {

Status named(Status status, const std::string& mount, std::string_view key) {
  return std::move(status).with_context("mount " + mount + ", " + ufs::quoted(key));
}

Result<v1::Empty> outcome(Result<void> done, const std::string& mount, std::string_view key) {
  if (!done) return std::unexpected(named(std::move(done).error(), mount, key));
  return v1::Empty{};
}

// Without directories of its own a store has one as long as some key is below it.
Task<Result<void>> check_empty(std::shared_ptr<ufs::UnderStore> store, std::string path, ufs::Call call) {
  ufs::ListRequest request{.prefix = path + "/", .by_directory = true, .start_after = "", .cursor = "", .most = 1};
  Task<Result<ufs::ListPage>> listing = store->list(request, std::move(call));
  CO_ASSIGN_OR_RETURN(const ufs::ListPage page, co_await std::move(listing));
  if (page.entries.empty() && page.cursor.empty()) co_return Result<void>{};
  co_return rejected(ENOTEMPTY, "not empty");
}

// What is there is replaced by a copy, and then goes; whoever looks in between finds both.
Task<Result<void>> copy_and_remove(std::shared_ptr<ufs::UnderStore> store, v1::RenameUnderRequest request, std::string operation,
                                   ufs::Call call) {
  Task<Result<ufs::ObjectStat>> heading = store->head(request.from(), call);
  CO_ASSIGN_OR_RETURN(const ufs::ObjectStat source, co_await std::move(heading));
  const ufs::Condition same = ufs::Condition::is(source.identity);
  ufs::CopyRequest copy{request.from(), same, request.to(), ufs::Condition::none(), std::nullopt, std::move(operation)};
  if (request.no_replace()) copy.target = ufs::Condition::absent();
  Task<Result<ufs::Identity>> copying = store->copy(copy, call);
  CO_TRY(co_await std::move(copying));
  Task<Result<void>> removing = store->remove(request.from(), same, call);
  co_return co_await std::move(removing);
}

}  // namespace

// A change that has begun is not given up because its caller is gone.
Task<Result<UnderChanges::Place>> UnderChanges::place(uint64_t mount) {
  const ufs::Call call{.deadline = env_.clock.now() + request_timeout_, .stop = {}};
  Task<Result<UnderMounts::Mounted>> finding = mounts_.get(mount, call);
  CO_ASSIGN_OR_RETURN(UnderMounts::Mounted mounted, co_await std::move(finding));
  if (mounted.read_only) co_return rejected(EROFS, "the mount at " + mounted.path + " is for reading");
  co_return Place{std::move(mounted), call};
}

Task<Result<v1::Empty>> UnderChanges::make_directory(UnderChanges* self, v1::MakeUnderDirectoryRequest request, std::stop_token) {
  Task<Result<Place>> finding = self->place(request.mount());
  CO_ASSIGN_OR_RETURN(const Place place, co_await std::move(finding));
  const ufs::Attributes attributes{.mode = request.mode(), .uid = request.uid(), .gid = request.gid(), .mtime_ns = {}};
  Task<Result<void>> making = place.mounted.store->make_directory(request.path(), attributes, place.call);
  Result<void> made = co_await std::move(making);
  co_return outcome(std::move(made), place.mounted.path, request.path());
}

Task<Result<v1::Empty>> UnderChanges::remove(UnderChanges* self, v1::RemoveUnderRequest request, std::stop_token) {
  Task<Result<Place>> finding = self->place(request.mount());
  CO_ASSIGN_OR_RETURN(const Place place, co_await std::move(finding));
  ufs::UnderStore& store = *place.mounted.store;
  Result<void> removed = Result<void>{};
  if (request.is_directory()) {
    Task<Result<void>> checking = check_empty(place.mounted.store, request.path(), place.call);
    removed = co_await std::move(checking);
    Task<Result<void>> removing = store.remove_directory(request.path(), place.call);
    if (removed) removed = co_await std::move(removing);
  } else {
    Task<Result<void>> removing = store.remove(request.path(), ufs::Condition::none(), place.call);
    removed = co_await std::move(removing);
  }
  co_return outcome(std::move(removed), place.mounted.path, request.path());
}

Task<Result<v1::Empty>> UnderChanges::rename(UnderChanges* self, v1::RenameUnderRequest request, std::stop_token) {
  Task<Result<Place>> finding = self->place(request.mount());
  CO_ASSIGN_OR_RETURN(const Place place, co_await std::move(finding));
  ufs::UnderStore& store = *place.mounted.store;
  const bool is_native = store.capabilities().has(ufs::Feature::kRename);
  Result<void> renamed = Result<void>{};
  if (request.is_directory()) {
    if (!is_native) co_return rejected(EXDEV, "this store cannot rename directories");
    Task<Result<void>> emptying = store.remove_directory(request.to(), place.call);
    if (!request.no_replace()) renamed = co_await std::move(emptying);
    Task<Result<void>> renaming = store.rename_directory(request.from(), request.to(), place.call);
    if (renamed) renamed = co_await std::move(renaming);
  } else if (is_native) {
    const ufs::Condition target = request.no_replace() ? ufs::Condition::absent() : ufs::Condition::none();
    Task<Result<void>> renaming = store.rename(request.from(), ufs::Condition::none(), request.to(), target, place.call);
    renamed = co_await std::move(renaming);
  } else {
    const std::string operation = "rename-" + std::to_string(self->env_.random.next());
    Task<Result<void>> copying = copy_and_remove(place.mounted.store, request, operation, place.call);
    renamed = co_await std::move(copying);
  }
  co_return outcome(std::move(renamed), place.mounted.path, request.from());
}

Task<Result<v1::SetUnderAttributesReply>> UnderChanges::set_attributes(UnderChanges* self, v1::SetUnderAttributesRequest request,
                                                                       std::stop_token) {
  Task<Result<Place>> finding = self->place(request.mount());
  CO_ASSIGN_OR_RETURN(const Place place, co_await std::move(finding));
  ufs::UnderStore& store = *place.mounted.store;
  if (!store.capabilities().has(ufs::Feature::kAttributes))
    co_return rejected(EOPNOTSUPP, "mount " + place.mounted.path + ": this store keeps no modes, owners and times");
  ufs::Attributes attributes;
  if (request.has_mode()) attributes.mode = request.mode();
  if (request.has_uid()) attributes.uid = request.uid();
  if (request.has_gid()) attributes.gid = request.gid();
  if (request.has_mtime_ns()) attributes.mtime_ns = request.mtime_ns();
  Task<Result<ufs::Identity>> setting = store.set_attributes(request.path(), attributes, place.call);
  Result<ufs::Identity> set = co_await std::move(setting);
  if (!set) co_return std::unexpected(named(std::move(set).error(), place.mounted.path, request.path()));
  v1::SetUnderAttributesReply reply;
  reply.set_identity(set->text);
  co_return reply;
}

}  // namespace forebay::worker
