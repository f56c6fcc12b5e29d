#include "master/persist/blocks.h"

#include <algorithm>

#include "base/crc32c.h"
#include "master/extents/objects.h"
#include "master/persist/stored_content.h"

namespace forebay::master {
namespace {

// Puts pieces that follow each other into blocks.
class BlockList {
 public:
  BlockList(MutationContext& context, InodeId inode, uint64_t version)
      : context_(context), inode_(inode), version_(version), most_(context.persistence.config.block_bytes) {}

  Result<void> add(const Piece& piece, const v1::ObjectRecord& object) {
    const bool is_whole = piece.object_offset == 0 && piece.length == object.length() && object.sealed() && !object.unverified();
    return add(piece.offset, piece.length, is_whole ? std::optional(object.crc32c()) : std::nullopt);
  }
  Result<void> add(uint64_t offset, uint64_t length, std::optional<uint32_t> crc) {
    if (length_ != 0 && (offset != offset_ + length_ || length_ + length > most_)) TRY(end_block());
    for (; length > most_; offset += most_, length -= most_) {
      offset_ = offset;
      length_ = most_;
      crc_.reset();
      crc = std::nullopt;
      TRY(end_block());
    }
    if (length_ == 0) {
      offset_ = offset;
      crc_ = 0;
    }
    if (crc_ && crc)
      crc_ = crc32c_combine(*crc_, *crc, length);
    else
      crc_.reset();
    length_ += length;
    return {};
  }
  Result<ExtentList> finish() {
    TRY(end_block());
    return std::move(list_);
  }

 private:
  Result<void> end_block() {
    if (length_ == 0) return {};
    ASSIGN_OR_RETURN(const uint64_t id, context_.next_id("object"));
    v1::ObjectRecord block;
    block.set_inode(inode_.value);
    block.set_sealed(true);
    block.set_length(length_);
    block.set_granted_bytes(length_);
    block.set_unverified(!crc_);
    block.set_crc32c(crc_.value_or(0));
    block.set_stored_version(version_);
    block.set_stored_offset(offset_);
    save_object(context_.txn, ObjectId{id}, block);
    ObjectIds covered;
    list_.lay({offset_, length_, ObjectId{id}, 0}, covered);
    length_ = 0;
    return {};
  }

