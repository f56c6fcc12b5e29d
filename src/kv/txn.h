// Changes that are not written yet, laid over a store: what the commit loop runs operations against.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/check.h"
#include "kv/store.h"

namespace forebay::kv {

// Reads its own changes, then `base`. The commit loop keeps one for a batch and runs each operation between begin() and keep() or
// undo(), so that a refused operation leaves nothing behind; a Txn over a Txn does the same with a longer way for each read.
// Caller synchronises; `base` outlives it and does not change while it is used.
class Txn : public Reader {
 public:
  explicit Txn(const Reader& base) : base_(base) {}
  static Txn over(const Txn& lower) { return Txn(static_cast<const Reader&>(lower)); }
  Txn(const Txn&) = delete;  // `Txn upper(lower)` would copy what lower holds instead of being laid over it
  Txn& operator=(const Txn&) = delete;

  Result<std::optional<std::string>> get(std::string_view key) const override;
  Result<void> scan(std::string_view begin, std::string_view end,
                    const std::function<bool(std::string_view, std::string_view)>& each) const override;
  void put(std::string_view key, std::string value);
  void erase(std::string_view key);

  // From begin() on what changes replace is remembered. Not nested.
  void begin();
  void keep();
  void undo();

  bool empty() const { return changes_.empty(); }
  size_t changes() const { return changes_.size(); }
  size_t approximate_bytes() const { return bytes_; }  // keys and values given so far, replaced ones included
  void merge_into(Txn& lower) &&;                      // lower becomes what this one showed
  WriteBatch to_batch() const;
  WriteBatch take_batch() &&;  // the same without copying; this one is empty afterwards

 private:
  using Value = std::optional<std::string>;  // none: erased
  using Changes = std::map<std::string, Value, std::less<>>;
  struct Before {
    Changes::iterator change;
    std::optional<Value> value;  // none: the key had not been changed
  };
  void set(std::string_view key, Value value);

  const Reader& base_;
  Changes changes_;
  size_t bytes_ = 0;
  bool remembers_ = false;
  std::vector<Before> before_;  // since begin()
  size_t bytes_before_ = 0;
};

// What the transaction is given while this lives is undone at its end, unless it was kept.
class Attempt {
 public:
  explicit Attempt(Txn& txn) : txn_(txn) { txn_.begin(); }
  ~Attempt() {
    if (open_) txn_.undo();
  }
  Attempt(const Attempt&) = delete;
  Attempt& operator=(const Attempt&) = delete;
  void keep() {
    end();
    txn_.keep();
  }
  void undo() {
    end();
    txn_.undo();
  }

 private:
  void end() { FOREBAY_CHECK(std::exchange(open_, false), "an attempt ends once"); }
  Txn& txn_;
  bool open_ = true;
};

}  // namespace forebay::kv
