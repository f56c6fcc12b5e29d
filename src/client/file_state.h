// What all handles of one inode in this client share.
#pragma once

#include <atomic>
#include <memory>
#include <mutex>
#include <optional>
#include <vector>

#include "async/sync.h"
#include "client/client.h"
#include "client/content.h"
#include "client/read_path/read_ahead.h"
#include "client/read_path/reader.h"
#include "client/read_path/restore_ahead.h"
#include "client/write_path/file_writer.h"
#include "client/write_path/staged_object.h"

namespace forebay::client {

struct Core;

// One open, by this client, of an inode. Shared by its File and, until it is closed, its FileState.
struct OpenHandle {
  HandleId id;
  SessionId session;
  Identity who;
  OpenFlags flags;
  v1::Attr attr;  // as the master gave it at the open
  ReadAhead ahead;
  RestoreAhead restored;
  std::optional<Result<void>> closed;  // by the committing lock
};

// The bytes of one inode as this client reads and writes them. Shared by its files, the table, and its background recovery. Any
// thread. Two locks, taken in this order, order what changes it:
//   committing: commits, truncations, closes; held across calls to the master
//   writing:    where bytes go; held while a write is placed or everything is drained, not across a commit
// Reads take neither. A write that fails leaves the file as it was. When bytes that were accepted cannot be stored or committed,
// the state is broken: writes, fsyncs and closes fail with that error until the file is opened again, and it is never committed.
class FileState : public std::enable_shared_from_this<FileState> {
 public:
  FileState(Core& core, InodeId inode);
  static std::shared_ptr<FileState> make(Core& core, InodeId inode);

  InodeId inode() const { return inode_; }
  bool is_broken() const { return broken_flag_; }

  bool has_handles() const;
  // After the master has opened it. `empty`: it was truncated, and what other handles of this client had written by then is gone,
  // even if a commit of it came in after the truncation.
  Task<void> leave_overtaken(uint64_t layout);
  Task<Result<void>> opened(std::shared_ptr<OpenHandle> handle, v1::OpenReply reply, bool empty);

  // The file is empty, and `handle`, to which the staged object was granted, is all that this client has open of it: from now on
  // its bytes go there, if the worker has it so. `ready`: that object, or null.
  Task<void> stage(std::shared_ptr<OpenHandle> handle, v1::Grant grant, v1::Attr attr, std::shared_ptr<StagedObject> ready);
  // The same, into the file of the sealed object `from`, which is the whole of the file, and which readers have open. Where it is
  // being written already, or was a moment ago, that is all.
  Task<Result<void>> fork(std::shared_ptr<OpenHandle> handle, v1::Attr attr, ObjectId from);
  Task<std::optional<Backing>> backing(std::shared_ptr<OpenHandle> handle);

  Task<Result<size_t>> read(std::shared_ptr<OpenHandle> handle, MutableBytes into, uint64_t offset);
  // Without `offset`, at the end.
  Task<Result<void>> write(std::shared_ptr<OpenHandle> handle, Bytes data, std::optional<uint64_t> offset);
  // Everything written so far is stored and committed. Nothing to do: no round trip.
  Task<Result<void>> commit(v1::Durability durability);
  // Also what was committed before, by whomever and at whatever level, as far as this client has seen.
  Task<Result<void>> fsync(std::shared_ptr<OpenHandle> handle, v1::Durability durability);
  // Size, by handle (or, without one, by the mode bits), and the other changes of one SetAttr; writes before it are committed.
  Task<Result<v1::Attr>> set_attr(Identity who, v1::SetAttrRequest change, std::shared_ptr<OpenHandle> handle);
  // fallocate(2), in one step at the master; writes before it are committed.
  Task<Result<void>> fallocate(std::shared_ptr<OpenHandle> handle, uint64_t offset, uint64_t length, FallocateMode mode);
  Task<Result<void>> close(std::shared_ptr<OpenHandle> handle);
  // Also without waiting for the master, if there is nothing to commit through it.
  Task<Result<void>> release(std::shared_ptr<OpenHandle> handle);
  Task<void> close_all();

