// A list of the sealed objects of one tier path, so that a restart need not open each file.
#pragma once

#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "base/ids.h"
#include "base/status.h"
#include "os/file.h"

namespace forebay::worker {

// What a restart wants to know of a sealed object without opening it.
struct IndexRecord {
  ObjectId object;
  uint64_t length = 0;
  uint32_t crc32c = 0;
  uint64_t staged_charge = 0;  // of a staged object: what it is charged with, which its length does not say; else 0

  bool operator==(const IndexRecord&) const = default;
};

inline constexpr size_t kIndexHeaderBytes = 64, kIndexRecordBytes = 32;

std::string encode_index_header(std::string_view boot);
bool index_header_matches(Bytes header, std::string_view boot);  // written under this boot, undamaged
std::string encode_index_record(const IndexRecord& record);
// False: torn or damaged.
bool decode_index_record(Bytes bytes, IndexRecord& record);

// The file `index` of one tier path; owned by the store, which outlives nothing of it. A hint, never the truth: a record counts
// only if the directory lists the object, its file's own seal is checked at first use, and an object without a record is opened
// at start. So records may be late, lost or stale without harm, and nothing here is ever synced. It counts only while the
// machine that wrote it has not been restarted (`boot`): a power cut may have kept the record and lost the bytes.
// add() from any thread; the rest is called by one task at a time (start, then the store's housekeeping). Limits: kMaxPending
// records wait for a flush, more are dropped; wants_rewrite() bounds the file by twice the live records and a megabyte.
class IndexLog {
 public:
  static constexpr size_t kMaxPending = 1 << 16;

  IndexLog(os::FileSystem& files, std::string directory, std::string boot);

  // Every usable record, in the order written; empty when there is none of this boot.
  Result<std::vector<IndexRecord>> load();
  // Starts the file anew with exactly these. Before any flush.
  Result<void> rewrite(const std::vector<IndexRecord>& live);
  void add(const IndexRecord& record);  // in memory; flush() writes it
  Result<void> flush();
  // More than half of the file, and more than a megabyte of it, describes objects that are gone.
  bool wants_rewrite(size_t live_records) const;

 private:
  std::string path() const { return directory_ + "/index"; }

  os::FileSystem& files_;
  const std::string directory_, boot_;
  // Of the one task that flushes:
  std::unique_ptr<os::File> file_;
  uint64_t end_ = 0;  // bytes written
  size_t records_in_file_ = 0;

  std::mutex mutex_;
  std::vector<IndexRecord> pending_;  // under mutex_
};

}  // namespace forebay::worker
