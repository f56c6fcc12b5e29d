// Mount points as clients see them.
#pragma once

#include "forebay/v1/under.pb.h"
#include "master/driver.h"
#include "master/operation.h"

namespace forebay::master {

// The directory that a mount covers; none: it is not there.
struct CoveredDirectory {
  InodeId parent, inode;
};
Result<CoveredDirectory> covered_directory(const kv::Reader& reader, std::string_view path);

// EBUSY: something is mounted at this directory, or below it.
Result<void> check_holds_no_mount(const kv::Reader& reader, InodeId directory);

namespace ops {

Result<v1::ListMountPointsReply> list_mount_points(QueryContext& context, const v1::Empty& request);
Result<v1::FindStoredReply> find_stored(QueryContext& context, const v1::FindStoredRequest& request);
Result<v1::ImportEntriesReply> import_entries(MutationContext& context, const v1::ImportEntriesRequest& request);

}  // namespace ops

// proto/forebay/v1/under.proto, MountPointService.
void bind_mount_points(Driver& driver);

}  // namespace forebay::master
