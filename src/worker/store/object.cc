#include "worker/store/object.h"

#include <algorithm>
#include <array>
#include <utility>

#include "base/crc32c.h"

namespace forebay::worker {
namespace {

constexpr size_t kScratchBytes = 64 * kKiB;  // on the stack, for bytes that are read only to be summed

Error missing(ObjectId id) { return elsewhere("object " + to_string(id) + " is not here", ENOENT); }

}  // namespace

uint64_t charge_for(uint64_t data_bytes) { return round_to_charge(sealed_file_bytes(data_bytes)); }

uint64_t data_bytes_of_charge(uint64_t charged_bytes) {
  uint64_t around = kDataOffset + footer_bytes(charged_bytes);
  if (charged_bytes < around) return 0;
  uint64_t data = charged_bytes - around;
  while (charge_for(data + 1) <= charged_bytes) ++data;  // at most the 4 bytes of one block that header and footer made up
  return data;
}

void Object::opened(OpenedFile file) {
  std::lock_guard lock(mutex_);
  path_ = file.path;
  directory_ = std::move(file.directory);
  name_ = std::move(file.name);
  file_ = std::move(file.file);
  charged_bytes_ = file.charged_bytes;
  header_ = std::move(file.header);
  staged_ = header_.staged;
  cut_off_ = !file.seal && header_.boot != 0 && header_.boot != boot_;
  state_ = file.seal ? State::kSealed : State::kWriting;
  found_sealed_ = file.seal.has_value();
  if (file.seal) {
    seal_ = std::move(*file.seal);
    verified_.assign(seal_.blocks.size(), false);
  }
  changed_.notify_all();
}

void Object::open_failed(Status why) {
  std::lock_guard lock(mutex_);
  state_ = State::kNotOpened;
  failure_ = std::move(why);
  changed_.notify_all();
}

Result<void> Object::wait_until_open() {
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [this] { return state_ != State::kOpening; });
  if (state_ == State::kNotOpened) return std::unexpected(*failure_);
  return {};
}

Result<void> Object::check_writable() const {
  switch (state_) {
    case State::kWriting:
      if (cut_off_) return lost();
      return {};
    case State::kSealing:
    case State::kSealed: return stale("object " + to_string(id_) + " is sealed");
    case State::kUnusable: return std::unexpected(*failure_);
    case State::kOpening:
    case State::kNotOpened:
    case State::kRemoved: break;
  }
  return missing(id_);
}

Error Object::lost() const {
  return std::unexpected(Status(Code::kStale, ENODATA,
                                "object " + to_string(id_) +
                                    ": its machine has lost power or was restarted since it was written; what was not synced "
                                    "before that is lost"));
}

Result<void> Object::write(Bytes data, uint64_t offset, std::optional<uint32_t> crc32c) {
  const BlockSums::Pieces pieces(data, offset, crc32c);
  {
    std::lock_guard lock(mutex_);
    TRY(check_writable());
    if (staged_) return invalid("object " + to_string(id_) + " is staged: it is written through its descriptor");
    ++writes_;
    sums_.begin(pieces);
  }
  Result<void> written = file()->write_at(data, kDataOffset + offset);
  std::lock_guard lock(mutex_);
  sums_.end(pieces, written.has_value());
  if (--writes_ == 0) changed_.notify_all();
  return written;
}

Result<uint64_t> Object::reserve(uint64_t data_bytes, uint64_t step) {
  uint64_t before = 0;
  {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [this] { return !reserving_; });
    TRY(check_writable());
    if (staged_) return invalid("object " + to_string(id_) + " is staged: it has no reservation");
    if (data_bytes <= data_bytes_of_charge(charged_bytes_)) return charged_bytes_;
    reserving_ = true;
    before = charged_bytes_;
  }
  Result<uint64_t> after = before;
  // First with room for the next appends, then, near the limit, with just what is needed.
  for (uint64_t wanted : {charge_for(data_bytes + step), charge_for(data_bytes)}) {
    after = wanted;
    Result<void> charged = path_->charge(wanted - before);
    if (charged) {
      Result<void> allocated = file()->allocate(before, wanted - before);
      // A file system that cannot reserve: the quota alone vouches for the space.
      if (allocated || allocated.error().is_errno(EOPNOTSUPP)) break;
      path_->release(wanted - before);
      charged = std::move(allocated);
    }
    after = std::unexpected(std::move(charged).error());
    if (step == 0) break;
  }
  std::lock_guard lock(mutex_);
  reserving_ = false;
  if (after) charged_bytes_ = *after;
  changed_.notify_all();
  return after;
}

Result<size_t> Object::read(MutableBytes into, uint64_t offset) {
  for (;;) {
    State state;
    uint64_t turn, end = UINT64_MAX;
    {
      std::lock_guard lock(mutex_);
      if (state_ == State::kUnusable) return std::unexpected(*failure_);
      if (state_ == State::kRemoved) return missing(id_);
      if (state_ == State::kSealing) end = sealing_length_;
      if (cut_off_) end = std::min(end, header_.synced_bytes);
      state = state_;
      turn = turns_;
    }
    if (state == State::kSealed) return read_sealed(into, offset);
    Result<size_t> got = read_unsealed(into, offset, end);
    // A seal that came in between has put its footer where data ended: those bytes may be in what was read.
    std::lock_guard lock(mutex_);
    if (turn == turns_) return got;
  }
}

