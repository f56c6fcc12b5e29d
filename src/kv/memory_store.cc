#include "kv/memory_store.h"

#include <cerrno>
#include <utility>

namespace forebay::kv {

// One process's view of a disk. Owned by whoever opened it.
class MemoryStore : public Store {
 public:
  MemoryStore(std::shared_ptr<MemoryDisk> disk, uint64_t process) : disk_(std::move(disk)), process_(process) {}
  ~MemoryStore() override {
    std::lock_guard lock(disk_->mutex_);
    if (process_ == disk_->process_) disk_->open_ = false;
  }

  Result<std::optional<std::string>> get(std::string_view key) const override { return get_at(key, UINT64_MAX); }
  Result<void> scan(std::string_view begin, std::string_view end,
                    const std::function<bool(std::string_view, std::string_view)>& each) const override {
    return scan_at(begin, end, UINT64_MAX, each);
  }
  Result<void> write(const WriteBatch& batch) override;
  Result<void> sync() override;
  std::unique_ptr<Reader> snapshot() const override;
  Result<void> accepts_writes() const override {
    std::lock_guard lock(disk_->mutex_);
    return usable();
  }
  uint64_t approximate_bytes() const override {
    std::lock_guard lock(disk_->mutex_);
    return disk_->bytes_;
  }

 private:
  class Snapshot;
  Result<std::optional<std::string>> get_at(std::string_view key, uint64_t at) const;
  Result<void> scan_at(std::string_view begin, std::string_view end, uint64_t at,
                       const std::function<bool(std::string_view, std::string_view)>& each) const;
  Result<void> usable() const {
    TRY(alive());
    if (broken_) return broken("this store has failed before");
    if (disk_->full_) return rejected(ENOSPC, "the disk of the metadata store is full: nothing was written, and reads go on");
    return {};
  }
  Result<void> alive() const {
    if (process_ != disk_->process_) return broken("the process that used this store has died");
    return {};
  }

  const std::shared_ptr<MemoryDisk> disk_;  // shared with the test that made it
  const uint64_t process_;
  bool broken_ = false;
};

class MemoryStore::Snapshot : public Reader {
 public:
  Snapshot(const MemoryStore& store, uint64_t at) : store_(store), disk_(store.disk_), at_(at) {}
  ~Snapshot() override {
    std::lock_guard lock(disk_->mutex_);
    disk_->snapshots_.erase(disk_->snapshots_.find(at_));
    if (disk_->snapshots_.empty()) disk_->drop_garbage();
  }
  Result<std::optional<std::string>> get(std::string_view key) const override { return store_.get_at(key, at_); }
  Result<void> scan(std::string_view begin, std::string_view end,
                    const std::function<bool(std::string_view, std::string_view)>& each) const override {
    return store_.scan_at(begin, end, at_, each);
  }

