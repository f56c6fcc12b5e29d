// How a server's descriptors are shared out, so that connections never take what files need.
#pragma once

#include <cstddef>
#include <cstdint>

namespace forebay::cli {

struct DescriptorShare {
  size_t connections = 0;   // beyond these a peer is refused
  size_t open_objects = 0;  // of a worker; of a master: files of its store
};

// The rest, at most 512, is for logs, the web port, metadata and connections to others.
DescriptorShare share_descriptors(uint64_t limit);

// What this process may have open, after asking for all that it is allowed.
uint64_t raise_descriptor_limit();

}  // namespace forebay::cli
