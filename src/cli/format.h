// Values as commands print and read them.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/status.h"
#include "forebay/v1/common.pb.h"

namespace forebay::cli {

std::string format_mode(v1::FileType type, uint32_t mode);  // "drwxr-xr-t"
std::string format_octal(uint32_t mode);                    // "1777"
std::string format_list_time(int64_t unix_nanos);           // "MM-dd-yyyy HH:mm:ss:SSS", local time
std::string format_iso_time(int64_t unix_nanos);            // "2024-05-01T12:00:00.123Z"
std::string format_utc(int64_t unix_nanos);                 // "2024-05-01 12:00:00", UTC
std::string format_human(uint64_t bytes);                   // "123B", "1.5KB", "64.0MB"
std::string format_rate(uint64_t bytes, double seconds);    // "512 MB/s", decimal megabytes
std::string_view type_name(v1::FileType type);              // "file", "directory", …
std::string errno_name(int error);                          // "ENOENT"

// "755", "u+rwx,go-w", "a=rX" applied to a file's present mode.
Result<uint32_t> apply_mode(std::string_view text, uint32_t mode, bool is_directory);

// Names of users and groups of this host; numbers where there are none. Kept for the process, single-threaded.
std::string user_name(uint32_t uid);
std::string group_name(uint32_t gid);
Result<uint32_t> user_id(const std::string& name_or_number);
Result<uint32_t> group_id(const std::string& name_or_number);

}  // namespace forebay::cli
