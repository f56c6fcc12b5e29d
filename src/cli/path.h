// Paths in the namespace as users type them.
#pragma once

#include <string>
#include <string_view>
#include <utility>

#include "base/status.h"

namespace forebay::cli {

// Absolute, without empty and "." components and without a '/' at the end (but "/" itself). ".." stays: what it means depends on
// symbolic links, and the master knows. A scheme ("alluxio://host:19998/a", "forebay:///a") is dropped. Refused: other schemes,
// paths beyond 4,096 bytes, names beyond 255, zero bytes.
Result<std::string> normalize_path(std::string_view text);

// "file:///tmp/x" is the path /tmp/x of this host: drops the scheme. False: there is none.
bool take_local_scheme(std::string& path);

std::string join_path(std::string_view directory, std::string_view name);

// "/a/b" → ("/a", "b"); "/" → ("/", "").
std::pair<std::string, std::string> split_path(std::string_view normal);

// Shell patterns within one name: '*', '?', '[…]'.
bool has_pattern(std::string_view name);
bool matches_pattern(const std::string& pattern, const std::string& name);

}  // namespace forebay::cli
