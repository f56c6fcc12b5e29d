// What an import into the cache asks for, and what a listing left out.
#pragma once

#include <memory>

#include "client/client.h"
#include "forebay/v1/under.pb.h"

namespace forebay::client {

// Keys that listings of this client have met below mounts and that no file system could show, so far.
uint64_t hidden_keys(const Client& client);

// The calls of an import; the contract of each is in proto/forebay/v1/under.proto. Repeated until master or worker answers, as
// the client's other calls. The client outlives it. Any thread.
class UnderImport {
 public:
  explicit UnderImport(Client& client);
  // A page of a directory of an under store, as a worker sees it.
  Task<Result<v1::ListUnderReply>> list(Identity who, v1::ListUnderRequest request);
  Task<Result<v1::ImportEntriesReply>> import_entries(Identity who, v1::ImportEntriesRequest request);

 private:
  Client& client_;
};

}  // namespace forebay::client
