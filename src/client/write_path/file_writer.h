// The writing side of one file: objects, one after the other, and the extents that say what is in them.
#pragma once

#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <vector>

#include "async/sync.h"
#include "client/client.h"
#include "client/content.h"
#include "client/routing.h"
#include "client/write_path/inline_content.h"
#include "client/write_path/object_grants.h"
#include "client/write_path/object_writer.h"

namespace forebay::client {

// What a commit has to say about objects, beside the extents.
struct ObjectsOfCommit {
  std::vector<std::shared_ptr<ObjectWriter>> written;  // holding bytes that power loss may still take
  size_t committed_before = 0;                         // so many of `written`, the first, are sealed and committed already
  std::vector<std::shared_ptr<ObjectWriter>> to_seal;  // complete
  std::vector<ObjectId> unused;
};

// Log-structured: each run of bytes goes to the end of the current object, whatever its place in the file; content says where it
// went. An object that is full is followed by another, got ready before. One that fails is left at its acknowledged length: what
// was not acknowledged is written again elsewhere, and its extents follow. Owned by a FileState. Calls are ordered by the file's
// writing lock, except those marked (any). While all of the file is short enough to be inline, its bytes wait for the commit;
// when it grows, they begin its first object. Limits: one object being filled; the client's buffer budget.
class FileWriter {
 public:
  FileWriter(Core& core, Content& content, InodeId inode, size_t executor);

  // Called from any thread when an object fails; set before the first write.
  void on_failure(std::function<void()> failed) { grants_.on_failure(std::move(failed)); }

  // As ObjectGrants says. (any)
  void add_handle(WriteHandle handle, const google::protobuf::RepeatedPtrField<v1::Grant>& grants) {
    grants_.add_handle(std::move(handle), grants);
  }
  void give_back(ObjectId object, HandleId handle) { grants_.give_back(object, handle); }
  void remove_handle(HandleId handle) { grants_.remove_handle(handle); }
  std::optional<WriteHandle> primary() const { return grants_.primary(); }

  // All of it, or an error and nothing of it is part of the file. Without `offset`, at the end. `memory`: of the buffer budget,
  // write_memory(data.size()).
  Task<Result<void>> write(Bytes data, std::optional<uint64_t> offset, BudgetShare* memory);
  // What a write of so many bytes may take for them, what waits inline, and room behind them; most of it comes back at once.
  uint64_t write_memory(uint64_t bytes) const;
  // Writes again elsewhere what failed objects have not acknowledged. An error says that some bytes have nowhere to go.
  Task<Result<void>> recover();
  // Gives up what failed objects have not acknowledged: the file is broken, its memory is wanted.
  void forget_unacknowledged();
  // Every accepted byte is on its workers. Errors as recover(), or that a restart of a worker's machine has taken some of them.
  Task<Result<void>> drain();
  // Drained before. What a commit through `handle` says about objects; with `closing`, all that were granted to it are complete.
  Task<ObjectsOfCommit> plan_commit(HandleId handle, bool closing);
  // The content that this commit carries, for the extents that name a provisional object; null: none. `last`: all of it.
  std::shared_ptr<const std::string> begin_inline_commit(bool last) { return inline_.begin_commit(last); }
  void inline_committed() { inline_.committed(); }
  void discard_inline() { inline_.discard(); }
  // The master has answered; `synced`: power loss takes nothing of it any more. (any)
  void committed(const ObjectsOfCommit& objects, const std::vector<ObjectId>& sealed, std::optional<HandleId> closed,
                 bool synced);

  size_t retired_objects() const;              // (any)
  bool has_objects_of(HandleId handle) const;  // (any) granted to it and not yet sealed or given back
  // (any) Copies the bytes that are still here and returns the gaps, as parts of `into`: those are at the object's workers,
  // unless Content::moves() has changed since the extent was found.
  std::vector<MutableBytes> copy_buffered(ObjectId object, uint64_t offset, MutableBytes into) const;

 private:
  bool fits_inline(size_t more, std::optional<uint64_t> offset) const;
  Result<void> write_inline(Bytes data, std::optional<uint64_t> offset, BudgetShare* memory);
  Task<Result<void>> spill_inline(BudgetShare* memory);
  Task<Result<void>> place(Bytes data, uint64_t offset, BudgetShare* memory);
  Task<Result<bool>> overwrite(Bytes data, uint64_t offset);
  Task<Result<size_t>> make_room(size_t wanted, Trying* trying);
  Task<bool> may_try_again(const ObjectWriter& failed);
  Task<Result<void>> move_unacknowledged(std::shared_ptr<ObjectWriter> from, Trying* trying);
  void begin_object(Granted granted);
  void retire_current();
  void leave_current(const Status& why);
  std::vector<std::shared_ptr<ObjectWriter>> objects() const;

  Core& core_;
  Content& content_;
  const InodeId inode_;
  const size_t executor_;
  ObjectGrants grants_;
  InlineContent inline_;
  std::vector<Extent> placing_;       // of the write under way, not yet part of the content
  std::optional<Trying> recovering_;  // since the first failure after which nothing was acknowledged

  mutable std::mutex mutex_;  // for (any)
  std::shared_ptr<ObjectWriter> current_;
  std::vector<std::shared_ptr<ObjectWriter>>
      retired_;  // not in a finished commit as sealed; commits are forced before they are many
  std::vector<std::shared_ptr<ObjectWriter>> unsynced_;  // sealed, committed, but not synced: for an fsync that asks for more
};

}  // namespace forebay::client
