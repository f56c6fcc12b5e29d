// Layout of an object's file, as pure functions between bytes and values. The page is docs/formats/object.md.
//
//   [0, 4096)                header: whose file this is
//   [4096, 4096 + length)    data, page-aligned
//   then, once sealed        one crc32c per MiB of data, and a trailer of 64 bytes that ends the file
//
// Of a staged object the data, and nothing else, is in a file of its own beside this one (`….data`): a place in the file that an
// application writes is the same place there.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "base/ids.h"
#include "base/status.h"
#include "base/units.h"

namespace forebay::worker {

inline constexpr uint32_t kObjectFormat = 2;  // of headers written now; those of format 1 are read
inline constexpr uint32_t kStagedFormat = 3;  // of those of staged objects
inline constexpr uint32_t kSealFormat = 1;
inline constexpr uint64_t kDataOffset = 4096;  // of the data in the file: a page, so that mapped and direct reads fit
inline constexpr uint64_t kBlockBytes = kMiB;  // covered by one checksum
inline constexpr size_t kMaxClusterName = 63;  // bytes of a cluster id
inline constexpr uint64_t kMaxObjectBytes = uint64_t{1} << 44;  // 16 TiB: keeps every sum of sizes far from overflow
inline constexpr size_t kHeaderBytes = 128;                     // of the header that carry meaning; the rest of its page is zero
inline constexpr size_t kTrailerBytes = 64;

// Whose bytes a file holds, and which of them a power cut has left, as long as no seal vouches for them.
struct ObjectHeader {
  std::string cluster;
  ObjectId object;
  // In which boot of the machine it was created, and so written: an unsealed object takes no bytes in a later one. 0: format 1,
  // which did not say.
  uint64_t boot = 0;
  uint64_t synced_bytes = 0;  // of its data, from the start: a sync has covered them. Written after that sync, and synced itself
  bool staged = false;        // its data is in a file of its own

  bool operator==(const ObjectHeader&) const = default;
};

// What sealing recorded: the exact length, and the checksums that every later read is held against.
struct Seal {
  ObjectId object;
  uint64_t length = 0;
  uint32_t crc32c = 0;           // of all the data
  std::vector<uint32_t> blocks;  // of each MiB, the last one shorter

  bool operator==(const Seal&) const = default;
};

constexpr uint64_t block_count(uint64_t length) { return (length + kBlockBytes - 1) / kBlockBytes; }
constexpr uint64_t footer_bytes(uint64_t length) { return block_count(length) * sizeof(uint32_t) + kTrailerBytes; }
// Of an object's data in the file that holds it, of its footer in the file that holds the header, and of that file's end.
constexpr uint64_t data_offset(bool staged) { return staged ? 0 : kDataOffset; }
constexpr uint64_t footer_offset(uint64_t length, bool staged = false) { return kDataOffset + (staged ? 0 : length); }
constexpr uint64_t sealed_file_bytes(uint64_t length, bool staged = false) {
  return footer_offset(length, staged) + footer_bytes(length);
}

// Of a boot id, never 0.
uint64_t boot_number(std::string_view boot_id);

// The whole first page of a file. The cluster id is at most kMaxClusterName bytes (checked: identities are validated on entry).
std::array<std::byte, kDataOffset> encode_header(const ObjectHeader& header);
// From at least the first kHeaderBytes. `corrupt` says which field is wrong.
Result<ObjectHeader> decode_header(Bytes start_of_file);

std::string encode_footer(const Seal& seal);
// From the last kTrailerBytes of a file of `file_bytes`. `corrupt`: not sealed, or torn while it was being sealed. The block
// checksums are left empty: they take a second read, of exactly footer_bytes(length) - kTrailerBytes at footer_offset(length).
struct Trailer {
  Seal seal;
  uint32_t table_crc32c = 0;
};
Result<Trailer> decode_trailer(Bytes end_of_file, uint64_t file_bytes, bool staged = false);
Result<Seal> decode_table(Trailer trailer, Bytes table);

// "3f/000000000000a03f": the last byte of the id spreads objects over 256 directories.
std::string object_file_name(ObjectId object);
std::string object_directory_name(unsigned low_byte);
// 0 when the name is not that of an object in the directory given.
ObjectId parse_object_name(std::string_view name, unsigned low_byte);
// What a staged object's data file is called, behind the name of the object; a copy of one that is being made, behind that.
inline constexpr std::string_view kDataSuffix = ".data", kCopySuffix = ".new";

}  // namespace forebay::worker
