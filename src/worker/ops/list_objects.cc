#include <algorithm>

#include "worker/ops/operations.h"

namespace forebay::worker {
namespace {

constexpr uint32_t kMostObjects = 10'000;

}  // namespace

Answered<v1::ListObjectsReply> list_objects(const Operations* with, rpc::Call, v1::ListObjectsRequest request) {
  const ObjectId from{request.from()};
  const uint32_t most = request.limit() == 0 ? kMostObjects : std::min(request.limit(), kMostObjects);
  auto list = [&] { return with->store.inventory(from, most); };
  CO_ASSIGN_OR_RETURN(ObjectStore::InventoryPage page, co_await async::run_blocking(with->blocking, list));
  v1::ListObjectsReply reply;
  reply.set_next(page.next ? page.next->value : 0);
  for (const ObjectStat& object : page.objects) {
    v1::StoredObject& stored = *reply.add_objects();
    stored.set_object(object.object.value);
    stored.set_length(object.length);
    stored.set_sealed(object.sealed);
    stored.set_crc32c(object.crc32c);
  }
  co_return reply;
}

}  // namespace forebay::worker
