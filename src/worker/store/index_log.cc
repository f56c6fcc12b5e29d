#include "worker/store/index_log.h"

#include <algorithm>
#include <cstring>
#include <type_traits>

#include "base/units.h"
#include "worker/store/on_disk.h"

namespace forebay::worker {
namespace {

constexpr std::string_view kMagic = "FBINDEX1";
constexpr size_t kBatch = 4096;  // records read or written at once: 128 KiB

struct HeaderOnDisk {
  char magic[8];
  uint32_t record_bytes;
  uint32_t boot_crc32c;
  uint64_t boot_bytes;
  uint8_t reserved[36];
  uint32_t crc32c;
};
static_assert(sizeof(HeaderOnDisk) == kIndexHeaderBytes && std::has_unique_object_representations_v<HeaderOnDisk>);

struct RecordOnDisk {
  uint64_t object;
  uint64_t length;
  uint32_t data_crc32c;
  uint32_t staged_charge_low, staged_charge_high;  // two: 8 bytes would have to lie at a multiple of 8
  uint32_t crc32c;
};
static_assert(sizeof(RecordOnDisk) == kIndexRecordBytes && std::has_unique_object_representations_v<RecordOnDisk>);

HeaderOnDisk header_of(std::string_view boot) {
  HeaderOnDisk disk{};
  kMagic.copy(disk.magic, sizeof disk.magic);
  disk.record_bytes = kIndexRecordBytes;
  disk.boot_crc32c = crc32c(as_bytes(boot));
  disk.boot_bytes = boot.size();
  disk.crc32c = own_crc(disk);
  return disk;
}

}  // namespace

std::string encode_index_header(std::string_view boot) { return std::string(as_text(bytes_of(header_of(boot)))); }

bool index_header_matches(Bytes header, std::string_view boot) { return as_text(header) == encode_index_header(boot); }

std::string encode_index_record(const IndexRecord& record) {
  RecordOnDisk disk{};
  disk.object = record.object.value;
  disk.length = record.length;
  disk.data_crc32c = record.crc32c;
  disk.staged_charge_low = static_cast<uint32_t>(record.staged_charge);
  disk.staged_charge_high = static_cast<uint32_t>(record.staged_charge >> 32);
  disk.crc32c = own_crc(disk);
  return std::string(as_text(bytes_of(disk)));
}

bool decode_index_record(Bytes bytes, IndexRecord& record) {
  RecordOnDisk disk;
  if (bytes.size() != sizeof disk) return false;
  std::memcpy(&disk, bytes.data(), sizeof disk);
  // A zeroed record would otherwise pass only if its checksum were 0; object 0 does not exist.
  if (disk.crc32c != own_crc(disk) || disk.object == 0) return false;
  record = {.object = ObjectId{disk.object},
            .length = disk.length,
            .crc32c = disk.data_crc32c,
            .staged_charge = uint64_t{disk.staged_charge_high} << 32 | disk.staged_charge_low};
  return true;
}

IndexLog::IndexLog(os::FileSystem& files, std::string directory, std::string boot)
    : files_(files), directory_(std::move(directory)), boot_(std::move(boot)) {}

Result<std::vector<IndexRecord>> IndexLog::load() {
  std::vector<IndexRecord> records;
  ASSIGN_OR_RETURN(bool exists, files_.exists(path()));
  if (!exists) return records;
  ASSIGN_OR_RETURN(std::unique_ptr<os::File> file, files_.open(path(), os::OpenMode::kRead));
  std::vector<std::byte> buffer(kBatch * kIndexRecordBytes);
  ASSIGN_OR_RETURN(size_t got, file->read_at(MutableBytes(buffer).first(kIndexHeaderBytes), 0));
  if (!index_header_matches(Bytes(buffer).first(got), boot_)) return records;
  for (uint64_t offset = kIndexHeaderBytes;; offset += got) {
    ASSIGN_OR_RETURN(got, file->read_at(buffer, offset));
    for (size_t at = 0; at + kIndexRecordBytes <= got; at += kIndexRecordBytes) {
      IndexRecord record;
      if (!decode_index_record(Bytes(buffer).subspan(at, kIndexRecordBytes), record)) return records;
      records.push_back(record);
    }
    if (got < buffer.size()) return records;
  }
}

Result<void> IndexLog::rewrite(const std::vector<IndexRecord>& live) {
  file_.reset();
  const std::string temporary = path() + ".new";
  ASSIGN_OR_RETURN(std::unique_ptr<os::File> file, files_.open(temporary, os::OpenMode::kCreate));
  TRY(file->truncate(0));
  TRY(file->write_at(as_bytes(encode_index_header(boot_)), 0));
  uint64_t end = kIndexHeaderBytes;
  for (size_t from = 0; from < live.size(); from += kBatch) {
    std::string batch;
    for (size_t i = from; i < std::min(live.size(), from + kBatch); ++i) batch += encode_index_record(live[i]);
    TRY(file->write_at(as_bytes(batch), end));
    end += batch.size();
  }
  TRY(files_.rename(temporary, path()));
  file_ = std::move(file);
  end_ = end;
  records_in_file_ = live.size();
  return {};
}

void IndexLog::add(const IndexRecord& record) {
  std::lock_guard lock(mutex_);
  if (pending_.size() < kMaxPending) pending_.push_back(record);
}

Result<void> IndexLog::flush() {
  std::vector<IndexRecord> taken;
  {
    std::lock_guard lock(mutex_);
    taken.swap(pending_);
  }
  if (taken.empty() || !file_) return {};
  std::string batch;
  for (const IndexRecord& record : taken) batch += encode_index_record(record);
  TRY(file_->write_at(as_bytes(batch), end_));
  end_ += batch.size();
  records_in_file_ += taken.size();
  return {};
}

bool IndexLog::wants_rewrite(size_t live_records) const {
  return records_in_file_ > 2 * live_records && (records_in_file_ - live_records) * kIndexRecordBytes > kMiB;
}

}  // namespace forebay::worker
