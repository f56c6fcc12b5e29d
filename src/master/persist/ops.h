// Every operation of the persist service. All are the superuser's (EPERM), but for the last two. The contract of each is beside
// its method in proto/forebay/v1/persist.proto.
#pragma once

#include <cerrno>

#include "forebay/v1/persist.pb.h"
#include "master/operation.h"

namespace forebay::master::ops {

// -- what is mapped where --
Result<v1::AddMountReply> add_mount(MutationContext& context, const v1::AddMountRequest& request);
Result<v1::Empty> update_mount(MutationContext& context, const v1::UpdateMountRequest& request);
Result<v1::Empty> remove_mount(MutationContext& context, const v1::RemoveMountRequest& request);
Result<v1::ListMountsReply> list_mounts(QueryContext& context, const v1::Empty& request);
Result<v1::Mount> get_mount(QueryContext& context, const v1::GetMountRequest& request);
inline constexpr int kNotMounted = ENODEV;  // of an `invalid` mapping: all that it lacks is a mount
Result<v1::ApplyMappingReply> apply_mapping(MutationContext& context, const v1::ApplyMappingRequest& request);
Result<v1::GetMappingReply> get_mapping(QueryContext& context, const v1::Empty& request);

// -- intents and operations --
Result<v1::StartIntentReply> start_intent(MutationContext& context, const v1::StartIntentRequest& request);
Result<v1::StartIntentsReply> start_intents(MutationContext& context, const v1::StartIntentsRequest& request);
Result<v1::StartIntentReply> start_fetch(MutationContext& context, const v1::StartFetchRequest& request);
Result<v1::Layout> get_upload_layout(QueryContext& context, const v1::GetUploadLayoutRequest& request);
Result<v1::GetUploadLayoutsReply> get_upload_layouts(QueryContext& context, const v1::GetUploadLayoutsRequest& request);
Result<v1::Empty> record_multipart(MutationContext& context, const v1::RecordMultipartRequest& request);
Result<v1::RenewOperationsReply> renew_operations(MutationContext& context, const v1::RenewOperationsRequest& request);
Result<v1::MayPublishReply> may_publish(QueryContext& context, const v1::MayPublishRequest& request);
Result<v1::Operation> fence_operation(MutationContext& context, const v1::FenceOperationRequest& request);
Result<v1::FinishOperationReply> finish_operation(MutationContext& context, const v1::FinishOperationRequest& request);
Result<v1::FinishOperationsReply> finish_operations(MutationContext& context, const v1::FinishOperationsRequest& request);
Result<v1::ListOperationsReply> list_operations(QueryContext& context, const v1::ListOperationsRequest& request);

// -- what people see and decide --
Result<v1::PersistStatusReply> persist_status(QueryContext& context, const v1::PersistStatusRequest& request);
Result<v1::ListConflictsReply> list_conflicts(QueryContext& context, const v1::ListConflictsRequest& request);
Result<v1::Empty> resolve_conflict(MutationContext& context, const v1::ResolveConflictRequest& request);
Result<v1::FsckKeysReply> fsck_keys(QueryContext& context, const v1::FsckKeysRequest& request);
Result<v1::RetryIntentsReply> retry_intents(MutationContext& context, const v1::RetryIntentsRequest& request);
// These two are for whoever may do as much with the files.
Result<v1::DescribeEntriesReply> describe_entries(QueryContext& context, const v1::DescribeEntriesRequest& request);
Result<v1::PersistEntriesReply> persist_entries(MutationContext& context, const v1::PersistEntriesRequest& request);

inline Result<void> check_superuser(const Caller& caller) {
  if (caller.is_superuser()) return {};
  return rejected(EPERM, "persistence is the superuser's to control");
}

}  // namespace forebay::master::ops
