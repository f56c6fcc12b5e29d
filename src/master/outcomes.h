// What repeated calls are answered with.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>
#include <unordered_map>

#include "base/ids.h"
#include "base/status.h"
#include "forebay/v1/records.pb.h"
#include "kv/txn.h"

namespace forebay::master {

// The ring of stored outcomes ("R") of each session, and in memory the highest sequence seen of each: a higher one is new without
// a look into the store. Owned by the Driver; within steps of the commit loop alone. Limit: one number for each session.
class OutcomeTable {
 public:
  // The stored outcome; nothing: the call is new. `stale`: older than the ring. Counts the sequence as seen.
  Result<std::optional<v1::OutcomeRecord>> find(const kv::Reader& reader, SessionId session, uint64_t sequence);

  static void record_reply(kv::Txn& txn, SessionId session, uint64_t sequence, std::string_view reply);
  // Of `rejected`, the only error that a repeated call has to meet again: the others ask for another attempt.
  static void record_error(kv::Txn& txn, SessionId session, uint64_t sequence, const Status& error);
  static Status error_of(const v1::OutcomeRecord& record);

  // The session is gone. Its records are erased from the store as well.
  Result<void> forget(kv::Txn& txn, SessionId session);

 private:
  // After a start of the master the ring says what was seen.
  Result<uint64_t*> highest(const kv::Reader& reader, SessionId session);

  std::unordered_map<SessionId, uint64_t> highest_;
};

}  // namespace forebay::master
