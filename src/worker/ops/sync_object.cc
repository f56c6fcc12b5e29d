#include "worker/ops/operations.h"

namespace forebay::worker {

Answered<v1::Empty> sync_object(const Operations* with, rpc::Call, v1::SyncObjectRequest request) {
  auto sync = [&] { return with->store.sync(ObjectId{request.object()}, request.length(), request.boot()); };
  CO_TRY(co_await on_disk(with, true, sync));
  co_return v1::Empty();
}

}  // namespace forebay::worker
