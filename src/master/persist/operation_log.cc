#include "master/persist/operation_log.h"

#include "base/text.h"

namespace forebay::master {

void OperationLog::started(const v1::StartIntentReply& reply) const {
  if (!reply.has_started() && !reply.has_first()) return;
  const v1::Operation& operation = reply.has_started() ? reply.started() : reply.first();
  const v1::OperationRecord& record = operation.record();
  log_.debug("an operation is started", {{"trace", trace(operation.operation())},
                                         {"operation", operation.operation()},
                                         {"kind", v1::OperationKind_Name(record.kind())},
                                         {"mount", record.mount()},
                                         {"key", readable_text(record.key())},
                                         {"inode", record.inode()},
                                         {"version", record.version()}});
}

void OperationLog::fenced(const v1::Operation& operation) const {
  log_.info(
      "an operation is fenced: its worker is given up",
      {{"trace", trace(operation.operation())}, {"operation", operation.operation()}, {"epoch", operation.record().epoch()}});
}

void OperationLog::ended(const v1::FinishOperationRequest& request, const v1::FinishOperationReply& reply) const {
  log_.debug("an operation is ended",
             {{"trace", trace(request.operation())}, {"operation", request.operation()}, {"result", reply.result()}});
}

}  // namespace forebay::master