 private:
  const MemoryStore& store_;
  const std::shared_ptr<MemoryDisk> disk_;
  const uint64_t at_;
};

Result<std::optional<std::string>> MemoryStore::get_at(std::string_view key, uint64_t at) const {
  std::lock_guard lock(disk_->mutex_);
  TRY(alive());
  auto found = disk_->keys_.find(key);
  if (found == disk_->keys_.end()) return std::nullopt;
  const std::string* value = disk_->visible(found->second, at);
  if (value == nullptr) return std::nullopt;
  return *value;
}

// `each` runs without the lock, so that it may read this store; the place is found again by key, and what a newer write adds
// behind it stays invisible.
Result<void> MemoryStore::scan_at(std::string_view begin, std::string_view end, uint64_t at,
                                  const std::function<bool(std::string_view, std::string_view)>& each) const {
  std::string from(begin);
  for (bool first = true;; first = false) {
    std::string value;
    {
      std::lock_guard lock(disk_->mutex_);
      TRY(alive());
      if (at == UINT64_MAX) at = disk_->written_;
      auto next = first ? disk_->keys_.lower_bound(from) : disk_->keys_.upper_bound(from);
      const std::string* seen = nullptr;
      while (next != disk_->keys_.end() && next->first < end && (seen = disk_->visible(next->second, at)) == nullptr) ++next;
      if (seen == nullptr) return {};
      from = next->first;
      value = *seen;
    }
    if (!each(from, value)) return {};
  }
}

Result<void> MemoryStore::write(const WriteBatch& batch) {
  std::lock_guard lock(disk_->mutex_);
  TRY(usable());
  if (disk_->write_fails_at_ && *disk_->write_fails_at_ == disk_->written_) {
    broken_ = true;
    return broken("writing the metadata store failed: Input/output error");
  }
  ++disk_->written_;
  std::vector<MemoryDisk::Undo> undo;
  undo.reserve(batch.changes().size());
  for (const WriteBatch::Change& change : batch.changes()) {
    auto found = disk_->keys_.find(change.key);
    const std::string* before = found == disk_->keys_.end() ? nullptr : disk_->visible(found->second, UINT64_MAX);
    undo.push_back({change.key, before ? std::optional(*before) : std::nullopt});
    disk_->apply(change.key, change.value);
  }
  disk_->unsynced_.push_back(std::move(undo));
  return {};
}

Result<void> MemoryStore::sync() {
  std::lock_guard lock(disk_->mutex_);
  TRY(alive());
  if (broken_) return broken("this store has failed before");
  if (disk_->sync_fails_at_ && *disk_->sync_fails_at_ == disk_->synced_) {
    broken_ = true;
    return broken("syncing the metadata store failed: Input/output error");
  }
  ++disk_->synced_;
  if (!disk_->lying_) disk_->unsynced_.clear();
  return {};
}

std::unique_ptr<Reader> MemoryStore::snapshot() const {
  std::lock_guard lock(disk_->mutex_);
  disk_->snapshots_.insert(disk_->written_);
  return std::make_unique<Snapshot>(*this, disk_->written_);
}

Result<std::unique_ptr<Store>> MemoryDisk::open() {
  std::lock_guard lock(mutex_);
  if (open_) return invalid("another process uses this memory disk");
  open_ = true;
  return std::make_unique<MemoryStore>(shared_from_this(), process_);
}

void MemoryDisk::end_process() {
  ++process_;
  open_ = false;
}

void MemoryDisk::crash() {
  std::lock_guard lock(mutex_);
  end_process();
}

void MemoryDisk::power_cut(os::Random& random) {
  std::lock_guard lock(mutex_);
  end_process();
  const size_t kept = random.below(unsynced_.size() + 1);
  ++written_;
  while (unsynced_.size() > kept) {
    for (auto undo = unsynced_.back().rbegin(); undo != unsynced_.back().rend(); ++undo) apply(undo->key, undo->value);
    unsynced_.pop_back();
  }
  unsynced_.clear();  // what is on the disk after the cut is on the disk
}

void MemoryDisk::set_full(bool full) {
  std::lock_guard lock(mutex_);
  full_ = full;
}

void MemoryDisk::fail_write_after(uint64_t writes) {
  std::lock_guard lock(mutex_);
  write_fails_at_ = written_ + writes;
}

void MemoryDisk::fail_sync_after(uint64_t syncs) {
  std::lock_guard lock(mutex_);
  sync_fails_at_ = synced_ + syncs;
}

void MemoryDisk::set_lying(bool lying) {
  std::lock_guard lock(mutex_);
  lying_ = lying;
}

uint64_t MemoryDisk::writes() const {
  std::lock_guard lock(mutex_);
  return written_;
}

uint64_t MemoryDisk::syncs() const {
  std::lock_guard lock(mutex_);
  return synced_;
}

const std::string* MemoryDisk::visible(const Cells& cells, uint64_t at) const {
  for (auto cell = cells.rbegin(); cell != cells.rend(); ++cell)
    if (cell->written <= at) return cell->value ? &*cell->value : nullptr;
  return nullptr;
}

void MemoryDisk::apply(std::string_view key, const std::optional<std::string>& value) {
  auto found = keys_.lower_bound(key);
  if (found == keys_.end() || found->first != key) {
    if (!value) return;
    found = keys_.emplace_hint(found, std::string(key), Cells{});
    bytes_ += key.size();
  }
  Cells& cells = found->second;
  if (!cells.empty() && cells.back().value) bytes_ -= cells.back().value->size();
  if (value) bytes_ += value->size();
  if (!cells.empty() && cells.back().written == written_)
    cells.back().value = value;  // the same key twice in one batch
  else
    cells.push_back({written_, value});
  prune(cells);
  if (cells.size() > 1) {
    garbage_.emplace(key);
  } else if (!cells.back().value) {
    bytes_ -= key.size();
    keys_.erase(found);
  }
}

// Keeps the newest cell, and for each older one only if some snapshot shows it.
void MemoryDisk::prune(Cells& cells) const {
  Cells kept;
  for (size_t i = 0; i < cells.size(); ++i) {
    const bool newest = i + 1 == cells.size();
    auto snapshot = snapshots_.lower_bound(cells[i].written);
    if (newest || (snapshot != snapshots_.end() && *snapshot < cells[i + 1].written)) kept.push_back(std::move(cells[i]));
  }
  cells = std::move(kept);
}

void MemoryDisk::drop_garbage() {
  for (const std::string& key : garbage_) {
    auto found = keys_.find(key);
    if (found == keys_.end()) continue;
    prune(found->second);
    if (found->second.back().value) continue;
    bytes_ -= key.size();
    keys_.erase(found);
  }
  garbage_.clear();
}

}  // namespace forebay::kv
