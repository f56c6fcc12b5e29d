// Seam: files. Calls block; callers put the slow ones (sync) on a blocking executor.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "base/status.h"

namespace forebay::os {

// Bytes [begin, end) of a file that are not a hole.
struct StoredRange {
  uint64_t begin = 0, end = 0;
  bool operator==(const StoredRange&) const = default;
};

struct FileStatus {
  uint64_t inode = 0;
  uint64_t size = 0;
  int64_t mtime_ns = 0;
  uint32_t mode = 0;  // permission bits
  uint32_t uid = 0, gid = 0;
  bool is_directory = false, is_regular = false;

  bool operator==(const FileStatus&) const = default;
};

// An open file. Any thread, calls on disjoint ranges may overlap in time. Closed by the destructor (sync first: close reports
// nothing).
class File {
 public:
  virtual ~File() = default;
  virtual Result<size_t> read_at(MutableBytes into, uint64_t offset) = 0;  // short only at end of file
  virtual Result<void> write_at(Bytes data, uint64_t offset) = 0;          // all of it, or an error (some may have been written)
  virtual Result<void> sync_data() = 0;              // fdatasync; after a failure the file is not to be trusted
  virtual Result<void> sync_all() = 0;               // fsync: attributes too
  virtual Result<void> truncate(uint64_t size) = 0;  // to the present size or less: space reserved behind it is returned as well
  virtual Result<void> allocate(uint64_t offset, uint64_t length) = 0;  // reserves space, keeps the size; ENOSPC now, not later
  virtual Result<uint64_t> size() = 0;
  virtual Result<uint64_t> allocated_bytes() = 0;  // st_blocks * 512
  virtual Result<FileStatus> status() = 0;
  // The first stored range that ends behind `from`, its part from there on; nothing when only a hole follows. Fine or coarse, as
  // the file system knows it.
  virtual Result<std::optional<StoredRange>> next_stored(uint64_t from) = 0;
  // Whether anybody, in any process, can write the file: has it open for that, or mapped it through such a descriptor. This one
  // must have been opened for reading only. EOPNOTSUPP where nobody can say.
  virtual Result<bool> has_writers() = 0;
  // The descriptor that can be passed to another process over a Unix socket; stays owned by this file.
  virtual int descriptor() const = 0;
};

enum class OpenMode { kRead, kReadWrite, kCreate /* or open */, kCreateNew /* EEXIST if there */ };

struct DirectoryEntry {
  std::string name;
  bool is_directory;
};

struct StatusChange {
  std::optional<uint32_t> mode;
  std::optional<uint32_t> uid, gid;
  std::optional<int64_t> mtime_ns;
};

struct Space {
  uint64_t total_bytes, free_bytes;
};

// Errors name the path. Paths are absolute or relative to the process.
class FileSystem {
 public:
  virtual ~FileSystem() = default;
  virtual Result<std::unique_ptr<File>> open(const std::string& path, OpenMode mode) = 0;
  // Takes over a descriptor received from another process, closing it at the end.
  virtual Result<std::unique_ptr<File>> adopt(int descriptor) = 0;
  // The file of an open descriptor once more, for reading only. EACCES where this process may not open it.
  virtual Result<std::unique_ptr<File>> reopen(int descriptor) = 0;
  virtual Result<void> make_directories(const std::string& path) = 0;
  virtual Result<void> remove(const std::string& path) = 0;  // a file, or an empty directory
  virtual Result<void> rename(const std::string& from, const std::string& to) = 0;
  virtual Result<void> sync_directory(const std::string& path) = 0;
  // Calls for each entry but . and .., in no order, until it returns false; never holds the whole listing.
  virtual Result<void> list(const std::string& path, const std::function<bool(const DirectoryEntry&)>& each) = 0;
  virtual Result<bool> exists(const std::string& path) = 0;
  virtual Result<FileStatus> status(const std::string& path) = 0;  // of what a symbolic link names
  virtual Result<void> change_status(const std::string& path, const StatusChange& change) = 0;
  // A second name for a file. EEXIST when `to` is there: unlike rename, which replaces it.
  virtual Result<void> link(const std::string& from, const std::string& to) = 0;
  // Extended attributes ("user.…"). ENODATA when there is none, EOPNOTSUPP where the file system keeps none. At most 64 KiB.
  virtual Result<std::string> attribute(const std::string& path, const std::string& name) = 0;
  virtual Result<void> set_attribute(const std::string& path, const std::string& name, std::string_view value) = 0;
  virtual Result<Space> space(const std::string& path) = 0;
  // Exclusive for as long as the returned file lives, across processes; EWOULDBLOCK when another holds it.
  virtual Result<std::unique_ptr<File>> lock(const std::string& path) = 0;

  // Small whole files (identity, pid). write_whole is atomic: temporary name, sync, rename, sync of the directory.
  Result<std::string> read_whole(const std::string& path, uint64_t limit);
  Result<void> write_whole(const std::string& path, Bytes content);
};

FileSystem& real_files();

}  // namespace forebay::os
