#include "async/loop.h"
#include "cli/local/supervisor.h"
#include "cli/roles/configs.h"
#include "client/client.h"

namespace forebay::cli {
namespace {

constexpr uint32_t kMode = 01777;
constexpr const char* kName = "cache-only";

Task<Result<void>> make_directory(client::Client* client) {
  client::Identity root;
  Task<Result<v1::Attr>> making = client->make_dir(root, kRootInode, kName, kMode);
  Result<v1::Attr> made = co_await std::move(making);
  // Whatever has that name already is the user's.
  if (!made && !made.error().is_errno(EEXIST))
    co_return std::unexpected(std::move(made).error().with_context("making /cache-only"));
  co_return Result<void>{};
}

}  // namespace

Result<void> prepare_namespace(const config::Settings& settings) {
  async::Loop loop("prepare"), blocking("blocking");
  os::Env env{os::real_clock(), os::real_random(), os::real_files(), os::real_network(), blocking.executor(), os::real_host_id()};
  ASSIGN_OR_RETURN(client::ClientConfig config, client_config(settings));
  config.name = "local";
  ASSIGN_OR_RETURN(std::unique_ptr<client::Client> client,
                   async::block_on(loop.executor(), client::Client::start(env, obs::null_log(), config, {loop.executor()})));
  Result<void> made = async::block_on(loop.executor(), make_directory(client.get()));
  async::block_on(loop.executor(), client->stop());
  return made;
}

}  // namespace forebay::cli
