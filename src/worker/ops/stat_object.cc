#include "worker/ops/operations.h"

namespace forebay::worker {

Answered<v1::StatObjectReply> stat_object(const Operations* with, rpc::Call, v1::StatObjectRequest request) {
  const ObjectId object{request.object()};
  auto stat = [&] { return with->store.stat(object); };
  CO_ASSIGN_OR_RETURN(ObjectStat found, co_await on_disk(with, with->store.may_block(object), stat));
  v1::StatObjectReply reply;
  reply.set_length(found.length);
  reply.set_sealed(found.sealed);
  reply.set_crc32c(found.crc32c);
  reply.set_tier(found.tier);
  co_return reply;
}

}  // namespace forebay::worker
