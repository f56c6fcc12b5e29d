#include "model_content.h"

#include <algorithm>
#include <utility>

namespace forebay::cluster {

void ModelContent::apply(const Change& change, std::string& to) {
  if (change.data.empty()) return to.resize(change.offset, '\0');
  if (to.size() < change.offset + change.data.size()) to.resize(change.offset + change.data.size(), '\0');
  to.replace(change.offset, change.data.size(), change.data);
}

void ModelContent::change(Change change) {
  apply(change, current_);
  const bool at_once = change.handle == 0 && change.surely;
  changes_.push_back(std::move(change));
  if (at_once) commit(0);
}

void ModelContent::write(uint64_t offset, std::string_view data, uint64_t handle, bool surely) {
  if (!data.empty()) change({offset, std::string(data), handle, surely});
}

void ModelContent::truncate(uint64_t size, uint64_t handle, bool surely) { change({size, "", handle, surely}); }

void ModelContent::commit(uint64_t handle) {
  for (Change& change : changes_) change.stored |= change.surely && change.handle == handle;
  fold();
}

void ModelContent::commit_all() {
  for (Change& change : changes_) change.stored = true;
  fold();
}

void ModelContent::fold() {
  auto first = std::ranges::find(changes_, false, &Change::stored);
  for (auto change = changes_.begin(); change != first; ++change) apply(*change, base_);
  changes_.erase(changes_.begin(), first);
  committed_ = base_;
  for (const Change& change : changes_) {
    if (change.stored) apply(change, committed_);
  }
}

void ModelContent::doubt(uint64_t handle) {
  for (Change& change : changes_) {
    if (change.handle == handle) change.surely = false;
  }
}

std::string ModelContent::why_not(std::string_view seen) const {
  uint64_t least = committed_.size(), most = committed_.size(), size = committed_.size();
  bool cut = false;
  for (const Change& change : changes_) {
    size = change.data.empty() ? change.offset : std::max<uint64_t>(size, change.offset + change.data.size());
    cut |= change.data.empty();
    least = std::min(least, size);
    // A cut before it may not have happened, or a write behind it.
    most = std::max({most, size, change.offset + change.data.size()});
  }
  if (seen.size() < least || seen.size() > most) {
    return "has " + std::to_string(seen.size()) + " bytes, expected " + std::to_string(least) +
           (least == most ? "" : " to " + std::to_string(most));
  }
  for (size_t i = 0; i < seen.size(); ++i) {
    if (i < committed_.size() ? seen[i] == committed_[i] : seen[i] == '\0') continue;
    if (cut && seen[i] == '\0') continue;
    const bool written = std::ranges::any_of(changes_, [&](const Change& change) {
      return i >= change.offset && i - change.offset < change.data.size() && change.data[i - change.offset] == seen[i];
    });
    if (!written) {
      return "byte " + std::to_string(i) + " of " + std::to_string(seen.size()) + " is neither the committed one (of " +
             std::to_string(committed_.size()) + ") nor one of " + std::to_string(changes_.size()) + " changes since";
    }
  }
  return "";
}

void ModelContent::adopt(std::string_view seen) {
  current_ = committed_ = base_ = seen;
  changes_.clear();
}

std::string difference(std::string_view expected, std::string_view seen) {
  if (expected == seen) return "";
  std::string text;
  if (expected.size() != seen.size()) {
    text = std::to_string(seen.size()) + " bytes instead of " + std::to_string(expected.size()) + "; ";
  }
  const size_t common = std::min(expected.size(), seen.size());
  size_t first = 0;
  while (first < common && expected[first] == seen[first]) ++first;
  if (first == common) return text + "the common part is equal";
  size_t last = common - 1;
  while (expected[last] == seen[last]) --last;
  const bool zeros = seen.substr(first, last - first + 1).find_first_not_of('\0') == std::string_view::npos;
  return text + "bytes " + std::to_string(first) + " to " + std::to_string(last) + " differ" +
         (zeros ? " (zeros were read)" : "");
}

}  // namespace forebay::cluster
