#include "kv/rocks_store.h"

#include <rocksdb/slice.h>
#include <rocksdb/snapshot.h>
#include <rocksdb/write_batch.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <chrono>
#include <filesystem>
#include <mutex>
#include <utility>

#include "base/check.h"
#include "kv/rocks_internal.h"

namespace forebay::kv {
namespace {

using SteadyTime = std::chrono::steady_clock::time_point;

constexpr size_t kPrefix = 9;  // bytes; the prefix extractor's

rocksdb::Slice slice(std::string_view text) { return {text.data(), text.size()}; }
std::string_view view(const rocksdb::Slice& slice) { return {slice.data(), slice.size()}; }

Error read_failed(const rocksdb::Status& status) {
  const std::string what = "reading the metadata store failed: " + status.ToString();
  return status.IsCorruption() ? corrupt(what) : from_errno(EIO, what);
}

Result<std::optional<std::string>> get_from(rocksdb::DB& db, const rocksdb::ReadOptions& options, std::string_view key) {
  rocksdb::PinnableSlice value;
  const rocksdb::Status status = db.Get(options, db.DefaultColumnFamily(), slice(key), &value);
  if (status.ok()) return std::string(value.data(), value.size());
  if (status.IsNotFound()) return std::nullopt;
  return read_failed(status);
}

// Prefix filters may skip table files only if the whole range has one prefix; the store says so itself, case by case, instead of
// trusting this version's automatic choice.
bool within_one_prefix(std::string_view begin, std::string_view end) {
  if (begin.size() < kPrefix) return false;
  const std::string_view prefix = begin.substr(0, kPrefix);
  return end.starts_with(prefix) || end == prefix_end(prefix);
}

Result<void> scan_in(rocksdb::DB& db, rocksdb::ReadOptions options, std::string_view begin, std::string_view end,
                     const std::function<bool(std::string_view, std::string_view)>& each) {
  if (begin >= end) return {};
  const rocksdb::Slice upper = slice(end);
  options.iterate_upper_bound = &upper;
  options.total_order_seek = !within_one_prefix(begin, end);
  options.prefix_same_as_start = !options.total_order_seek;
  const std::unique_ptr<rocksdb::Iterator> iterator(db.NewIterator(options));
  for (iterator->Seek(slice(begin)); iterator->Valid(); iterator->Next())
    if (!each(view(iterator->key()), view(iterator->value()))) return {};
  if (!iterator->status().ok()) return read_failed(iterator->status());
  return {};
}

class RocksSnapshot : public Reader {
 public:
  explicit RocksSnapshot(rocksdb::DB& db) : db_(db), snapshot_(&db) { options_.snapshot = snapshot_.snapshot(); }
  Result<std::optional<std::string>> get(std::string_view key) const override { return get_from(db_, options_, key); }
  Result<void> scan(std::string_view begin, std::string_view end,
                    const std::function<bool(std::string_view, std::string_view)>& each) const override {
    return scan_in(db_, options_, begin, end, each);
  }

 private:
  rocksdb::DB& db_;
  rocksdb::ManagedSnapshot snapshot_;
  rocksdb::ReadOptions options_;
};

class RocksStore : public Store {
 public:
  RocksStore(RocksConfig config, rocksdb::Env* env, std::unique_ptr<rocksdb::DB> db)
      : config_(std::move(config)), env_(env), db_(std::move(db)) {}
  ~RocksStore() override {
    const rocksdb::Status closed = db_->Close();  // what it could not finish is in the log; snapshots must be gone
    FOREBAY_CHECK(!closed.IsAborted(), "a snapshot outlives its store");
  }

  Result<std::optional<std::string>> get(std::string_view key) const override { return get_from(*db_, {}, key); }
  Result<void> scan(std::string_view begin, std::string_view end,
                    const std::function<bool(std::string_view, std::string_view)>& each) const override {
    return scan_in(*db_, {}, begin, end, each);
  }
  Result<void> write(const WriteBatch& batch) override;
  Result<void> sync() override;
  std::unique_ptr<Reader> snapshot() const override { return std::make_unique<RocksSnapshot>(*db_); }
  uint64_t approximate_bytes() const override;
  Result<void> accepts_writes() const override;

 private:
  enum class State : uint8_t { kOpen, kFull, kBroken };

  void check_space();
  Result<void> resume();
  Result<void> write_failed(const rocksdb::Status& status, const char* doing);

