#include "master/extents/layout.h"

#include <algorithm>
#include <map>

#include "master/extents/inline.h"
#include "master/extents/objects.h"

namespace forebay::master {
namespace {

Result<v1::ObjectLocation> locate(const kv::Reader& reader, InodeId inode, ObjectId object, InlineContent content) {
  ASSIGN_OR_RETURN(std::optional<v1::ObjectRecord> stored, load_object(reader, object));
  if (!stored) return corrupt("object " + to_string(object) + " of inode " + to_string(inode) + " has no record");
  v1::ObjectLocation location = location_of(object, *stored);
  if (stored->inlined() && content == InlineContent::kIncluded) {
    ASSIGN_OR_RETURN(*location.mutable_content(), inline_content(reader, object, *stored));
  }
  return location;
}

}  // namespace

Result<v1::Layout> layout_page(const kv::Reader& reader, InodeId inode, const v1::InodeRecord& record, uint64_t offset,
                               InlineContent content) {
  ASSIGN_OR_RETURN(const ExtentList list, load_content(reader, inode, record));
  ASSIGN_OR_RETURN(v1::Layout layout, layout_page(reader, inode, list, offset, content));
  layout.set_layout(record.layout());
  layout.set_size(record.size());
  return layout;
}

Result<v1::Layout> layout_page(const kv::Reader& reader, InodeId inode, const ExtentList& list, uint64_t offset,
                               InlineContent content) {
  v1::Layout layout;
  const size_t first = list.first_ending_after(offset);
  const size_t last = std::min(list.pieces().size(), first + kLayoutPage);
  layout.set_more(last < list.pieces().size());
  std::map<ObjectId, v1::ObjectLocation> objects;
  size_t inlined = 0;
  for (size_t i = first; i < last; ++i) {
    const Piece& piece = list.pieces()[i];
    if (!objects.contains(piece.object)) {
      ASSIGN_OR_RETURN(v1::ObjectLocation location, locate(reader, inode, piece.object, content));
      inlined += location.content().size();
      if (inlined > kInlineInPage && i > first) {
        layout.set_more(true);
        break;
      }
      objects.emplace(piece.object, std::move(location));
    }
    v1::Extent& extent = *layout.add_extents();
    extent.set_file_offset(piece.offset);
    extent.set_length(piece.length);
    extent.set_object(piece.object.value);
    extent.set_object_offset(piece.object_offset);
  }
  for (auto& [object, location] : objects) *layout.add_objects() = std::move(location);
  return layout;
}

}  // namespace forebay::master
