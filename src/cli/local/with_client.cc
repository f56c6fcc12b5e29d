#include "cli/local/with_client.h"

#include "async/loop.h"
#include "cli/roles/configs.h"
#include "client/client.h"

namespace forebay::cli {

Result<void> with_client(const config::Settings& settings, const std::function<Result<void>(const Access&)>& act) {
  async::Loop loop("prepare"), blocking("blocking");
  os::Env env{os::real_clock(), os::real_random(), os::real_files(), os::real_network(), blocking.executor(), os::real_host_id()};
  ASSIGN_OR_RETURN(client::ClientConfig config, client_config(settings));
  config.name = "local";
  ASSIGN_OR_RETURN(std::unique_ptr<client::Client> client,
                   async::block_on(loop.executor(), client::Client::start(env, obs::null_log(), config, {loop.executor()})));
  Result<void> done = act(Access{env, loop.executor(), *client, {}});
  async::block_on(loop.executor(), client->stop());
  return done;
}

}  // namespace forebay::cli
