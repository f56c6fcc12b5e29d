// All objects of one worker.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "async/task.h"
#include "base/bytes.h"
#include "base/ids.h"
#include "base/status.h"
#include "obs/log.h"
#include "os/env.h"
#include "worker/store/identity.h"
#include "worker/store/object.h"
#include "worker/store/object_table.h"
#include "worker/store/open_objects.h"
#include "worker/store/recent_ids.h"
#include "worker/store/store_start.h"
#include "worker/tiers/tier_set.h"
#include "worker/worker_events.h"

namespace forebay::worker {

struct ObjectStat {
  ObjectId object;
  uint64_t length = 0;
  bool sealed = false;
  uint32_t crc32c = 0;  // of a sealed one
  std::string tier;     // filled by stat()
};

// What a call may create, if it is not there.
struct Creation {
  // NOLINTNEXTLINE(google-explicit-constructor): a number of bytes is what most callers have to say
  Creation(uint64_t reserved_bytes, uint64_t hold = 0, bool as_staged = false)
      : bytes(reserved_bytes), from_hold(hold), staged(as_staged) {}
  uint64_t bytes;      // reserved for the object; 0: nothing is created
  uint64_t from_hold;  // the client's hold that has the space; 0: none
  bool staged;         // as a staged object: there has to be room for `bytes`, none of which is reserved
};

struct OpenedObject {
  std::shared_ptr<os::File> file;  // for reading only, unless it was asked for writing
  uint64_t length = 0;
  uint64_t data_offset = 0;  // of its bytes in that file
  bool sealed = false;
};

// Objects in tiers. Owned by the worker; Env, log and events outlive it. Any thread. Calls block for their I/O (put those on a
// blocking executor that may wait for a disk); no lock is held across I/O, and no call waits for another caller's progress.
// Success means: written bytes are in the medium's page cache and read back by everybody; a seal is final. After a crash every
// sealed object is found exactly as it was sealed, every unsealed one with its bytes. Errors: `elsewhere` with ENOENT (no such
// object), ENOSPC (no room; below the reservation never) or EIO (the disk failed); `stale` (sealed; with ENODATA: a restart of
// the machine has taken what was not synced, see Object); `corrupt` (this copy is damaged, and is reported by damaged()); `busy`
// (out of descriptors). A path whose disk fails takes nothing new; the rest goes on. Limits: StoreConfig.
class ObjectStore {
 public:
  // Locks the directories, checks whose they are, finds what is in them. `invalid`: in use by another worker, another cluster's,
  // not usable; the message names the directory and what to do.
  static Task<Result<std::unique_ptr<ObjectStore>>> open(os::Env& env, StoreConfig config, obs::Log& log, WorkerEvents& events);

  // Absent until the first registration; until then nothing can be created (`busy`).
  std::optional<Identity> identity() const;
  Result<void> adopt_identity(const Identity& identity);  // on every path, durably; again: `invalid` unless equal

  // The length of the object afterwards.
  Result<uint64_t> write(ObjectId object, Bytes data, uint64_t offset, Creation creation, std::optional<uint32_t> crc32c = {});
  Result<size_t> read(ObjectId object, MutableBytes into, uint64_t offset);
  Result<Seal> seal(ObjectId object, uint64_t length, bool sync, SealTerms terms = {});
  Result<void> sync(ObjectId object, uint64_t length, uint64_t boot = 0);  // see Object
  // In which boot of this machine what is written now is written.
  uint64_t boot() const { return boot_; }
  // Of every object that is not sealed, so that an orderly restart of the machine takes nothing. No call is at work meanwhile.
  void sync_unsealed();
  Result<void> reserve(ObjectId object, uint64_t data_bytes);
  // Bytes in the client's hold afterwards; see HeldSpace.
  Result<uint64_t> hold(uint64_t hold, uint64_t bytes, uint64_t had);
  Duration hold_lease() const { return held_.lease(); }
  // `staged`: if it is created, as a staged object, with room for `create_bytes` at least, none of which is reserved. EOPNOTSUPP
  // as `elsewhere`: the medium cannot have those.
  Result<OpenedObject> open_object(ObjectId object, bool for_writing, uint64_t create_bytes, bool staged = false);
  // `from`, sealed and staged, goes on in a copy of its file; the file itself, which others may have open, becomes that of a new
  // staged object `id`, opened for writing. Again: the same. For a crash at any step `from` has its bytes.
  Result<OpenedObject> fork_object(ObjectId id, ObjectId from);
  Result<ObjectStat> stat(ObjectId object);
  // Success also when it is not there. Readers at work finish. The id is remembered for a while: a late write cannot bring the
  // object back (`stale`).
  Result<void> remove(ObjectId object);
  // It is being restored: it may be written again at once, as if it had never been removed.
  void readmit(ObjectId object);

