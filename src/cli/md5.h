// MD5 (RFC 1321), for comparing content with md5sum; not for anything that an adversary may choose.
#pragma once

#include <array>
#include <cstdint>
#include <string>

#include "base/bytes.h"

namespace forebay::cli {

class Md5 {
 public:
  void add(Bytes data);
  std::string finish();  // 32 hexadecimal digits; once

 private:
  void block(const std::byte* data);
  std::array<uint32_t, 4> state_{0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476};
  std::array<std::byte, 64> pending_{};
  uint64_t length_ = 0;  // bytes so far
};

}  // namespace forebay::cli
