#include "master/extents/content.h"

#include <algorithm>

#include "master/extents/handles.h"
#include "master/extents/objects.h"
#include "master/persist/hooks.h"
#include "master/persist/pins.h"

namespace forebay::master {
namespace {

void sort_once(ObjectIds& objects) {
  std::ranges::sort(objects);
  auto repeated = std::ranges::unique(objects);
  objects.erase(repeated.begin(), repeated.end());
}

// `objects` (ascending) without those that the list refers to. One pass over the list, however long, for a few objects.
void remove_referenced(ObjectIds& objects, const ExtentList& list) {
  std::vector<bool> referenced(objects.size());
  for (const Piece& piece : list.pieces()) {
    auto found = std::ranges::lower_bound(objects, piece.object);
    if (found != objects.end() && *found == piece.object) referenced[static_cast<size_t>(found - objects.begin())] = true;
  }
  size_t kept = 0;
  for (size_t i = 0; i < objects.size(); ++i) {
    if (!referenced[i]) objects[kept++] = objects[i];
  }
  objects.resize(kept);
}

// Each object as one byte: a husk's list only names what has to be freed.
ExtentList list_naming(const ObjectIds& objects) {
  ExtentList list;
  ObjectIds covered;
  for (ObjectId object : objects) list.lay({list.end(), 1, object, 0}, covered);
  return list;
}

}  // namespace

Result<ExtentList> load_list(const kv::Reader& reader, std::string_view key) {
  ASSIGN_OR_RETURN(std::optional<v1::ExtentListRecord> record, read_record<v1::ExtentListRecord>(reader, key));
  if (!record) return ExtentList{};
  return ExtentList::from_record(*record);
}

void save_list(kv::Txn& txn, std::string_view key, const ExtentList& list) { write_record(txn, key, list.to_record()); }

Result<ExtentList> load_content(const kv::Reader& reader, InodeId inode, const v1::InodeRecord& record) {
  if (record.stored_bytes() == 0) return ExtentList{};
  std::string key = record.dirty() ? key::working_extents(inode) : key::sealed_extents(inode, Version{record.version()});
  ASSIGN_OR_RETURN(ExtentList list, load_list(reader, key));
  if (list.empty()) return corrupt("inode " + to_string(inode) + " has lost its extent list");
  return list;
}

ContentEdit::ContentEdit(MutationContext& context, InodeId inode, v1::InodeRecord& record)
    : context_(context), inode_(inode), record_(record), working_stored_(record.dirty() && record.stored_bytes() != 0) {}

Result<void> ContentEdit::load() {
  if (loaded_) return {};
  ASSIGN_OR_RETURN(list_, load_content(context_.txn, inode_, record_));
  loaded_ = true;
  return {};
}

Result<void> ContentEdit::lay(const ExtentList& top) {
  TRY(swap(top));
  record_.set_size(std::max(record_.size(), top.end()));
  record_.set_dirty(true);
  return {};
}

Result<void> ContentEdit::resize(uint64_t size) {
  if (size == record_.size()) return {};
  TRY(load());
  if (size < record_.size()) list_.truncate(size, examined_);
  record_.set_size(size);
  record_.set_dirty(true);
  changed_ = true;
  referred_.reset();
  return {};
}

Result<void> ContentEdit::punch(uint64_t begin, uint64_t end) {
  TRY(load());
  const size_t before = examined_.size();
  list_.replace(begin, end, {}, examined_);
  if (examined_.size() == before) return {};  // a hole already
  if (list_.pieces().size() > kMaxPieces) return rejected(EFBIG, "more than " + std::to_string(kMaxPieces) + " pieces");
  record_.set_dirty(true);
  changed_ = true;
  referred_.reset();
  return {};
}

Result<void> ContentEdit::swap(const ExtentList& top) {
  TRY(load());
  list_.lay(top, examined_);
  if (list_.pieces().size() > kMaxPieces) return rejected(EFBIG, "more than " + std::to_string(kMaxPieces) + " pieces");
  changed_ = true;
  referred_.reset();
  return {};
}

Result<bool> ContentEdit::refers_to(ObjectId object) {
  TRY(load());
  if (!referred_) referred_ = list_.objects();
  return std::ranges::binary_search(*referred_, object);
}

Result<void> ContentEdit::finish() {
  bool sealing = record_.dirty() && record_.writers() == 0;
  if (!changed_ && !sealing && examined_.empty()) return {};
  TRY(load());
  if (changed_) {
    record_.set_layout(record_.layout() + 1);
    record_.set_stored_bytes(list_.stored_bytes());
    if (list_.empty()) record_.clear_absent();
  }
  if (sealing) {
    TRY(seal());
  } else if (changed_ && !record_.dirty()) {
    save_list(context_.txn, key::sealed_extents(inode_, Version{record_.version()}), list_);
  } else if (changed_ && !list_.empty()) {
    save_list(context_.txn, key::working_extents(inode_), list_);
  } else if (changed_ && working_stored_) {
    context_.txn.erase(key::working_extents(inode_));
  }
  ASSIGN_OR_RETURN(ObjectIds garbage, unreferenced());
  return free(garbage);
}

Result<void> ContentEdit::seal() {
  Version previous{record_.version()};
  if (previous) {
    std::string previous_key = key::sealed_extents(inode_, previous);
    ASSIGN_OR_RETURN(ExtentList list, load_list(context_.txn, previous_key));
    ASSIGN_OR_RETURN(const bool pinned, is_pinned(context_.txn, inode_, record_, previous));
    if (!list.empty() && !pinned) {
      std::ranges::copy(list.objects(), std::back_inserter(examined_));
      context_.txn.erase(previous_key);
    }
  }
  record_.set_version(previous.value + 1);
  record_.set_dirty(false);
  if (!list_.empty()) save_list(context_.txn, key::sealed_extents(inode_, Version{record_.version()}), list_);
  if (working_stored_) context_.txn.erase(key::working_extents(inode_));
  return version_sealed(context_, inode_, record_);
}

Result<ObjectIds> ContentEdit::unreferenced() {
  sort_once(examined_);
  remove_referenced(examined_, list_);
  if (!examined_.empty() && record_.dirty() && record_.version() != 0) {
    ASSIGN_OR_RETURN(ExtentList sealed, load_list(context_.txn, key::sealed_extents(inode_, Version{record_.version()})));
    remove_referenced(examined_, sealed);
  }
  if (!examined_.empty() && record_.pins() != 0) {
    ASSIGN_OR_RETURN(const std::vector<Version> versions, pinned_versions(context_.txn, inode_));
    for (const Version version : versions) {
      if (version.value == record_.version()) continue;  // the list, or the sealed one above
      ASSIGN_OR_RETURN(ExtentList pinned, load_list(context_.txn, key::sealed_extents(inode_, version)));
      remove_referenced(examined_, pinned);
    }
  }
  return std::exchange(examined_, {});
}

Result<void> ContentEdit::free(const ObjectIds& objects) {
  if (objects.size() > kFreeAtOnce) return move_to_husk(objects);
  for (ObjectId object : objects) {
    ASSIGN_OR_RETURN(std::optional<v1::ObjectRecord> record, load_object(context_.txn, object));
    bool may_be_written = record && !record->sealed() && record->handle() != 0;
    if (record && !may_be_written) TRY(remove_object(context_.txn, object, *record));
  }
  return {};
}

Result<void> ContentEdit::move_to_husk(const ObjectIds& objects) {
  ASSIGN_OR_RETURN(ObjectIds granted, granted_objects(context_.txn, inode_));
  ObjectIds garbage;
  std::ranges::set_difference(objects, granted, std::back_inserter(garbage));
  if (garbage.empty()) return {};
  ASSIGN_OR_RETURN(NewInode husk, new_inode(context_, {}, v1::FILE_TYPE_REGULAR, 0));
  ExtentList list = list_naming(garbage);
  husk.record.set_nlink(0);
  husk.record.set_version(1);
  husk.record.set_stored_bytes(list.stored_bytes());
  save_list(context_.txn, key::sealed_extents(husk.id, Version{1}), list);
  save_inode(context_.txn, husk.id, husk.record);
  v1::DetachedRecord detached;
  detached.set_since_ns(os::unix_nanos(context_.now));
  write_record(context_.txn, key::detached(husk.id), detached);
  return {};
}

}  // namespace forebay::master
