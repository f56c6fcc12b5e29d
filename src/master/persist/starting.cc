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
  operation.set_attempts(intent.record.attempts());
  operation.set_since_ns(intent.record.since_ns());
  TRY(ledger.take(intent.place, intent.record));
  v1::StartIntentReply reply;
  ASSIGN_OR_RETURN(*reply.mutable_started(), begin_operation(ledger, std::move(operation), intent.lease));
  return reply;
}

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
  v1::OperationRecord operation;
  operation.set_kind(directory ? v1::OPERATION_MAKE_DIRECTORY : v1::OPERATION_REMOVE_DIRECTORY);
  operation.set_inode(directory.value);
  operation.set_mount(mount);
  operation.set_key(name);
  operation.set_attempts(intent.record.attempts());
  operation.set_since_ns(intent.record.since_ns());
  TRY(ledger.take(intent.place, intent.record));
  v1::StartIntentReply reply;
  ASSIGN_OR_RETURN(*reply.mutable_started(), begin_operation(ledger, std::move(operation), intent.lease));
  return reply;
}

}  // namespace forebay::master
