// How an object becomes immutable: the steps, their order, and what a failure of each leaves.
#include <algorithm>
#include <array>
#include <utility>

#include "base/crc32c.h"
#include "worker/store/object.h"

namespace forebay::worker {
namespace {
constexpr size_t kSealBuffer = 256 * kKiB;  // for the pass over all data
}

Result<Seal> Object::seal(uint64_t length, bool sync, SealTerms terms, os::FileSystem& files) {
  bool was_sealed = false, compare = false;
  {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [this] { return state_ != State::kSealing && !reserving_; });
    was_sealed = state_ == State::kSealed;
    if (was_sealed && seal_.length != length)
      return stale("object " + to_string(id_) + " is sealed at " + std::to_string(seal_.length) + " bytes, not " +
                   std::to_string(length));
    compare = was_sealed && found_sealed_ && terms.boot != 0 && terms.boot != boot_;
    if (!was_sealed) {
      TRY(check_terms(length, terms));
      state_ = State::kSealing;
      sealing_length_ = length;
      ++turns_;
      changed_.wait(lock, [this] { return writes_ == 0; });
    }
  }
  if (was_sealed) {
    if (compare) TRY(verify_all());
    if (sync) TRY(sync_file(files, true));
    return seal_;
  }
  Result<Seal> seal = write_seal(length, sync, terms, files);
  Result<uint64_t> needed =
      staged_ && seal ? staged_charge(sealed_file_bytes(length, true)) : Result<uint64_t>(charge_for(length));
  std::lock_guard lock(mutex_);
  ++turns_;
  if (seal) {
    seal_ = *seal;
    sums_ = {};
    verified_.assign(seal_.blocks.size(), false);
    if (needed) settle_charge(*needed);
  }
  if (state_ == State::kSealing) state_ = seal ? State::kSealed : State::kWriting;
  changed_.notify_all();
  return seal;
}

Result<void> Object::check_terms(uint64_t length, const SealTerms& terms) const {
  if (!cut_off_) {
    TRY(check_writable());
    if (terms.boot != 0 && header_.boot != 0 && terms.boot != header_.boot) return lost();  // created anew after the power cut
    return {};
  }
  if (state_ != State::kWriting) return check_writable();
  // A checksum that somebody else has kept says more than a sync does.
  if (terms.crc32c || (terms.boot == 0 && length <= header_.synced_bytes)) return {};
  return lost();
}

// 1. Sums the data, as far as that was not done when it came: changes nothing. 2. Writes the footer at the end of the data,
// inside the reservation where possible, so that a full medium cannot refuse it. 3. Cuts the file behind the footer, which also
// returns reserved space. The file counts as sealed once the trailer is its end, so a crash before leaves it unsealed with every
// byte below `length`, and bytes above it, which nobody was told are there, cut or overwritten. When a sync has covered a part of
// the data, the rest is synced before the footer is written: a power cut that kept the footer and lost some bytes would take
// those that were synced along with their block.
Result<Seal> Object::write_seal(uint64_t length, bool sync, SealTerms terms, os::FileSystem& files) {
  ASSIGN_OR_RETURN(uint64_t file_bytes, file()->size());
  const uint64_t before_data = data_offset(staged_);
  if (file_bytes < before_data + length)
    return elsewhere("object " + to_string(id_) + " cannot be sealed at " + std::to_string(length) + " bytes: only " +
                         std::to_string(file_bytes - std::min(file_bytes, before_data)) + " are here",
                     ENODATA);
  if (staged_) TRY(end_writing(length, terms, files));
  ASSIGN_OR_RETURN(Seal seal, compute_seal(length));
  if (staged_) TRY(check_no_writers());
  if (terms.crc32c && seal.crc32c != *terms.crc32c)
    return corrupt("object " + to_string(id_) + ": its bytes do not match the checksum taken when they were sealed before");
  const uint64_t synced = synced_bytes();
  if (synced != 0 && synced < length) TRY(sync_file(files, false));
  TRY(write_footer(seal, files));
  if (sync) TRY(sync_file(files, true));
  return seal;
}