  // Until the guard is gone nothing of this inode is committed, truncated or closed from here.
  Task<async::Mutex::Guard> hold_commits() { return committing_.lock(); }
  // With commits held: a compaction was committed; its bytes are synced.
  void compacted(const std::vector<v1::NewExtent>& extents, const v1::CommitReply& reply, ObjectId object,
                 const std::vector<WorkerId>& workers);
  size_t executor() const { return executor_; }
  uint64_t bytes_for_workers(size_t bytes, std::optional<uint64_t> offset) const;  // of a write; without offset, at the end
  uint64_t take_growth();  // what a staged file has grown by, since it was asked last and through others than this client
  // The object with the bytes at `offset`, if it is at workers on other hosts only: fetching them ahead saves time.
  ObjectId far_object(uint64_t offset) const;
  Content& content() { return content_; }
  const FileWriter& writer() const { return writer_; }
  void give_back(v1::Grant grant, HandleId handle) { writer_.give_back(ObjectId{grant.object()}, handle); }
  // The master's attributes with what it does not know yet.
  void merge_into(v1::Attr& attr);

 private:
  struct Commit {
    v1::Durability durability = v1::DURABILITY_UNSPECIFIED;
    const OpenHandle* closing = nullptr;
    bool keep_writing = false;  // the writing lock, after what has to be committed is known
  };

  Task<Result<void>> write_segment(std::shared_ptr<OpenHandle> handle, Bytes data, std::optional<uint64_t> offset);
  // With both locks held. An error has broken the state.
  Task<Result<void>> commit_locked(Commit what, async::Mutex::Guard* writing);
  Task<Result<void>> commit_batch(Commit what, async::Mutex::Guard* writing, bool* more);
  Task<Result<std::vector<v1::SealedObject>>> seal_all(ObjectsOfCommit* plan, bool sync);
  Task<Result<void>> sync_all(ObjectsOfCommit* plan, WriteHandle handle);
  Task<Result<void>> commit_everything(v1::Durability durability);  // with commits held
  // What the master says is committed.
  struct CommittedObjects {
    std::optional<uint64_t> layout;  // none: it changed meanwhile
    struct Object {
      std::vector<WorkerId> workers;
      uint64_t length = 0;  // up to the last byte that is committed
    };
    std::map<ObjectId, Object> objects;
  };
  Task<Result<CommittedObjects>> committed_objects(HandleId handle, Identity who);
  Task<Result<bool>> is_committed(ObjectId object, WriteHandle handle);
  Task<Result<void>> sync_committed(std::shared_ptr<OpenHandle> handle);
  Task<Result<void>> sync_journal();
  void committed_durably(const v1::Attr& attr, bool changed);
  void note_extents(const std::vector<v1::NewExtent>& extents, uint64_t grown);
  void consider_compaction(bool closing);
  Task<Result<void>> close_locked(std::shared_ptr<OpenHandle> handle);
  Task<Result<void>> close_writing(std::shared_ptr<OpenHandle> handle);
  Task<bool> end_later(std::shared_ptr<OpenHandle> handle);
  void forget(std::shared_ptr<OpenHandle> handle, Result<void> closed);

