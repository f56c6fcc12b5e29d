// Seam: where file systems are mounted. File systems in memory are mounted nowhere.
#pragma once

#include <string>

#include "base/status.h"

namespace forebay::os {

// Any thread.
class MountPoints {
 public:
  virtual ~MountPoints() = default;
  // Is `directory` the root of a file system, or of a part of one that is bound there?
  virtual Result<bool> is_mount_point(const std::string& directory) = 0;
};

MountPoints& real_mount_points();

}  // namespace forebay::os
