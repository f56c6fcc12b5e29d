// Mounts as the workers need them: with the values of secret options.
#pragma once

#include <map>

#include "coordinator/master_session.h"
#include "forebay/v1/persist.rpc.h"

namespace forebay::coordinator {

// Keeps each for 5 s. Secrets pass through to workers and appear nowhere. Owned by the coordinator. On one executor.
class Mounts {
 public:
  Mounts(os::Clock& clock, MasterSession& master) : clock_(clock), master_(master) {}

  Task<Result<v1::Mount>> get(uint64_t mount, std::stop_token stop) {
    Known& known = known_[mount];
    if (known.until > clock_.now()) co_return known.mount;
    v1::GetMountRequest request;
    request.set_mount(mount);
    Task<Result<v1::Mount>> asking = master_.call<v1::persist_service::GetMount>(std::move(request), std::move(stop));
    CO_ASSIGN_OR_RETURN(v1::Mount found, co_await std::move(asking));
    known_[mount] = {found, clock_.now() + std::chrono::seconds(5)};
    co_return found;
  }

 private:
  struct Known {
    v1::Mount mount;
    os::Instant until{};
  };
  os::Clock& clock_;
  MasterSession& master_;
  std::map<uint64_t, Known> known_;  // as many as the master has: at most 1,000
};

}  // namespace forebay::coordinator
