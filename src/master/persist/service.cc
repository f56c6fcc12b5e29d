#include "master/persist/service.h"

#include "forebay/v1/persist.rpc.h"
#include "master/persist/mount_points.h"
#include "master/persist/ops.h"

namespace forebay::master {

namespace persists = v1::persist_service;

void bind_persist(Driver& driver, const MappingWatch& watch) {
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
  driver.mutation<persists::StartIntent>(ops::start_intent);
  driver.mutation<persists::StartIntents>(ops::start_intents);
  driver.mutation<persists::StartFetch>(ops::start_fetch);
  driver.query<persists::GetUploadLayout>(ops::get_upload_layout);
  driver.query<persists::GetUploadLayouts>(ops::get_upload_layouts);
  driver.mutation<persists::RecordMultipart>(ops::record_multipart);
  driver.mutation<persists::RenewOperations>(ops::renew_operations);
  driver.query<persists::MayPublish>(ops::may_publish);
  driver.mutation<persists::FenceOperation>(ops::fence_operation);
  driver.mutation<persists::FinishOperation>(ops::finish_operation);
  driver.mutation<persists::FinishOperations>(ops::finish_operations);
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
