#include "master/outcomes.h"

#include <algorithm>
#include <string>
#include <vector>

#include "master/schema.h"
#include "rpc/error_detail.h"

namespace forebay::master {

Result<uint64_t*> OutcomeTable::highest(const kv::Reader& reader, SessionId session) {
  auto found = highest_.find(session);
  if (found != highest_.end()) return &found->second;
  uint64_t seen = 0;
  std::optional<Status> failure;
  const std::string prefix = key::numbers('R', session.value);
  TRY(reader.scan(prefix, kv::prefix_end(prefix), [&](std::string_view key, std::string_view value) {
    v1::OutcomeRecord record;
    if (!record.ParseFromArray(value.data(), static_cast<int>(value.size()))) {
      failure = corrupt_record(key);
      return false;
    }
    seen = std::max(seen, record.sequence());
    return true;
  }));
  if (failure) return std::unexpected(std::move(*failure));
  return &highest_.emplace(session, seen).first->second;
}

Result<std::optional<v1::OutcomeRecord>> OutcomeTable::find(const kv::Reader& reader, SessionId session, uint64_t sequence) {
  ASSIGN_OR_RETURN(uint64_t* const seen, highest(reader, session));
  if (sequence > *seen) {
    *seen = sequence;
    return std::nullopt;
  }
  if (*seen - sequence < kOutcomeSlots) {
    ASSIGN_OR_RETURN(std::optional<v1::OutcomeRecord> record,
                     read_record<v1::OutcomeRecord>(reader, key::outcome(session, sequence)));
    // Absent or of an earlier round: overtaken by later calls, or it failed without effect.
    if (!record || record->sequence() < sequence) return std::nullopt;
    if (record->sequence() == sequence) return record;
  }
  return stale("call " + std::to_string(sequence) + " of session " + to_string(session) + " is older than the outcomes kept");
}

void OutcomeTable::record_reply(kv::Txn& txn, SessionId session, uint64_t sequence, std::string_view reply) {
  v1::OutcomeRecord record;
  record.set_sequence(sequence);
  record.set_reply(reply.data(), reply.size());
  write_record(txn, key::outcome(session, sequence), record);
}

void OutcomeTable::record_error(kv::Txn& txn, SessionId session, uint64_t sequence, const Status& error) {
  v1::OutcomeRecord record;
  record.set_sequence(sequence);
  *record.mutable_error() = rpc::to_detail(error);
  write_record(txn, key::outcome(session, sequence), record);
}

Status OutcomeTable::error_of(const v1::OutcomeRecord& record) { return rpc::from_detail(record.error()); }

Result<void> OutcomeTable::forget(kv::Txn& txn, SessionId session) {
  highest_.erase(session);
  std::vector<std::string> keys;
  const std::string prefix = key::numbers('R', session.value);
  TRY(txn.scan(prefix, kv::prefix_end(prefix), [&](std::string_view key, std::string_view) {
    keys.emplace_back(key);
    return true;
  }));
  for (const std::string& key : keys) txn.erase(key);
  return {};
}

}  // namespace forebay::master
