// Whose a worker's directory is: the file `identity` at the top of every tier path.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/ids.h"
#include "base/status.h"
#include "os/file.h"

namespace forebay::worker {

// Given by the master at the first registration, and never changed afterwards.
struct Identity {
  std::string cluster;
  WorkerId worker;

  bool operator==(const Identity&) const = default;
};

inline constexpr std::string_view kIdentityFile = "identity";

// Text of three lines and a checksum, for people as well (docs/formats/object.md).
std::string encode_identity(const Identity& identity);
Result<Identity> decode_identity(std::string_view text);

// Absent: a directory that has never belonged to a worker. A damaged file is `invalid`, naming it and what to do: guessing an
// identity could mix two clusters' bytes.
Result<std::optional<Identity>> read_identity(os::FileSystem& files, const std::string& directory);
// Atomic and durable.
Result<void> write_identity(os::FileSystem& files, const std::string& directory, const Identity& identity);

struct DirectoryIdentity {
  std::string directory;
  std::optional<Identity> identity;
};
// The one identity that the directories share; absent when none has any. `invalid`, naming a directory and both owners, when
// they differ, or when an operator expects another cluster than they belong to.
Result<std::optional<Identity>> common_identity(const std::vector<DirectoryIdentity>& directories,
                                                const std::string& expected_cluster /* empty: any */);

// A cluster id fits an object's header and the identity file.
Result<void> check_cluster_name(std::string_view cluster);

}  // namespace forebay::worker
