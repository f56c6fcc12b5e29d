// Seam: paths on which no symbolic link is followed. File systems in memory have none and need no such thing.
#pragma once

#include <memory>
#include <string>

#include "base/status.h"
#include "os/file.h"

namespace forebay::os {

// `below` is a relative path without '..'. A link anywhere on it, at its end too, is ENOENT: whoever may write into the tree
// cannot lead a reader out of it, not even between two calls. Any thread.
class Links {
 public:
  virtual ~Links() = default;
  virtual Result<FileStatus> status(const std::string& root, const std::string& below) = 0;
  // For reading, as a file of `files`.
  virtual Result<std::unique_ptr<File>> open(FileSystem& files, const std::string& root, const std::string& below) = 0;
};

Links& real_links();

}  // namespace forebay::os
