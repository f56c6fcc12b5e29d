// An object whose file is open.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "base/ids.h"
#include "base/status.h"
#include "os/file.h"
#include "worker/store/block_sums.h"
#include "worker/store/object_file.h"
#include "worker/tiers/tier_path.h"

namespace forebay::worker {

// What the store hands to an object once its file is open.
struct OpenedFile {
  TierPath* path = nullptr;
  std::string directory;           // of the file, for syncing its entry
  std::string name;                // of the file with the header
  std::shared_ptr<os::File> file;  // that holds the data; of a staged object open for reading only
  ObjectHeader header;
  uint64_t charged_bytes = 0;
  std::optional<Seal> seal;
};

// What a caller knows of the bytes that are to be sealed.
struct SealTerms {
  // In which boot of the worker's machine some of them were written that no sync has covered since: in another one they are lost.
  // 0: all of them were synced, or the caller cannot say.
  uint64_t boot = 0;
  std::optional<uint32_t> crc32c;  // they are sealed only if this is their checksum
  // Of a staged object that somebody can still write: its bytes as they are now are put aside and sealed. Otherwise ETXTBSY.
  bool isolate = false;
};

// One object with its file, and everything that happens to its bytes: writes at disjoint or overlapping ranges and reads, all at
// the same time; one seal, which waits for the writes in flight and refuses those that come later; removal, after which readers
// that are at it finish. Shared between the store's bounded cache of open objects and the calls at work on it. Any thread: calls
// block for as long as the I/O they wait for, never for the caller's or another object's progress; no lock is held across I/O.
// After a crash at any step an object is either sealed exactly or unsealed with every byte that was written below the length
// asked for. After a failed sync, or a failed seal that could not be undone, it answers that error for ever. An unsealed object
// of an earlier boot of the machine is cut off: of its bytes only those that a sync covered are known to be there. Those are
// served, and sealed on demand; everything else asked of it is `stale` with ENODATA.
// A staged object is written by others, through descriptors of the file that holds its bytes alone, and grows without asking.
// This has that file open for reading only, so that it can tell whether anybody is left who can write it.
class Object {
 public:
  Object(ObjectId id, uint64_t boot) : id_(id), boot_(boot) {}
  Object(const Object&) = delete;
  Object& operator=(const Object&) = delete;

  ObjectId id() const { return id_; }

  // Between construction and these two only wait_until_open() is allowed, to anybody but the thread that opens.
  void opened(OpenedFile file);
  void open_failed(Status why);
  Result<void> wait_until_open();  // the error it could not be opened for

  // ENOENT as `elsewhere`: removed. `stale`: sealed, or being sealed. The file's own errors come as they are.
  // `crc32c` of the data, if the caller has it: what a seal then need not read again.
  Result<void> write(Bytes data, uint64_t offset, std::optional<uint32_t> crc32c = {});
  // Reserves space for `data_bytes` in all, asking for `step` more when the path has it, so that small appends do not each
  // reserve. The charge of the object afterwards.
  Result<uint64_t> reserve(uint64_t data_bytes, uint64_t step);

  // Bytes read; short at the object's end. Of a sealed object verified: a block that is read whole always, a part of a block by
  // reading all of it once, after which parts of it are read as they are until the object's file is closed. `corrupt`: they do
  // not match.
  Result<size_t> read(MutableBytes into, uint64_t offset);
  // Unsealed (just written), or verified before: probably in the page cache.
  bool is_warm(uint64_t offset, uint64_t length) const;
  // Reads and verifies one block of a sealed object, whatever was verified before.
  Result<void> verify_block(uint64_t block);

  // Cuts at `length`, and leaves the object charged with exactly what it takes. Idempotent for the same length; `stale` for
  // another one. ENODATA as `elsewhere`: the file holds less than `length`; as `stale`: the machine has lost power since, and
  // with it bytes that were not synced. `corrupt`: the checksum is not the expected one.
  Result<Seal> seal(uint64_t length, bool sync, SealTerms terms, os::FileSystem& files);
  // Everything written so far survives a power cut. The caller vouches that nothing below `length` is still to be written: so
  // much is known to be there even after one. `boot` as in SealTerms.
  Result<void> sync(uint64_t length, uint64_t boot, os::FileSystem& files);
  // Waits for a seal or reservation at work; later calls answer ENOENT. False: somebody else is removing it.
  bool begin_removal();

