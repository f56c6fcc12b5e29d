// One inode's extent lists: the sealed version ("V") and, while it is dirty, the working list ("W"). An empty list has no record.
#pragma once

#include "master/extents/extent_list.h"
#include "master/namespace/inode.h"

namespace forebay::master {

inline constexpr size_t kMaxPieces = 1'048'576;  // of one file; beyond it EFBIG until it is compacted. One record of up to 20 MiB
inline constexpr size_t kFreeAtOnce = 256;       // more objects than this are freed in the background

Result<ExtentList> load_list(const kv::Reader& reader, std::string_view key);
void save_list(kv::Txn& txn, std::string_view key, const ExtentList& list);

// What a reader sees: the working list if there is one. `corrupt` when the inode holds bytes and its list is missing.
Result<ExtentList> load_content(const kv::Reader& reader, InodeId inode, const v1::InodeRecord& record);

// One operation's change of one inode's content. Built over the caller's copy of the inode record and kept while that lives;
// lists are read when first needed. finish() brings the record (size excepted: it changes at once) and the lists up to date and
// frees the objects that nothing refers to any more; the caller then saves the record. Not finished: nothing happened.
class ContentEdit {
 public:
  ContentEdit(MutationContext& context, InodeId inode, v1::InodeRecord& record);

  Result<void> lay(const ExtentList& top);           // the size grows to its end
  Result<void> resize(uint64_t size);                // beyond the end: a hole
  Result<void> punch(uint64_t begin, uint64_t end);  // no bytes there any more; the size stays
  Result<void> swap(const ExtentList& top);          // the same bytes in other objects: neither size nor version change

  Result<bool> refers_to(ObjectId object);                        // now, in the list that readers see
  void examine(ObjectId object) { examined_.push_back(object); }  // may be unreferenced by now

  // Seals version + 1 when the record has no writers and is dirty. Object records must have been saved.
  Result<void> finish();

 private:
  Result<void> load();
  Result<void> seal();
  Result<ObjectIds> unreferenced();
  Result<void> free(const ObjectIds& objects);
  Result<void> move_to_husk(const ObjectIds& objects);  // a detached inode whose content is what has to be freed

  MutationContext& context_;
  InodeId inode_;
  v1::InodeRecord& record_;
  ExtentList list_;
  bool loaded_ = false, changed_ = false;
  bool working_stored_ = false;  // "W" exists in the store
  ObjectIds examined_;
  std::optional<ObjectIds> referred_;  // objects of the list, for many questions before it changes
};

}  // namespace forebay::master
