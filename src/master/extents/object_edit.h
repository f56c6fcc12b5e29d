// What a writer says about the objects that were granted to its handle.
#pragma once

#include <map>

#include "master/extents/handles.h"
#include "master/extents/objects.h"

namespace forebay::master {

// One operation's changes of a handle's objects: each record is read once, changed here, and written by save(), which comes
// before the content is finished. Everything that is not the handle's to say is `invalid`, and then nothing has happened. Lives
// as long as the handle and the edit it was built over.
class ObjectEdit {
 public:
  ObjectEdit(MutationContext& context, WriteHandle& handle, ContentEdit& content)
      : context_(context), handle_(handle), content_(content) {}

  // These bytes become part of the file. Of an object granted to this handle they become acknowledged; of others (sealed ones, or
  // those of writers that are gone) only bytes of objects that the file refers to already.
  Result<void> acknowledge(ObjectId object, uint64_t offset, uint64_t length);
  Result<void> seal(const v1::SealedObject& sealed);  // again with the same length and checksum: no error
  Result<void> give_back(ObjectId object);            // never acknowledged; one that is gone is no error

  void save();
  bool handle_changed() const { return handle_changed_; }

 private:
  struct Loaded {
    v1::ObjectRecord record;
    bool changed = false;
  };

  Result<Loaded*> load(ObjectId object);  // null: no such object
  Result<Loaded*> own(ObjectId object);   // of this inode
  bool is_granted(const v1::ObjectRecord& record) const;
  void no_longer_granted(ObjectId object);

  MutationContext& context_;
  WriteHandle& handle_;
  ContentEdit& content_;
  std::map<ObjectId, Loaded> objects_;
  bool handle_changed_ = false;
};

}  // namespace forebay::master
