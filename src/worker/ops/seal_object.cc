#include "worker/ops/operations.h"

namespace forebay::worker {

Answered<v1::SealObjectReply> seal_object(const Operations* with, rpc::Call, v1::SealObjectRequest request) {
  // Reads the whole object, so never on the connection's thread.
  auto seal = [&] {
    return with->store.seal(ObjectId{request.object()}, request.length(), request.sync(), {.boot = request.boot(), .crc32c = {}});
  };
  CO_ASSIGN_OR_RETURN(Seal sealed, co_await on_disk(with, true, seal));
  v1::SealObjectReply reply;
  reply.set_crc32c(sealed.crc32c);
  co_return reply;
}

}  // namespace forebay::worker
