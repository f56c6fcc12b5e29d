#include <algorithm>
#include <map>
#include <utility>
#include <vector>

#include "base/text.h"
#include "master/namespace/inode.h"
#include "master/persist/census.h"
#include "master/persist/finishing.h"
#include "master/persist/ops.h"

namespace forebay::master {
namespace {

constexpr int kMostFailures = 100;          // in one reply
constexpr size_t kStep = 4'000;             // records in one reply
constexpr uint32_t kMostConflicts = 1'000;  // conflicts in one reply

// Adds up records of operations, handles, intents and conflicts: all together, and by the mapping that they belong to.
class StatusCount {
 public:
  StatusCount(const kv::Reader& reader, const Mappings& mappings, v1::PersistStatusReply& reply)
      : reader_(reader), mappings_(mappings), reply_(reply) {}
  Result<void> add(std::string_view key, std::string_view value);

 private:
  Result<void> add_intent(std::string_view key, const v1::IntentRecord& intent);
  Result<void> add_operation(const v1::OperationRecord& operation);
  Result<void> add_conflict(uint64_t binding);
  Result<void> add_handle(InodeId inode);
  Result<void> add_failure(std::string_view key, const v1::IntentRecord& intent);
  void add_age(int64_t since_ns, v1::MappingStatus* mapping);
  // The binding that waits, with the bytes of its file; what it belongs to, or null.
  Result<v1::MappingStatus*> of_binding(uint64_t id, bool counts_bytes);
  Result<v1::MappingStatus*> of_directory(InodeId directory);
  v1::MappingStatus* of_key(uint64_t mount, std::string_view key);
  v1::MappingStatus* of(const Mapping* mapping);

