// What files of a storm have held.
#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "base/crc32c.h"

namespace forebay::cluster {

// A content by its length and checksum.
using ContentId = std::pair<uint64_t, uint32_t>;
inline ContentId content_id(const std::string& content) { return {content.size(), crc32c(as_bytes(content))}; }

// Every content that a file had, or may have had, when it was sealed: whatever else turns up somewhere is a mixture. And the
// markers of sets: what has to be visible beside each. One thread.
class StormContents {
 public:
  void add(const std::string& content) { known_.insert(content_id(content)); }
  bool has(ContentId id) const { return known_.contains(id); }
  void add_marker(const std::string& marker, std::map<std::string, ContentId> shards) {
    add(marker);
    markers_[content_id(marker)] = std::move(shards);
  }
  // By the shards' names; null: no marker.
  const std::map<std::string, ContentId>* marker(ContentId id) const {
    const auto found = markers_.find(id);
    return found == markers_.end() ? nullptr : &found->second;
  }

 private:
  std::set<ContentId> known_;
  std::map<ContentId, std::map<std::string, ContentId>> markers_;
};

}  // namespace forebay::cluster
