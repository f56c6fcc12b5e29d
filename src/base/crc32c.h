// CRC-32C (Castagnoli), the checksum of every sealed byte, frame and header.
#pragma once

#include <cstdint>

#include "base/bytes.h"

namespace forebay {

// Of `data`, continuing from `crc`, the checksum of what came before it (0 for nothing): crc32c(b, crc32c(a)) == crc32c(ab).
uint32_t crc32c(Bytes data, uint32_t crc = 0);

// Of the concatenation ab, from the checksums of a and b and the length of b in bytes. O(log length).
uint32_t crc32c_combine(uint32_t crc_a, uint32_t crc_b, uint64_t length_b);

}  // namespace forebay
