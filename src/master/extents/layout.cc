#include "master/extents/layout.h"

#include <algorithm>

#include "master/extents/objects.h"

namespace forebay::master {

Result<v1::Layout> layout_page(const kv::Reader& reader, InodeId inode, const v1::InodeRecord& record, uint64_t offset) {
  ASSIGN_OR_RETURN(const ExtentList list, load_content(reader, inode, record));
  ASSIGN_OR_RETURN(v1::Layout layout, layout_page(reader, inode, list, offset));
  layout.set_layout(record.layout());
  layout.set_size(record.size());
  return layout;
}

Result<v1::Layout> layout_page(const kv::Reader& reader, InodeId inode, const ExtentList& list, uint64_t offset) {
  v1::Layout layout;
  size_t first = list.first_ending_after(offset);
  size_t last = std::min(list.pieces().size(), first + kLayoutPage);
  layout.set_more(last < list.pieces().size());
  ObjectIds objects;
  for (size_t i = first; i < last; ++i) {
    const Piece& piece = list.pieces()[i];
    v1::Extent& extent = *layout.add_extents();
    extent.set_file_offset(piece.offset);
    extent.set_length(piece.length);
    extent.set_object(piece.object.value);
    extent.set_object_offset(piece.object_offset);
    if (objects.empty() || objects.back() != piece.object) objects.push_back(piece.object);
  }
  std::ranges::sort(objects);
  auto repeated = std::ranges::unique(objects);
  objects.erase(repeated.begin(), repeated.end());
  for (ObjectId object : objects) {
    ASSIGN_OR_RETURN(std::optional<v1::ObjectRecord> stored, load_object(reader, object));
    if (!stored) return corrupt("object " + to_string(object) + " of inode " + to_string(inode) + " has no record");
    *layout.add_objects() = location_of(object, *stored);
  }
  return layout;
}

}  // namespace forebay::master
