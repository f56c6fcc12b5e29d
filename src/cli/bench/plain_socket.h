// The yardstick of streaming.
#pragma once

#include <memory>

#include "cli/endpoint.h"

namespace forebay::cli {

// Directories of this host, whose files are moved through a TCP connection of their own: on the other side a thread writes the
// file, or reads it, 1 MiB at a time, by bare system calls and without a protocol. Files are written, and read, from their
// beginning on. A write is acknowledged by finish().
std::unique_ptr<Endpoint> plain_socket_endpoint();

}  // namespace forebay::cli
