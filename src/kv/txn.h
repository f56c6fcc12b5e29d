// Changes that are not written yet, laid over a store: what the commit loop runs operations against.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "kv/store.h"

namespace forebay::kv {

// Reads its own changes, then `base`. commit loop: one Txn for the batch over the store, and one for each operation over the
// batch's, so that a refused operation leaves nothing behind. Caller synchronises; `base` outlives it and does not change while
// it is used.
class Txn : public Reader {
 public:
  explicit Txn(const Reader& base) : base_(base) {}

  Result<std::optional<std::string>> get(std::string_view key) const override;
  Result<void> scan(std::string_view begin, std::string_view end,
                    const std::function<bool(std::string_view, std::string_view)>& each) const override;
  void put(std::string_view key, std::string value);
  void erase(std::string_view key);

  bool empty() const { return changes_.empty(); }
  size_t changes() const { return changes_.size(); }
  size_t approximate_bytes() const { return bytes_; }  // keys and values given so far, replaced ones included
  void merge_into(Txn& lower) &&;                      // lower becomes what this one showed
  WriteBatch to_batch() const;
  WriteBatch take_batch() &&;  // the same without copying; this one is empty afterwards

 private:
  const Reader& base_;
  std::map<std::string, std::optional<std::string>, std::less<>> changes_;
  size_t bytes_ = 0;
};

}  // namespace forebay::kv
