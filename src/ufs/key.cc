#include "ufs/key.h"

#include <algorithm>
#include <cstdio>

#include "ufs/failure.h"

namespace forebay::ufs {
namespace {

Result<void> check_segment(std::string_view segment, std::string_view key, const Limits& limits) {
  if (segment.empty()) return refused(EINVAL, "key " + quoted(key) + " has an empty segment");
  if (segment == "." || segment == "..")
    return refused(EINVAL, "key " + quoted(key) + " has a segment '" + std::string(segment) + "'");
  if (segment.starts_with(kReservedPrefix)) {
    return refused(EINVAL, "key " + quoted(key) + ": names that begin with '.forebay-' are reserved");
  }
  if (segment.size() > limits.segment_bytes) {
    return refused(ENAMETOOLONG, "key " + quoted(key) + " has a segment of " + std::to_string(segment.size()) +
                                     " bytes, at most " + std::to_string(limits.segment_bytes) + " are possible in this store");
  }
  return {};
}

}  // namespace

Result<void> check_key(std::string_view key, const Limits& limits, size_t prefix_bytes) {
  if (key.empty()) return refused(EINVAL, "an empty key");
  if (key.size() + prefix_bytes > limits.key_bytes) {
    return refused(ENAMETOOLONG, "key " + quoted(key) + " has " + std::to_string(key.size() + prefix_bytes) +
                                     " bytes with the mount's prefix, at most " + std::to_string(limits.key_bytes) +
                                     " are possible in this store");
  }
  if (key.find('\0') != std::string_view::npos) return refused(EINVAL, "key " + quoted(key) + " has a zero byte");
  if (!is_valid_utf8(key)) return refused(EINVAL, "key " + quoted(key) + " is not valid UTF-8");
  for (size_t at = 0; at <= key.size();) {
    size_t end = std::min(key.find('/', at), key.size());
    TRY(check_segment(key.substr(at, end - at), key, limits));
    at = end + 1;
  }
  return {};
}

Result<void> check_operation(std::string_view operation) {
  auto is_plain = [](char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '-' || c == '_';
  };
  if (operation.empty() || operation.size() > 64 || !std::ranges::all_of(operation, is_plain)) {
    return refused(EINVAL, "operation " + quoted(operation) + " is not 1 to 64 letters, digits, '-' and '_'");
  }
  return {};
}

bool is_valid_utf8(std::string_view text) {
  for (size_t i = 0; i < text.size();) {
    const auto lead = static_cast<unsigned char>(text[i]);
    const size_t length = lead < 0x80                   ? 1
                          : lead >= 0xc2 && lead < 0xe0 ? 2
                          : lead >= 0xe0 && lead < 0xf0 ? 3
                          : lead >= 0xf0 && lead < 0xf5 ? 4
                                                        : 0;
    if (length == 0 || length > text.size() - i) return false;
    uint32_t point = length == 1 ? lead : lead & (0x7f >> length);
    for (size_t k = 1; k < length; ++k) {
      const auto next = static_cast<unsigned char>(text[i + k]);
      if ((next & 0xc0) != 0x80) return false;
      point = point << 6 | (next & 0x3f);
    }
    const bool is_overlong = (length == 3 && point < 0x800) || (length == 4 && point < 0x10000);
    const bool is_surrogate = point >= 0xd800 && point < 0xe000;
    if (is_overlong || is_surrogate || point > 0x10ffff) return false;
    i += length;
  }
  return true;
}

bool is_reserved(std::string_view key) {
  if (key.starts_with(kReservedPrefix)) return true;
  for (size_t slash = key.find('/'); slash != std::string_view::npos; slash = key.find('/', slash + 1)) {
    if (key.substr(slash + 1).starts_with(kReservedPrefix)) return true;
  }
  return false;
}

std::string_view parent_of(std::string_view key) {
  const size_t slash = key.rfind('/');
  return slash == std::string_view::npos ? std::string_view{} : key.substr(0, slash);
}

std::string_view name_of(std::string_view key) {
  const size_t slash = key.rfind('/');
  return slash == std::string_view::npos ? key : key.substr(slash + 1);
}

std::string quoted(std::string_view key) {
  std::string text = "'";
  for (unsigned char c : key.substr(0, 200)) {
    if (c < 0x20 || c == 0x7f) {
      char escaped[8];
      std::snprintf(escaped, sizeof escaped, "\\x%02x", c);
      text += escaped;
    } else {
      text += static_cast<char>(c);
    }
  }
  if (key.size() > 200) text += "…";
  return text + "'";
}

}  // namespace forebay::ufs
