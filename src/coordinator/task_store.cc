#include "coordinator/task_store.h"

#include "base/bytes.h"

namespace forebay::coordinator {

namespace {

constexpr std::string_view kPrefix = "T";

std::string key_of(uint64_t operation) {
  std::string key(kPrefix);
  append_big_endian(key, operation);
  return key;
}

}  // namespace

Result<std::map<uint64_t, v1::TaskRecord>> TaskStore::load() const {
  std::map<uint64_t, v1::TaskRecord> records;
  bool is_sound = true;
  TRY(store_.scan(kPrefix, kv::prefix_end(kPrefix), [&](std::string_view key, std::string_view value) {
    is_sound = key.size() == kPrefix.size() + sizeof(uint64_t);
    if (!is_sound) return false;
    is_sound = records[read_big_endian(key.substr(1))].ParseFromArray(value.data(), static_cast<int>(value.size()));
    return is_sound;
  }));
  if (!is_sound)
    return corrupt("a record of the coordinator's store does not parse; remove its directory: nothing is lost by that");
  return records;
}

Task<Result<void>> TaskStore::put(uint64_t operation, v1::TaskRecord record) {
  kv::WriteBatch batch;
  batch.put(key_of(operation), record.SerializeAsString());
  co_return co_await write(std::move(batch));
}

Task<Result<void>> TaskStore::erase(uint64_t operation) {
  kv::WriteBatch batch;
  batch.erase(key_of(operation));
  co_return co_await write(std::move(batch));
}

Task<Result<void>> TaskStore::write(kv::WriteBatch batch) {
  auto guard = co_await writing_.lock();  // the blocking executor has several threads, a store one writer
  auto write_now = [&] { return store_.write(batch); };
  co_return co_await async::run_blocking(env_.blocking, write_now);
}

}  // namespace forebay::coordinator
