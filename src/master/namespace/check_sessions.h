// The part of the check that is about sessions, their handles and their outcomes.
#pragma once

#include "master/namespace/check_notes.h"

namespace forebay::master {

// Each record against those it refers to. Owned by one step, whose notes outlive it.
class SessionCheck {
 public:
  explicit SessionCheck(CheckNotes& notes) : notes_(notes) {}

  Result<void> check_handle(const StoredRecord& stored);
  Result<void> check_session_handle(const StoredRecord& stored);
  Result<void> check_outcome(const StoredRecord& stored);

 private:
  Result<void> check_session(uint64_t session, const std::string& what);

  CheckNotes& notes_;
  uint64_t checked_session_ = 0;  // the last one found: outcomes come one session after the other
};

}  // namespace forebay::master
