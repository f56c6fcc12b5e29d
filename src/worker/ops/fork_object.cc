#include "worker/ops/operations.h"

namespace forebay::worker {

Answered<v1::OpenObjectReply> fork_object(const Operations* with, rpc::Call call, v1::ForkObjectRequest request) {
  if (!call.peer_is_local) co_return rejected(EOPNOTSUPP, "an object is opened over a Unix socket on the worker's own host");
  // Copies the whole object, so never on the connection's thread.
  auto fork = [&] { return with->store.fork_object(ObjectId{request.object()}, ObjectId{request.from()}); };
  CO_ASSIGN_OR_RETURN(OpenedObject opened, co_await on_disk(with, true, fork));
  co_return answer_with(std::move(opened));
}

}  // namespace forebay::worker
