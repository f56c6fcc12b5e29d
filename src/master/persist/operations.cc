#include "master/persist/operations.h"

#include <algorithm>

#include "master/extents/objects.h"
#include "master/persist/pins.h"
#include "master/persist/stored_content.h"

namespace forebay::master {
namespace {

Result<v1::KeyRecord*> source_of(Ledger& ledger, const v1::OperationRecord& record) {
  if (record.kind() != v1::OPERATION_MOVE) return nullptr;
  return ledger.key(record.mount(), record.source_key());
}

// Does a settle_tree wait for the directory, or for one above it?
Result<bool> is_being_settled(const kv::Reader& reader, InodeId directory) {
  while (directory != InodeId{} && directory != kRootInode) {
    ASSIGN_OR_RETURN(const auto waiting, reader.get(key::tree_intent(directory)));
    if (waiting) return true;
    ASSIGN_OR_RETURN(const auto record, read_record<v1::InodeRecord>(reader, key::inode(directory)));
    directory = InodeId{record ? record->parent() : 0};
  }
  return false;
}

uint64_t mix(uint64_t value) {
  value = (value ^ (value >> 30)) * 0xbf58476d1ce4e5b9;
  value = (value ^ (value >> 27)) * 0x94d049bb133111eb;
  return value ^ (value >> 31);
}

}  // namespace

Result<LiveOperation> find_operation(const kv::Reader& reader, uint64_t id, uint64_t epoch) {
  ASSIGN_OR_RETURN(auto record, read_record<v1::OperationRecord>(reader, key::operation(id)));
  if (!record) return stale("operation " + std::to_string(id) + " has ended");
  if (record->epoch() != epoch) return stale("operation " + std::to_string(id) + " is another worker's by now");
  return LiveOperation{id, std::move(*record)};
}

void save_operation(kv::Txn& txn, const LiveOperation& operation) {
  write_record(txn, key::operation(operation.id), operation.record);
}

Result<v1::Operation> begin_operation(Ledger& ledger, v1::OperationRecord record, Duration lease) {
  ASSIGN_OR_RETURN(const uint64_t id, ledger.context().next_id("operation"));
  record.set_epoch(1);
  record.set_started_ns(ledger.now_ns());
  record.set_lease_ns(ledger.now_ns() + lease.count());
  ASSIGN_OR_RETURN(v1::KeyRecord * at, ledger.key(record.mount(), record.key()));
  at->set_operation(id);
  ASSIGN_OR_RETURN(v1::KeyRecord * source, source_of(ledger, record));
  if (source) source->set_operation(id);
  ASSIGN_OR_RETURN(v1::BindingRecord * binding, ledger.binding(record.binding()));
  if (binding) binding->set_operation(id);
  LiveOperation operation{id, std::move(record)};
  if (operation.reads_version() && ledger.rules().pins_versions) {
    const InodeId inode{operation.record.inode()};
    ASSIGN_OR_RETURN(v1::InodeRecord owner, load_inode(ledger.txn(), inode));
    pin(ledger.txn(), inode, owner, Version{operation.record.version()}, id);
    save_inode(ledger.txn(), inode, owner);
  }
  save_operation(ledger.txn(), operation);
  return describe(ledger.txn(), operation);
}

Result<void> end_operation(Ledger& ledger, const LiveOperation& operation) {
  const v1::OperationRecord& record = operation.record;
  ASSIGN_OR_RETURN(v1::KeyRecord * at, ledger.key(record.mount(), record.key()));
  if (at->operation() == operation.id) at->clear_operation();
  ASSIGN_OR_RETURN(v1::KeyRecord * source, source_of(ledger, record));
  if (source && source->operation() == operation.id) source->clear_operation();
  ASSIGN_OR_RETURN(v1::BindingRecord * binding, ledger.binding(record.binding()));
  if (binding && binding->operation() == operation.id) binding->clear_operation();
  ledger.txn().erase(key::operation(operation.id));
  if (!operation.reads_version() || !ledger.rules().pins_versions) return {};
  return unpin(ledger.context(), InodeId{record.inode()}, Version{record.version()}, operation.id);
}

Result<v1::Operation> describe(const kv::Reader& reader, const LiveOperation& operation) {
  v1::Operation described;
  described.set_operation(operation.id);
  *described.mutable_record() = operation.record;
  if (operation.is_fetch()) {
    const ObjectId object{operation.record.object()};
    ASSIGN_OR_RETURN(const auto block, read_record<v1::ObjectRecord>(reader, key::object(object)));
    if (block) *described.mutable_layout()->add_objects() = location_of(object, *block);
    return described;
  }
  const InodeId inode{operation.record.inode()};
  if (inode == InodeId{}) return described;
  ASSIGN_OR_RETURN(auto owner, read_record<v1::InodeRecord>(reader, key::inode(inode)));
  if (!owner) return described;
  *described.mutable_attr() = attr_of(inode, *owner);
  if (!operation.reads_version()) return described;
  // Many operations are described at a time, and starts are kept as outcomes: whoever needs inline content asks for it.
  ASSIGN_OR_RETURN(*described.mutable_layout(), version_layout(reader, inode, Version{operation.record.version()},
                                                               operation.record.size(), 0, InlineContent::kLeftOut));
  return described;
}

Result<bool> is_its_turn(const kv::Reader& reader, uint64_t binding, InodeId directory, uint64_t order) {
  bool first = true;
  if (order == 0) return first;
  ASSIGN_OR_RETURN(const bool moved, is_being_settled(reader, directory));
  if (moved) return false;
  TRY(reader.scan(key::turns(directory), key::turn(directory, order, 0), [&](std::string_view key, std::string_view) {
    first = read_big_endian(key.substr(17)) == binding;
    return first;
  }));
  return first;
}

Duration lease_of(const PersistConfig& config, int64_t lease_ms) {
  if (lease_ms <= 0) return config.lease;
  return std::min<Duration>(config.longest_lease, std::chrono::milliseconds(std::min<int64_t>(lease_ms, 1'000'000'000)));
}

Duration retry_delay(const PersistConfig& config, uint32_t attempts, bool permanent, uint64_t salt) {
  Duration delay = config.last_retry;
  const uint32_t doublings = std::min(std::max(attempts, 1u) - 1, 30u);
  if (!permanent) delay = std::min(delay, config.first_retry * (int64_t{1} << doublings));
  const auto jitter = static_cast<int64_t>(mix(salt * 31 + attempts) % 501);  // of 1000
  return delay / 1'000 * (750 + jitter);
}

}  // namespace forebay::master
