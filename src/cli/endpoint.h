// A tree of files that commands copy from, copy to and measure: a directory of this host, or the cluster's namespace.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "base/status.h"
#include "base/units.h"
#include "cli/shell.h"
#include "forebay/v1/common.pb.h"

namespace forebay::cli {

struct Node {
  v1::FileType type = v1::FILE_TYPE_UNSPECIFIED;
  uint32_t mode = 0, uid = 0, gid = 0;
  uint64_t size = 0;
  int64_t atime_ns = 0, mtime_ns = 0;
  std::string target;              // of a symbolic link
  uint64_t device = 0, inode = 0;  // together they tell it from everything else of its endpoint, whatever path leads to it

  bool is_same_as(const Node& other) const { return device == other.device && inode == other.inode; }
};

// An open file. One thread at a time. finish() makes writes durable as close(2) does and reports what close reports; without it
// the file is closed and errors are dropped.
class OpenedFile {
 public:
  virtual ~OpenedFile() = default;
  virtual Result<size_t> read_at(MutableBytes into, uint64_t offset) = 0;  // short only at the end
  virtual Result<void> write_at(Bytes data, uint64_t offset) = 0;
  virtual Result<void> finish() = 0;
};

enum class Existing : uint8_t { kRefuse, kTruncate };

// A short file with all that is in it.
struct WholeFile {
  std::string path;
  uint32_t mode = 0;
  Existing existing = Existing::kRefuse;
  Bytes content;
};

// Any thread. Errors name the path. Symbolic links at a path's end are not followed, but for open().
class Endpoint {
 public:
  virtual ~Endpoint() = default;
  virtual Result<std::optional<Node>> look(const std::string& path, bool follow) = 0;
  virtual Result<void> list(const std::string& path,
                            const std::function<Result<void>(const std::string& name, const Node&)>& each) = 0;
  virtual Result<void> make_directory(const std::string& path, uint32_t mode) = 0;  // EEXIST
  virtual Result<void> make_link(const std::string& path, const std::string& target) = 0;
  virtual Result<std::unique_ptr<OpenedFile>> open(const std::string& path) = 0;
  virtual Result<std::unique_ptr<OpenedFile>> create(const std::string& path, uint32_t mode, Existing existing) = 0;
  // The outcome of each; of one that could not be put nothing is left. In as few steps as the endpoint can do it.
  virtual std::vector<Result<void>> put(const std::vector<WholeFile>& files);
  virtual Result<void> remove(const std::string& path) = 0;            // a file or link
  virtual Result<void> remove_directory(const std::string& path) = 0;  // an empty one
  virtual Result<void> rename(const std::string& from, const std::string& to) = 0;
  virtual Result<void> set_attributes(const std::string& path, const Node& node) = 0;  // mode, times; owner where permitted
  // Between two acknowledgements of what was written so far, while there was more; nothing where nothing is acknowledged.
  virtual std::optional<Duration> longest_gap() { return std::nullopt; }
};

std::unique_ptr<Endpoint> local_endpoint();
Result<std::unique_ptr<Endpoint>> cluster_endpoint(Shell& shell);  // connects; the shell outlives it

}  // namespace forebay::cli