  bool is_sealed() const;
  bool is_unusable() const;
  bool is_cut_off() const { return cut_off_; }
  Result<uint64_t> length();  // of an unsealed object from its file: a client may write through a descriptor
  std::optional<Seal> seal_if_sealed() const;
  Result<std::shared_ptr<os::File>> file_for_writing(os::FileSystem& files);  // `stale` once sealed
  // Of a staged object that is being written: charges what it takes by now, and returns that.
  Result<uint64_t> account();
  bool is_staged() const { return staged_; }
  // Of a sealed staged object: its bytes go on in a copy, which takes the name of its file when `ready` has been done. One at a
  // time.
  Result<void> move_to_copy(std::function<Result<void>()> ready, os::FileSystem& files);
  std::string data_name() const;  // of the file that holds the data
  TierPath& path() const { return *path_; }
  uint64_t charged_bytes() const;

 private:
  enum class State : uint8_t { kOpening, kNotOpened, kWriting, kSealing, kSealed, kUnusable, kRemoved };

  Result<void> check_writable() const;  // with mutex_ held
  Error lost() const;
  Result<size_t> read_unsealed(MutableBytes into, uint64_t offset, uint64_t end);
  Result<size_t> read_sealed(MutableBytes into, uint64_t offset);
  Result<void> read_block_part(uint64_t block, MutableBytes into, uint64_t offset);
  Result<void> verify(uint64_t block, MutableBytes into, uint64_t offset);
  Result<void> read_exactly(MutableBytes into, uint64_t offset);
  Result<void> check_terms(uint64_t length, const SealTerms& terms) const;  // with mutex_ held
  Result<Seal> write_seal(uint64_t length, bool sync, SealTerms terms, os::FileSystem& files);
  Result<Seal> compute_seal(uint64_t length);
  std::optional<uint32_t> known_sum(uint64_t block, uint64_t bytes) const;
  void undo_seal(uint64_t length);
  Result<void> sync_file(os::FileSystem& files, bool is_final /* sealed, footer included: nothing comes after */);
  Result<void> sync_files(os::FileSystem& files, bool sync_directory);
  Result<void> write_footer(const Seal& seal, os::FileSystem& files);
  // object_staged.cc
  Result<void> end_writing(uint64_t length, const SealTerms& terms, os::FileSystem& files);
  Result<void> isolate(uint64_t length, os::FileSystem& files);
  Result<void> copy_data(os::File& from, uint64_t length, const std::string& to, os::FileSystem& files);
  Result<void> check_no_writers();
  Result<void> write_beside(Bytes bytes, uint64_t offset, bool is_end, os::FileSystem& files);
  Result<uint64_t> staged_charge(uint64_t beside /* bytes of the file with the header */);
  std::shared_ptr<os::File> file() const;
  Result<void> verify_all();  // of a sealed object
  uint64_t synced_bytes() const;
  Result<void> sync_unsealed(uint64_t length, os::FileSystem& files);
  void become_unusable(const Status& why);
  void settle_charge(uint64_t needed);  // with mutex_ held

  const ObjectId id_;
  const uint64_t boot_;  // of the machine, now
  // Set by opened(), constant afterwards:
  TierPath* path_ = nullptr;
  std::string directory_, name_;
  bool staged_ = false;
  bool cut_off_ = false;  // unsealed, of an earlier boot

  mutable std::mutex mutex_;
  std::condition_variable changed_;  // of everything below; a waiter waits for other threads' I/O, never for their callers
  // Under mutex_:
  std::shared_ptr<os::File> file_;  // of the data: shared with replies that carry its descriptor, and with reads
  State state_ = State::kOpening;
  std::optional<Status> failure_;  // of opening, or why it is unusable
  int writes_ = 0;                 // in flight
  BlockSums sums_;                 // until it is sealed
  bool reserving_ = false, syncing_ = false;
  ObjectHeader header_;  // as on the disk, synced
  uint64_t charged_bytes_ = 0;
  uint64_t sealing_length_ = 0;
  uint64_t turns_ = 0;  // counts changes of state: a read that spans one is done again
  bool synced_ = false, directory_synced_ = false;
  bool found_sealed_ = false;   // on the disk, not sealed by this object: nobody knows what became of the bytes since
  std::vector<bool> verified_;  // blocks
  Seal seal_;                   // constant once kSealed
};

// Data bytes that a reservation of `charged` bytes holds, header and footer set aside; and the charge for so many data bytes.
uint64_t data_bytes_of_charge(uint64_t charged_bytes);
uint64_t charge_for(uint64_t data_bytes);

}  // namespace forebay::worker
