// The master's records as a value, and their canonical form.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <set>
#include <string>

#include "kv/txn.h"

namespace forebay::model {

using Records = std::map<std::string, std::string, std::less<>>;
using Shared = std::shared_ptr<const Records>;

// A key-value store of one state: shared, never changed.
class RecordsReader : public kv::Reader {
 public:
  explicit RecordsReader(Shared records) : records_(std::move(records)) {}
  Result<std::optional<std::string>> get(std::string_view key) const override;
  Result<void> scan(std::string_view begin, std::string_view end,
                    const std::function<bool(std::string_view, std::string_view)>& each) const override;

 private:
  const Shared records_;
};

Shared with_changes(const Shared& records, kv::WriteBatch batch);

enum class Kind : uint8_t { kInode, kBinding, kOperation, kOrder };

// Ids by their rank among those that occur: histories that differ in nothing but how often something was made become one state.
// Everything that a state mentions is named once to collect(), and printed by rank from then on.
class Ranks {
 public:
  void name(Kind kind, uint64_t id) { ids_[static_cast<size_t>(kind)].insert(id); }
  std::string text(Kind kind, uint64_t id) const;

 private:
  std::set<uint64_t> ids_[4];
};

// Appends every record that what happens next depends on. Times, counters, attempts, and which objects hold the bytes are left
// out.
void print(const Records& records, Ranks& ranks, bool collecting, std::string& out);

}  // namespace forebay::model
