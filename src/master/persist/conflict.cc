#include "master/extents/content.h"
#include "master/persist/blocks.h"
#include "master/persist/finishing.h"

namespace forebay::master {

void park(Ledger& ledger, uint64_t id, v1::BindingRecord& binding, const Target& target, const v1::Foreign& theirs) {
  v1::ConflictRecord& conflict = *binding.mutable_conflict();
  conflict.set_mount(target.mount());
  conflict.set_key(target.key);
  conflict.set_theirs(theirs.identity());
  conflict.set_theirs_length(theirs.length());
  conflict.set_since_ns(ledger.now_ns());
  ledger.txn().put(key::conflict(id), {});
  ledger.leave_turn(id, binding);
}

// name.conflict-7, or name.conflict-7-2 and so on where that is taken.
Result<void> set_aside(Ledger& ledger, v1::BindingRecord& binding, uint64_t version) {
  constexpr int kMostTries = 1'000;
  ASSIGN_OR_RETURN(const Mappings* mappings, ledger.mappings());
  ASSIGN_OR_RETURN(const std::optional<Target> natural,
                   entry_target(ledger.txn(), *mappings, InodeId{binding.directory()}, binding.name()));
  if (!natural) return {};
  const std::string taken = binding.has_aside() ? binding.aside().key() : std::string();
  for (int number = 1; number <= kMostTries; ++number) {
    std::string key = natural->key + ".conflict-" + std::to_string(version);
    if (number > 1) key += "-" + std::to_string(number);
    ASSIGN_OR_RETURN(const v1::KeyRecord* at, ledger.key(natural->mount(), key));
    ASSIGN_OR_RETURN(const auto entry, entry_at(ledger.txn(), *mappings, natural->mount(), key));
    if (entry || at->binding() != 0 || at->has_ours() || key == taken) continue;
    v1::AsideRecord& aside = *binding.mutable_aside();
    aside.set_mount(natural->mount());
    aside.set_target(natural->key);
    aside.set_key(std::move(key));
    return {};
  }
  return rejected(EEXIST, "1000 names beside '" + natural->key + "' are taken");
}

namespace {

Result<uint64_t> add_content(MutationContext& context, InodeId inode, v1::InodeRecord& record, const v1::Foreign& theirs) {
  ContentEdit edit(context, inode, record);
  TRY(edit.resize(0));
  ASSIGN_OR_RETURN(const ExtentList list, blocks_of(context, inode, record.version() + 1, theirs.length()));
  TRY(edit.lay(list));
  if (theirs.mtime_ns() != 0) record.set_mtime_ns(theirs.mtime_ns());
  record.set_ctime_ns(os::unix_nanos(context.now));
  TRY(edit.finish());
  record.set_absent(!list.empty());
  save_inode(context.txn, inode, record);
  return record.version();
}

}  // namespace

Result<void> adopt(Ledger& ledger, uint64_t id, const Target& target, const v1::Foreign& theirs) {
  ASSIGN_OR_RETURN(const v1::BindingRecord* before, ledger.binding(id));
  const InodeId inode{before->inode()};
  ASSIGN_OR_RETURN(v1::InodeRecord record, load_inode(ledger.txn(), inode));
  if (record.writers() != 0) return busy("the file is being written");
  if (theirs.length() > kMaxFileSize) return rejected(EFBIG, "the object in the under store is larger than a file can be");
  ledger.save();
  ASSIGN_OR_RETURN(const uint64_t version, add_content(ledger.context(), inode, record, theirs));
  Ledger after(ledger.context());  // sealing has changed the file's bindings
  ASSIGN_OR_RETURN(v1::BindingRecord * binding, after.binding(id));
  if (binding->has_bound() && !target.is(binding->bound().mount(), binding->bound().key())) {
    const v1::BoundKey old = binding->bound();
    ASSIGN_OR_RETURN(const Mappings* mappings, after.mappings());
    if (mappings->of_key(old.mount(), old.key())) TRY(after.want_clear(old.mount(), old.key()));
  }
  TRY(after.unbind(*binding));
  after.end_conflict(id, *binding);
  v1::BoundKey& bound = *binding->mutable_bound();
  bound.set_mount(target.mount());
  bound.set_key(target.key);
  bound.set_version(version);
  bound.set_identity(theirs.identity());
  ASSIGN_OR_RETURN(v1::KeyRecord * at, after.key(target.mount(), target.key));
  at->set_binding(id);
  at->clear_replaceable();
  at->mutable_ours()->set_inode(inode.value);
  at->mutable_ours()->set_version(version);
  at->mutable_ours()->set_identity(theirs.identity());
  after.save();
  return {};
}

}  // namespace forebay::master
