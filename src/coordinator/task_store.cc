#include "coordinator/task_store.h"

#include <utility>

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

// The blocking executor has several threads, a store one writer: whoever has its turn writes for all that wait.
Task<Result<void>> TaskStore::write(kv::WriteBatch batch) {
  auto written = std::make_shared<async::OneShot<Result<void>>>();
  waiting_.push_back({std::move(batch), written});
  {
    auto guard = co_await writing_.lock();
    if (!written->is_set()) co_await write_waiting();
  }
  co_return co_await written->wait();
}

Task<void> TaskStore::write_waiting() {
  const std::vector<Waiting> waiting = std::exchange(waiting_, {});
  kv::WriteBatch all;
  for (const Waiting& each : waiting) {
    for (const kv::WriteBatch::Change& change : each.batch.changes()) all.add(change);
  }
  auto write_now = [&] { return store_.write(all); };
  const Result<void> done = co_await async::run_blocking(env_.blocking, write_now);
  for (const Waiting& each : waiting) each.written->set(done);
}

}  // namespace forebay::coordinator
