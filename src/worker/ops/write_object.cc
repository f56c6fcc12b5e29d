#include <algorithm>

#include "worker/ops/operations.h"

namespace forebay::worker {

Answered<v1::WriteObjectReply> write_object(const Operations* with, rpc::Call call, v1::WriteObjectRequest request) {
  const ObjectId object{request.object()};
  // Bytes go to the page cache; only larger amounts meet a disk that is behind with writing them out. To reserve space for a
  // large object takes a while in memory, too.
  const uint64_t bytes = std::max<uint64_t>(call.payload.size(), request.create_bytes());
  const bool may_wait =
      (bytes > with->inline_bytes && with->store.may_block(object)) || request.create_bytes() > kMostReservedAtOnce;
  const Creation creation(request.create_bytes(), request.from_hold());
  auto write = [&] { return with->store.write(object, call.payload.view(), request.offset(), creation, call.payload_crc); };
  with->writers.wrote(call.payload.size());
  CO_ASSIGN_OR_RETURN(uint64_t length, co_await on_disk(with, may_wait, write));
  v1::WriteObjectReply reply;
  reply.set_length(length);
  reply.set_boot(with->store.boot());
  co_return reply;
}

}  // namespace forebay::worker
