// What a restore brings back, and who waited for it.
#pragma once

#include <google/protobuf/repeated_ptr_field.h>

#include "forebay/v1/persist.pb.h"
#include "master/persist/ledger.h"

namespace forebay::master {

enum class Restored : uint8_t {
  kAdded,
  kUnwanted,    // the object is nobody's any more; the copy goes
  kOtherBytes,  // than those that were sealed; the copy goes
  kLeaves,      // an earlier copy was to be deleted there: not counted, it may go at any time
};
Result<Restored> add_copies(kv::Txn& txn, ObjectId object, const v1::RestoredObject& restored);

// Takes the mark `absent` from the file, when all of its newest version has copies.
Result<void> note_present(kv::Txn& txn, InodeId inode);

// Counts copies of objects of the version. `corrupt`: bytes that are not those that were sealed; nothing has happened.
Result<void> take_restored(Ledger& ledger, InodeId inode, Version version,
                           const google::protobuf::RepeatedPtrField<v1::RestoredObject>& restored);

// An intent of the binding that waits because no copy was left is due now.
Result<void> forget_lost(Ledger& ledger, uint64_t id);

// A restore has failed: the intents that may have wanted it wait.
Result<void> delay_waiting(Ledger& ledger, InodeId inode, uint64_t mount, const std::string& key, Duration delay,
                           const v1::Failed& failed);

}  // namespace forebay::master
