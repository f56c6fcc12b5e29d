#include "master/numbers.h"

#include <algorithm>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/bytes.h"
#include "master/schema.h"

namespace forebay::master {
namespace {

constexpr std::string_view kWorkers = "worker";

Result<std::optional<uint64_t>> stored_number(const kv::Reader& reader, const std::string& key) {
  ASSIGN_OR_RETURN(const std::optional<std::string> value, reader.get(key));
  if (!value) return std::nullopt;
  if (value->size() != sizeof(uint64_t)) return std::unexpected(corrupt_record(key));
  return read_big_endian(*value);
}

// "L": where counters begin that do not exist yet, and the boot of the machine in which numbers are given now.
struct Start {
  uint64_t first = 1;
  std::string boot;
};
Result<std::optional<Start>> last_start(const kv::Reader& reader) {
  ASSIGN_OR_RETURN(const std::optional<std::string> value, reader.get(key::start()));
  if (!value) return std::nullopt;
  if (value->size() < sizeof(uint64_t)) return std::unexpected(corrupt_record(key::start()));
  return Start{read_big_endian(*value), value->substr(sizeof(uint64_t))};
}

void put_number(kv::Txn& txn, std::string_view key, uint64_t number) {
  std::string value;
  append_big_endian(value, number);
  txn.put(key, std::move(value));
}

void put_start(kv::Txn& txn, const Start& start) {
  std::string value;
  append_big_endian(value, start.first);
  value += start.boot;
  txn.put(key::start(), std::move(value));
}

}  // namespace

void begin_numbers(kv::Txn& txn, std::string_view boot) { put_start(txn, {1, std::string(boot)}); }

Result<uint64_t> coming_number(const kv::Reader& reader, std::string_view counter) {
  ASSIGN_OR_RETURN(const std::optional<uint64_t> stored, stored_number(reader, key::counter(counter)));
  if (stored) return *stored;
  if (counter == kWorkers) return 1;
  ASSIGN_OR_RETURN(const std::optional<Start> start, last_start(reader));
  return start ? start->first : 1;
}

Result<uint64_t> next_number(kv::Txn& txn, std::string_view counter) {
  ASSIGN_OR_RETURN(const uint64_t number, coming_number(txn, counter));
  put_number(txn, key::counter(counter), number + 1);
  return number;
}

Result<void> skip_lost_numbers(kv::Store& store, std::string_view boot) {
  ASSIGN_OR_RETURN(const std::optional<Start> last, last_start(store));
  if (last && !boot.empty() && last->boot == boot) return {};
  std::vector<std::string> counters;
  const std::string prefix = key::counter("");
  TRY(store.scan(prefix, kv::prefix_end(prefix), [&](std::string_view key, std::string_view) {
    counters.emplace_back(key);
    return true;
  }));
  kv::Txn txn(store);
  for (const std::string& key : counters) {
    if (key == key::counter(kWorkers)) continue;
    ASSIGN_OR_RETURN(const std::optional<uint64_t> number, stored_number(store, key));
    put_number(txn, key, *number + kSkippedNumbers);
  }
  put_start(txn, {(last ? last->first : 1) + kSkippedNumbers, std::string(boot)});
  TRY(store.write(txn.to_batch()));
  return store.sync();
}

}  // namespace forebay::master
