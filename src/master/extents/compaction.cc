#include "master/extents/compaction.h"

#include "master/extents/object_edit.h"

namespace forebay::master {
namespace {

Result<void> check_pieces(const Replacement& replacement, uint64_t size) {
  uint64_t at = replacement.begin;
  bool fits = replacement.begin < replacement.end && replacement.end <= size;
  for (const Piece& piece : replacement.with) {
    fits = fits && piece.length != 0 && piece.offset >= at && piece.offset <= replacement.end &&
           piece.length <= replacement.end - piece.offset;
    if (!fits) break;
    at = piece.end();
  }
  if (!fits) return invalid("a replacement that does not fit its range");
  return {};
}

}  // namespace

Result<v1::Attr> replace_extents(MutationContext& context, const Replacement& replacement) {
  ASSIGN_OR_RETURN(WriteHandle handle, find_write_handle(context.txn, context.caller, replacement.handle));
  ASSIGN_OR_RETURN(v1::InodeRecord record, load_inode(context.txn, handle.inode));
  if (record.layout() != replacement.layout) return stale("the content has changed");
  TRY(check_pieces(replacement, record.size()));
  ContentEdit content(context, handle.inode, record);
  ObjectEdit objects(context, handle, content);
  for (const Piece& piece : replacement.with) TRY(objects.acknowledge(piece.object, piece.object_offset, piece.length));
  for (const v1::SealedObject& sealed : replacement.sealed) TRY(objects.seal(sealed));
  objects.save();
  if (objects.handle_changed()) save_handle(context.txn, handle);
  TRY(content.swap(replacement.begin, replacement.end, replacement.with));
  TRY(content.finish());
  save_inode(context.txn, handle.inode, record);
  return attr_of(handle.inode, record);
}

}  // namespace forebay::master
