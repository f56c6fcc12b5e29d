#include "master/persist/finishing.h"
#include "master/persist/ops.h"
#include "master/persist/stored_content.h"

namespace forebay::master::ops {
namespace {

constexpr size_t kMaxMultipart = 1'024;  // bytes
constexpr uint32_t kMost = 1'000;        // operations in one call

constexpr size_t kMaxIdentity = 1'024;  // bytes

bool is_short(const v1::Seen& seen) {
  return seen.ours().identity().size() <= kMaxIdentity && seen.foreign().identity().size() <= kMaxIdentity;
}
bool is_short(const v1::Refused& looked) { return is_short(looked.key()) && is_short(looked.source()); }

}  // namespace

Result<v1::FinishOperationReply> finish_operation(MutationContext& context, const v1::FinishOperationRequest& request) {
  TRY(check_superuser(context.caller));
  ASSIGN_OR_RETURN(const LiveOperation operation, find_operation(context.txn, request.operation(), request.epoch()));
  const bool fits =
      request.done().identity().size() <= kMaxIdentity && is_short(request.refused()) && is_short(request.gave_up());
  if (!fits) return invalid("an identity of more than 1024 bytes");
  Ledger ledger(context);
  v1::FinishOperationReply reply;
  ASSIGN_OR_RETURN(*reply.mutable_result(), finish(ledger, operation, request));
  ledger.save();
  return reply;
}

Result<v1::Operation> fence_operation(MutationContext& context, const v1::FenceOperationRequest& request) {
  TRY(check_superuser(context.caller));
  ASSIGN_OR_RETURN(LiveOperation operation, find_operation(context.txn, request.operation(), request.epoch()));
  const int64_t now = os::unix_nanos(context.now);
  if (!request.worker_is_gone() && operation.record.lease_ns() > now) {
    return busy("the lease of operation " + std::to_string(operation.id) + " still runs");
  }
  operation.record.set_epoch(operation.record.epoch() + 1);
  if (operation.record.fenced_ns() == 0) operation.record.set_fenced_ns(now);
  operation.record.set_lease_ns(now + lease_of(context.persistence.config, request.lease_ms()).count());
  save_operation(context.txn, operation);
  ASSIGN_OR_RETURN(v1::Operation described, describe(context.txn, operation));
  described.set_quiet_ms(static_cast<uint64_t>(std::max<int64_t>(0, now - operation.record.fenced_ns())) / 1'000'000);
  return described;
}

Result<v1::Empty> record_multipart(MutationContext& context, const v1::RecordMultipartRequest& request) {
  TRY(check_superuser(context.caller));
  if (request.multipart().size() > kMaxMultipart) return invalid("an upload id of more than 1024 bytes");
  ASSIGN_OR_RETURN(LiveOperation operation, find_operation(context.txn, request.operation(), request.epoch()));
  operation.record.set_multipart(request.multipart());
  save_operation(context.txn, operation);
  return v1::Empty{};
}

Result<v1::RenewOperationsReply> renew_operations(MutationContext& context, const v1::RenewOperationsRequest& request) {
  TRY(check_superuser(context.caller));
  if (request.operations_size() > static_cast<int>(kMost)) return invalid("more than 1000 operations in one call");
  const int64_t until = os::unix_nanos(context.now) + lease_of(context.persistence.config, request.lease_ms()).count();
  v1::RenewOperationsReply reply;
  for (const v1::OperationEpoch& each : request.operations()) {
    Result<LiveOperation> operation = find_operation(context.txn, each.operation(), each.epoch());
    if (!operation && !operation.error().is(Code::kStale)) return std::unexpected(std::move(operation).error());
    if (!operation) {
      reply.add_lost(each.operation());
      continue;
    }
    operation->record.set_lease_ns(until);
    save_operation(context.txn, *operation);
  }
  return reply;
}

Result<v1::Layout> get_upload_layout(QueryContext& context, const v1::GetUploadLayoutRequest& request) {
  TRY(check_superuser(context.caller));
  ASSIGN_OR_RETURN(const LiveOperation operation, find_operation(context.reader, request.operation(), request.epoch()));
  if (!operation.reads_version()) return invalid("operation " + std::to_string(operation.id) + " reads no version");
  const v1::OperationRecord& record = operation.record;
  return version_layout(context.reader, InodeId{record.inode()}, Version{record.version()}, record.size(), request.offset());
}

Result<v1::MayPublishReply> may_publish(QueryContext& context, const v1::MayPublishRequest& request) {
  TRY(check_superuser(context.caller));
  ASSIGN_OR_RETURN(const LiveOperation operation, find_operation(context.reader, request.operation(), request.epoch()));
  const v1::OperationRecord& record = operation.record;
  v1::MayPublishReply reply;
  reply.set_may(true);
  if (record.order() == 0) return reply;
  ASSIGN_OR_RETURN(const Mappings mappings, Mappings::load(context.reader));
  ASSIGN_OR_RETURN(const auto binding, read_record<v1::BindingRecord>(context.reader, key::binding(record.binding())));
  std::optional<Target> target;
  if (binding) {
    ASSIGN_OR_RETURN(target, binding_target(context.reader, mappings, *binding));
  }
  if (!target || !target->is(record.mount(), record.key())) {
    reply.set_may(false);
    reply.set_moved(true);
    return reply;
  }
  ASSIGN_OR_RETURN(const bool turn, is_its_turn(context.reader, record.binding(), InodeId{record.directory()}, record.order()));
  reply.set_may(turn);
  return reply;
}

Result<v1::ListOperationsReply> list_operations(QueryContext& context, const v1::ListOperationsRequest& request) {
  TRY(check_superuser(context.caller));
  const int limit = static_cast<int>(request.limit() == 0 ? kMost : std::min(request.limit(), kMost));
  v1::ListOperationsReply reply;
  std::optional<Status> failure;
  TRY(context.reader.scan(key::operation(request.after() + 1), kv::prefix_end("E"),
                          [&](std::string_view key, std::string_view value) {
                            reply.set_more(reply.operations_size() == limit);
                            if (reply.more()) return false;
                            v1::Operation& operation = *reply.add_operations();
                            operation.set_operation(read_big_endian(key.substr(1)));
                            if (!operation.mutable_record()->ParseFromArray(value.data(), static_cast<int>(value.size())))
                              failure = corrupt_record(key);
                            return !failure;
                          }));
  if (failure) return std::unexpected(std::move(*failure));
  return reply;
}

}  // namespace forebay::master::ops
