#include "model_content.h"

#include <algorithm>

namespace forebay::cluster {

void ModelContent::apply(const Change& change, std::string& to) {
  if (change.data.empty()) return to.resize(change.offset, '\0');
  if (to.size() < change.offset + change.data.size()) to.resize(change.offset + change.data.size(), '\0');
  to.replace(change.offset, change.data.size(), change.data);
}

void ModelContent::write(uint64_t offset, std::string_view data, bool surely) {
  if (data.empty()) return;
  pending_.push_back({offset, std::string(data), surely});
  apply(pending_.back(), current_);
}

void ModelContent::truncate(uint64_t size, bool surely) {
  pending_.push_back({size, "", surely});
  apply(pending_.back(), current_);
}

void ModelContent::commit() {
  for (const Change& change : pending_) {
    if (change.surely) apply(change, committed_);
  }
  std::erase_if(pending_, [](const Change& change) { return change.surely; });
}

void ModelContent::doubt() {
  for (Change& change : pending_) change.surely = false;
}

std::string ModelContent::why_not(std::string_view seen) const {
  uint64_t least = committed_.size(), most = committed_.size(), size = committed_.size();
  bool cut = false;
  for (const Change& change : pending_) {
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
    const bool written = std::ranges::any_of(pending_, [&](const Change& change) {
      return i >= change.offset && i - change.offset < change.data.size() && change.data[i - change.offset] == seen[i];
    });
    if (!written) {
      return "byte " + std::to_string(i) + " of " + std::to_string(seen.size()) + " is neither the committed one (of " +
             std::to_string(committed_.size()) + ") nor one of " + std::to_string(pending_.size()) + " changes since";
    }
  }
  return "";
}

void ModelContent::adopt(std::string_view seen) {
  current_ = committed_ = seen;
  pending_.clear();
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
