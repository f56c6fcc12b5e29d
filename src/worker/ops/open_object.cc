#include "worker/ops/operations.h"

namespace forebay::worker {

rpc::Answer<v1::OpenObjectReply> answer_with(OpenedObject opened) {
  v1::OpenObjectReply reply;
  reply.set_data_offset(opened.data_offset);
  reply.set_length(opened.length);
  reply.set_sealed(opened.sealed);
  rpc::Answer<v1::OpenObjectReply> answer(std::move(reply));
  answer.descriptor = opened.file->descriptor();
  answer.descriptor_owner = std::move(opened.file);
  return answer;
}

Answered<v1::OpenObjectReply> open_object(const Operations* with, rpc::Call call, v1::OpenObjectRequest request) {
  // Before anything is created: elsewhere the descriptor could not be delivered. Over TCP from this host the reply fails so.
  if (!call.peer_is_local) co_return rejected(EOPNOTSUPP, "an object is opened over a Unix socket on the worker's own host");
  const ObjectId object{request.object()};
  auto open = [&] { return with->store.open_object(object, request.write(), request.create_bytes(), request.staged()); };
  const bool may_wait = with->store.may_block(object) || (!request.staged() && request.create_bytes() > kMostReservedAtOnce);
  CO_ASSIGN_OR_RETURN(OpenedObject opened, co_await on_disk(with, may_wait, open));
  if (request.staged() && request.write()) with->writers.began();
  co_return answer_with(std::move(opened));
}

}  // namespace forebay::worker
