#include "cli/local/answers.h"

#include "async/loop.h"
#include "cli/local/probe.h"
#include "cli/persist/ask.h"
#include "forebay/v1/coordinator.rpc.h"
#include "forebay/v1/namespace.rpc.h"

namespace forebay::cli {
namespace {

constexpr Duration kAnswersWithin = std::chrono::seconds(5);  // also on a busy host

template <class M>
std::string ask_role(uint16_t port) {
  async::Loop loop("ask"), blocking("blocking");
  os::Env env{os::real_clock(), os::real_random(), os::real_files(), os::real_network(), blocking.executor(), os::real_host_id()};
  Task<Result<typename M::Reply>> asking =
      ask_once<M>(&env, loop.executor(), os::Address{"127.0.0.1", port}, client::Identity{}, {}, kAnswersWithin);
  Result<typename M::Reply> reply = async::block_on(loop.executor(), std::move(asking));
  return reply ? "" : "does not answer: " + reply.error().message();
}

}  // namespace

std::string asked_now(const Json& role) {
  const std::string name = role.value("name", "");
  const uint16_t port = role.value("rpc_port", uint16_t{0});
  if (name == "master") return ask_role<v1::namespace_service::GetWorkers>(port);
  if (name == "coordinator") return ask_role<v1::coordinator_service::ListPeers>(port);
  return readiness_of(role.value("web_port", uint16_t{0}));
}

}  // namespace forebay::cli
