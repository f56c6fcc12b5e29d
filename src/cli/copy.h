// Copying trees between this host and the namespace, and within the namespace.
#pragma once

#include <string>
#include <vector>

#include "cli/endpoint.h"

namespace forebay::cli {

struct CopyOptions {
  bool recursive = false;
  bool force = false;     // overwrite files that exist
  bool preserve = false;  // mode, times, and, for the superuser, owner
  int threads = 4;        // files copied at once; memory: 1 MiB each
};

struct Copied {
  uint64_t files = 0, directories = 0, links = 0, bytes = 0;
  double seconds = 0;
};

// One source to `to`, or into it if it is a directory; several sources into a directory. A source that is a symbolic link is what
// the link leads to; links below a source are copied as links. Nothing is copied onto or into itself, whatever path leads there;
// sources that are neither file, directory nor link are failures. What fails is told to `shell` and does not end the rest. A file
// that could not be copied whole is removed again.
Result<Copied> copy(Shell& shell, Endpoint& source, const std::vector<std::string>& from, Endpoint& target, const std::string& to,
                    const CopyOptions& options);

}  // namespace forebay::cli
