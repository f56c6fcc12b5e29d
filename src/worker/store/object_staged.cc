// Staged objects: written by others, through descriptors, into a file that holds their bytes alone.
#include <algorithm>
#include <utility>
#include <vector>

#include "worker/store/object.h"

namespace forebay::worker {
namespace {

constexpr size_t kCopyBuffer = kMiB;

}  // namespace

Result<uint64_t> Object::staged_charge(uint64_t beside) {
  ASSIGN_OR_RETURN(const uint64_t allocated, file()->allocated_bytes());
  return round_to_charge(beside) + round_to_charge(allocated);
}

Result<uint64_t> Object::account() {
  ASSIGN_OR_RETURN(const uint64_t needed, staged_charge(kDataOffset));
  std::lock_guard lock(mutex_);
  if (state_ == State::kWriting) settle_charge(needed);
  return charged_bytes_;
}

// Nobody can write it, or nobody can any more: the file is cut at `length`.
Result<void> Object::end_writing(uint64_t length, const SealTerms& terms, os::FileSystem& files) {
  ASSIGN_OR_RETURN(const bool written, file()->has_writers());
  if (written && terms.isolate) return isolate(length, files);
  if (written) return check_no_writers();
  ASSIGN_OR_RETURN(const uint64_t size, file()->size());
  if (size == length) return {};
  ASSIGN_OR_RETURN(std::unique_ptr<os::File> writable, files.open(data_name(), os::OpenMode::kReadWrite));
  return writable->truncate(length);
}

Result<void> Object::check_no_writers() {
  ASSIGN_OR_RETURN(const bool written, file()->has_writers());
  if (!written) return {};
  return std::unexpected(Status(
      Code::kBusy, ETXTBSY, "object " + to_string(id_) + " can still be written by somebody who has its file open or mapped"));
}

// The bytes go on in another file, under the name of the old one, which those who have it open keep for themselves.
Result<void> Object::isolate(uint64_t length, os::FileSystem& files) {
  const std::shared_ptr<os::File> old = file();
  const std::string copy = data_name() + std::string(kCopySuffix);
  Result<void> done = copy_data(*old, length, copy, files);
  Result<std::shared_ptr<os::File>> moved = std::unexpected(Status(Code::kCancelled, ECANCELED, "not done"));
  if (done) moved = files.open(copy, os::OpenMode::kRead);
  if (done && !moved) done = std::unexpected(moved.error());
  if (done) done = files.rename(copy, data_name());
  if (!done) {
    (void)files.remove(copy);  // the next start does, if this cannot
    return done;
  }
  std::lock_guard lock(mutex_);
  file_ = std::move(*moved);
  directory_synced_ = false;
  return {};
}

Result<void> Object::move_to_copy(std::function<Result<void>()> ready, os::FileSystem& files) {
  {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [this] { return !reserving_; });
    if (state_ != State::kSealed || !staged_) return stale("object " + to_string(id_) + " is not a sealed staged object");
    reserving_ = true;
  }
  const std::string copy = data_name() + std::string(kCopySuffix);
  Result<void> done = copy_data(*file(), seal_.length, copy, files);
  Result<std::shared_ptr<os::File>> moved = std::unexpected(Status(Code::kCancelled, ECANCELED, "not done"));
  if (done) moved = files.open(copy, os::OpenMode::kRead);
  if (done && !moved) done = std::unexpected(moved.error());
  if (done) done = ready();
  if (done) done = files.rename(copy, data_name());
  const bool is_renamed = done.has_value();
  if (!is_renamed) (void)files.remove(copy);  // the next start does, if this cannot
  // Before anybody writes the old one: a power cut must not bring it back under this name.
  if (done) done = files.sync_directory(directory_);
  std::lock_guard lock(mutex_);
  reserving_ = false;
  if (is_renamed) {
    file_ = std::move(*moved);
    verified_.assign(seal_.blocks.size(), false);
    synced_ = directory_synced_ = false;
    found_sealed_ = true;  // to be compared with its checksums before it counts as synced
  }
  changed_.notify_all();
  return done;
}

// Synced when a part of the old one was: the new one takes its place.
Result<void> Object::copy_data(os::File& from, uint64_t length, const std::string& to, os::FileSystem& files) {
  ASSIGN_OR_RETURN(std::unique_ptr<os::File> copy, files.open(to, os::OpenMode::kCreate));
  TRY(copy->truncate(0));
  std::vector<std::byte> buffer(kCopyBuffer);
  for (uint64_t at = 0; at < length;) {
    ASSIGN_OR_RETURN(const std::optional<os::StoredRange> range, from.next_stored(at));
    if (!range || range->begin >= length) break;
    const uint64_t end = std::min(range->end, length);
    for (at = range->begin; at < end;) {
      ASSIGN_OR_RETURN(const size_t got, from.read_at(MutableBytes(buffer).first(std::min<uint64_t>(kCopyBuffer, end - at)), at));
      if (got == 0) return elsewhere("object " + to_string(id_) + " was cut while it was being copied", ENODATA);
      TRY(copy->write_at(Bytes(buffer).first(got), at));
      at += got;
    }
  }
  TRY(copy->truncate(length));
  return synced_bytes() != 0 || is_sealed() ? copy->sync_data() : Result<void>{};
}

// Into the file that holds the header: the header itself, synced, or the footer, which is then its end. What a failure leaves of
// a footer is taken away, so that the file says again that the object is not sealed.
Result<void> Object::write_beside(Bytes bytes, uint64_t offset, bool is_end, os::FileSystem& files) {
  ASSIGN_OR_RETURN(std::unique_ptr<os::File> beside, files.open(name_, os::OpenMode::kReadWrite));
  Result<void> done = beside->write_at(bytes, offset);
  if (done) done = is_end ? beside->truncate(offset + bytes.size()) : beside->sync_data();
  if (done || !is_end) return done;
  if (Result<void> cut = beside->truncate(offset); !cut) become_unusable(cut.error());
  return done;
}

}  // namespace forebay::worker
