#include <algorithm>

#include "master/extents/objects.h"
#include "master/namespace/permission.h"
#include "master/ops/ops.h"
#include "master/persist/blocks.h"
#include "master/persist/fetches.h"
#include "master/persist/stored_content.h"

namespace forebay::master::ops {
namespace {

constexpr int kMostBlocks = 64;    // asked for in one call
constexpr int kMostPieces = 4096;  // looked at in one call
constexpr int kMostUnreachable = 64;
constexpr size_t kMostAhead = 8;  // blocks

class Restoring {
 public:
  Restoring(MutationContext& context, const v1::RestoreRequest& request)
      : context_(context), ledger_(context), request_(request) {}

  Result<v1::RestoreReply> run();

 private:
  Result<ObjectIds> find_lost(const ExtentList& list);
  Result<void> look_at(const v1::ObjectRecord& object, ObjectId id);
  Result<void> wait_for(const ExtentList& list);
  Result<void> goes_on(const ExtentList& list);
  Result<void> read_ahead(const ExtentList& list, size_t first, size_t end);
  Result<void> say_lost();
  Result<void> check_unreachable(const v1::InodeRecord& record);
  uint64_t end() const {
    return request_.offset() + std::min(request_.length(), kMaxFileSize - std::min(kMaxFileSize, request_.offset()));
  }

