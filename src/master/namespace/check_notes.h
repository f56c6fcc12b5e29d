// What the parts of the check share.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "kv/store.h"
#include "master/namespace/check.h"
#include "master/schema.h"

namespace forebay::master {

// A record as it stands in the store.
struct StoredRecord {
  std::string key, value;
  uint64_t number(size_t index) const { return read_big_endian(std::string_view(key).substr(1 + 8 * index, 8)); }
};

inline std::string named(std::string_view what, uint64_t id) { return std::string(what) + " " + std::to_string(id); }

// Reads what records refer to, and takes down what is wrong. One step's; the reader outlives it. Limit: kMaxProblems of a step,
// and as many losses; what is beyond is found when these are mended.
class CheckNotes {
 public:
  static constexpr size_t kMaxProblems = 1000;

  explicit CheckNotes(const kv::Reader& from) : reader(from) {}

  template <class... Parts>
  void problem(const Parts&... parts) {
    std::string text;
    (text += ... += parts);
    if (problems.size() < kMaxProblems) problems.push_back(std::move(text));
  }
  void loss(std::string text) {
    if (lost.size() < kMaxProblems) lost.push_back(std::move(text));
  }

  template <class Record>
  std::optional<Record> parse(const StoredRecord& stored) {
    Record record;
    if (record.ParseFromString(stored.value)) return record;
    problem(corrupt_record(stored.key).message());
    return std::nullopt;
  }
  // One that does not parse is reported when its turn comes.
  template <class Record>
  Result<std::optional<Record>> find(std::string_view key) const {
    auto record = read_record<Record>(reader, key);
    if (!record && record.error().is(Code::kCorrupt)) return std::optional<Record>{};
    return record;
  }
  Result<std::vector<StoredRecord>> next(std::string_view begin, std::string_view end, size_t limit) const {
    std::vector<StoredRecord> found;
    TRY(reader.scan(begin, end, [&](std::string_view key, std::string_view value) {
      found.push_back({std::string(key), std::string(value)});
      return found.size() < limit;
    }));
    return found;
  }

  const kv::Reader& reader;
  std::vector<std::string> problems, lost;  // as in CheckStep
};

}  // namespace forebay::master