  // file_staged.cc; with commits held, but for those that take `handle` and bytes
  std::shared_ptr<StagedObject> staged() const;
  Task<Result<v1::Grant>> grant_fork(std::shared_ptr<OpenHandle> handle, ObjectId from);
  Task<Result<size_t>> read_staged(std::shared_ptr<StagedObject> staged, MutableBytes into, uint64_t offset);
  Task<Result<void>> write_staged(std::shared_ptr<OpenHandle> handle, Bytes data, std::optional<uint64_t> offset);
  Task<Result<void>> fallocate_staged(std::shared_ptr<OpenHandle> handle, uint64_t offset, uint64_t length, FallocateMode mode);
  Task<Result<v1::Attr>> set_attr_staged(Identity who, v1::SetAttrRequest change, std::shared_ptr<OpenHandle> handle);
  struct StagedCommit {
    v1::Durability durability = v1::DURABILITY_UNSPECIFIED;
    bool syncs = false;
    const v1::SealedObject* sealed = nullptr;
    bool closes = false;  // the handle that the object was granted to
    bool unused = false;  // nobody is to keep the object
  };
  Task<Result<void>> commit_staged(v1::Durability durability);
  Task<Result<void>> send_staged(std::shared_ptr<StagedObject> staged, StagedContent content, StagedCommit what);
  Identity writer_of_staged(const OpenHandle& granted);
  // Whether all of it is done: not, while a mapping can still write the file.
  Task<Result<bool>> close_staged(std::shared_ptr<OpenHandle> handle);
  Task<Result<bool>> finish_staged(std::shared_ptr<StagedObject> staged);
  Task<Result<void>> end_plainly(std::shared_ptr<OpenHandle> handle);
  Task<void> end_staging(bool committed);
  bool is_overtaken(const StagedObject& staged, uint64_t layout) const;
  static Task<void> finish_later(std::shared_ptr<FileState> self);
  std::shared_ptr<OpenHandle> find_handle(HandleId handle) const;  // null: it is closed
  bool has_writers_but(HandleId handle) const;
  bool keeps_one_like(const OpenHandle& handle) const;
  bool is_read() const;
  Task<Result<void>> make_empty(std::shared_ptr<OpenHandle> handle, v1::Attr attr);
  Task<Result<void>> reload(std::shared_ptr<OpenHandle> handle);
  // Without a commit: the master seals the file at its last one.
  static Task<void> end_handle(Core* core, HandleId handle, SessionId session, Identity who);
  static Task<void> recover(std::shared_ptr<FileState> self);
  static bool needs_commit(const v1::SetAttrRequest& change);
  Result<void> check_writable(const OpenHandle& handle);
  Status breaks(Status why);
  bool fsync_level(v1::Durability durability) const;

  Core& core_;
  const InodeId inode_;
  const size_t executor_;
  Content content_;
  FileWriter writer_;
  async::Mutex committing_, writing_;
  bool finishing_ = false;  // by the committing lock: finish_later is at work
  bool unsynced_ = false;   // by the committing lock: something was committed, or changed, from here below the level fsync
  // What is in this layout survives power loss, apart from what `unsynced_` says. Changed by the committing lock.
  static constexpr uint64_t kNoLayout = UINT64_MAX;
  std::atomic<uint64_t> durable_layout_ = kNoLayout;
  // By the committing lock: committed from here since a compaction was asked for.
  uint64_t new_extents_ = 0, overwritten_bytes_ = 0;

  std::atomic<bool> broken_flag_ = false;
  mutable std::mutex mutex_;
  std::optional<Status> broken_;
  std::vector<std::shared_ptr<OpenHandle>> handles_;
  std::shared_ptr<StagedObject> staged_;            // shared with reads
  std::vector<std::shared_ptr<OpenHandle>> ended_;  // of `handles_`: closed, and to be ended when the staged object is
  int64_t written_ns_ = 0;                          // when it was written last, for the next commit; also by the writing lock
  // Of the last commit: attributes that were read before it must not take its time back.
  struct {
    uint64_t layout = 0;
    int64_t mtime_ns = 0;
  } last_commit_;
  Identity writer_who_;  // of those who wrote through here since the last commit, not the superuser if another did
};

// The File that applications hold. Closes in the background when it is only destroyed.
std::unique_ptr<File> make_file(std::shared_ptr<Core> core, std::shared_ptr<FileState> state, std::shared_ptr<OpenHandle> handle);
std::shared_ptr<OpenHandle> handle_of(File* file);  // of a file made here

}  // namespace forebay::client
