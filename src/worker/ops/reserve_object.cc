#include "worker/ops/operations.h"

namespace forebay::worker {

Answered<v1::Empty> reserve_object(const Operations* with, rpc::Call, v1::ReserveObjectRequest request) {
  const ObjectId object{request.object()};
  auto reserve = [&] { return with->store.reserve(object, request.bytes()); };
  const bool may_wait = with->store.may_block(object) || request.bytes() > kMostReservedAtOnce;
  CO_TRY(co_await on_disk(with, may_wait, reserve));
  co_return v1::Empty();
}

}  // namespace forebay::worker
