#include "master/persist/starting.h"

#include "master/namespace/inode.h"
#include "master/persist/stored_content.h"

namespace forebay::master {

Started nothing_to_do(Ledger& ledger, const Intent& intent) {
  TRY(ledger.take(intent.place, intent.record));
  v1::StartIntentReply reply;
  reply.mutable_nothing();
  return reply;
}

Started again() {
  v1::StartIntentReply reply;
  reply.mutable_again();
  return reply;
}

Started waits(std::string for_what) {
  v1::StartIntentReply reply;
  reply.set_waits(std::move(for_what));
  return reply;
}

Started bring_back(Ledger& ledger, const Intent& intent, uint64_t mount, const std::string& key, const v1::OwnContent& content) {
  ASSIGN_OR_RETURN(const v1::KeyRecord* at, ledger.key(mount, key));
  if (at->operation() != 0 && ledger.rules().one_at_a_time) return waits("operation " + std::to_string(at->operation()));
  ASSIGN_OR_RETURN(const v1::InodeRecord record, load_inode(ledger.txn(), InodeId{content.inode()}));
  v1::OperationRecord operation;
  operation.set_kind(v1::OPERATION_RESTORE);
  operation.set_inode(content.inode());
  operation.set_version(record.version());  // which may show bytes of an older one that is at the key
  operation.set_size(record.size());
  operation.set_mount(mount);
  operation.set_key(key);
  *operation.mutable_expected() = content;
  v1::StartIntentReply reply;
  ASSIGN_OR_RETURN(*reply.mutable_first(), begin_operation(ledger, std::move(operation), intent.lease));
  return reply;
}

Result<void> release(Ledger& ledger, uint64_t id) {
  ASSIGN_OR_RETURN(const v1::BindingRecord* binding, ledger.binding(id));
  if (!binding) return {};
  const std::string entry_key = key::dentry(InodeId{binding->directory()}, binding->name());
  ASSIGN_OR_RETURN(auto entry, read_record<v1::DentryRecord>(ledger.txn(), entry_key));
  if (!entry || entry->binding() != id) return std::unexpected(corrupt_record(key::binding(id)));
  entry->clear_binding();
  write_record(ledger.txn(), entry_key, *entry);
  const InodeId inode{binding->inode()};
  ASSIGN_OR_RETURN(v1::InodeRecord record, load_inode(ledger.txn(), inode));
  record.set_bindings(record.bindings() - 1);
  save_inode(ledger.txn(), inode, record);
  return ledger.erase_binding(id);
}

Started start_untargeted(Ledger& ledger, const Intent& intent, v1::BindingRecord& binding) {
  const uint64_t id = intent.record.binding();
  if (binding.operation() != 0) return waits("operation " + std::to_string(binding.operation()));
  ASSIGN_OR_RETURN(const Mappings* mappings, ledger.mappings());
  if (binding.has_bound()) {
    const v1::BoundKey bound = binding.bound();
    const Mapping* mapping = mappings->of_key(bound.mount(), bound.key());
    if (!mapping) return nothing_to_do(ledger, intent);  // its mapping was removed: all stays as it is
    ASSIGN_OR_RETURN(const v1::KeyRecord* at, ledger.key(bound.mount(), bound.key()));
    if (at->operation() != 0) return waits("operation " + std::to_string(at->operation()));
    ASSIGN_OR_RETURN(const bool only, is_only_copy(ledger, bound.mount(), bound.key(), at->ours()));
    if (only && ledger.rules().bring_back) return bring_back(ledger, intent, bound.mount(), bound.key(), at->ours());
    TRY(ledger.unbind(binding));
    if (mapping->deletes()) TRY(ledger.want_clear(bound.mount(), bound.key()));
  }
  Started reply = nothing_to_do(ledger, intent);
  ledger.leave_turn(id, binding);
  ledger.end_conflict(id, binding);
  ASSIGN_OR_RETURN(const std::optional<Target> place, directory_target(ledger.txn(), *mappings, InodeId{binding.directory()}));
  if (!place) TRY(release(ledger, id));
  return reply;
}

namespace {

// Will the binding's operation replace what is at its key? Not while no copy of its content is left.
Result<bool> is_coming(Ledger& ledger, const v1::BindingRecord* binding) {
  if (!binding) return false;
  if (binding->operation() != 0) return true;
  if (!binding->has_intent()) return false;
  const std::string name = key::intent(binding->intent().due_ns(), binding->intent().sequence());
  ASSIGN_OR_RETURN(const auto intent, read_record<v1::IntentRecord>(ledger.txn(), name));
  return intent && !intent->lost();
}

}  // namespace

namespace {

// The intent becomes the operation.
Started begin(Ledger& ledger, const Intent& intent, v1::OperationRecord operation) {
  operation.set_attempts(intent.record.attempts());
  operation.set_since_ns(intent.record.since_ns());
  TRY(ledger.take(intent.place, intent.record));
  v1::StartIntentReply reply;
  ASSIGN_OR_RETURN(*reply.mutable_started(), begin_operation(ledger, std::move(operation), intent.lease));
  return reply;
}

}  // namespace

Started start_clear(Ledger& ledger, const Intent& intent) {
  const uint64_t mount = intent.record.mount();
  const std::string& name = intent.record.key();
  ASSIGN_OR_RETURN(const v1::KeyRecord* at, ledger.key(mount, name));
  if (at->operation() != 0 && ledger.rules().one_at_a_time) return waits("operation " + std::to_string(at->operation()));
  if (!at->has_ours() || at->binding() != 0) return nothing_to_do(ledger, intent);
  ASSIGN_OR_RETURN(const Mappings* mappings, ledger.mappings());
  ASSIGN_OR_RETURN(const auto entry, entry_at(ledger.txn(), *mappings, mount, name));
  ASSIGN_OR_RETURN(const v1::BindingRecord* successor, ledger.binding(entry ? entry->binding() : 0));
  ASSIGN_OR_RETURN(const bool follows, is_coming(ledger, successor));
  if (follows) return waits("the file that has this name now");
  ASSIGN_OR_RETURN(const bool only, is_only_copy(ledger, mount, name, at->ours()));
  if (only && ledger.rules().bring_back) return bring_back(ledger, intent, mount, name, at->ours());
  if (intent.record.keeps()) return nothing_to_do(ledger, intent);
  v1::OperationRecord operation;
  operation.set_kind(v1::OPERATION_DELETE);
  operation.set_mount(mount);
  operation.set_key(name);
  *operation.mutable_expected() = at->ours();
  return begin(ledger, intent, std::move(operation));
}

namespace {

enum class Below : uint8_t { kNothing, kLeaving, kKept };

// What is recorded below a directory's key that is to go. Objects that stay where their files were removed keep it.
Result<Below> below_directory(const kv::Reader& reader, uint64_t mount, std::string_view name) {
  constexpr size_t kMostLookedAt = 1'000;
  Below below = Below::kNothing;
  size_t looked_at = 0;
  std::optional<Status> failure;
  const std::string prefix = key::stored_key(mount, name) + "/";
  TRY(reader.scan(prefix, kv::prefix_end(prefix), [&](std::string_view key, std::string_view value) {
    v1::KeyRecord record;
    if (!record.ParseFromArray(value.data(), static_cast<int>(value.size()))) failure = corrupt_record(key);
    const bool leaves = record.binding() != 0 || record.operation() != 0 || record.has_clear() || record.has_directory();
    if (record.has_ours() && below == Below::kNothing) below = Below::kKept;
    if (leaves) below = Below::kLeaving;
    return !failure && !leaves && ++looked_at < kMostLookedAt;
  }));
  if (failure) return std::unexpected(std::move(*failure));
  return below;
}

// A directory that is being removed takes empty ones below it along: what is to be there has to wait.
Result<bool> is_above_removed(Ledger& ledger, uint64_t mount, std::string_view name, std::string_view prefix) {
  for (size_t slash = name.rfind('/'); slash != std::string_view::npos && slash > prefix.size();
       slash = name.rfind('/', slash - 1)) {
    ASSIGN_OR_RETURN(const v1::KeyRecord* at, ledger.key(mount, name.substr(0, slash)));
    if (at->operation() == 0) continue;
    ASSIGN_OR_RETURN(const auto operation, read_record<v1::OperationRecord>(ledger.txn(), key::operation(at->operation())));
    if (operation && operation->kind() == v1::OPERATION_REMOVE_DIRECTORY) return true;
  }
  return false;
}

}  // namespace

Started start_directory(Ledger& ledger, const Intent& intent) {
  const uint64_t mount = intent.record.mount();
  const std::string& name = intent.record.key();
  ASSIGN_OR_RETURN(const v1::KeyRecord* at, ledger.key(mount, name));
  if (at->operation() != 0) return waits("operation " + std::to_string(at->operation()));
  ASSIGN_OR_RETURN(const Mappings* mappings, ledger.mappings());
  const Mapping* mapping = mappings->of_key(mount, name);
  if (!mapping || !mapping->has_directories) return nothing_to_do(ledger, intent);
  InodeId directory = name == mapping->record.prefix() ? mapping->directory : InodeId{};
  ASSIGN_OR_RETURN(const auto entry, entry_at(ledger.txn(), *mappings, mount, name));
  if (entry && entry->type() != v1::FILE_TYPE_DIRECTORY) return nothing_to_do(ledger, intent);  // the file's upload makes room
  if (entry) directory = InodeId{entry->inode()};
  // Another directory had the name, and its empty subdirectories may be there yet: they go first, and then this one is looked
  // through.
  const bool prunes = directory && !intent.record.keeps();
  if (directory) {
    ASSIGN_OR_RETURN(const bool wait, is_above_removed(ledger, mount, name, mapping->record.prefix()));
    if (wait) return waits("the removal of a directory above it");
  } else {
    ASSIGN_OR_RETURN(const Below below, below_directory(ledger.txn(), mount, name));
    if (below == Below::kKept) return nothing_to_do(ledger, intent);
    if (below == Below::kLeaving) {
      TRY(ledger.postpone(intent.record, ledger.config().first_retry));
      return waits("what is still below it");
    }
  }
  v1::OperationRecord operation;
  operation.set_kind(directory && !prunes ? v1::OPERATION_MAKE_DIRECTORY : v1::OPERATION_REMOVE_DIRECTORY);
  operation.set_inode(directory.value);
  operation.set_mount(mount);
  operation.set_key(name);
  return begin(ledger, intent, std::move(operation));
}

Started start_sweep(Ledger& ledger, const Intent& intent) {
  ASSIGN_OR_RETURN(const v1::KeyRecord* at, ledger.key(intent.record.mount(), intent.record.key()));
  if (at->operation() != 0) return waits("operation " + std::to_string(at->operation()));  // whose upload is not to be met
  v1::OperationRecord operation;
  operation.set_kind(v1::OPERATION_SWEEP);
  operation.set_mount(intent.record.mount());
  operation.set_key(intent.record.key());
  operation.set_begun_from_ns(intent.record.begun_from_ns());
  operation.set_begun_until_ns(intent.record.begun_until_ns());
  *operation.mutable_given_up() = intent.record.given_up();
  return begin(ledger, intent, std::move(operation));
}

}  // namespace forebay::master
