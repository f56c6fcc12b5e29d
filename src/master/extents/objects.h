// Object records: from grant to removal. An object belongs to one inode from the first byte on.
//
//   granted      "O" with handle, "P" for each worker; the handle's record lists it
//   acknowledged "O".length > 0: commits refer to that much of it
//   sealed       "O".sealed, exact length and checksum; the handle no longer lists it
//   inline       "O".inlined, sealed, without workers; its bytes are in "J" (master/extents/inline.h)
//   removed      no "O"; "X" for each worker; "P" until that worker says that it has deleted its copy
#pragma once

#include "master/operation.h"
#include "master/schema.h"

namespace forebay::master {

Result<std::optional<v1::ObjectRecord>> load_object(const kv::Reader& reader, ObjectId object);
void save_object(kv::Txn& txn, ObjectId object, const v1::ObjectRecord& record);

// A new object of the inode on workers of the placer's choice.
Result<v1::Grant> grant_object(MutationContext& context, InodeId inode, HandleId handle, const v1::Placement& wanted);

// Its bytes are in the cache: on a worker, or kept by the master itself.
inline bool is_kept(const v1::ObjectRecord& record) { return record.inlined() || !record.workers().empty(); }

// The record goes, each worker gets the duty to delete its copy.
Result<void> remove_object(kv::Txn& txn, ObjectId object, const v1::ObjectRecord& record);

// Its writer is gone: each worker gets the duty to seal its copy at the acknowledged length. Until one has, the object is
// unsealed and nobody's.
void order_seal(kv::Txn& txn, ObjectId object, const v1::ObjectRecord& record);

// A staged object grows as it is written, by whom the master does not hear, and each byte of it is at its place in the file.
inline constexpr uint64_t kStagedBytes = uint64_t{1} << 44;  // granted: all that a worker keeps in one file
inline bool is_staged(const v1::ObjectRecord& record) { return record.granted_bytes() == kStagedBytes; }

v1::ObjectLocation location_of(ObjectId object, const v1::ObjectRecord& record);

}  // namespace forebay::master