Result<void> Object::write_footer(const Seal& seal, os::FileSystem& files) {
  const std::string footer = encode_footer(seal);
  if (staged_) return write_beside(as_bytes(footer), footer_offset(seal.length, true), true, files);
  const std::shared_ptr<os::File> file = this->file();
  Result<void> done = file->write_at(as_bytes(footer), footer_offset(seal.length));
  if (done) done = file->truncate(sealed_file_bytes(seal.length));
  if (!done) undo_seal(seal.length);
  return done;
}

std::optional<uint32_t> Object::known_sum(uint64_t block, uint64_t bytes) const {
  std::lock_guard lock(mutex_);
  return sums_.find(block, bytes);
}

Result<Seal> Object::compute_seal(uint64_t length) {
  Seal seal{.object = id_, .length = length, .crc32c = 0, .blocks = {}};
  seal.blocks.reserve(block_count(length));
  std::vector<std::byte> buffer;
  os::StoredRange stored;         // of a staged object, the next one: a hole of many GiB is not read
  std::optional<uint32_t> zeros;  // of a whole block of them
  for (uint64_t start = 0; start < length; start += kBlockBytes) {
    uint64_t end = std::min(start + kBlockBytes, length);
    if (staged_ && start >= stored.end) {
      ASSIGN_OR_RETURN(const std::optional<os::StoredRange> next, file()->next_stored(start));
      stored = next.value_or(os::StoredRange{.begin = UINT64_MAX, .end = UINT64_MAX});
    }
    if (const std::optional<uint32_t> known = known_sum(start / kBlockBytes, end - start)) {
      seal.blocks.push_back(*known);
      seal.crc32c = crc32c_combine(seal.crc32c, *known, end - start);
      continue;
    }
    const bool is_hole = end - start == kBlockBytes && stored.begin >= end;
    uint32_t crc = is_hole ? zeros.value_or(0) : 0;
    buffer.resize(std::min<uint64_t>(kSealBuffer, length));
    for (uint64_t at = start; at < end && !(is_hole && zeros);) {
      MutableBytes piece = MutableBytes(buffer).first(std::min<uint64_t>(buffer.size(), end - at));
      TRY(read_exactly(piece, at));
      crc = crc32c(piece, crc);
      at += piece.size();
    }
    if (is_hole) zeros = crc;
    seal.blocks.push_back(crc);
    seal.crc32c = crc32c_combine(seal.crc32c, crc, end - start);
  }
  return seal;
}

// Takes a half-written footer away and reserves again what cutting returned. Without room for that the next write may find the
// medium full, and says so; if the file cannot even be cut, nobody can tell its data from the footer any more.
void Object::undo_seal(uint64_t length) {
  const std::shared_ptr<os::File> file = this->file();
  {
    std::lock_guard lock(mutex_);
    sums_.distrust();
  }
  Result<void> cut = file->truncate(kDataOffset + length);
  if (!cut) {
    become_unusable(cut.error());
    return;
  }
  uint64_t charged = charged_bytes();
  if (charged > kDataOffset + length)
    if (Result<void> reserved = file->allocate(0, charged); !reserved) return;
}

// After a failed sync the kernel may have dropped the bytes and forgotten about it: a second one would report success. A power
// cut may have kept the trailer of a file and lost its bytes: what was found sealed is compared with its checksums before it
// counts as synced.
Result<void> Object::sync_file(os::FileSystem& files, bool is_final) {
  bool sync_directory = false, compare = false;
  {
    std::lock_guard lock(mutex_);
    if (state_ == State::kUnusable) return std::unexpected(*failure_);
    if (synced_) return {};
    sync_directory = !directory_synced_;
    compare = found_sealed_;
  }
  if (compare) TRY(verify_all());
  Result<void> synced = sync_files(files, sync_directory);
  if (!synced) {
    become_unusable(synced.error());
    return synced;
  }
  std::lock_guard lock(mutex_);
  directory_synced_ = true;
  if (is_final) synced_ = true;
  return {};
}

