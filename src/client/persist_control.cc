#include "client/persist_control.h"

#include "client/client_impl.h"
#include "forebay/v1/persist.rpc.h"

namespace forebay::client {
namespace {

namespace rpcs = v1::persist_service;

class SessionControl final : public PersistControl {
 public:
  explicit SessionControl(Session& session) : session_(session) {}

  Task<Result<v1::AddMountReply>> add_mount(Identity who, v1::AddMountRequest request) override {
    return ask<rpcs::AddMount>(std::move(who), std::move(request));
  }
  Task<Result<v1::Empty>> update_mount(Identity who, v1::UpdateMountRequest request) override {
    return ask<rpcs::UpdateMount>(std::move(who), std::move(request));
  }
  Task<Result<v1::Empty>> remove_mount(Identity who, v1::RemoveMountRequest request) override {
    return ask<rpcs::RemoveMount>(std::move(who), std::move(request));
  }
  Task<Result<v1::ListMountsReply>> list_mounts(Identity who) override {
    return ask<rpcs::ListMounts>(std::move(who), v1::Empty{});
  }
  Task<Result<v1::Mount>> get_mount(Identity who, v1::GetMountRequest request) override {
    return ask<rpcs::GetMount>(std::move(who), std::move(request));
  }
  Task<Result<v1::GetMappingReply>> mapping(Identity who) override { return ask<rpcs::GetMapping>(std::move(who), v1::Empty{}); }
  Task<Result<v1::ApplyMappingReply>> reload_mapping(Identity who) override {
    return ask<rpcs::ReloadMapping>(std::move(who), v1::Empty{});
  }
  Task<Result<v1::PersistStatusReply>> status(Identity who, v1::PersistStatusRequest request) override {
    return ask<rpcs::PersistStatus>(std::move(who), std::move(request));
  }
  Task<Result<v1::ListConflictsReply>> conflicts(Identity who, v1::ListConflictsRequest request) override {
    return ask<rpcs::ListConflicts>(std::move(who), std::move(request));
  }
  Task<Result<v1::Empty>> resolve(Identity who, v1::ResolveConflictRequest request) override {
    return ask<rpcs::ResolveConflict>(std::move(who), std::move(request));
  }
  Task<Result<v1::FsckKeysReply>> fsck_keys(Identity who, v1::FsckKeysRequest request) override {
    return ask<rpcs::FsckKeys>(std::move(who), std::move(request));
  }
  Task<Result<v1::RetryIntentsReply>> retry(Identity who, v1::RetryIntentsRequest request) override {
    return ask<rpcs::RetryIntents>(std::move(who), std::move(request));
  }
  Task<Result<v1::DescribeEntriesReply>> describe(Identity who, v1::DescribeEntriesRequest request) override {
    return ask<rpcs::DescribeEntries>(std::move(who), std::move(request));
  }
  Task<Result<v1::PersistEntriesReply>> persist(Identity who, v1::PersistEntriesRequest request) override {
    return ask<rpcs::PersistEntries>(std::move(who), std::move(request));
  }

 private:
  template <class M>
  Task<Result<typename M::Reply>> ask(Identity who, typename M::Request request) {
    Result<typename M::Reply> reply = co_await session_.call<M>(std::move(who), std::move(request));
    co_return reply;
  }

  Session& session_;
};

}  // namespace

std::unique_ptr<PersistControl> ClientImpl::persistence() { return std::make_unique<SessionControl>(core_->session); }

}  // namespace forebay::client
