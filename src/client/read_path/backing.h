// Files that are one file of this host.
#pragma once

#include <memory>
#include <optional>

#include "client/client.h"

namespace forebay::client {

struct Core;
class FileState;

// The file that holds all bytes of `state`, committed and sealed, and no others, each at its place: of a worker on this host.
// None when there is no such file, or when reads are to be verified, or when it is so short that asking is not worth it.
Task<std::optional<Backing>> find_backing(Core* core, std::shared_ptr<FileState> state);

}  // namespace forebay::client
