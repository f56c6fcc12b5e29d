// Any bytes as the file of an object, as an index record and as an identity. What decodes must encode to the same bytes; the
// rest must be an error. With an odd first byte the checksums are put right, so that what lies behind them is reached as well.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "base/check.h"
#include "base/crc32c.h"
#include "worker/store/identity.h"
#include "worker/store/index_log.h"
#include "worker/store/object_file.h"

namespace forebay::worker {
namespace {

void put_crc(std::vector<std::byte>& file, size_t from, size_t size) {
  if (file.size() < from + size) return;
  store_little_endian(file.data() + from + size - 4, crc32c(Bytes(file).subspan(from, size - 4)));
}

void try_header(Bytes file) {
  Result<ObjectHeader> header = decode_header(file);
  if (!header) {
    FOREBAY_CHECK(header.error().is(Code::kCorrupt), "a bad header is corrupt");
    return;
  }
  FOREBAY_CHECK(header->cluster.size() <= kMaxClusterName && header->object, "a decoded header is usable");
  FOREBAY_CHECK(decode_header(encode_header(*header)).value() == *header, "a header comes back");
}

void try_footer(Bytes file) {
  if (file.size() < kTrailerBytes) return;
  // The input stands for the end of a file: data before it does not matter.
  Bytes end = file.last(kTrailerBytes);
  const uint64_t claimed = load_little_endian<uint64_t>(end.data() + 24);
  for (bool staged : {false, true})
    for (uint64_t file_bytes :
         {uint64_t{file.size()}, claimed <= kMaxObjectBytes ? sealed_file_bytes(claimed, staged) : UINT64_MAX}) {
      Result<Trailer> trailer = decode_trailer(end, file_bytes, staged);
      if (!trailer) continue;
      FOREBAY_CHECK(sealed_file_bytes(trailer->seal.length, staged) == file_bytes, "a seal fits its file");
      const uint64_t table_bytes = footer_bytes(trailer->seal.length) - kTrailerBytes;
      Bytes before = file.first(file.size() - kTrailerBytes);
      Bytes table = before.last(std::min<uint64_t>(before.size(), table_bytes));
      Result<Seal> seal = decode_table(std::move(*trailer), table);
      if (seal) FOREBAY_CHECK(encode_footer(*seal).size() == footer_bytes(seal->length), "a seal comes back");
    }
}

void try_small(Bytes file) {
  IndexRecord record;
  for (std::string_view suffix : {kDataSuffix, kCopySuffix})
    FOREBAY_CHECK(!parse_object_name(std::string(as_text(file)) + std::string(suffix), 0x3f), "a file of data is no object");
  if (file.size() >= kIndexRecordBytes && decode_index_record(file.first(kIndexRecordBytes), record)) {
    IndexRecord again;
    FOREBAY_CHECK(decode_index_record(as_bytes(encode_index_record(record)), again) && again == record, "a record comes back");
  }
  if (Result<Identity> identity = decode_identity(as_text(file)))
    FOREBAY_CHECK(decode_identity(encode_identity(*identity)).value() == *identity, "an identity comes back");
  for (unsigned low_byte : {0u, 0x3fu, 0xffu}) {
    ObjectId object = parse_object_name(as_text(file), low_byte);
    if (object) FOREBAY_CHECK(object_file_name(object).ends_with(as_text(file)), "a name comes back");
  }
}

}  // namespace
}  // namespace forebay::worker

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace forebay;
  using namespace forebay::worker;
  if (size == 0) return 0;
  std::vector<std::byte> file(reinterpret_cast<const std::byte*>(data) + 1, reinterpret_cast<const std::byte*>(data) + size);
  if (data[0] & 1) {
    put_crc(file, 0, kHeaderBytes);
    if (data[0] & 2) put_crc(file, 0, kIndexRecordBytes);
    if (file.size() >= kTrailerBytes) {
      const size_t trailer = file.size() - kTrailerBytes;
      store_little_endian(file.data() + trailer + 36, crc32c(Bytes(file).first(trailer)));
      put_crc(file, trailer, kTrailerBytes);
    }
  }
  try_header(file);
  try_footer(file);
  try_small(file);
  return 0;
}
