#include "master/persist/hooks.h"

#include "master/persist/ledger.h"
#include "master/persist/mount_points.h"
#include "master/persist/stored_content.h"

namespace forebay::master {
namespace {

Result<std::shared_ptr<const Mappings>> in_force(MutationContext& context) {
  return context.persistence.mappings.in_force(context.txn);
}

// A version, or the entry itself, is new at the target: the binding waits for its turn where order is kept.
Result<void> want_persist(Ledger& ledger, uint64_t id, const Target& target) {
  ASSIGN_OR_RETURN(v1::BindingRecord * binding, ledger.binding(id));
  if (target.mapping->ordered()) TRY(ledger.enter_turn(id, *binding));
  return ledger.want(id, v1::INTENT_PERSIST, Duration(target.mapping->record.settle_ns()));
}

// What is at the key stays there and is ours; with onDelete delete it is cleared, unless something else comes to be there.
Result<void> dissolve(Ledger& ledger, uint64_t id, bool stays_reachable) {
  ASSIGN_OR_RETURN(v1::BindingRecord * binding, ledger.binding(id));
  if (!binding) return {};
  if (binding->has_bound()) {
    const v1::BoundKey bound = binding->bound();
    bool only = false;
    if (stays_reachable) {
      ASSIGN_OR_RETURN(const v1::KeyRecord* held, ledger.key(bound.mount(), bound.key()));
      ASSIGN_OR_RETURN(only, is_only_copy(ledger, bound.mount(), bound.key(), held->ours()));
    }
    TRY(ledger.unbind(*binding));
    ASSIGN_OR_RETURN(const Mappings* mappings, ledger.mappings());
    const Mapping* mapping = mappings->of_key(bound.mount(), bound.key());
    const bool clears = mapping && (mapping->deletes() || !ledger.rules().keep_keeps) && ledger.rules().removed_is_cleared;
    if (clears || only) TRY(ledger.want_clear(bound.mount(), bound.key(), !clears));
  }
  return ledger.erase_binding(id);
}

Result<void> move_binding(Ledger& ledger, Entry& entry, v1::InodeRecord& record, InodeId to, std::string_view name) {
  ASSIGN_OR_RETURN(v1::BindingRecord * binding, ledger.binding(entry.binding));
  if (!binding) return corrupt("inode " + to_string(entry.inode) + " has an entry with a binding that does not exist");
  const bool ordered = binding->order() != 0;
  const bool same_directory = binding->directory() == to.value;
  if (!same_directory) {
    ledger.leave_turn(entry.binding, *binding);
    binding->clear_last_order();
  }
  binding->set_directory(to.value);
  binding->set_name(std::string(name));
  binding->clear_aside();  // a conflict is of an entry and a key
  ledger.end_conflict(entry.binding, *binding);
  ASSIGN_OR_RETURN(const Mappings* mappings, ledger.mappings());
  ASSIGN_OR_RETURN(std::optional<Target> place, directory_target(ledger.txn(), *mappings, to));
  const bool holds_nothing = !binding->has_bound() && binding->operation() == 0;
  if (!place && holds_nothing) {
    TRY(ledger.erase_binding(entry.binding));
    entry.binding = 0;
    record.set_bindings(record.bindings() - 1);
    return {};
  }
  if (place && place->mapping->ordered() && !same_directory && (ordered || record.version() != 0)) {
    TRY(ledger.enter_turn(entry.binding, *binding));
  }
  if (record.version() == 0 && holds_nothing) return {};
  return ledger.want(entry.binding, v1::INTENT_SETTLE);
}

}  // namespace

Result<uint64_t> bind_entry(MutationContext& context, InodeId directory, std::string_view name, InodeId inode,
                            v1::InodeRecord& record) {
  if (record.type() != v1::FILE_TYPE_REGULAR) return 0;
  ASSIGN_OR_RETURN(auto mappings, in_force(context));
  if (mappings->empty()) return 0;
  // An excluded name may become another: only the directory counts.
  ASSIGN_OR_RETURN(std::optional<Target> place, directory_target(context.txn, *mappings, directory));
  if (!place) return 0;
  Ledger ledger(context);
  ASSIGN_OR_RETURN(const uint64_t id, ledger.add_binding(inode, directory, name));
  record.set_bindings(record.bindings() + 1);
  if (record.version() != 0 && !place->mapping->excludes_file(name)) TRY(want_persist(ledger, id, *place));
  ledger.save();
  return id;
}

Result<void> entry_moved(MutationContext& context, Entry& entry, v1::InodeRecord& record, InodeId to, std::string_view name) {
  if (record.type() != v1::FILE_TYPE_REGULAR) return {};
  if (entry.binding == 0) {
    ASSIGN_OR_RETURN(entry.binding, bind_entry(context, to, name, entry.inode, record));
    return {};
  }
  Ledger ledger(context);
  TRY(move_binding(ledger, entry, record, to, name));
  ledger.save();
  return {};
}

Result<void> entry_removed(MutationContext& context, const Entry& entry, v1::InodeRecord& record) {
  if (entry.binding == 0) return {};
  Ledger ledger(context);
  // By another name, or by those who have it open.
  const bool stays_reachable = record.nlink() > 1 || record.writers() != 0 || context.open_reads.is_open(entry.inode);
  TRY(dissolve(ledger, entry.binding, stays_reachable));
  ledger.save();
  record.set_bindings(record.bindings() - 1);
  return {};
}

Result<void> version_sealed(MutationContext& context, InodeId inode, const v1::InodeRecord& record) {
  if (record.bindings() == 0) return {};
  Ledger ledger(context);
  ASSIGN_OR_RETURN(const std::vector<uint64_t> ids, ledger.bindings_of(inode));
  for (const uint64_t id : ids) {
    ASSIGN_OR_RETURN(v1::BindingRecord * binding, ledger.binding(id));
    if (!binding) return std::unexpected(corrupt_record(key::inode_binding(inode, id)));
    ASSIGN_OR_RETURN(std::optional<Target> target, ledger.target(*binding));
    if (target) TRY(want_persist(ledger, id, *target));
  }
  ledger.save();
  return {};
}

Result<void> attributes_changed(MutationContext& context, InodeId inode, const v1::InodeRecord& record) {
  const bool is_directory = record.type() == v1::FILE_TYPE_DIRECTORY;
  if (!is_directory && record.bindings() == 0) return {};
  ASSIGN_OR_RETURN(auto mappings, in_force(context));
  Ledger ledger(context);
  if (is_directory) {
    ASSIGN_OR_RETURN(std::optional<Target> target, directory_target(context.txn, *mappings, inode));
    if (target && target->mapping->has_directories) TRY(ledger.want_directory(target->mount(), target->key, true));
  } else {
    ASSIGN_OR_RETURN(const std::vector<uint64_t> ids, ledger.bindings_of(inode));
    for (const uint64_t id : ids) {
      ASSIGN_OR_RETURN(v1::BindingRecord * binding, ledger.binding(id));
      if (!binding) continue;
      ASSIGN_OR_RETURN(std::optional<Target> target, ledger.target(*binding));
      if (!target || !target->mapping->has_directories) continue;
      binding->set_attributes(true);
      if (binding->has_bound() || binding->operation() != 0) TRY(ledger.want(id, v1::INTENT_SETTLE));
    }
  }
  ledger.save();
  return {};
}

namespace {

Result<void> want_directory(MutationContext& context, InodeId parent, std::string_view name, bool keeps) {
  ASSIGN_OR_RETURN(auto mappings, in_force(context));
  if (mappings->empty()) return {};
  ASSIGN_OR_RETURN(std::optional<Target> target, directory_target(context.txn, *mappings, parent));
  if (!target || !target->mapping->has_directories || target->mapping->excludes(name)) return {};
  Ledger ledger(context);
  TRY(ledger.want_directory(target->mount(), join_key(target->key, name), keeps));
  ledger.save();
  return {};
}

}  // namespace

Result<void> directory_named(MutationContext& context, InodeId parent, std::string_view name) {
  return want_directory(context, parent, name, true);
}

Result<void> directory_left(MutationContext& context, InodeId parent, std::string_view name) {
  return want_directory(context, parent, name, false);
}

Result<void> directory_moved(MutationContext& context, InodeId directory, InodeId from, std::string_view old_name, InodeId to,
                             std::string_view new_name) {
  ASSIGN_OR_RETURN(auto mappings, in_force(context));
  if (mappings->empty()) return {};
  ASSIGN_OR_RETURN(std::optional<Target> left, directory_target(context.txn, *mappings, from));
  ASSIGN_OR_RETURN(std::optional<Target> entered, directory_target(context.txn, *mappings, to));
  if (!left && !entered) return {};
  TRY(directory_left(context, from, old_name));
  TRY(directory_named(context, to, new_name));
  Ledger ledger(context);
  TRY(ledger.want_tree(directory));
  ledger.save();
  return {};
}

Result<void> check_may_leave(MutationContext& context, InodeId directory) {
  TRY(check_holds_no_mount(context.txn, directory));
  ASSIGN_OR_RETURN(auto mappings, in_force(context));
  if (mappings->empty()) return {};
  ASSIGN_OR_RETURN(const bool holds, holds_mapping(context.txn, *mappings, directory));
  if (holds) return rejected(EBUSY, "a mapping to the under store begins here or below; change the mapping first");
  return {};
}

}  // namespace forebay::master
