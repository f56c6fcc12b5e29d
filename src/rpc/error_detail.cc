#include "rpc/error_detail.h"

#include <algorithm>
#include <string>

namespace forebay::rpc {
namespace {

constexpr int kMaxErrno = 4095;
constexpr size_t kMaxText = 4096;
constexpr size_t kMaxLeader = 300;  // a host name of 253 bytes and a port

bool is_continuation(char c) { return (static_cast<unsigned char>(c) & 0xc0) == 0x80; }

// Bytes of the well-formed UTF-8 character at the front; 0: none. Overlong forms and surrogates are not.
size_t character_at(std::string_view text) {
  auto byte = [&](size_t i) { return static_cast<unsigned char>(text[i]); };
  if (byte(0) < 0x80) return 1;
  size_t size = byte(0) >= 0xf0 ? 4 : byte(0) >= 0xe0 ? 3 : 2;
  if (byte(0) < 0xc2 || byte(0) > 0xf4 || text.size() < size) return 0;
  if (!std::all_of(text.begin() + 1, text.begin() + static_cast<std::ptrdiff_t>(size), is_continuation)) return 0;
  bool overlong = (byte(0) == 0xe0 && byte(1) < 0xa0) || (byte(0) == 0xf0 && byte(1) < 0x90);
  bool out_of_range = (byte(0) == 0xed && byte(1) > 0x9f) || (byte(0) == 0xf4 && byte(1) > 0x8f);
  return overlong || out_of_range ? 0 : size;
}

// A proto3 string that is not UTF-8 makes the whole message unreadable, and messages quote file names, which are any bytes.
std::string readable(std::string_view text) {
  std::string out;
  for (text = text.substr(0, kMaxText); !text.empty();) {
    size_t size = character_at(text);
    out += size == 0 ? std::string_view("?") : text.substr(0, size);
    text.remove_prefix(std::max<size_t>(size, 1));
  }
  return out;
}

}  // namespace

v1::ErrorDetail to_detail(const Status& status) {
  v1::ErrorDetail detail;
  detail.set_code(static_cast<uint32_t>(status.code()));
  detail.set_error(status.error());
  detail.set_message(readable(status.message()));
  detail.set_leader(readable(status.leader()));
  return detail;
}

Status from_detail(const v1::ErrorDetail& detail) {
  bool named = detail.code() >= static_cast<uint32_t>(Code::kRejected) && detail.code() <= static_cast<uint32_t>(Code::kBroken);
  Code code = named ? static_cast<Code>(detail.code()) : Code::kUnknown;
  int error = detail.error() > 0 && detail.error() <= kMaxErrno ? detail.error() : EIO;
  Status status(code, error, detail.message());
  if (detail.leader().size() > kMaxLeader) return status;
  return std::move(status).with_leader(detail.leader());
}

}  // namespace forebay::rpc
