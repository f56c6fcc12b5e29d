#include "cli/local/supervisor.h"
#include "cli/local/with_client.h"
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
  return with_client(settings,
                     [](const Access& access) { return async::block_on(access.executor, make_directory(&access.client)); });
}

}  // namespace forebay::cli
