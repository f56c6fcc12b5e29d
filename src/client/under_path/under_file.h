// An open object of an under store.
#pragma once

#include <memory>

#include "client/client.h"
#include "client/file_state.h"
#include "client/under_path/under_core.h"

namespace forebay::client {

// Reads one content: that which the key held when it was opened. Its bytes, or ESTALE when they are gone. What the cache holds of
// the same content, as a persisted version, is read there (docs/decisions/0012-paths-below-mounts.md).
//
// The cached file, if it holds exactly this object.
struct CachedContent {
  std::unique_ptr<File> file;        // null: there is none
  std::shared_ptr<FileState> state;  // shared with its open files
  uint64_t changes = 0;              // Content::changes() as long as the content is that of the object
};
std::unique_ptr<File> open_under_file(std::shared_ptr<UnderCore> under, Identity who, UnderNode node, CachedContent cached);

}  // namespace forebay::client
