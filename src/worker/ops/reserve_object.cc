#include "worker/ops/operations.h"

namespace forebay::worker {

Answered<v1::Empty> reserve_object(const Operations* with, rpc::Call, v1::ReserveObjectRequest request) {
  const ObjectId object{request.object()};
  auto reserve = [&] { return with->store.reserve(object, request.bytes()); };
  CO_TRY(co_await on_disk(with, with->store.may_block(object), reserve));
  co_return v1::Empty();
}

}  // namespace forebay::worker
