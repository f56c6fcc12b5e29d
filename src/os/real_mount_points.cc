#include <fcntl.h>
#include <sys/stat.h>

#include <cerrno>

#include "os/mount_points.h"

namespace forebay::os {
namespace {

class RealMountPoints final : public MountPoints {
 public:
  Result<bool> is_mount_point(const std::string& directory) override {
    struct statx here;
    if (::statx(AT_FDCWD, directory.c_str(), AT_STATX_DONT_SYNC, STATX_BASIC_STATS, &here) < 0)
      return rejected(errno, "look for a mount at '" + directory + "'");
    if (here.stx_attributes_mask & STATX_ATTR_MOUNT_ROOT) return (here.stx_attributes & STATX_ATTR_MOUNT_ROOT) != 0;
    // Before Linux 5.8: what is bound from the same file system does not show.
    struct stat at, above;
    if (::stat(directory.c_str(), &at) < 0 || ::stat((directory + "/..").c_str(), &above) < 0)
      return rejected(errno, "look for a mount at '" + directory + "'");
    return at.st_dev != above.st_dev || at.st_ino == above.st_ino;
  }
};

}  // namespace

MountPoints& real_mount_points() {
  static RealMountPoints mounts;
  return mounts;
}

}  // namespace forebay::os
