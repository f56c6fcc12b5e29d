#include "worker/under/under_mounts.h"

#include "forebay/v1/persist.rpc.h"

namespace forebay::worker {
namespace {

constexpr Duration kFresh = std::chrono::seconds(5);
constexpr Duration kUsable = std::chrono::minutes(5);  // without a master

std::string option(const v1::MountRecord& record, std::string_view name) {
  for (const v1::MountOption& option : record.options())
    if (option.name() == name) return option.value();
  return "";
}

}  // namespace

Task<Result<v1::Mount>> UnderMounts::record(uint64_t mount) {
  const os::Instant now = env_.clock.now();
  if (auto known = known_.find(mount); known != known_.end() && now - known->second.asked < kFresh) co_return known->second.mount;
  const auto guard = co_await asking_.lock();
  auto known = known_.find(mount);
  const os::Instant later = env_.clock.now();
  if (known != known_.end() && later - known->second.asked < kFresh) co_return known->second.mount;
  v1::GetMountRequest request;
  request.set_mount(mount);
  Error failure = elsewhere("no master answers");
  for (size_t tried = 0; tried < masters_.masters(); ++tried) {
    Task<Result<v1::Mount>> asking = masters_.call<v1::persist_service::GetMount>(request);
    Result<v1::Mount> reply = co_await std::move(asking);
    if (reply) {
      known_[mount] = {*reply, env_.clock.now()};
      co_return reply;
    }
    if (reply.error().is(Code::kRejected) && reply.error().is_errno(ENOENT)) {
      known_.erase(mount);
      co_return rejected(ESTALE, "mount " + std::to_string(mount) + " is not there any more");
    }
    failure = Error(std::move(reply).error());
  }
  known = known_.find(mount);
  if (known != known_.end() && env_.clock.now() - known->second.asked < kUsable) co_return known->second.mount;
  co_return failure;
}

Task<Result<UnderMounts::Mounted>> UnderMounts::get(uint64_t mount, ufs::Call call) {
  Task<Result<v1::Mount>> finding = record(mount);
  CO_ASSIGN_OR_RETURN(v1::Mount found, co_await std::move(finding));
  Mounted mounted{nullptr, found.record().path(), found.record().uri() + "\n" + option(found.record(), "endpoint"),
                  option(found.record(), "read-only") == "true"};
  if (found.record().uri().starts_with("file:")) {
    v1::MountOption& links = *found.mutable_record()->add_options();
    links.set_name("symlinks");
    links.set_value("refuse");
  }
  Task<Result<std::shared_ptr<ufs::UnderStore>>> opening = stores_.get(found, std::move(call));
  Result<std::shared_ptr<ufs::UnderStore>> opened = co_await std::move(opening);
  if (!opened) co_return std::unexpected(std::move(opened).error().with_context("the mount at " + mounted.path));
  mounted.store = *std::move(opened);
  co_return mounted;
}

}  // namespace forebay::worker
