// Seam: an ordered key-value store with atomic batches.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"

namespace forebay::kv {

// Reads one consistent state. Any thread.
class Reader {
 public:
  virtual ~Reader() = default;
  virtual Result<std::optional<std::string>> get(std::string_view key) const = 0;
  // Keys in [begin, end) in byte order, until `each` returns false. Keys and values are valid during the call only.
  virtual Result<void> scan(std::string_view begin, std::string_view end,
                            const std::function<bool(std::string_view key, std::string_view value)>& each) const = 0;
};

// Changes that take effect together, in order. Its encoding is what a journal carries (docs/formats/batch.md).
class WriteBatch {
 public:
  struct Change {
    std::string key;
    std::optional<std::string> value;  // none: erased
  };
  void put(std::string_view key, std::string_view value) { changes_.push_back({std::string(key), std::string(value)}); }
  void erase(std::string_view key) { changes_.push_back({std::string(key), std::nullopt}); }
  void add(Change change) { changes_.push_back(std::move(change)); }
  void reserve(size_t changes) { changes_.reserve(changes); }
  const std::vector<Change>& changes() const { return changes_; }
  bool empty() const { return changes_.empty(); }

 private:
  std::vector<Change> changes_;
};

// The reader part shows the newest state. One writer at a time; readers any time. After a failed write or sync the store refuses
// further writes (`broken`): its state on disk is no longer known. A full disk is not a failure: `rejected` ENOSPC, nothing was
// written, and writes are accepted again when there is room.
class Store : public Reader {
 public:
  // Visible to readers, and survives the death of this process, when it returns. Survives power loss after the next sync().
  virtual Result<void> write(const WriteBatch& batch) = 0;
  virtual Result<void> sync() = 0;  // may run beside write(); covers every write that returned before it was called
  virtual std::unique_ptr<Reader> snapshot() const = 0;
  virtual uint64_t approximate_bytes() const = 0;
  // What the next write would be refused with: `rejected` ENOSPC while the disk is full, `broken`. Any thread.
  virtual Result<void> accepts_writes() const = 0;
};

// The first key after every key that begins with `prefix`.
std::string prefix_end(std::string_view prefix);

}  // namespace forebay::kv
