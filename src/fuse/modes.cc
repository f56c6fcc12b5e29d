#include "fuse/modes.h"

#include <fcntl.h>

namespace forebay::fuse {

DataMode choose_data_mode(const OpenFacts& facts) {
  if (!facts.page_cache) return DataMode::kDirect;
  // An append lands where the file ends at the master. The kernel would file its pages under the end that it knows, which is
  // another place when somebody else appended meanwhile.
  const bool writes = (facts.flags & O_ACCMODE) != O_RDONLY;
  if (writes && (facts.flags & O_APPEND)) return DataMode::kDirect;
  // O_DIRECT stays with the kernel: its own direct path goes around the page cache and keeps it right for the other opens of the
  // file, which the FUSE flag for direct I/O does not do on kernels before 6.6.
  return DataMode::kCached;
}

}  // namespace forebay::fuse
