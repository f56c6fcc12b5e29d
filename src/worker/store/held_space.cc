#include "worker/store/held_space.h"

#include <algorithm>
#include <utility>

namespace forebay::worker {
namespace {
// Drawn bytes that may stay in a reserve until upkeep() cuts them off: the next hold takes them over without a call to the disk.
constexpr uint64_t kUncut = 256 * kKiB;
}  // namespace

HeldSpace::HeldSpace(os::FileSystem& files, os::Clock& clock, TierSet& tiers, HeldSpaceConfig config, obs::Log& log)
    : files_(files), clock_(clock), tiers_(tiers), config_(config), log_(log), reserves_(tiers.paths().size()) {}

std::string HeldSpace::name_of(size_t path) const { return tiers_.path(path).directory() + "/reserve"; }

void HeldSpace::start() {
  for (size_t i = 0; i < reserves_.size(); ++i) {
    TierPath& path = tiers_.path(i);
    if (path.failure()) continue;
    Result<std::unique_ptr<os::File>> file = files_.open(name_of(i), os::OpenMode::kReadWrite);
    if (!file && file.error().is_errno(ENOENT)) continue;
    Result<uint64_t> size = file ? (*file)->size() : std::unexpected(file.error());
    if (!size) {
      log_.warning("the space that clients held before the restart could not be found",
                   {{"directory", path.directory()}, {"error", size.error().to_string()}});
      continue;
    }
    std::lock_guard lock(mutex_);
    Reserve& reserve = reserves_[i];
    reserve.file = std::move(*file);
    reserve.allocated = *size;
    if (*size <= kSpare) continue;
    reserve.charged = *size;
    reserve.spare = true;
    reserve.unclaimed = *size - kSpare;
    path.charge_recovered(*size);
  }
  std::lock_guard lock(mutex_);
  unclaimed_until_ = clock_.now() + config_.lease;
}

// ---- holds ----

HeldSpace::Hold* HeldSpace::find_or_begin(uint64_t id, uint64_t bytes, uint64_t had) {
  auto found = holds_.find(id);
  if (found != holds_.end()) return &found->second;
  if (holds_.size() >= config_.max_holds) return nullptr;
  Hold hold;
  auto left = std::ranges::max_element(reserves_, {}, &Reserve::unclaimed);
  if (had != 0 && left->unclaimed != 0) {
    hold.path = static_cast<size_t>(left - reserves_.begin());
    hold.bytes = std::min({bytes, had, left->unclaimed});
    left->unclaimed -= hold.bytes;
  } else {
    TierPath* path = tiers_.find(kSpare * config_.share);
    if (path == nullptr) return nullptr;
    hold.path = tiers_.index_of(*path);
  }
  return &holds_.emplace(id, hold).first->second;
}

HeldSpace::Given HeldSpace::set(uint64_t id, uint64_t bytes, uint64_t had) {
  Lock lock(mutex_);
  const os::Instant now = clock_.now();
  expire(now);
  if (bytes == 0) {
    auto found = holds_.find(id);
    if (found == holds_.end()) return {};
    release(found->second.path, found->second.bytes);
    holds_.erase(found);
    return {};
  }
  bytes = round_to_charge(std::min(bytes, config_.max_hold_bytes));
  Hold* hold = find_or_begin(id, bytes, had);
  if (hold == nullptr) return {};
  hold->ends = now + config_.lease;
  if (bytes <= hold->bytes) {
    const uint64_t before = std::exchange(hold->bytes, bytes);
    release(hold->path, before - bytes);
    return {.bytes = bytes};
  }
  const size_t path = hold->path;
  const uint64_t most = tiers_.path(path).available_bytes() / config_.share / kChargeUnit * kChargeUnit;
  const uint64_t by = std::min(bytes - hold->bytes, most);
  Result<void> grown = by == 0 ? Result<void>{} : grow(lock, path, by);
  auto found = holds_.find(id);
  if (found == holds_.end() || found->second.path != path) {  // ended meanwhile
    if (grown) release(path, by);
    return {};
  }
  if (grown) found->second.bytes += by;
  Given given{.bytes = found->second.bytes};
  if (given.bytes == 0) holds_.erase(found);
  if (!grown && !grown.error().is_errno(ENOSPC) && !grown.error().is_errno(EDQUOT)) {
    given.failure = std::move(grown).error();
    given.path = &tiers_.path(path);
  }
  return given;
}

TierPath* HeldSpace::draw(uint64_t id, uint64_t bytes) {
  std::lock_guard lock(mutex_);
  auto found = holds_.find(id);
  auto left = std::ranges::max_element(reserves_, {}, &Reserve::unclaimed);
  const size_t path = found != holds_.end() ? found->second.path : static_cast<size_t>(left - reserves_.begin());
  uint64_t& from = found != holds_.end() ? found->second.bytes : left->unclaimed;
  if (from < bytes || tiers_.path(path).failure()) return nullptr;
  from -= bytes;
  reserves_[path].charged -= bytes;
  return &tiers_.path(path);
}

void HeldSpace::release(size_t path, uint64_t bytes) {
  reserves_[path].charged -= bytes;
  tiers_.path(path).release(bytes);
}

void HeldSpace::expire(os::Instant now) {
  for (auto at = holds_.begin(); at != holds_.end();) {
    const Hold& hold = at->second;
    if (now < hold.ends && !tiers_.path(hold.path).failure()) {
      ++at;
      continue;
    }
    release(hold.path, hold.bytes);
    at = holds_.erase(at);
  }
  for (size_t i = 0; i < reserves_.size(); ++i) {
    Reserve& reserve = reserves_[i];
    if (now >= unclaimed_until_ || tiers_.path(i).failure()) release(i, std::exchange(reserve.unclaimed, 0));
    if (reserve.spare && reserve.charged == kSpare && !reserve.resizing) {
      reserve.spare = false;
      release(i, kSpare);
    }
  }
}

uint64_t HeldSpace::held_bytes() const {
  std::lock_guard lock(mutex_);
  uint64_t bytes = 0;
  for (const Reserve& reserve : reserves_) bytes += reserve.charged;
  return bytes;
}

size_t HeldSpace::holds() const {
  std::lock_guard lock(mutex_);
  return holds_.size();
}

// ---- the file ----

void HeldSpace::wait_for_resize(Lock& lock, const Reserve& reserve) {
  changed_.wait(lock, [&reserve] { return !reserve.resizing; });
}

Result<void> HeldSpace::grow(Lock& lock, size_t path, uint64_t by) {
  Reserve& reserve = reserves_[path];
  wait_for_resize(lock, reserve);
  const uint64_t charge = by + (reserve.spare ? 0 : kSpare);
  TRY(tiers_.path(path).charge(charge));
  reserve.spare = true;
  reserve.charged += charge;
  if (reserve.charged <= reserve.allocated) return {};
  Result<void> grown = resize(lock, path, reserve.charged);
  if (grown) return {};
  release(path, by);  // the spare bytes stay charged, to be allocated by upkeep() or given back with the last hold
  return grown;
}

bool HeldSpace::make_room(TierPath& path, uint64_t bytes) {
  const size_t index = tiers_.index_of(path);
  Lock lock(mutex_);
  Reserve& reserve = reserves_[index];
  wait_for_resize(lock, reserve);
  const uint64_t keep = reserve.charged - (reserve.spare ? kSpare : 0);
  if (reserve.allocated <= keep) return false;
  return resize(lock, index, std::max(keep, reserve.allocated - std::min(reserve.allocated, bytes))).has_value();
}

void HeldSpace::upkeep() {
  Lock lock(mutex_);
  expire(clock_.now());
  for (size_t i = 0; i < reserves_.size(); ++i) {
    const Reserve& reserve = reserves_[i];
    const bool right = reserve.charged == reserve.allocated;
    const bool near =
        reserve.charged < reserve.allocated && reserve.allocated - reserve.charged <= kUncut && reserve.charged != 0;
    if (right || near || reserve.resizing || tiers_.path(i).failure()) continue;
    Result<void> done = resize(lock, i, reserve.charged);
    (void)done;  // tried again at the next round; a disk that fails shows at the next write
  }
}

Result<void> HeldSpace::resize(Lock& lock, size_t path, uint64_t bytes) {
  Reserve& reserve = reserves_[path];
  reserve.resizing = true;
  std::unique_ptr<os::File> file = std::move(reserve.file);
  const uint64_t before = reserve.allocated;
  lock.unlock();
  Result<void> done = resize_file(file, path, before, bytes);
  lock.lock();
  reserve.file = std::move(file);
  if (done) reserve.allocated = bytes;
  reserve.resizing = false;
  changed_.notify_all();
  return done;
}

// The size of the file says how much is allocated, also to the next process: it never says more.
Result<void> HeldSpace::resize_file(std::unique_ptr<os::File>& file, size_t path, uint64_t from, uint64_t to) {
  if (!file) {
    ASSIGN_OR_RETURN(file, files_.open(name_of(path), os::OpenMode::kCreate));
  }
  if (to <= from) return file->truncate(to);
  Result<void> done = file->allocate(from, to - from);
  // A file system that cannot reserve: the quota alone vouches for the space.
  if (!done && done.error().is_errno(EOPNOTSUPP)) done = {};
  if (done) done = file->truncate(to);
  if (!done) (void)file->truncate(from);  // gives back what was allocated behind its end
  return done;
}

}  // namespace forebay::worker
