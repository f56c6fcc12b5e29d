#include "client/write_path/next_object.h"

#include <utility>

#include "client/core.h"

namespace forebay::client {

namespace rpcs = v1::namespace_service;

std::shared_ptr<ObjectWriter> writer_of(Core& core, size_t executor, const v1::Grant& grant, HandleId handle, TraceId trace,
                                        std::function<void()> on_failure) {
  Placed placed{.object = ObjectId{grant.object()}, .workers = {}, .trace = trace};
  for (uint64_t worker : grant.workers()) placed.workers.push_back(WorkerId{worker});
  return std::make_shared<ObjectWriter>(core, executor, std::move(placed), handle, grant.bytes(), std::move(on_failure));
}

std::shared_ptr<NextObject> NextObject::ask(Core& core, size_t executor, NextObjectTerms terms) {
  auto next = std::make_shared<NextObject>();
  if (!core.background.spawn(executor, get_ready(next, &core, executor, std::move(terms))))
    next->granted_.set(cancelled("the client has stopped"));
  return next;
}

Task<void> NextObject::get_ready(std::shared_ptr<NextObject> self, Core* core, size_t executor, NextObjectTerms terms) {
  const WriteHandle& handle = terms.handle;
  Result<v1::AllocateReply> reply = co_await core->session.call<rpcs::Allocate>(handle.who, terms.request, handle.session);
  if (reply && (reply->grants_size() != 1 || reply->grants(0).workers_size() == 0))
    reply = invalid("the master granted no object");
  if (!reply) {
    self->granted_.set(std::unexpected(std::move(reply).error()));
    co_return;
  }
  const v1::Grant& grant = reply->grants(0);
  core->intake.told(grant.intake());
  self->granted_.set(Granted{grant, handle.id, nullptr});
  if (!terms.reserve) {
    self->ready_.set(std::shared_ptr<ObjectWriter>());
    co_return;
  }
  std::shared_ptr<ObjectWriter> object =
      writer_of(*core, executor, grant, handle.id, handle.who.trace, std::move(terms.on_failure));
  Result<void> reserved = co_await object->reserve_whole();
  if (reserved)
    self->ready_.set(std::move(object));
  else
    self->ready_.set(std::unexpected(std::move(reserved).error()));
}

}  // namespace forebay::client