  MutationContext& context_;
  Ledger ledger_;
  const v1::RestoreRequest& request_;
  InodeId inode_;
  v1::RestoreReply reply_;
};

// What is no block and has no copy, or none that could be read: of those that the caller names, when no worker of them is heard
// of.
Result<ObjectIds> Restoring::find_lost(const ExtentList& list) {
  ObjectIds lost;
  for (const uint64_t named : request_.unreachable()) {
    ASSIGN_OR_RETURN(const auto object, load_object(context_.txn, ObjectId{named}));
    const bool is_candidate =
        object && object->inode() == inode_.value && object->sealed() &&
        std::ranges::none_of(object->workers(), [&](uint64_t worker) { return context_.placer.is_live(WorkerId{worker}); });
    if (is_candidate && !object->workers().empty()) lost.push_back(ObjectId{named});
  }
  int looked = 0;
  for (size_t i = list.first_ending_after(request_.offset()); i < list.pieces().size() && looked < kMostPieces; ++i, ++looked) {
    const Piece& piece = list.pieces()[i];
    if (piece.offset >= end()) break;
    ASSIGN_OR_RETURN(const auto object, load_object(context_.txn, piece.object));
    if (!object || !object->sealed() || is_kept(*object)) continue;
    ASSIGN_OR_RETURN(const std::optional<HeldAt> held, held_block(ledger_, *object));
    if (!held) lost.push_back(piece.object);
  }
  std::ranges::sort(lost);
  auto repeated = std::ranges::unique(lost);
  lost.erase(repeated.begin(), repeated.end());
  return lost;
}

Result<void> Restoring::look_at(const v1::ObjectRecord& object, ObjectId id) {
  if (is_kept(object) || !object.sealed()) return {};
  ASSIGN_OR_RETURN(const std::optional<HeldAt> held, held_block(ledger_, object));
  if (!held) return say_lost();
  reply_.set_waiting(reply_.waiting() + 1);
  return want_fetch(context_, id, *reply_.mutable_problem());
}

// Whoever goes through a file has as many blocks fetched ahead as have come back before where he waits: none for one that looks
// here and there, more and more for one that goes on. `first`: the first piece that is waited for; `end`: the first not asked
// for.
Result<void> Restoring::read_ahead(const ExtentList& list, size_t first, size_t end) {
  size_t ahead = 0;
  for (size_t i = first; i > 0 && ahead < kMostAhead; --i, ++ahead) {
    ASSIGN_OR_RETURN(const auto before, load_object(context_.txn, list.pieces()[i - 1].object));
    if (!before || before->stored_version() == 0 || before->workers().empty()) break;
  }
  std::string problem;
  for (size_t i = end; i < list.pieces().size() && i < end + ahead; ++i) {
    const ObjectId id = list.pieces()[i].object;
    ASSIGN_OR_RETURN(const auto next, load_object(context_.txn, id));
    if (!next || !next->workers().empty() || !next->sealed()) continue;
    ASSIGN_OR_RETURN(const std::optional<HeldAt> held, held_block(ledger_, *next));
    if (held) TRY(want_fetch(context_, id, problem));
  }
  return {};
}

Result<void> Restoring::say_lost() {
  if (reply_.lost()) return {};
  reply_.set_lost(true);
  reply_.set_problem("no copy is left, in the cache or in the under store");
  ASSIGN_OR_RETURN(const std::vector<uint64_t> ids, ledger_.bindings_of(inode_));
  for (const uint64_t id : ids) {
    ASSIGN_OR_RETURN(const v1::BindingRecord* binding, ledger_.binding(id));
    if (!binding || !binding->has_conflict()) continue;
    reply_.set_problem("somebody else has changed '" + binding->conflict().key() +
                       "' in the under store, and the cache has no copy: see persist conflicts");
  }
  return {};
}

// May the caller wait for copies that the master counts, and that do not answer now?
Result<void> Restoring::check_unreachable(const v1::InodeRecord& record) {
  if (request_.unreachable().empty() || record.dirty()) return {};
  ASSIGN_OR_RETURN(const std::optional<HeldAt> held, held_at(ledger_, inode_, Version{record.version()}));
  reply_.set_stored(held.has_value());
  return {};
}

Result<v1::RestoreReply> Restoring::run() {
  inode_ = InodeId{request_.inode()};
  if (request_.unreachable_size() > kMostUnreachable) return invalid("more than 64 unreachable objects in one call");
  ASSIGN_OR_RETURN(v1::InodeRecord record, load_inode(context_.txn, inode_));
  if (record.type() == v1::FILE_TYPE_DIRECTORY) return rejected(EISDIR, "a directory");
  if (record.type() != v1::FILE_TYPE_REGULAR) return invalid("not a regular file");
  if (request_.handle() == 0) TRY(check_access(context_.caller, record, kMayRead));
  ASSIGN_OR_RETURN(ExtentList list, load_content(context_.txn, inode_, record));
  ASSIGN_OR_RETURN(const ObjectIds lost, find_lost(list));
  if (!lost.empty()) {
    ASSIGN_OR_RETURN(const bool changed, lost_to_blocks(ledger_, inode_, record, lost));
    if (changed) {
      save_inode(context_.txn, inode_, record);
      ASSIGN_OR_RETURN(list, load_content(context_.txn, inode_, record));
    }
  }
  TRY(check_unreachable(record));
  TRY(request_.ahead() ? goes_on(list) : wait_for(list));
  return std::move(reply_);
}

// A reader who only finds out where it has to wait has the store idle while it reads what has come.
Result<void> Restoring::goes_on(const ExtentList& list) {
  const size_t here = list.first_ending_after(request_.offset());
  if (here >= list.pieces().size()) return {};
  TRY(read_ahead(list, here + 1, here + 1));
  const uint64_t later =
      list.pieces()[here].offset + context_.persistence.config.block_bytes / 8;  // the file may be in tiny pieces
  for (size_t i = here + 1; i < list.pieces().size() && i <= here + kMostPieces; ++i) {
    if (list.pieces()[i].offset < later) continue;
    reply_.set_tell_at(list.pieces()[i].offset);
    break;
  }
  return {};
}

Result<void> Restoring::wait_for(const ExtentList& list) {
  ObjectIds seen;
  int looked = 0;
  std::optional<size_t> first;
  size_t i = list.first_ending_after(request_.offset());
  for (; i < list.pieces().size(); ++i) {
    const Piece& piece = list.pieces()[i];
    if (piece.offset >= end()) break;
    if (reply_.waiting() >= kMostBlocks || ++looked > kMostPieces) {
      reply_.set_next_offset(piece.offset);
      break;
    }
    if (std::ranges::find(seen, piece.object) != seen.end()) continue;
    if (seen.size() < kMostBlocks) seen.push_back(piece.object);
    ASSIGN_OR_RETURN(const auto object, load_object(context_.txn, piece.object));
    if (object) TRY(look_at(*object, piece.object));
    if (!first && reply_.waiting() != 0) first = i;
  }
  const bool is_reader = request_.handle() != 0 && first && reply_.next_offset() == 0;
  if (is_reader) TRY(read_ahead(list, *first, i));
  const size_t here = list.first_ending_after(request_.offset());
  if (here + 1 < list.pieces().size()) reply_.set_tell_at(list.pieces()[here].offset + list.pieces()[here].length / 2);
  return {};
}

}  // namespace

Result<v1::RestoreReply> restore(MutationContext& context, const v1::RestoreRequest& request) {
  return Restoring(context, request).run();
}

}  // namespace forebay::master::ops
