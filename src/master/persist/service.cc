#include "master/persist/service.h"

#include "forebay/v1/persist.rpc.h"
#include "master/persist/mount_points.h"
#include "master/persist/ops.h"

namespace forebay::master {

namespace persists = v1::persist_service;

namespace {

void bind_operations(Driver& driver, const OperationLog& log) {
  driver.mutation<persists::StartIntent>([log](MutationContext& context, const v1::StartIntentRequest& request) {
    Result<v1::StartIntentReply> reply = ops::start_intent(context, request);
    if (reply) log.started(*reply);
    return reply;
  });
  driver.mutation<persists::StartIntents>([log](MutationContext& context, const v1::StartIntentsRequest& request) {
    Result<v1::StartIntentsReply> reply = ops::start_intents(context, request);
    if (!reply) return reply;
    for (const v1::StartedIntent& each : reply->answers()) log.started(each.reply());
    return reply;
  });
  driver.mutation<persists::StartFetch>([log](MutationContext& context, const v1::StartFetchRequest& request) {
    Result<v1::StartIntentReply> reply = ops::start_fetch(context, request);
    if (reply) log.started(*reply);
    return reply;
  });
  driver.mutation<persists::FenceOperation>([log](MutationContext& context, const v1::FenceOperationRequest& request) {
    Result<v1::Operation> reply = ops::fence_operation(context, request);
    if (reply) log.fenced(*reply);
    return reply;
  });
  driver.mutation<persists::FinishOperation>([log](MutationContext& context, const v1::FinishOperationRequest& request) {
    Result<v1::FinishOperationReply> reply = ops::finish_operation(context, request);
    if (reply) log.ended(request, *reply);
    return reply;
  });
  driver.mutation<persists::FinishOperations>([log](MutationContext& context, const v1::FinishOperationsRequest& request) {
    Result<v1::FinishOperationsReply> reply = ops::finish_operations(context, request);
    if (!reply) return reply;
    for (int i = 0; i < reply->answers_size(); ++i)
      if (reply->answers(i).has_reply()) log.ended(request.operations(i), reply->answers(i).reply());
    return reply;
  });
}

}  // namespace

void bind_persist(Driver& driver, const MappingWatch& watch, OperationLog log) {
  bind_operations(driver, log);
  bind_mount_points(driver);
  driver.mutation<persists::AddMount>(ops::add_mount);
  driver.mutation<persists::RemoveMount>(ops::remove_mount);
  driver.query<persists::ListMounts>(ops::list_mounts);
  driver.query<persists::GetMount>(ops::get_mount);
  driver.mutation<persists::ApplyMapping>(ops::apply_mapping);
  driver.mutation<persists::UpdateMount>(ops::update_mount);
  driver.query<persists::GetMapping>([&watch](QueryContext& context, const v1::Empty& request) {
    Result<v1::GetMappingReply> reply = ops::get_mapping(context, request);
    if (reply) watch.describe(*reply);
    return reply;
  });
  driver.query<persists::GetUploadLayout>(ops::get_upload_layout);
  driver.query<persists::GetUploadLayouts>(ops::get_upload_layouts);
  driver.mutation<persists::RecordMultipart>(ops::record_multipart);
  driver.mutation<persists::RenewOperations>(ops::renew_operations);
  driver.query<persists::MayPublish>(ops::may_publish);
  driver.query<persists::ListOperations>(ops::list_operations);
  driver.query<persists::PersistStatus>(ops::persist_status);
  driver.query<persists::ListConflicts>(ops::list_conflicts);
  driver.mutation<persists::ResolveConflict>(ops::resolve_conflict);
  driver.query<persists::FsckKeys>(ops::fsck_keys);
  driver.mutation<persists::RetryIntents>(ops::retry_intents);
  driver.query<persists::DescribeEntries>(ops::describe_entries);
  driver.mutation<persists::PersistEntries>(ops::persist_entries);
}

}  // namespace forebay::master
