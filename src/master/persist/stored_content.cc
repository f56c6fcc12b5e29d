#include "master/persist/stored_content.h"

#include <algorithm>

#include "master/extents/content.h"
#include "master/extents/objects.h"
#include "master/persist/blocks.h"

namespace forebay::master {

Result<bool> is_cached(const kv::Reader& reader, InodeId inode, Version version) {
  ASSIGN_OR_RETURN(const ExtentList list, load_list(reader, key::sealed_extents(inode, version)));
  for (const ObjectId object : list.objects()) {
    ASSIGN_OR_RETURN(std::optional<v1::ObjectRecord> record, load_object(reader, object));
    if (!record || !is_kept(*record)) return false;
  }
  return true;
}

Result<v1::Layout> version_layout(const kv::Reader& reader, InodeId inode, Version version, uint64_t size, uint64_t offset,
                                  InlineContent content) {
  ASSIGN_OR_RETURN(const ExtentList list, load_list(reader, key::sealed_extents(inode, version)));
  ASSIGN_OR_RETURN(v1::Layout layout, layout_page(reader, inode, list, offset, content));
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

namespace {

bool is_block_of(const v1::ObjectRecord& object, uint64_t version) { return object.stored_version() == version; }

// Does the list show bytes that no worker has and that version `version` has? `is_newest`: it is the newest one, so that what was
// lost counts as well as what has left the cache.
Result<bool> shows_missing(const kv::Reader& reader, const std::string& list_key, uint64_t version, bool is_newest) {
  ASSIGN_OR_RETURN(const ExtentList list, load_list(reader, list_key));
  for (const ObjectId object : list.objects()) {
    ASSIGN_OR_RETURN(const std::optional<v1::ObjectRecord> record, load_object(reader, object));
    const bool missing = !record || !is_kept(*record);
    if (missing && (is_newest || (record && is_block_of(*record, version)))) return true;
  }
  return false;
}

}  // namespace

Result<bool> is_only_copy(Ledger& ledger, uint64_t mount, std::string_view key, const v1::OwnContent& content) {
  const InodeId inode{content.inode()};
  ASSIGN_OR_RETURN(auto record, read_record<v1::InodeRecord>(ledger.txn(), key::inode(inode)));
  if (!record || record->version() == 0) return false;
  const bool is_newest = record->version() == content.version();
  if (!is_newest && !record->absent()) return false;
  if (!is_linked(*record) && record->writers() == 0 && !ledger.context().open_reads.is_open(inode)) return false;
  const std::string sealed = key::sealed_extents(inode, Version{record->version()});
  ASSIGN_OR_RETURN(bool needed, shows_missing(ledger.txn(), sealed, content.version(), is_newest));
  if (!needed && record->dirty()) {
    ASSIGN_OR_RETURN(needed, shows_missing(ledger.txn(), key::working_extents(inode), content.version(), false));
  }
  if (!needed) return false;
  ASSIGN_OR_RETURN(const std::vector<uint64_t> ids, ledger.bindings_of(inode));
  for (const uint64_t id : ids) {
    ASSIGN_OR_RETURN(const v1::BindingRecord* binding, ledger.binding(id));
    const bool holds = binding && binding->has_bound() && binding->bound().version() == content.version();
    if (holds && (binding->bound().mount() != mount || binding->bound().key() != key)) return false;
  }
  return true;
}

Result<std::optional<HeldAt>> held_block(Ledger& ledger, const v1::ObjectRecord& object) {
  if (object.stored_version() == 0) return std::optional<HeldAt>{};
  return held_at(ledger, InodeId{object.inode()}, Version{object.stored_version()});
}

Result<std::optional<HeldAt>> source_of_missing(Ledger& ledger, InodeId inode) {
  ASSIGN_OR_RETURN(v1::InodeRecord record, load_inode(ledger.txn(), inode));
  const std::string sealed = key::sealed_extents(inode, Version{record.version()});
  for (bool converted = false;; converted = true) {
    ASSIGN_OR_RETURN(const ExtentList list, load_list(ledger.txn(), sealed));
    ObjectIds lost;
    std::optional<HeldAt> held;
    for (const ObjectId object : list.objects()) {
      ASSIGN_OR_RETURN(const std::optional<v1::ObjectRecord> stored, load_object(ledger.txn(), object));
      if (stored && is_kept(*stored)) continue;
      const bool is_known = stored && held && held->content.version() == stored->stored_version();
      if (is_known) continue;
      std::optional<HeldAt> block;
      if (stored) {
        ASSIGN_OR_RETURN(block, held_block(ledger, *stored));
      }
      if (block)
        held = std::move(block);
      else
        lost.push_back(object);
    }
    if (lost.empty()) return held;
    if (converted) return std::optional<HeldAt>{};
    ASSIGN_OR_RETURN(const bool could, lost_to_blocks(ledger, inode, record, lost));
    if (!could) return std::optional<HeldAt>{};
    save_inode(ledger.txn(), inode, record);
  }
}

}  // namespace forebay::master
