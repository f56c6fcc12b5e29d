// What operators and commands ask of persistence.
#pragma once

#include "async/task.h"
#include "client/client.h"
#include "forebay/v1/persist.pb.h"

namespace forebay::client {

// The methods of PersistService that people use; the contract of each is in proto/forebay/v1/persist.proto. Repeated until the
// master answers, as the client's other calls. Any thread.
class PersistControl {
 public:
  virtual ~PersistControl() = default;
  virtual Task<Result<v1::AddMountReply>> add_mount(Identity who, v1::AddMountRequest request) = 0;
  virtual Task<Result<v1::Empty>> update_mount(Identity who, v1::UpdateMountRequest request) = 0;
  virtual Task<Result<v1::Empty>> remove_mount(Identity who, v1::RemoveMountRequest request) = 0;
  virtual Task<Result<v1::ListMountsReply>> list_mounts(Identity who) = 0;
  virtual Task<Result<v1::Mount>> get_mount(Identity who, v1::GetMountRequest request) = 0;
  virtual Task<Result<v1::GetMappingReply>> mapping(Identity who) = 0;
  virtual Task<Result<v1::ApplyMappingReply>> reload_mapping(Identity who) = 0;
  virtual Task<Result<v1::PersistStatusReply>> status(Identity who, v1::PersistStatusRequest request) = 0;
  virtual Task<Result<v1::ListConflictsReply>> conflicts(Identity who, v1::ListConflictsRequest request) = 0;
  virtual Task<Result<v1::Empty>> resolve(Identity who, v1::ResolveConflictRequest request) = 0;
  virtual Task<Result<v1::FsckKeysReply>> fsck_keys(Identity who, v1::FsckKeysRequest request) = 0;
  virtual Task<Result<v1::RetryIntentsReply>> retry(Identity who, v1::RetryIntentsRequest request) = 0;
  virtual Task<Result<v1::DescribeEntriesReply>> describe(Identity who, v1::DescribeEntriesRequest request) = 0;
  virtual Task<Result<v1::PersistEntriesReply>> persist(Identity who, v1::PersistEntriesRequest request) = 0;
};

}  // namespace forebay::client
