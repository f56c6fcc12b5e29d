#include "worker/store/object_file.h"

#include <algorithm>
#include <charconv>
#include <cstring>
#include <type_traits>

#include "base/check.h"
#include "worker/store/on_disk.h"

namespace forebay::worker {
namespace {

constexpr std::string_view kHeaderMagic = "FBOBJECT", kTrailerMagic = "FBSEALED";

// Little-endian, as it lies on disk. What each field detects is said in docs/formats/object.md.
struct HeaderOnDisk {
  char magic[8];
  uint32_t format;
  uint32_t data_offset;
  uint64_t object;
  char cluster[kMaxClusterName + 1];  // padded with NUL
  uint64_t boot;                      // from here to `reserved` zero in format 1
  uint64_t synced_bytes;
  uint8_t reserved[20];
  uint32_t crc32c;  // of all that precedes it
};
static_assert(sizeof(HeaderOnDisk) == kHeaderBytes && std::is_trivially_copyable_v<HeaderOnDisk>);
static_assert(std::has_unique_object_representations_v<HeaderOnDisk>, "padding would put unset bytes on disk");
static_assert(offsetof(HeaderOnDisk, object) == 16 && offsetof(HeaderOnDisk, cluster) == 24 &&
              offsetof(HeaderOnDisk, boot) == 88 && offsetof(HeaderOnDisk, crc32c) == 124);

struct TrailerOnDisk {
  char magic[8];
  uint32_t format;
  uint32_t block_bytes;
  uint64_t object;
  uint64_t length;
  uint32_t data_crc32c;
  uint32_t table_crc32c;
  uint8_t reserved[20];
  uint32_t crc32c;  // of all that precedes it
};
static_assert(sizeof(TrailerOnDisk) == kTrailerBytes && std::is_trivially_copyable_v<TrailerOnDisk>);
static_assert(std::has_unique_object_representations_v<TrailerOnDisk>, "padding would put unset bytes on disk");
static_assert(offsetof(TrailerOnDisk, length) == 24 && offsetof(TrailerOnDisk, crc32c) == 60);

template <class OnDisk>
bool has_magic(const OnDisk& value, std::string_view magic) {
  return std::string_view(value.magic, sizeof value.magic) == magic;
}

constexpr uint32_t kOldestObjectFormat = 1;

}  // namespace

// FNV-1a: not a checksum, a name in 8 bytes.
uint64_t boot_number(std::string_view boot_id) {
  uint64_t number = 0xcbf29ce484222325;
  for (char c : boot_id) number = (number ^ static_cast<unsigned char>(c)) * 0x100000001b3;
  return number == 0 ? 1 : number;
}

std::array<std::byte, kDataOffset> encode_header(const ObjectHeader& header) {
  FOREBAY_CHECK(header.cluster.size() <= kMaxClusterName, "a cluster id was accepted that does not fit a header");
  HeaderOnDisk disk{};
  kHeaderMagic.copy(disk.magic, sizeof disk.magic);
  disk.format = header.staged ? kStagedFormat : kObjectFormat;
  disk.data_offset = static_cast<uint32_t>(data_offset(header.staged));
  disk.object = header.object.value;
  header.cluster.copy(disk.cluster, kMaxClusterName);
  disk.boot = header.boot;
  disk.synced_bytes = header.synced_bytes;
  disk.crc32c = own_crc(disk);
  std::array<std::byte, kDataOffset> page{};
  std::memcpy(page.data(), &disk, sizeof disk);
  return page;
}

Result<ObjectHeader> decode_header(Bytes start_of_file) {
  HeaderOnDisk disk;
  if (start_of_file.size() < sizeof disk) return corrupt("the file is shorter than an object's header");
  std::memcpy(&disk, start_of_file.data(), sizeof disk);
  if (!has_magic(disk, kHeaderMagic)) return corrupt("the header's magic is not an object's");
  if (disk.crc32c != own_crc(disk)) return corrupt("the header does not match its checksum");
  const bool staged = disk.format == kStagedFormat;
  if (disk.format < kOldestObjectFormat || (disk.format > kObjectFormat && !staged))
    return corrupt("object format " + std::to_string(disk.format) + " is not known to this version");
  if (disk.data_offset != data_offset(staged) || disk.object == 0) return corrupt("the header holds impossible values");
  size_t cluster_bytes = std::find(disk.cluster, std::end(disk.cluster), '\0') - disk.cluster;
  if (cluster_bytes > kMaxClusterName) return corrupt("the header's cluster id has no end");
  if (disk.synced_bytes > kMaxObjectBytes) return corrupt("the header says that more is synced than an object can hold");
  return ObjectHeader{.cluster = std::string(disk.cluster, cluster_bytes),
                      .object = ObjectId{disk.object},
                      .boot = disk.boot,
                      .synced_bytes = disk.synced_bytes,
                      .staged = staged};
}

std::string encode_footer(const Seal& seal) {
  FOREBAY_CHECK(seal.blocks.size() == block_count(seal.length), "a seal has one checksum for each block");
  Bytes table = std::as_bytes(std::span(seal.blocks));
  TrailerOnDisk disk{};
  kTrailerMagic.copy(disk.magic, sizeof disk.magic);
  disk.format = kSealFormat;
  disk.block_bytes = kBlockBytes;
  disk.object = seal.object.value;
  disk.length = seal.length;
  disk.data_crc32c = seal.crc32c;
  disk.table_crc32c = crc32c(table);
  disk.crc32c = own_crc(disk);
  std::string footer(as_text(table));
  footer.append(as_text(bytes_of(disk)));
  return footer;
}

Result<Trailer> decode_trailer(Bytes end_of_file, uint64_t file_bytes, bool staged) {
  TrailerOnDisk disk;
  if (end_of_file.size() != sizeof disk) return corrupt("the file is too short to be sealed");
  std::memcpy(&disk, end_of_file.data(), sizeof disk);
  if (!has_magic(disk, kTrailerMagic)) return corrupt("the file does not end in a seal");
  if (disk.crc32c != own_crc(disk)) return corrupt("the seal does not match its checksum");
  if (disk.format != kSealFormat || disk.block_bytes != kBlockBytes) return corrupt("the seal is of an unknown format");
  if (disk.length > kMaxObjectBytes || sealed_file_bytes(disk.length, staged) != file_bytes)
    return corrupt("the seal's length does not fit the file");
  return Trailer{.seal = {.object = ObjectId{disk.object}, .length = disk.length, .crc32c = disk.data_crc32c, .blocks = {}},
                 .table_crc32c = disk.table_crc32c};
}

Result<Seal> decode_table(Trailer trailer, Bytes table) {
  uint64_t blocks = block_count(trailer.seal.length);
  if (table.size() != blocks * sizeof(uint32_t)) return corrupt("the table of checksums has the wrong size");
  if (crc32c(table) != trailer.table_crc32c) return corrupt("the table of checksums does not match its own");
  trailer.seal.blocks.resize(blocks);
  if (blocks != 0) std::memcpy(trailer.seal.blocks.data(), table.data(), table.size());
  return std::move(trailer.seal);
}

std::string object_directory_name(unsigned low_byte) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  return {kDigits[(low_byte >> 4) & 15], kDigits[low_byte & 15]};
}

std::string object_file_name(ObjectId object) {
  std::string name = object_directory_name(object.value & 0xff) + "/";
  for (int byte = 7; byte >= 0; --byte) name += object_directory_name((object.value >> (8 * byte)) & 0xff);
  return name;
}

ObjectId parse_object_name(std::string_view name, unsigned low_byte) {
  if (name.size() != 16 || !std::ranges::all_of(name, [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); }))
    return {};
  uint64_t value = 0;
  std::from_chars(name.data(), name.data() + name.size(), value, 16);
  return (value & 0xff) == low_byte ? ObjectId{value} : ObjectId{};
}

}  // namespace forebay::worker
