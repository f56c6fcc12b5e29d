// Names in an under store.
#pragma once

#include <string>
#include <string_view>

#include "base/status.h"
#include "ufs/capabilities.h"

namespace forebay::ufs {

// Names that begin so are ours in every store: parts of uploads, side files, probes. No key may have such a segment, and no
// listing shows one.
inline constexpr std::string_view kReservedPrefix = ".forebay-";

// A key is a relative path: segments separated by single slashes, none empty, "." or "..", no NUL, valid UTF-8, none reserved.
// What S3 would take and a file system not (and the reverse, by `limits`) is refused here, `rejected`: EINVAL or ENAMETOOLONG,
// with the reason and the key's beginning. `prefix_bytes`: length of the mount's prefix, which counts.
Result<void> check_key(std::string_view key, const Limits& limits, size_t prefix_bytes = 0);

// What names an operation in the store: 1 to 64 letters, digits, '-' and '_'. EINVAL.
Result<void> check_operation(std::string_view operation);

bool is_valid_utf8(std::string_view text);
bool is_reserved(std::string_view key);            // any segment
std::string_view parent_of(std::string_view key);  // "a/b" for "a/b/c", "" for "a"
std::string_view name_of(std::string_view key);    // "c"
std::string quoted(std::string_view key);          // 'key', control bytes as \xNN, cut after 200 bytes: for messages

}  // namespace forebay::ufs
