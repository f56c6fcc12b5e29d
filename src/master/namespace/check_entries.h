// The part of the check that is about directories' entries.
#pragma once

#include "master/namespace/check_notes.h"

namespace forebay::master {

// Takes entries in the order of their keys, each against its inode, and counts them for each directory, which says how many it
// has. A large directory takes several steps of the check: state() is carried from one to the next. One that has changed since
// its first entry was counted is not compared. Owned by one step, whose notes outlive it.
class EntryCheck {
 public:
  static constexpr size_t kStateBytes = 4 * sizeof(uint64_t);

  explicit EntryCheck(CheckNotes& notes) : notes_(notes) {}
  void restore(std::string_view state);  // of kStateBytes
  std::string state() const;

  Result<void> check(const StoredRecord& entry);
  Result<void> end_directory();  // there are no more entries

 private:
  struct Count {
    uint64_t directory = 0, entries = 0, directories = 0;
    int64_t changed_ns = 0;
  };
  Result<void> begin_directory(uint64_t directory);

  CheckNotes& notes_;
  Count count_;
};

}  // namespace forebay::master