  const kv::Reader& reader_;
  const Mappings& mappings_;
  v1::PersistStatusReply& reply_;
  InodeId last_written_;                     // handles of one inode follow each other
  std::map<InodeId, const Mapping*> known_;  // directories of what was counted: as many as records
};

v1::MappingStatus* StatusCount::of(const Mapping* mapping) {
  if (!mapping) return nullptr;
  const std::string& path = mapping->record.path();
  auto known = std::ranges::find(*reply_.mutable_mappings(), path, &v1::MappingStatus::path);
  if (known != reply_.mutable_mappings()->end()) return &*known;
  v1::MappingStatus* added = reply_.add_mappings();
  added->set_path(path);
  return added;
}

v1::MappingStatus* StatusCount::of_key(uint64_t mount, std::string_view key) { return of(mappings_.of_key(mount, key)); }

Result<v1::MappingStatus*> StatusCount::of_directory(InodeId directory) {
  auto known = known_.find(directory);
  if (known == known_.end()) {
    ASSIGN_OR_RETURN(const std::optional<Target> target, directory_target(reader_, mappings_, directory));
    known = known_.emplace(directory, target ? target->mapping : nullptr).first;
  }
  return of(known->second);
}

Result<v1::MappingStatus*> StatusCount::of_binding(uint64_t id, bool counts_bytes) {
  ASSIGN_OR_RETURN(const auto binding, read_record<v1::BindingRecord>(reader_, key::binding(id)));
  if (!binding) return nullptr;
  ASSIGN_OR_RETURN(v1::MappingStatus* const mapping, of_directory(InodeId{binding->directory()}));
  if (!counts_bytes) return mapping;
  ASSIGN_OR_RETURN(const auto inode, read_record<v1::InodeRecord>(reader_, key::inode(InodeId{binding->inode()})));
  const bool is_newest = inode && binding->has_bound() && binding->bound().version() == inode->version();
  if (!inode || is_newest) return mapping;
  reply_.set_bytes(reply_.bytes() + inode->size());
  if (mapping) mapping->set_bytes(mapping->bytes() + inode->size());
  return mapping;
}

void StatusCount::add_age(int64_t since_ns, v1::MappingStatus* mapping) {
  if (since_ns == 0) return;
  if (reply_.oldest_dirty_ns() == 0 || since_ns < reply_.oldest_dirty_ns()) reply_.set_oldest_dirty_ns(since_ns);
  const bool is_older = mapping && (mapping->oldest_dirty_ns() == 0 || since_ns < mapping->oldest_dirty_ns());
  if (is_older) mapping->set_oldest_dirty_ns(since_ns);
}

Result<void> StatusCount::add_intent(std::string_view key, const v1::IntentRecord& intent) {
  if (intent.kind() == v1::INTENT_SWEEP) {
    reply_.set_waiting_sweeps(reply_.waiting_sweeps() + 1);
    return intent.last_error().empty() ? Result<void>{} : add_failure(key, intent);
  }
  v1::MappingStatus* mapping = nullptr;
  switch (intent.kind()) {
    case v1::INTENT_PERSIST: reply_.set_waiting_persist(reply_.waiting_persist() + 1); break;
    case v1::INTENT_SETTLE: reply_.set_waiting_settle(reply_.waiting_settle() + 1); break;
    case v1::INTENT_CLEAR: reply_.set_waiting_clear(reply_.waiting_clear() + 1); break;
    case v1::INTENT_SETTLE_TREE: reply_.set_waiting_trees(reply_.waiting_trees() + 1); break;
    default: reply_.set_waiting_directories(reply_.waiting_directories() + 1); break;
  }
  if (intent.binding() != 0) {
    ASSIGN_OR_RETURN(mapping, of_binding(intent.binding(), true));
  } else if (intent.directory() != 0) {
    ASSIGN_OR_RETURN(mapping, of_directory(InodeId{intent.directory()}));
  } else {
    mapping = of_key(intent.mount(), intent.key());
  }
  if (mapping) mapping->set_waiting(mapping->waiting() + 1);
  add_age(intent.since_ns(), mapping);
  if (intent.last_error().empty()) return {};
  reply_.set_failing(reply_.failing() + 1);
  if (mapping) mapping->set_failing(mapping->failing() + 1);
  if (intent.permanent()) reply_.set_permanent(reply_.permanent() + 1);
  if (intent.lost()) reply_.set_lost(reply_.lost() + 1);
  return add_failure(key, intent);
}

Result<void> StatusCount::add_failure(std::string_view key, const v1::IntentRecord& intent) {
  if (reply_.failures_size() >= kMostFailures) return {};
  v1::PersistFailure& failure = *reply_.add_failures();
  failure.set_binding(intent.binding());
  failure.set_mount(intent.mount());
  failure.set_key(intent.key());
  failure.set_error(intent.last_error());
  failure.set_permanent(intent.permanent());
  failure.set_attempts(intent.attempts());
  failure.set_next_ns(static_cast<int64_t>(read_big_endian(key.substr(1, 8))));
  if (intent.binding() == 0) return {};
  ASSIGN_OR_RETURN(const auto binding, read_record<v1::BindingRecord>(reader_, key::binding(intent.binding())));
  if (!binding) return {};
  ASSIGN_OR_RETURN(const std::optional<Target> target, binding_target(reader_, mappings_, *binding));
  ASSIGN_OR_RETURN(const std::string path, path_of(reader_, InodeId{binding->directory()}, binding->name()));
  failure.set_path(readable_text(path));
  if (!target) return {};
  failure.set_mount(target->mount());
  failure.set_key(target->key);
  return {};
}

Result<void> StatusCount::add_operation(const v1::OperationRecord& operation) {
  // For a reader, or for nobody: nothing is to be persisted.
  if (operation.object() != 0 || operation.kind() == v1::OPERATION_SWEEP) return {};
  reply_.set_running(reply_.running() + 1);
  v1::MappingStatus* mapping = of_key(operation.mount(), operation.key());
  if (operation.binding() != 0) {
    const bool is_upload = operation.kind() == v1::OPERATION_UPLOAD;
    ASSIGN_OR_RETURN(const auto binding, read_record<v1::BindingRecord>(reader_, key::binding(operation.binding())));
    const bool counts = is_upload && binding && !binding->has_intent();  // else its intent counts them
    ASSIGN_OR_RETURN(v1::MappingStatus* const its, of_binding(operation.binding(), counts));
    if (its) mapping = its;
  }
  if (mapping) mapping->set_running(mapping->running() + 1);
  add_age(operation.since_ns(), mapping);
  return {};
}

Result<void> StatusCount::add_conflict(uint64_t binding) {
  reply_.set_conflicts(reply_.conflicts() + 1);
  ASSIGN_OR_RETURN(v1::MappingStatus* const mapping, of_binding(binding, false));
  if (mapping) mapping->set_conflicts(mapping->conflicts() + 1);
  return {};
}

// Once for each file below a mapping: what was written to it may still be on its way.
Result<void> StatusCount::add_handle(InodeId inode) {
  if (inode == std::exchange(last_written_, inode)) return {};
  ASSIGN_OR_RETURN(const auto record, read_record<v1::InodeRecord>(reader_, key::inode(inode)));
  if (!record || record->bindings() == 0) return {};
  v1::MappingStatus* mapping = nullptr;
  const std::string prefix = key::inode_bindings(inode);
  std::vector<uint64_t> ids;
  TRY(reader_.scan(prefix, kv::prefix_end(prefix), [&](std::string_view key, std::string_view) {
    ids.push_back(read_big_endian(key.substr(prefix.size())));
    return false;
  }));
  if (!ids.empty()) {
    ASSIGN_OR_RETURN(mapping, of_binding(ids.front(), false));
  }
  reply_.set_writing(reply_.writing() + 1);
  if (mapping) mapping->set_writing(mapping->writing() + 1);
  return {};
}

Result<void> StatusCount::add(std::string_view key, std::string_view value) {
  const int size = static_cast<int>(value.size());
  v1::IntentRecord intent;
  v1::OperationRecord operation;
  switch (key[0]) {
    case 'H': return add_handle(InodeId{read_big_endian(key.substr(1, 8))});
    case 'Q':
      if (!intent.ParseFromArray(value.data(), size)) return std::unexpected(corrupt_record(key));
      return add_intent(key, intent);
    case 'E':
      if (!operation.ParseFromArray(value.data(), size)) return std::unexpected(corrupt_record(key));
      return add_operation(operation);
    default: return add_conflict(read_big_endian(key.substr(1)));
  }
}

}  // namespace

Result<v1::PersistStatusReply> persist_status_page(const kv::Reader& reader, const std::string& cursor) {
  ASSIGN_OR_RETURN(const Mappings mappings, Mappings::load(reader));
  v1::PersistStatusReply reply;
  StatusCount count(reader, mappings, reply);
  std::string begin = cursor.empty() ? "E" : cursor;
  size_t left = kStep;
  for (const char tag : std::string_view("EHQc")) {  // in key order
    if (tag < begin[0]) continue;
    if (tag != begin[0]) begin = std::string(1, tag);
    Result<void> added;
    std::string last;
    TRY(reader.scan(begin, kv::prefix_end(std::string(1, tag)), [&](std::string_view key, std::string_view value) {
      added = count.add(key, value);
      if (--left == 0) last = key;
      return added.has_value() && left != 0;
    }));
    TRY(added);
    if (left != 0) continue;
    reply.set_cursor(last + '\0');
    break;
  }
  return reply;
}

namespace ops {

Result<v1::PersistStatusReply> persist_status(QueryContext& context, const v1::PersistStatusRequest& request) {
  TRY(check_superuser(context.caller));
  return persist_status_page(context.reader, request.cursor());
}

Result<v1::ListConflictsReply> list_conflicts(QueryContext& context, const v1::ListConflictsRequest& request) {
  TRY(check_superuser(context.caller));
  const int limit = static_cast<int>(request.limit() == 0 ? kMostConflicts : std::min(request.limit(), kMostConflicts));
  std::vector<uint64_t> ids;
  v1::ListConflictsReply reply;
  TRY(context.reader.scan(key::conflict(request.after() + 1), kv::prefix_end("c"), [&](std::string_view key, std::string_view) {
    reply.set_more(static_cast<int>(ids.size()) == limit);
    if (!reply.more()) ids.push_back(read_big_endian(key.substr(1)));
    return !reply.more();
  }));
  for (const uint64_t id : ids) {
    ASSIGN_OR_RETURN(const auto record, read_record<v1::BindingRecord>(context.reader, key::binding(id)));
    if (!record) return std::unexpected(corrupt_record(key::conflict(id)));
    v1::Conflict& conflict = *reply.add_conflicts();
    conflict.set_binding(id);
    *conflict.mutable_record() = *record;
    ASSIGN_OR_RETURN(const std::string path, path_of(context.reader, InodeId{record->directory()}, record->name()));
    conflict.set_path(readable_text(path));
  }
  return reply;
}

Result<v1::Empty> resolve_conflict(MutationContext& context, const v1::ResolveConflictRequest& request) {
  TRY(check_superuser(context.caller));
  Ledger ledger(context);
  ASSIGN_OR_RETURN(v1::BindingRecord * binding, ledger.binding(request.binding()));
  if (!binding || !binding->has_conflict()) {
    return rejected(ENOENT, "binding " + std::to_string(request.binding()) + " is in no conflict");
  }
  const v1::ConflictRecord conflict = binding->conflict();
  ASSIGN_OR_RETURN(const std::optional<Target> target, ledger.target(*binding));
  ledger.end_conflict(request.binding(), *binding);
  const bool still = target && target->is(conflict.mount(), conflict.key());
  ASSIGN_OR_RETURN(v1::KeyRecord * at, ledger.key(conflict.mount(), conflict.key()));
  if (still && at->operation() != 0) return rejected(EBUSY, "an operation on '" + conflict.key() + "' is in flight; try again");
  if (still && request.by() == v1::ON_CONFLICT_UFS_WINS) {
    v1::Foreign theirs;
    theirs.set_identity(conflict.theirs());
    theirs.set_length(conflict.theirs_length());
    TRY(adopt(ledger, request.binding(), *target, theirs));
    return v1::Empty{};
  }
  if (still && request.by() == v1::ON_CONFLICT_CACHE_WINS) at->set_replaceable(conflict.theirs());
  if (still && request.by() == v1::ON_CONFLICT_KEEP_BOTH) {
    ASSIGN_OR_RETURN(const v1::InodeRecord record, load_inode(context.txn, InodeId{binding->inode()}));
    TRY(set_aside(ledger, *binding, record.version()));
  }
  TRY(ledger.want(request.binding(), v1::INTENT_PERSIST));
  ledger.save();
  return v1::Empty{};
}

}  // namespace ops
}  // namespace forebay::master
