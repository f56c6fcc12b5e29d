#include "worker/ops/operations.h"

namespace forebay::worker {

Answered<v1::OpenObjectReply> fork_object(const Operations* with, rpc::Call call, v1::ForkObjectRequest request) {
  if (!call.peer_is_local) co_return rejected(EOPNOTSUPP, "an object is opened over a Unix socket on the worker's own host");
  // Copies the whole object, so never on the connection's thread.
  auto fork = [&] { return with->store.fork_object(ObjectId{request.object()}, ObjectId{request.from()}); };
  CO_ASSIGN_OR_RETURN(OpenedObject opened, co_await on_disk(with, true, fork));
  v1::OpenObjectReply reply;
  reply.set_data_offset(opened.data_offset);
  reply.set_length(opened.length);
  reply.set_sealed(opened.sealed);
  rpc::Answer<v1::OpenObjectReply> answer(std::move(reply));
  answer.descriptor = opened.file->descriptor();
  answer.descriptor_owner = std::move(opened.file);
  co_return answer;
}

}  // namespace forebay::worker
