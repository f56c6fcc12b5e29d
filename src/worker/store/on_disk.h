// What the formats of the store's files have in common (docs/formats/).
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <span>

#include "base/bytes.h"
#include "base/crc32c.h"

namespace forebay::worker {

static_assert(std::endian::native == std::endian::little, "structures are stored as they are in memory");

template <class OnDisk>
Bytes bytes_of(const OnDisk& value) {
  return std::as_bytes(std::span(&value, 1));
}

// Of all that precedes the member `crc32c`.
template <class OnDisk>
uint32_t own_crc(const OnDisk& value) {
  return crc32c(bytes_of(value).first(offsetof(OnDisk, crc32c)));
}

}  // namespace forebay::worker
