#include "client/under_path/importing.h"

#include "base/check.h"
#include "client/under_path/under_client.h"

namespace forebay::client {
namespace {

// Every client but those of tests is one.
UnderClient* with_under_paths(const Client& client) { return dynamic_cast<UnderClient*>(const_cast<Client*>(&client)); }

}  // namespace

uint64_t hidden_keys(const Client& client) {
  UnderClient* found = with_under_paths(client);
  return found == nullptr ? 0 : found->under().hidden.load();
}

UnderImport::UnderImport(Client& client) : client_(client) {
  FOREBAY_CHECK(with_under_paths(client) != nullptr, "an import is made through a whole client");
}

Task<Result<v1::ListUnderReply>> UnderImport::list(Identity who, v1::ListUnderRequest request) {
  const uint64_t seed = under_seed(request.mount(), request.directory());
  auto reply = co_await with_under_paths(client_)->under().workers.call<v1::under_service::ListUnder>(seed, std::move(request),
                                                                                                      std::move(who));
  if (!reply) co_return std::unexpected(std::move(reply).error());
  co_return std::move(reply->message);
}

Task<Result<v1::ImportEntriesReply>> UnderImport::import_entries(Identity who, v1::ImportEntriesRequest request) {
  Core& core = *with_under_paths(client_)->under().core;
  core.names.forget(InodeId{request.directory()});  // the master adds names there
  auto reply = co_await core.session.call<v1::mount_point_service::ImportEntries>(std::move(who), std::move(request));
  co_return reply;
}

}  // namespace forebay::client
