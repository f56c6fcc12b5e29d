// The part of the check that is about what files consist of: extent lists, objects, their copies, and duties towards workers.
#pragma once

#include "master/extents/extent_list.h"
#include "master/namespace/check_notes.h"

namespace forebay::master {

// Each record against those it refers to and, of objects, against those that have to refer to it. Owned by one step, whose notes
// outlive it.
class ObjectCheck {
 public:
  explicit ObjectCheck(CheckNotes& notes) : notes_(notes) {}

  Result<void> check_list(const StoredRecord& stored);
  Result<void> check_object(const StoredRecord& stored);
  Result<void> check_inline(const StoredRecord& stored);
  Result<void> check_copy(const StoredRecord& stored);
  Result<void> check_duty(const StoredRecord& stored);

 private:
  Result<bool> is_referenced(ObjectId object, const v1::ObjectRecord& record);
  Result<bool> is_in_husk(ObjectId object);
  Result<const ObjectIds*> objects_of(InodeId inode);

  CheckNotes& notes_;
  InodeId cached_inode_;  // consecutive objects are often of one file
  ObjectIds cached_objects_;
};

}  // namespace forebay::master
