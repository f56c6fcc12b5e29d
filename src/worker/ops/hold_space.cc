#include <algorithm>

#include "worker/ops/operations.h"

namespace forebay::worker {

Answered<v1::HoldSpaceReply> hold_space(const Operations* with, rpc::Call, v1::HoldSpaceRequest request) {
  if (request.hold() == 0) co_return invalid("hold 0 does not exist");
  auto hold = [&] { return with->store.hold(request.hold(), request.bytes(), request.had()); };
  CO_ASSIGN_OR_RETURN(uint64_t bytes, co_await on_disk(with, true, hold));
  v1::HoldSpaceReply reply;
  reply.set_bytes(bytes);
  reply.set_lease_ms(
      static_cast<uint32_t>(std::chrono::duration_cast<std::chrono::milliseconds>(with->store.hold_lease()).count()));
  co_return reply;
}

}  // namespace forebay::worker
