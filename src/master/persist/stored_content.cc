#include "master/persist/stored_content.h"

#include <algorithm>

#include "master/extents/content.h"
#include "master/extents/layout.h"
#include "master/extents/objects.h"

namespace forebay::master {

Result<bool> is_cached(const kv::Reader& reader, InodeId inode, Version version) {
  ASSIGN_OR_RETURN(const ExtentList list, load_list(reader, key::sealed_extents(inode, version)));
  for (const ObjectId object : list.objects()) {
    ASSIGN_OR_RETURN(std::optional<v1::ObjectRecord> record, load_object(reader, object));
    if (!record || record->workers().empty()) return false;
  }
  return true;
}

Result<v1::Layout> version_layout(const kv::Reader& reader, InodeId inode, Version version, uint64_t size, uint64_t offset) {
  ASSIGN_OR_RETURN(const ExtentList list, load_list(reader, key::sealed_extents(inode, version)));
  ASSIGN_OR_RETURN(v1::Layout layout, layout_page(reader, inode, list, offset));
  layout.set_size(size);
  return layout;
}

Result<std::optional<HeldAt>> held_at(Ledger& ledger, InodeId inode, Version version) {
  ASSIGN_OR_RETURN(const std::vector<uint64_t> ids, ledger.bindings_of(inode));
  for (const uint64_t id : ids) {
    ASSIGN_OR_RETURN(const v1::BindingRecord* binding, ledger.binding(id));
    if (!binding || !binding->has_bound() || binding->bound().version() != version.value) continue;
    HeldAt held{binding->bound().mount(), binding->bound().key(), {}};
    held.content.set_inode(inode.value);
    held.content.set_version(version.value);
    held.content.set_identity(binding->bound().identity());
    return held;
  }
  return std::optional<HeldAt>{};
}

Result<bool> is_only_copy(Ledger& ledger, uint64_t mount, std::string_view key, const v1::OwnContent& content) {
  const InodeId inode{content.inode()};
  ASSIGN_OR_RETURN(auto record, read_record<v1::InodeRecord>(ledger.txn(), key::inode(inode)));
  if (!record || record->version() != content.version()) return false;
  if (!is_linked(*record) && record->writers() == 0 && !ledger.context().open_reads.is_open(inode)) return false;
  ASSIGN_OR_RETURN(const bool cached, is_cached(ledger.txn(), inode, Version{content.version()}));
  if (cached) return false;
  ASSIGN_OR_RETURN(const std::vector<uint64_t> ids, ledger.bindings_of(inode));
  for (const uint64_t id : ids) {
    ASSIGN_OR_RETURN(const v1::BindingRecord* binding, ledger.binding(id));
    const bool holds = binding && binding->has_bound() && binding->bound().version() == content.version();
    if (holds && (binding->bound().mount() != mount || binding->bound().key() != key)) return false;
  }
  return true;
}

namespace {

Result<bool> is_at_rest(Ledger& ledger, InodeId inode, const v1::InodeRecord& record) {
  const bool used = record.type() != v1::FILE_TYPE_REGULAR || record.version() == 0 || record.dirty() || record.writers() != 0 ||
                    record.pins() != 0 || record.bindings() == 0;
  if (used) return false;
  ASSIGN_OR_RETURN(const std::vector<uint64_t> ids, ledger.bindings_of(inode));
  for (const uint64_t id : ids) {
    ASSIGN_OR_RETURN(const v1::BindingRecord* binding, ledger.binding(id));
    const bool clean = binding && binding->bound().version() == record.version();
    if (!clean || binding->has_intent() || binding->operation() != 0 || binding->has_conflict()) return false;
    ASSIGN_OR_RETURN(const v1::KeyRecord* held, ledger.key(binding->bound().mount(), binding->bound().key()));
    if (held->operation() != 0 || held->ours().identity() != binding->bound().identity()) return false;
  }
  return true;
}

}  // namespace

Result<bool> evict(MutationContext& context, InodeId inode) {
  Ledger ledger(context);
  ASSIGN_OR_RETURN(const v1::InodeRecord record, load_inode(context.txn, inode));
  ASSIGN_OR_RETURN(const bool at_rest, is_at_rest(ledger, inode, record));
  if (!at_rest) return false;
  ASSIGN_OR_RETURN(const ExtentList list, load_list(context.txn, key::sealed_extents(inode, Version{record.version()})));
  for (const ObjectId object : list.objects()) {
    ASSIGN_OR_RETURN(std::optional<v1::ObjectRecord> stored, load_object(context.txn, object));
    if (!stored) return corrupt("object " + to_string(object) + " of inode " + to_string(inode) + " has no record");
    for (const uint64_t worker : stored->workers()) context.txn.put(key::remove_duty(WorkerId{worker}, object), {});
    stored->clear_workers();
    save_object(context.txn, object, *stored);
  }
  return true;
}

}  // namespace forebay::master
