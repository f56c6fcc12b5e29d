#include "master/extents/content.h"
#include "master/namespace/entry.h"
#include "master/persist/blocks.h"
#include "master/persist/mount_points.h"
#include "master/persist/ops.h"

namespace forebay::master::ops {
namespace {

constexpr int kMostEntries = 256;

// The intent that the new version has queued: there is nothing to do.
Result<void> drop_intent(Ledger& ledger, uint64_t id, v1::BindingRecord& binding) {
  ledger.leave_turn(id, binding);
  if (!binding.has_intent()) return {};
  const v1::IntentPlace place = binding.intent();
  ASSIGN_OR_RETURN(const std::optional<v1::IntentRecord> intent,
                   read_record<v1::IntentRecord>(ledger.txn(), key::intent(place.due_ns(), place.sequence())));
  if (intent) TRY(ledger.take(place, *intent));
  return {};
}

// Version 1 is the object's content, none of which is here.
Result<void> add_content(MutationContext& context, NewInode& file, const v1::ImportEntry& entry) {
  if (entry.length() == 0) {
    file.record.set_version(1);
    return {};
  }
  ContentEdit edit(context, file.id, file.record);
  ASSIGN_OR_RETURN(const ExtentList blocks, blocks_of(context, file.id, 1, entry.length()));
  TRY(edit.lay(blocks));
  TRY(edit.finish());
  file.record.set_absent(true);
  return {};
}

Result<void> bind(MutationContext& context, uint64_t id, InodeId inode, const Target& target, const v1::ImportEntry& entry) {
  Ledger ledger(context);
  ASSIGN_OR_RETURN(v1::BindingRecord * binding, ledger.binding(id));
  if (binding == nullptr) return corrupt("an imported entry has no binding");
  TRY(drop_intent(ledger, id, *binding));
  v1::BoundKey& bound = *binding->mutable_bound();
  bound.set_mount(target.mount());
  bound.set_key(target.key);
  bound.set_version(1);
  bound.set_identity(entry.identity());
  ASSIGN_OR_RETURN(v1::KeyRecord * at, ledger.key(target.mount(), target.key));
  at->set_binding(id);
  at->clear_replaceable();
  at->mutable_ours()->set_inode(inode.value);
  at->mutable_ours()->set_version(1);
  at->mutable_ours()->set_identity(entry.identity());
  ledger.save();
  return {};
}

Result<bool> is_bound(MutationContext& context, const Entry& existing, const Target& target, const v1::ImportEntry& entry) {
  if (existing.binding == 0) return false;
  ASSIGN_OR_RETURN(const std::optional<v1::BindingRecord> binding,
                   read_record<v1::BindingRecord>(context.txn, key::binding(existing.binding)));
  return binding && binding->has_bound() && target.is(binding->bound().mount(), binding->bound().key()) &&
         binding->bound().identity() == entry.identity();
}

Result<v1::Imported> import_one(MutationContext& context, const v1::ImportEntriesRequest& request, const v1::ImportEntry& entry) {
  TRY(check_name(entry.name()));
  if (entry.identity().empty()) return invalid("an object without an identity");
  const InodeId directory{request.directory()};
  ASSIGN_OR_RETURN(auto mappings, context.persistence.mappings.in_force(context.txn));
  ASSIGN_OR_RETURN(const std::optional<Target> target, entry_target(context.txn, *mappings, directory, entry.name()));
  if (!target) return v1::IMPORTED_EXCLUDED;
  if (!target->is(request.mount(), join_key(request.key(), entry.name())))
    return stale("the directory belongs at another key than '" + request.key() + "'");
  ASSIGN_OR_RETURN(Directory parent, load_directory(context.txn, context.caller, directory));
  if (!is_linked(parent.record)) return rejected(ENOENT, "the directory has been removed");
  ASSIGN_OR_RETURN(const std::optional<Entry> existing, find_entry(context.txn, directory, entry.name()));
  if (existing) {
    ASSIGN_OR_RETURN(const bool before, is_bound(context, *existing, *target, entry));
    return before ? v1::IMPORTED_BEFORE : v1::IMPORTED_EXISTS;
  }
  ASSIGN_OR_RETURN(const std::optional<v1::KeyRecord> at,
                   read_record<v1::KeyRecord>(context.txn, key::stored_key(target->mount(), target->key)));
  const bool in_use = at && (at->binding() != 0 || at->operation() != 0 || at->has_clear() || at->has_directory());
  if (in_use) return v1::IMPORTED_KEY_IN_USE;
  if (entry.length() > kMaxFileSize) return v1::IMPORTED_TOO_LARGE;
  ASSIGN_OR_RETURN(NewInode file, make_entry(context, parent, entry.name(), v1::FILE_TYPE_REGULAR, entry.mode() & 07777));
  file.record.set_uid(entry.uid());
  file.record.set_gid(entry.gid());
  TRY(add_content(context, file, entry));
  if (entry.mtime_ns() != 0) file.record.set_mtime_ns(entry.mtime_ns());
  save_inode(context.txn, file.id, file.record);
  ASSIGN_OR_RETURN(const Entry made, existing_entry(context.txn, directory, entry.name()));
  TRY(bind(context, made.binding, file.id, *target, entry));
  return v1::IMPORTED_NEW;
}

}  // namespace

Result<v1::ImportEntriesReply> import_entries(MutationContext& context, const v1::ImportEntriesRequest& request) {
  TRY(check_superuser(context.caller));
  if (request.entries_size() > kMostEntries) return invalid("more than 256 entries to import at once");
  v1::ImportEntriesReply reply;
  for (const v1::ImportEntry& entry : request.entries()) {
    ASSIGN_OR_RETURN(const v1::Imported outcome, import_one(context, request, entry));
    reply.add_outcomes(outcome);
  }
  return reply;
}

}  // namespace forebay::master::ops
