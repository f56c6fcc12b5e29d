// What a store has, by its stamps.
#pragma once

#include "forebay/v1/tasks.pb.h"
#include "ufs/under_store.h"

namespace forebay::worker {

// At one key. Nobody's word but the cluster's stamp makes it ours. `store` outlives the call.
Task<Result<v1::Seen>> see_at(ufs::UnderStore* store, std::string cluster, std::string key, ufs::Call call);

// A page of objects, or each of those that are to be looked at. `store` outlives the call.
Task<Result<v1::ListStoreReply>> list_store(ufs::UnderStore* store, v1::ListStoreRequest request, ufs::Call call);

}  // namespace forebay::worker