  const RocksConfig config_;
  rocksdb::Env* const env_;
  const std::unique_ptr<rocksdb::DB> db_;
  rocksdb::WriteBatch scratch_;  // keeps its memory from one write to the next
  SteadyTime space_checked_{};
  bool resume_needed_ = false;  // RocksDB itself stopped: it has to be told to go on
  std::atomic<State> state_{State::kOpen};
  mutable std::mutex mutex_;
  std::string reason_;  // of kFull and kBroken; guarded by mutex_
};

Result<void> RocksStore::accepts_writes() const {
  const State state = state_.load(std::memory_order_acquire);
  if (state == State::kOpen) return {};
  std::lock_guard lock(mutex_);
  if (state == State::kFull) return rejected(ENOSPC, reason_);
  return broken(reason_);
}

Result<void> RocksStore::write_failed(const rocksdb::Status& status, const char* doing) {
  const bool full = status.IsNoSpace();
  {
    std::lock_guard lock(mutex_);
    if (state_ != State::kBroken)
      reason_ = full ? "the disk of the metadata directory " + config_.directory + " is full: read-only until there is room"
                     : std::string(doing) + " " + config_.directory + " failed: " + status.ToString();
    if (!full) state_ = State::kBroken;
    if (full && state_ == State::kOpen) state_ = State::kFull;
  }
  if (full) resume_needed_ = true;
  return accepts_writes();
}

// Refuses before RocksDB runs into the wall, which leaves it room to compact, and notices when there is room again.
void RocksStore::check_space() {
  uint64_t free = 0;
  if (!env_->GetFreeSpace(config_.directory, &free).ok()) return;  // not known: let writes find out
  const bool low = free < config_.reserve_bytes;
  std::lock_guard lock(mutex_);
  if (low && state_ == State::kOpen) {
    state_ = State::kFull;
    reason_ = "the file system of the metadata directory " + config_.directory + " has only " + format_size(free) +
              " left: read-only until there are " + format_size(config_.reserve_bytes);
  } else if (!low && state_ == State::kFull && !resume_needed_) {
    state_ = State::kOpen;
  }
}

// What was in the log and the write buffer goes into a table file, and a new log begins, so that a torn end of the old one cannot
// hide what is written from now on.
Result<void> RocksStore::resume() {
  const rocksdb::Status resumed = db_->Resume();
  if (!resumed.ok()) return write_failed(resumed, "resuming writes to");
  resume_needed_ = false;
  state_ = State::kOpen;
  return {};
}

Result<void> RocksStore::write(const WriteBatch& batch) {
  if (const SteadyTime now = std::chrono::steady_clock::now(); now - space_checked_ >= config_.space_check_interval) {
    space_checked_ = now;
    check_space();
    if (resume_needed_ && state_ == State::kFull) TRY(resume());
  }
  TRY(accepts_writes());
  scratch_.Clear();
  for (const WriteBatch::Change& change : batch.changes()) {
    const rocksdb::Status added =
        change.value ? scratch_.Put(slice(change.key), slice(*change.value)) : scratch_.Delete(slice(change.key));
    FOREBAY_CHECK(added.ok(), "a batch in memory takes every change");
  }
  const rocksdb::Status written = db_->Write(rocksdb::WriteOptions(), &scratch_);
  if (!written.ok()) return write_failed(written, "writing to");
  return {};
}

Result<void> RocksStore::sync() {
  if (state_ == State::kBroken) return accepts_writes();
  const rocksdb::Status synced = db_->SyncWAL();
  if (synced.ok()) return {};
  // Even for lack of space: which of the pages that were dirty are on the disk is not known after a failed sync.
  std::lock_guard lock(mutex_);
  state_ = State::kBroken;
  reason_ = "syncing the metadata directory " + config_.directory + " failed: " + synced.ToString();
  return broken(reason_);
}

uint64_t RocksStore::approximate_bytes() const {
  uint64_t tables = 0, buffers = 0;
  db_->GetIntProperty(rocksdb::DB::Properties::kTotalSstFilesSize, &tables);
  db_->GetIntProperty(rocksdb::DB::Properties::kCurSizeAllMemTables, &buffers);
  return tables + buffers;
}

Error open_failed(const rocksdb::Status& status, const std::string& directory) {
  const std::string text = status.ToString();
  if (status.IsIOError() && text.find("LOCK") != std::string::npos && text.find("lock") != std::string::npos)
    return invalid("another master uses " + directory + ": stop it, or choose another metadata directory");
  if (status.IsNoSpace())
    return rejected(ENOSPC, "the disk of the metadata directory " + directory + " is full: make room and start again");
  if (status.IsCorruption())
    return corrupt("the metadata in " + directory + " is damaged: " + text + "; restore the directory from a backup");
  return invalid("the metadata directory " + directory + " cannot be used: " + text);
}

}  // namespace

Result<std::unique_ptr<Store>> open_rocks_store(const RocksConfig& config, rocksdb::Env* env) {
  rocksdb::DB* opened = nullptr;
  const rocksdb::Status status = rocksdb::DB::Open(rocks_options(config, env), config.directory, &opened);
  if (!status.ok()) return open_failed(status, config.directory);
  RocksConfig adapted = config;
  std::error_code error;
  const std::filesystem::space_info space = std::filesystem::space(config.directory, error);
  if (!error) adapted.reserve_bytes = std::min<uint64_t>(config.reserve_bytes, space.capacity / 20);
  return std::make_unique<RocksStore>(std::move(adapted), env, std::unique_ptr<rocksdb::DB>(opened));
}

Result<std::unique_ptr<Store>> open_rocks_store(const RocksConfig& config) {
  return open_rocks_store(config, rocksdb::Env::Default());
}

}  // namespace forebay::kv
