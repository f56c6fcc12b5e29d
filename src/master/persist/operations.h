// Operations in flight: what a worker does for an intent, under an id and an epoch.
#pragma once

#include "forebay/v1/persist.pb.h"
#include "master/persist/ledger.h"

namespace forebay::master {

struct LiveOperation {
  uint64_t id;
  v1::OperationRecord record;

  bool is_fetch() const { return record.object() != 0; }
  bool reads_version() const {
    return record.kind() == v1::OPERATION_UPLOAD || (record.kind() == v1::OPERATION_RESTORE && !is_fetch());
  }
};

// `stale`: it has ended, or is another epoch's.
Result<LiveOperation> find_operation(const kv::Reader& reader, uint64_t id, uint64_t epoch);
void save_operation(kv::Txn& txn, const LiveOperation& operation);

// From the kind, subject, key and expectations in `record`: an id, the first epoch, a lease; the keys and the binding are busy
// from now on, the version is pinned.
Result<v1::Operation> begin_operation(Ledger& ledger, v1::OperationRecord record, Duration lease);
// Undoes all of that.
Result<void> end_operation(Ledger& ledger, const LiveOperation& operation);

// With what the worker needs besides the record.
Result<v1::Operation> describe(const kv::Reader& reader, const LiveOperation& operation);

// In an ordered directory: is everything that was sealed earlier visible, or gone? Once it is, it stays so, until the directory,
// or one above it, gets another name: until that was looked through, nothing has its turn.
Result<bool> is_its_turn(const kv::Reader& reader, uint64_t binding, InodeId directory, uint64_t order);

// 0: the default.
Duration lease_of(const PersistConfig& config, int64_t lease_ms);
// Before the next attempt: 1 s, 2 s, … with up to a quarter more or less, by what is retried.
Duration retry_delay(const PersistConfig& config, uint32_t attempts, bool permanent, uint64_t salt);

}  // namespace forebay::master