Result<size_t> Object::read_unsealed(MutableBytes into, uint64_t offset, uint64_t end) {
  if (offset >= end) return size_t{0};
  return file()->read_at(into.first(std::min<uint64_t>(into.size(), end - offset)), data_offset(staged_) + offset);
}

// seal_ is constant in this state, so it is used without the lock.
Result<size_t> Object::read_sealed(MutableBytes into, uint64_t offset) {
  if (offset >= seal_.length) return size_t{0};
  into = into.first(std::min<uint64_t>(into.size(), seal_.length - offset));
  for (size_t done = 0; done < into.size();) {
    uint64_t at = offset + done, block = at / kBlockBytes;
    size_t piece = std::min<uint64_t>(into.size() - done, (block + 1) * kBlockBytes - at);
    TRY(read_block_part(block, into.subspan(done, piece), at));
    done += piece;
  }
  return into.size();
}

Result<void> Object::read_block_part(uint64_t block, MutableBytes into, uint64_t offset) {
  bool whole = into.size() == std::min(kBlockBytes, seal_.length - block * kBlockBytes);
  if (!whole) {
    bool is_verified = false;
    {
      std::lock_guard lock(mutex_);
      is_verified = verified_[block];
    }
    if (is_verified) return read_exactly(into, offset);
  }
  return verify(block, into, offset);
}

bool Object::is_warm(uint64_t offset, uint64_t length) const {
  std::lock_guard lock(mutex_);
  if (state_ != State::kSealed) return state_ != State::kOpening;
  uint64_t end = std::min(offset + length, seal_.length);
  for (uint64_t block = offset / kBlockBytes; block * kBlockBytes < end; ++block)
    if (!verified_[block]) return false;
  return true;
}

Result<void> Object::verify_block(uint64_t block) {
  if (block >= seal_.blocks.size()) return {};
  return verify(block, {}, block * kBlockBytes);
}

// Sums the whole block; the bytes at [offset, offset + into.size()) are read straight to where they are wanted, so that what was
// summed is what is answered.
Result<void> Object::verify(uint64_t block, MutableBytes into, uint64_t offset) {
  std::array<std::byte, kScratchBytes> scratch;
  uint64_t at = block * kBlockBytes, end = std::min(at + kBlockBytes, seal_.length);
  uint32_t crc = 0;
  while (at < end) {
    MutableBytes piece;
    if (at == offset && !into.empty()) {
      piece = into;
    } else {
      uint64_t stop = at < offset ? offset : end;
      piece = MutableBytes(scratch).first(std::min<uint64_t>(stop - at, kScratchBytes));
    }
    TRY(read_exactly(piece, at));
    crc = crc32c(piece, crc);
    at += piece.size();
  }
  if (crc != seal_.blocks[block])
    return corrupt("object " + to_string(id_) + ": the bytes from " + std::to_string(block * kBlockBytes) + " to " +
                   std::to_string(end) + " do not match the checksum taken when they were sealed");
  std::lock_guard lock(mutex_);
  verified_[block] = true;
  return {};
}

Result<void> Object::read_exactly(MutableBytes into, uint64_t offset) {
  ASSIGN_OR_RETURN(size_t got, file()->read_at(into, data_offset(staged_) + offset));
  if (got == into.size()) return {};
  return corrupt("object " + to_string(id_) + ": its file ends at " + std::to_string(offset + got) +
                 ", before its sealed length");
}

bool Object::begin_removal() {
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [this] { return state_ != State::kOpening && state_ != State::kSealing && !reserving_; });
  if (state_ == State::kRemoved) return false;
  state_ = State::kRemoved;
  failure_.reset();
  ++turns_;
  return true;
}

bool Object::is_sealed() const {
  std::lock_guard lock(mutex_);
  return state_ == State::kSealed;
}

bool Object::is_unusable() const {
  std::lock_guard lock(mutex_);
  return state_ == State::kUnusable;
}

std::optional<Seal> Object::seal_if_sealed() const {
  std::lock_guard lock(mutex_);
  if (state_ != State::kSealed) return std::nullopt;
  return seal_;
}

Result<uint64_t> Object::length() {
  {
    std::lock_guard lock(mutex_);
    if (state_ == State::kSealed) return seal_.length;
    if (state_ == State::kSealing) return sealing_length_;
  }
  ASSIGN_OR_RETURN(uint64_t size, file()->size());
  return size - std::min(size, data_offset(staged_));
}

// A seal that begins meanwhile waits, so that it sees the new descriptor.
Result<std::shared_ptr<os::File>> Object::file_for_writing(os::FileSystem& files) {
  {
    std::lock_guard lock(mutex_);
    TRY(check_writable());
    sums_.distrust();
    if (!staged_) return file_;
    ++writes_;
  }
  Result<std::shared_ptr<os::File>> opened = files.open(data_name(), os::OpenMode::kReadWrite);
  std::lock_guard lock(mutex_);
  if (--writes_ == 0) changed_.notify_all();
  return opened;
}

std::shared_ptr<os::File> Object::file() const {
  std::lock_guard lock(mutex_);
  return file_;
}

std::string Object::data_name() const { return staged_ ? name_ + std::string(kDataSuffix) : name_; }

uint64_t Object::charged_bytes() const {
  std::lock_guard lock(mutex_);
  return charged_bytes_;
}

}  // namespace forebay::worker
