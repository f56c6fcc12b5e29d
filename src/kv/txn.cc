#include "kv/txn.h"

namespace forebay::kv {

Result<std::optional<std::string>> Txn::get(std::string_view key) const {
  auto found = changes_.find(key);
  if (found != changes_.end()) return found->second;
  return base_.get(key);
}

// A merge of two ordered sequences. The own changes are walked with an iterator, which stays valid because `each` must not change
// this transaction.
Result<void> Txn::scan(std::string_view begin, std::string_view end,
                       const std::function<bool(std::string_view, std::string_view)>& each) const {
  auto next = changes_.lower_bound(begin);
  const auto last = changes_.lower_bound(end);
  bool wanted = true;
  auto own_below = [&](std::string_view limit) {
    for (; wanted && next != last && next->first < limit; ++next)
      if (next->second) wanted = each(next->first, *next->second);
    return wanted;
  };
  TRY(base_.scan(begin, end, [&](std::string_view key, std::string_view value) {
    if (!own_below(key)) return false;
    if (next != last && next->first == key) {
      if (next->second) wanted = each(key, *next->second);
      ++next;
      return wanted;
    }
    wanted = each(key, value);
    return wanted;
  }));
  for (; wanted && next != last; ++next)
    if (next->second) wanted = each(next->first, *next->second);
  return {};
}

void Txn::put(std::string_view key, std::string value) {
  bytes_ += key.size() + value.size();
  set(key, std::move(value));
}

void Txn::erase(std::string_view key) {
  bytes_ += key.size();
  set(key, std::nullopt);
}

void Txn::set(std::string_view key, Value value) {
  auto found = changes_.lower_bound(key);
  if (found == changes_.end() || found->first != key) {
    found = changes_.emplace_hint(found, key, std::move(value));
    if (remembers_) before_.push_back({found, std::nullopt});
    return;
  }
  std::swap(found->second, value);
  if (remembers_) before_.push_back({found, std::move(value)});
}

void Txn::begin() {
  FOREBAY_CHECK(!remembers_, "attempts in one transaction are not nested");
  remembers_ = true;
  bytes_before_ = bytes_;
}

void Txn::keep() {
  remembers_ = false;
  before_.clear();
}

void Txn::undo() {
  for (; !before_.empty(); before_.pop_back()) {
    Before& before = before_.back();
    if (before.value)
      before.change->second = std::move(*before.value);
    else
      changes_.erase(before.change);
  }
  bytes_ = bytes_before_;
  remembers_ = false;
}

void Txn::merge_into(Txn& lower) && {
  if (lower.remembers_) {
    for (auto& [key, value] : changes_) lower.set(key, std::move(value));
    changes_.clear();
  }
  lower.bytes_ += bytes_;
  while (!changes_.empty()) {
    auto inserted = lower.changes_.insert(changes_.extract(changes_.begin()));
    if (!inserted.inserted) inserted.position->second = std::move(inserted.node.mapped());
  }
  bytes_ = 0;
}

WriteBatch Txn::to_batch() const {
  WriteBatch batch;
  for (const auto& [key, value] : changes_) {
    if (value)
      batch.put(key, *value);
    else
      batch.erase(key);
  }
  return batch;
}

WriteBatch Txn::take_batch() && {
  WriteBatch batch;
  batch.reserve(changes_.size());
  while (!changes_.empty()) {
    auto node = changes_.extract(changes_.begin());
    batch.add({std::move(node.key()), std::move(node.mapped())});
  }
  bytes_ = 0;
  return batch;
}

std::string prefix_end(std::string_view prefix) {
  std::string end(prefix);
  while (!end.empty() && static_cast<unsigned char>(end.back()) == 0xff) end.pop_back();
  if (end.empty()) return std::string(64 * 1024, '\xff');  // no key is longer: after everything
  end.back() = static_cast<char>(end.back() + 1);
  return end;
}

}  // namespace forebay::kv