Result<void> Object::sync_files(os::FileSystem& files, bool sync_directory) {
  TRY(file()->sync_data());
  if (staged_) {
    ASSIGN_OR_RETURN(std::unique_ptr<os::File> beside, files.open(name_, os::OpenMode::kRead));
    TRY(beside->sync_data());
  }
  if (!sync_directory) return {};
  return files.sync_directory(directory_);
}

Result<void> Object::verify_all() {
  for (uint64_t block = 0; block < seal_.blocks.size(); ++block) TRY(verify_block(block));
  return {};
}

uint64_t Object::synced_bytes() const {
  std::lock_guard lock(mutex_);
  return header_.synced_bytes;
}

Result<void> Object::sync(uint64_t length, uint64_t boot, os::FileSystem& files) {
  bool is_final = false;
  {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [this] { return !syncing_; });
    if (state_ == State::kRemoved) return elsewhere("object " + to_string(id_) + " is not here", ENOENT);
    is_final = state_ == State::kSealed;
    const bool of_other_boot = boot != 0 && header_.boot != 0 && boot != header_.boot;
    if (!is_final && (cut_off_ || of_other_boot)) {
      if (state_ == State::kUnusable) return std::unexpected(*failure_);
      if (boot == 0 && length != 0 && length <= header_.synced_bytes) return {};
      return lost();
    }
    syncing_ = !is_final;
  }
  if (is_final) return sync_file(files, true);
  Result<void> synced = sync_unsealed(length, files);
  std::lock_guard lock(mutex_);
  syncing_ = false;
  changed_.notify_all();
  return synced;
}

// The bytes first, then, when those are safe, the number of them in the header: it must never say more than is true. The header's
// 128 bytes lie in one sector, which a power cut leaves old or new.
Result<void> Object::sync_unsealed(uint64_t length, os::FileSystem& files) {
  ASSIGN_OR_RETURN(const uint64_t size, file()->size());
  TRY(sync_file(files, false));
  ObjectHeader header;
  {
    std::lock_guard lock(mutex_);
    header = header_;
  }
  const uint64_t covered = std::min(length, size - std::min(size, data_offset(staged_)));
  if (header.boot == 0 || covered <= header.synced_bytes) return {};
  header.synced_bytes = covered;
  const std::array<std::byte, kDataOffset> encoded = encode_header(header);
  Result<void> kept;
  if (staged_) {
    kept = write_beside(Bytes(encoded).first(kHeaderBytes), 0, false, files);
  } else {
    const std::shared_ptr<os::File> file = this->file();
    kept = file->write_at(Bytes(encoded).first(kHeaderBytes), 0);
    if (kept) kept = file->sync_data();
  }
  if (!kept) {
    become_unusable(kept.error());
    return kept;
  }
  std::lock_guard lock(mutex_);
  header_.synced_bytes = covered;
  return {};
}

void Object::become_unusable(const Status& why) {
  std::lock_guard lock(mutex_);
  if (state_ == State::kRemoved) return;
  state_ = State::kUnusable;
  failure_ = Status(Code::kCorrupt, EIO, "object " + to_string(id_) + " cannot be trusted after: " + why.message());
  ++turns_;
  changed_.notify_all();
}

void Object::settle_charge(uint64_t needed) {
  if (needed < charged_bytes_) path_->release(charged_bytes_ - needed);
  // A client with the descriptor wrote more than was reserved: it is there, so it counts.
  if (needed > charged_bytes_) path_->charge_recovered(needed - charged_bytes_);
  charged_bytes_ = needed;
}

}  // namespace forebay::worker
