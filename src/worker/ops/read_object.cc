#include "worker/ops/operations.h"

namespace forebay::worker {

Answered<v1::ReadObjectReply> read_object(const Operations* with, rpc::Call, v1::ReadObjectRequest request) {
  if (request.length() > rpc::kMaxPayload)
    co_return invalid("a read of " + std::to_string(request.length()) + " bytes; at most " + std::to_string(rpc::kMaxPayload));
  const ObjectId object{request.object()};
  rpc::Payload payload = rpc::Payload::allocate(request.length());
  const bool may_wait = with->store.may_block(object) && !with->store.is_warm(object, request.offset(), request.length());
  auto read = [&] { return with->store.read(object, payload.writable(), request.offset()); };
  CO_ASSIGN_OR_RETURN(size_t got, co_await on_disk(with, may_wait, read));
  payload.shrink(got);
  co_return rpc::Answer<v1::ReadObjectReply>(v1::ReadObjectReply(), std::move(payload));
}

}  // namespace forebay::worker
