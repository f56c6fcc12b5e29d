#include "master/persist/ledger.h"

namespace forebay::master {
namespace {

constexpr int kMostGivenUp = 64;  // operations that one sweep remembers; uploads of older ones are known by their time

v1::IntentRecord intent_of(v1::IntentKind kind, int64_t since_ns) {
  v1::IntentRecord intent;
  intent.set_kind(kind);
  intent.set_since_ns(since_ns);
  return intent;
}

}  // namespace

Result<const Mappings*> Ledger::mappings() {
  if (!mappings_) {
    ASSIGN_OR_RETURN(mappings_, context_.persistence.mappings.in_force(context_.txn));
  }
  return mappings_.get();
}

Result<v1::BindingRecord*> Ledger::binding(uint64_t id) {
  if (id == 0) return nullptr;
  auto known = bindings_.find(id);
  if (known != bindings_.end()) return &known->second.record;
  const std::string name = key::binding(id);
  ASSIGN_OR_RETURN(auto stored, txn().get(name));
  if (!stored) return nullptr;
  Loaded<v1::BindingRecord> loaded;
  if (!loaded.record.ParseFromString(*stored)) return std::unexpected(corrupt_record(name));
  loaded.stored = std::move(*stored);
  return &bindings_.emplace(id, std::move(loaded)).first->second.record;
}

Result<v1::KeyRecord*> Ledger::key(uint64_t mount, std::string_view key) {
  std::pair<uint64_t, std::string> id(mount, key);
  auto known = keys_.find(id);
  if (known != keys_.end()) return &known->second.record;
  const std::string name = key::stored_key(mount, key);
  ASSIGN_OR_RETURN(auto stored, txn().get(name));
  Loaded<v1::KeyRecord> loaded;
  if (stored && !loaded.record.ParseFromString(*stored)) return std::unexpected(corrupt_record(name));
  if (stored) loaded.stored = std::move(*stored);
  return &keys_.emplace(std::move(id), std::move(loaded)).first->second.record;
}

Result<std::vector<uint64_t>> Ledger::bindings_of(InodeId inode) {
  std::vector<uint64_t> ids;
  const std::string prefix = key::inode_bindings(inode);
  TRY(txn().scan(prefix, kv::prefix_end(prefix), [&](std::string_view key, std::string_view) {
    ids.push_back(read_big_endian(key.substr(prefix.size())));
    return true;
  }));
  return ids;
}

Result<uint64_t> Ledger::add_binding(InodeId inode, InodeId directory, std::string_view name) {
  ASSIGN_OR_RETURN(const uint64_t id, context_.next_id("binding"));
  Loaded<v1::BindingRecord> loaded;
  loaded.record.set_inode(inode.value);
  loaded.record.set_directory(directory.value);
  loaded.record.set_name(std::string(name));
  bindings_.emplace(id, std::move(loaded));
  txn().put(key::inode_binding(inode, id), {});
  return id;
}

Result<void> Ledger::erase_binding(uint64_t id) {
  ASSIGN_OR_RETURN(v1::BindingRecord * record, binding(id));
  if (!record) return {};
  if (record->has_intent()) txn().erase(key::intent(record->intent().due_ns(), record->intent().sequence()));
  leave_turn(id, *record);
  end_conflict(id, *record);
  txn().erase(key::inode_binding(InodeId{record->inode()}, id));
  txn().erase(key::binding(id));
  bindings_.erase(id);
  return {};
}

Result<std::optional<Target>> Ledger::target(const v1::BindingRecord& binding) {
  ASSIGN_OR_RETURN(const Mappings* in_force, mappings());
  return binding_target(txn(), *in_force, binding);
}

Result<void> Ledger::unbind(v1::BindingRecord& binding) {
  if (!binding.has_bound()) return {};
  ASSIGN_OR_RETURN(v1::KeyRecord * held, key(binding.bound().mount(), binding.bound().key()));
  held->clear_binding();
  binding.clear_bound();
  return {};
}

void Ledger::end_conflict(uint64_t id, v1::BindingRecord& binding) {
  if (!binding.has_conflict()) return;
  binding.clear_conflict();
  txn().erase(key::conflict(id));
}

Result<void> Ledger::enter_turn(uint64_t id, v1::BindingRecord& binding) {
  leave_turn(id, binding);
  ASSIGN_OR_RETURN(const uint64_t order, context_.next_id("order"));
  binding.set_last_order(order);
  return enter_turn_again(id, binding);
}

Result<void> Ledger::enter_turn_again(uint64_t id, v1::BindingRecord& binding) {
  if (binding.order() != 0) return {};
  if (binding.last_order() == 0) return enter_turn(id, binding);
  binding.set_order(binding.last_order());
  txn().put(key::turn(InodeId{binding.directory()}, binding.order(), id), {});
  return {};
}

void Ledger::leave_turn(uint64_t id, v1::BindingRecord& binding) {
  if (binding.order() == 0) return;
  txn().erase(key::turn(InodeId{binding.directory()}, binding.order(), id));
  binding.clear_order();
}

Result<v1::IntentPlace> Ledger::enqueue(const v1::IntentRecord& intent, int64_t due_ns) {
  ASSIGN_OR_RETURN(const uint64_t sequence, context_.next_id("intent"));
  v1::IntentPlace place;
  place.set_due_ns(due_ns);
  place.set_sequence(sequence);
  write_record(txn(), key::intent(due_ns, sequence), intent);
  return place;
}

// The name had changed; now there is a new version as well.
Result<void> Ledger::make_persist(const v1::IntentPlace& place) {
  const std::string name = key::intent(place.due_ns(), place.sequence());
  ASSIGN_OR_RETURN(auto intent, read_record<v1::IntentRecord>(txn(), name));
  if (!intent) return std::unexpected(corrupt_record(name));
  if (intent->kind() == v1::INTENT_PERSIST) return {};
  intent->set_kind(v1::INTENT_PERSIST);
  write_record(txn(), name, *intent);
  return {};
}

Result<void> Ledger::want(uint64_t id, v1::IntentKind kind, Duration delay) {
  ASSIGN_OR_RETURN(v1::BindingRecord * record, binding(id));
  if (!record) return {};
  if (record->has_intent()) return kind == v1::INTENT_PERSIST ? make_persist(record->intent()) : Result<void>{};
  v1::IntentRecord intent = intent_of(kind, now_ns());
  intent.set_binding(id);
  ASSIGN_OR_RETURN(*record->mutable_intent(), enqueue(intent, now_ns() + delay.count()));
  return {};
}

// A key that is to be cleared is not kept, whichever was wanted first.
Result<void> Ledger::want_clear(uint64_t mount, std::string_view key_name, bool keeps) {
  ASSIGN_OR_RETURN(v1::KeyRecord * record, key(mount, key_name));
  if (record->has_clear() && keeps) return {};
  if (record->has_clear()) txn().erase(key::intent(record->clear().due_ns(), record->clear().sequence()));
  v1::IntentRecord intent = intent_of(v1::INTENT_CLEAR, now_ns());
  intent.set_mount(mount);
  intent.set_key(std::string(key_name));
  intent.set_keeps(keeps);
  ASSIGN_OR_RETURN(*record->mutable_clear(), enqueue(intent, now_ns()));
  return {};
}

Result<void> Ledger::want_directory(uint64_t mount, std::string_view key_name, bool keeps) {
  ASSIGN_OR_RETURN(v1::KeyRecord * record, key(mount, key_name));
  v1::IntentRecord intent = intent_of(v1::INTENT_DIRECTORY, now_ns());
  intent.set_keeps(keeps);
  if (record->has_directory()) {
    if (keeps) return {};
    const std::string name = key::intent(record->directory().due_ns(), record->directory().sequence());
    ASSIGN_OR_RETURN(auto waiting, read_record<v1::IntentRecord>(txn(), name));
    if (!waiting) return std::unexpected(corrupt_record(name));
    waiting->set_keeps(false);
    write_record(txn(), name, *waiting);
    return {};
  }
  intent.set_mount(mount);
  intent.set_key(std::string(key_name));
  ASSIGN_OR_RETURN(*record->mutable_directory(), enqueue(intent, now_ns()));
  return {};
}

Result<void> Ledger::want_tree(InodeId directory) {
  ASSIGN_OR_RETURN(auto waiting, read_record<v1::IntentPlace>(txn(), key::tree_intent(directory)));
  if (waiting) txn().erase(key::intent(waiting->due_ns(), waiting->sequence()));  // it begins again
  v1::IntentRecord intent = intent_of(v1::INTENT_SETTLE_TREE, now_ns());
  intent.set_directory(directory.value);
  ASSIGN_OR_RETURN(const v1::IntentPlace place, enqueue(intent, now_ns()));
  write_record(txn(), key::tree_intent(directory), place);
  return {};
}

Result<void> Ledger::want_sweep(uint64_t operation, const v1::OperationRecord& given_up) {
  if (config().sweep_after <= Duration{}) return {};
  ASSIGN_OR_RETURN(v1::KeyRecord * record, key(given_up.mount(), given_up.key()));
  v1::IntentRecord intent = intent_of(v1::INTENT_SWEEP, now_ns());
  intent.set_begun_from_ns(given_up.started_ns());
  if (record->has_sweep()) {
    const std::string name = key::intent(record->sweep().due_ns(), record->sweep().sequence());
    ASSIGN_OR_RETURN(auto waiting, read_record<v1::IntentRecord>(txn(), name));
    if (!waiting) return std::unexpected(corrupt_record(name));
    intent = std::move(*waiting);
  }
  intent.set_mount(given_up.mount());
  intent.set_key(given_up.key());
  intent.set_begun_until_ns(now_ns());
  if (intent.given_up_size() == kMostGivenUp) intent.mutable_given_up()->erase(intent.given_up().begin());
  intent.add_given_up(operation);
  return postpone(std::move(intent), config().sweep_after);
}

Result<void> Ledger::postpone(v1::IntentRecord intent, Duration delay) {
  ASSIGN_OR_RETURN(v1::IntentPlace * waiting, place_of(intent));
  if (!waiting) return {};
  if (waiting->sequence() != 0) {
    const std::string name = key::intent(waiting->due_ns(), waiting->sequence());
    ASSIGN_OR_RETURN(const auto replaced, read_record<v1::IntentRecord>(txn(), name));
    if (!replaced) return std::unexpected(corrupt_record(name));
    // What was wanted meanwhile is wanted still: a key is emptied, a version persisted.
    if (intent.kind() == v1::INTENT_DIRECTORY && !replaced->keeps()) intent.set_keeps(false);
    if (intent.kind() == v1::INTENT_SETTLE && replaced->kind() == v1::INTENT_PERSIST) intent.set_kind(v1::INTENT_PERSIST);
    txn().erase(name);
  }
  ASSIGN_OR_RETURN(*waiting, enqueue(intent, now_ns() + delay.count()));
  return {};
}

// Where the record of a binding or key says that its intent is; made if need be. Null: the binding is gone.
Result<v1::IntentPlace*> Ledger::place_of(const v1::IntentRecord& intent) {
  if (intent.binding() != 0) {
    ASSIGN_OR_RETURN(v1::BindingRecord * record, binding(intent.binding()));
    return record ? record->mutable_intent() : nullptr;
  }
  ASSIGN_OR_RETURN(v1::KeyRecord * record, key(intent.mount(), intent.key()));
  if (intent.kind() == v1::INTENT_SWEEP) return record->mutable_sweep();
  return intent.kind() == v1::INTENT_CLEAR ? record->mutable_clear() : record->mutable_directory();
}

Result<void> Ledger::take(const v1::IntentPlace& place, const v1::IntentRecord& intent) {
  txn().erase(key::intent(place.due_ns(), place.sequence()));
  if (intent.binding() != 0) {
    ASSIGN_OR_RETURN(v1::BindingRecord * record, binding(intent.binding()));
    if (record) record->clear_intent();
  } else if (intent.directory() != 0) {
    txn().erase(key::tree_intent(InodeId{intent.directory()}));
  } else {
    ASSIGN_OR_RETURN(v1::KeyRecord * record, key(intent.mount(), intent.key()));
    if (intent.kind() == v1::INTENT_CLEAR)
      record->clear_clear();
    else if (intent.kind() == v1::INTENT_SWEEP)
      record->clear_sweep();
    else
      record->clear_directory();
  }
  return {};
}

void Ledger::save() {
  for (auto& [id, loaded] : bindings_) {
    std::string value = loaded.record.SerializeAsString();
    if (value == loaded.stored) continue;
    loaded.stored = value;
    txn().put(key::binding(id), std::move(value));
  }
  for (auto& [id, loaded] : keys_) {
    std::string value = loaded.record.SerializeAsString();
    if (value == loaded.stored) continue;
    loaded.stored = value;
    const std::string name = key::stored_key(id.first, id.second);
    if (value.empty())
      txn().erase(name);
    else
      txn().put(name, std::move(value));
  }
}

}  // namespace forebay::master
