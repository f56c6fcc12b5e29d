#include "cli/format.h"

#include <cstring>
#include <ctime>

#include "base/units.h"

namespace forebay::cli {
namespace {

std::tm broken_down(int64_t unix_nanos, bool utc, int* millis) {
  int64_t nanos = unix_nanos % 1'000'000'000;
  std::time_t seconds = unix_nanos / 1'000'000'000;
  if (nanos < 0) nanos += 1'000'000'000, --seconds;
  *millis = static_cast<int>(nanos / 1'000'000);
  std::tm parts{};
  if (utc)
    gmtime_r(&seconds, &parts);
  else
    localtime_r(&seconds, &parts);
  return parts;
}

char type_letter(v1::FileType type) {
  switch (type) {
    case v1::FILE_TYPE_DIRECTORY: return 'd';
    case v1::FILE_TYPE_SYMLINK: return 'l';
    case v1::FILE_TYPE_FIFO: return 'p';
    case v1::FILE_TYPE_SOCKET: return 's';
    case v1::FILE_TYPE_CHARACTER: return 'c';
    case v1::FILE_TYPE_BLOCK: return 'b';
    default: return '-';
  }
}

}  // namespace

std::string format_mode(v1::FileType type, uint32_t mode) {
  std::string text(1, type_letter(type));
  for (int shift : {6, 3, 0}) {
    text += (mode >> shift & 4) != 0 ? 'r' : '-';
    text += (mode >> shift & 2) != 0 ? 'w' : '-';
    text += (mode >> shift & 1) != 0 ? 'x' : '-';
  }
  auto special = [&](size_t at, uint32_t bit, char with_x, char without_x) {
    if ((mode & bit) != 0) text[at] = text[at] == 'x' ? with_x : without_x;
  };
  special(3, 04000, 's', 'S');
  special(6, 02000, 's', 'S');
  special(9, 01000, 't', 'T');
  return text;
}

std::string format_octal(uint32_t mode) {
  char text[16];
  std::snprintf(text, sizeof text, "%04o", mode & 07777);
  return text;
}

std::string format_list_time(int64_t unix_nanos) {
  int millis = 0;
  std::tm parts = broken_down(unix_nanos, false, &millis);
  char text[80];
  std::snprintf(text, sizeof text, "%02d-%02d-%04d %02d:%02d:%02d:%03d", parts.tm_mon + 1, parts.tm_mday, parts.tm_year + 1900,
                parts.tm_hour, parts.tm_min, parts.tm_sec, millis);
  return text;
}

std::string format_iso_time(int64_t unix_nanos) {
  int millis = 0;
  std::tm parts = broken_down(unix_nanos, true, &millis);
  char text[80];
  std::snprintf(text, sizeof text, "%04d-%02d-%02dT%02d:%02d:%02d.%03dZ", parts.tm_year + 1900, parts.tm_mon + 1, parts.tm_mday,
                parts.tm_hour, parts.tm_min, parts.tm_sec, millis);
  return text;
}

std::string format_utc(int64_t unix_nanos) {
  int millis = 0;
  std::tm parts = broken_down(unix_nanos, true, &millis);
  char text[80];
  std::snprintf(text, sizeof text, "%04d-%02d-%02d %02d:%02d:%02d", parts.tm_year + 1900, parts.tm_mon + 1, parts.tm_mday,
                parts.tm_hour, parts.tm_min, parts.tm_sec);
  return text;
}

std::string format_human(uint64_t bytes) {
  if (bytes < kKiB) return std::to_string(bytes) + "B";
  static constexpr const char* kUnits[] = {"KB", "MB", "GB", "TB", "PB"};
  double value = static_cast<double>(bytes) / 1024;
  size_t unit = 0;
  while (value >= 1024 && unit + 1 < std::size(kUnits)) value /= 1024, ++unit;
  char text[48];
  std::snprintf(text, sizeof text, "%.2f%s", value, kUnits[unit]);
  return text;
}

std::string format_rate(uint64_t bytes, double seconds) {
  char text[48];
  std::snprintf(text, sizeof text, "%.0f MB/s", seconds > 0 ? static_cast<double>(bytes) / 1e6 / seconds : 0);
  return text;
}

std::string_view type_name(v1::FileType type) {
  switch (type) {
    case v1::FILE_TYPE_REGULAR: return "file";
    case v1::FILE_TYPE_DIRECTORY: return "directory";
    case v1::FILE_TYPE_SYMLINK: return "symlink";
    case v1::FILE_TYPE_FIFO: return "fifo";
    case v1::FILE_TYPE_SOCKET: return "socket";
    case v1::FILE_TYPE_CHARACTER: return "character device";
    case v1::FILE_TYPE_BLOCK: return "block device";
    default: return "unknown";
  }
}

std::string errno_name(int error) {
  const char* name = strerrorname_np(error);
  return name != nullptr ? name : std::to_string(error);
}

}  // namespace forebay::cli