  // Whether calls on this object can wait for a disk; a new one is judged by the first tier.
  bool may_block(ObjectId object) const;
  // Whether the bytes were written or read through this store lately, so that reading them waits for no disk, most likely.
  bool is_warm(ObjectId object, uint64_t offset, uint64_t length) const;

  // Up to `most` objects from the first id not below `from`, ascending; damaged ones are left out.
  struct InventoryPage {
    std::vector<ObjectStat> objects;
    std::optional<ObjectId> next;  // absent: this was the last page
  };
  Result<InventoryPage> inventory(ObjectId from, size_t most);

  // Copies found bad or gone and not yet acknowledged, ascending.
  std::vector<ObjectId> damaged(size_t most) const;
  void note_damaged(ObjectId object, const Status& why);
  void forget_damaged(const std::vector<ObjectId>& acknowledged);

  // For the scrubber: the first sealed object after `after`, and one of its MiB. False: it has no such block.
  std::optional<ObjectId> next_sealed(ObjectId after) const;
  Result<bool> verify_block(ObjectId object, uint64_t block);

  // By so much staged objects were seen to grow since the start.
  uint64_t grown_bytes() const { return grown_bytes_; }
  // Writes what restarts want to know, asks the media for their free space, tells the events. One task at a time.
  void housekeeping();
  std::vector<TierUsage> usage() const { return tiers_->usage(); }
  size_t object_count() const;

 private:
  ObjectStore(os::Env& env, StoreConfig config, obs::Log& log, WorkerEvents& events, std::unique_ptr<TierSet> tiers,
              StartedStore started);

  using Pointer = OpenObjects::Pointer;
  Result<Pointer> acquire(ObjectId object, Creation creation);
  Result<void> open_into(Object& object, std::optional<ObjectEntry> entry, Creation creation);
  Result<OpenedFile> load(ObjectId object, const ObjectEntry& entry);
  Result<OpenedFile> create(ObjectId object, Creation creation);
  std::optional<OpenedFile> create_from_hold(const ObjectHeader& header, uint64_t charge, uint64_t hold);
  Result<std::shared_ptr<os::File>> create_file(TierPath& path, const ObjectHeader& header, uint64_t charge);
  // object_store_staged.cc
  Result<std::shared_ptr<os::File>> create_staged(TierPath& path, const ObjectHeader& header);
  void account_staged();
  Result<void> begin_fork(ObjectId id, Object& from);
  Result<void> reserve_for(Object& object, uint64_t data_bytes, uint64_t step);
  Result<void> remove_file(Object& object, bool was_open);
  void mark_unreadable(ObjectId object);
  void rewrite_index(size_t path_index);
  void refresh_space(TierPath& path);

  // What a file's error means to the caller, and for the path: the one place where that is decided.
  Status judge(Status error, ObjectId object, TierPath& path, bool was_writing);
  Status judge(Status error, const Object& object, bool was_writing);
  void fail_path(TierPath& path, const Status& why);

  os::FileSystem& files_;
  const uint64_t boot_;
  const StoreConfig config_;
  obs::Log& log_;
  WorkerEvents& events_;
  const std::unique_ptr<TierSet> tiers_;
  HeldSpace held_;
  const std::vector<std::unique_ptr<os::File>> locks_;    // of the paths, for as long as the store lives
  const std::vector<std::unique_ptr<IndexLog>> indexes_;  // of the paths, in their order

  mutable std::mutex mutex_;
  // Under mutex_:
  std::optional<Identity> identity_;
  ObjectTable table_;
  OpenObjects open_;
  RecentIds removed_;
  std::set<ObjectId> damaged_;
  std::set<ObjectId> growing_;  // staged objects that are not sealed

  std::atomic<uint64_t> grown_bytes_ = 0;
};

}  // namespace forebay::worker
