#include "fuse/modes.h"

#include <fcntl.h>

namespace forebay::fuse {

namespace {

DataMode through_the_daemon(const OpenFacts& facts) {
  if (!facts.page_cache) return DataMode::kDirect;
  // An append lands where the file ends at the master. The kernel would file its pages under the end that it knows, which is
  // another place when somebody else appended meanwhile.
  const bool writes = (facts.flags & O_ACCMODE) != O_RDONLY;
  if (writes && (facts.flags & O_APPEND)) return DataMode::kDirect;
  // O_DIRECT stays with the kernel: its own direct path goes around the page cache and keeps it right for the other opens of the
  // file, which the FUSE flag for direct I/O does not do on kernels before 6.6.
  return DataMode::kCached;
}

// The medium may not have O_DIRECT, and then the kernel fails the open instead of going another way.
bool may_pass_through(const OpenFacts& facts) { return facts.passthrough && facts.page_cache && !(facts.flags & O_DIRECT); }

}  // namespace

DataMode choose_data_mode(const OpenFacts& facts, const InodeOpens& open) {
  if (open.backed != 0) return facts.backing == open.backing ? DataMode::kPassthrough : DataMode::kBeside;
  // What others write through the daemon is in the file only if that takes writes.
  const bool alone = open.cached == 0 && (open.direct == 0 || facts.backing_takes_writes);
  if (facts.backing && alone && may_pass_through(facts)) return DataMode::kPassthrough;
  return through_the_daemon(facts);
}

// Not of appends: they go to the end of the file as the master knows it, which others move.
bool wants_staging(const OpenFacts& facts) { return may_pass_through(facts) && !(facts.flags & O_APPEND); }

}  // namespace forebay::fuse