  MutationContext& context_;
  const InodeId inode_;
  const uint64_t version_, most_;
  ExtentList list_;
  uint64_t offset_ = 0, length_ = 0;  // of the block that is being put together
  std::optional<uint32_t> crc_;
};

Result<bool> is_at_rest(Ledger& ledger, InodeId inode, const v1::InodeRecord& record) {
  const bool used = record.type() != v1::FILE_TYPE_REGULAR || record.version() == 0 || record.dirty() || record.writers() != 0 ||
                    record.pins() != 0 || record.bindings() == 0;
  if (used) return false;
  ASSIGN_OR_RETURN(const std::vector<uint64_t> ids, ledger.bindings_of(inode));
  for (const uint64_t id : ids) {
    ASSIGN_OR_RETURN(const v1::BindingRecord* binding, ledger.binding(id));
    const bool clean = binding && binding->bound().version() == record.version();
    if (!clean || binding->has_intent() || binding->operation() != 0 || binding->has_conflict()) return false;
    ASSIGN_OR_RETURN(const v1::KeyRecord* held, ledger.key(binding->bound().mount(), binding->bound().key()));
    if (held->operation() != 0 || held->ours().identity() != binding->bound().identity()) return false;
  }
  return true;
}

Result<v1::ObjectRecord> existing(const kv::Reader& reader, InodeId inode, ObjectId object) {
  ASSIGN_OR_RETURN(std::optional<v1::ObjectRecord> record, load_object(reader, object));
  if (!record) return corrupt("object " + to_string(object) + " of inode " + to_string(inode) + " has no record");
  return *std::move(record);
}

// Of the sealed list: what the lost objects have been to the file.
struct Replacement {
  std::vector<Piece> pieces;  // of the lost objects
  ExtentList blocks;          // over the same ranges
};

Result<Replacement> replace(Ledger& ledger, InodeId inode, uint64_t version, const ExtentList& sealed, const ObjectIds& lost) {
  Replacement replacement;
  BlockList blocks(ledger.context(), inode, version);
  for (const Piece& piece : sealed.pieces()) {
    if (!std::ranges::binary_search(lost, piece.object)) continue;
    ASSIGN_OR_RETURN(const v1::ObjectRecord object, existing(ledger.txn(), inode, piece.object));
    TRY(blocks.add(piece, object));
    replacement.pieces.push_back(piece);
  }
  ASSIGN_OR_RETURN(replacement.blocks, blocks.finish());
  return replacement;
}

// What is written over a sealed version, and still shows bytes of it, shows those of the blocks.
ExtentList shown_through(const ExtentList& working, const Replacement& replacement, const ObjectIds& lost) {
  ExtentList top;
  ObjectIds covered;
  for (const Piece& piece : working.pieces()) {
    if (!std::ranges::binary_search(lost, piece.object)) continue;
    auto was = std::ranges::find_if(replacement.pieces, [&](const Piece& sealed) {
      return sealed.object == piece.object && sealed.offset <= piece.offset && piece.end() <= sealed.end() &&
             piece.offset - sealed.offset == piece.object_offset - sealed.object_offset;
    });
    if (was == replacement.pieces.end()) continue;
    for (const Piece& block : replacement.blocks.pieces()) {
      const uint64_t begin = std::max(piece.offset, block.offset), end = std::min(piece.end(), block.end());
      if (begin < end) top.lay({begin, end - begin, block.object, block.object_offset + begin - block.offset}, covered);
    }
  }
  return top;
}

}  // namespace

Result<Evicted> evict(MutationContext& context, InodeId inode, size_t most_pieces) {
  Ledger ledger(context);
  ASSIGN_OR_RETURN(v1::InodeRecord record, load_inode(context.txn, inode));
  Evicted evicted;
  ASSIGN_OR_RETURN(evicted.at_rest, is_at_rest(ledger, inode, record));
  if (!evicted.at_rest) return evicted;
  ASSIGN_OR_RETURN(const ExtentList list, load_list(context.txn, key::sealed_extents(inode, Version{record.version()})));
  BlockList blocks(context, inode, record.version());
  size_t taken = 0;
  for (const Piece& piece : list.pieces()) {
    ASSIGN_OR_RETURN(const v1::ObjectRecord object, existing(context.txn, inode, piece.object));
    if (object.workers().empty()) continue;
    if (!object.sealed()) return Evicted{};  // its writer is gone, and its length is not final yet
    evicted.more = taken == most_pieces;
    if (evicted.more) break;
    TRY(blocks.add(piece, object));
    evicted.bytes += piece.length;
    ++taken;
  }
  if (taken == 0) return evicted;
  ASSIGN_OR_RETURN(const ExtentList top, blocks.finish());
  ContentEdit edit(context, inode, record);
  TRY(edit.swap(top));
  TRY(edit.finish());
  record.set_absent(true);
  save_inode(context.txn, inode, record);
  return evicted;
}

Result<bool> lost_to_blocks(Ledger& ledger, InodeId inode, v1::InodeRecord& record, const ObjectIds& lost) {
  const Version version{record.version()};
  if (!version || lost.empty()) return false;
  ASSIGN_OR_RETURN(const std::optional<HeldAt> held, held_at(ledger, inode, version));
  if (!held) return false;
  kv::Txn& txn = ledger.txn();
  const std::string sealed_key = key::sealed_extents(inode, version);
  ASSIGN_OR_RETURN(ExtentList sealed, load_list(txn, sealed_key));
  ASSIGN_OR_RETURN(const Replacement replacement, replace(ledger, inode, version.value, sealed, lost));
  if (replacement.pieces.empty()) return false;
  ExtentList top = replacement.blocks;
  if (record.dirty()) {
    ASSIGN_OR_RETURN(const ExtentList working, load_list(txn, key::working_extents(inode)));
    top = shown_through(working, replacement, lost);
    ObjectIds covered;
    sealed.lay(replacement.blocks, covered);
    save_list(txn, sealed_key, sealed);
  }
  ContentEdit edit(ledger.context(), inode, record);
  if (!top.empty()) TRY(edit.swap(top));
  for (const ObjectId object : lost) edit.examine(object);
  TRY(edit.finish());
  record.set_absent(true);
  return true;
}

Result<ExtentList> blocks_of(MutationContext& context, InodeId inode, uint64_t version, uint64_t length) {
  BlockList blocks(context, inode, version);
  if (length != 0) TRY(blocks.add(0, length, std::nullopt));
  return blocks.finish();
}

}  // namespace forebay::master
