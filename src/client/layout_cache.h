// What the master said about where a file's committed bytes are.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/units.h"
#include "client/extent_map.h"
#include "forebay/v1/common.pb.h"
#include "forebay/v1/namespace.pb.h"

namespace forebay::client {

// Pages of one layout of one file: extents, and the ranges that are known, holes included. Pages of different layouts are never
// mixed: a newer one empties the cache. What inline objects contain is kept with them; a range whose content was left out, or is
// damaged, is not known. Caller synchronises. Limits: `max_extents`, kMaxInline; beyond them the cache starts anew.
class LayoutCache {
 public:
  explicit LayoutCache(size_t max_extents) : max_extents_(max_extents) {}

  // A page that begins at file offset `from`. One of an older layout is ignored: false.
  bool adopt(const v1::Layout& page, uint64_t from);
  // Forgets everything; the layout is at least `layout`.
  void forget(uint64_t layout);
  // This client's commit made layout `layout` of the one before by laying these extents.
  void committed(uint64_t layout, const std::vector<Extent>& extents);
  // What an inline object of this layout contains.
  void keep(ObjectId object, std::shared_ptr<const std::string> content);
  void truncated(uint64_t layout, uint64_t size);

  uint64_t layout() const { return layout_; }
  // The end of the known range that holds `offset`; nothing when it is not known.
  std::optional<uint64_t> known_until(uint64_t offset) const;
  const ExtentMap& extents() const { return extents_; }
  // Workers that hold the object: none when it is lost or not known.
  std::vector<WorkerId> locate(ObjectId object) const;
  std::shared_ptr<const std::string> inlined(ObjectId object) const;  // null: on workers

 private:
  void know(uint64_t begin, uint64_t end);
  void unknow(uint64_t begin, uint64_t end);
  bool take_inlined(const v1::ObjectLocation& object);

  static constexpr size_t kMaxInline = kMiB;  // bytes of inline content

  const size_t max_extents_;
  uint64_t layout_ = 0;
  ExtentMap extents_;
  std::map<uint64_t, uint64_t> known_;  // begin → end, never touching
  std::map<ObjectId, std::vector<WorkerId>> locations_;
  std::map<ObjectId, std::shared_ptr<const std::string>> inlined_;  // shared with reads at work
  size_t inline_bytes_ = 0;
};

// The content that came with it is what was committed.
bool is_intact(const v1::ObjectLocation& inlined);

Extent from_wire(const v1::Extent& extent);
v1::Extent to_wire(const Extent& extent);

}  // namespace forebay::client
