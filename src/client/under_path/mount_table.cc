#include "client/under_path/mount_table.h"

#include <algorithm>

#include "forebay/v1/under.rpc.h"

namespace forebay::client {
namespace {

constexpr Duration kFresh = std::chrono::seconds(2);
constexpr Duration kWithout = std::chrono::seconds(60);  // a master that does not know of mount points will not learn it soon

bool is_at_or_below(std::string_view path, std::string_view above) {
  return path.starts_with(above) && (path.size() == above.size() || path[above.size()] == '/');
}

}  // namespace

MountPoints::MountPoints(v1::ListMountPointsReply listed) {
  for (v1::MountPoint& point : *listed.mutable_points()) {
    if (point.inode() == 0) continue;
    by_inode_[InodeId{point.inode()}] = points_.size();
    points_.push_back(std::move(point));
  }
}

const v1::MountPoint* MountPoints::at(InodeId directory) const {
  auto found = by_inode_.find(directory);
  return found == by_inode_.end() ? nullptr : &points_[found->second];
}

const v1::MountPoint* MountPoints::of(uint64_t mount) const {
  auto found = std::ranges::find(points_, mount, &v1::MountPoint::mount);
  return found == points_.end() ? nullptr : &*found;
}

const v1::MountPoint* MountPoints::above(std::string_view path) const {
  auto found = std::ranges::find_if(points_, [path](const v1::MountPoint& point) { return is_at_or_below(path, point.path()); });
  return found == points_.end() ? nullptr : &*found;
}

Task<Result<std::shared_ptr<const MountPoints>>> MountTable::get() {
  bool waits = false, refreshes = false;
  {
    std::lock_guard lock(mutex_);
    waits = !is_known_;
    refreshes = is_known_ && !is_asking_ && env_.clock.now() >= next_;
    if (refreshes) is_asking_ = true;
  }
  if (refreshes && !background_.spawn(0, ask_again(this))) {
    std::lock_guard lock(mutex_);
    is_asking_ = false;
  }
  if (waits) {
    const auto guard = co_await asking_.lock();
    bool is_known = false;
    {
      std::lock_guard lock(mutex_);
      is_known = is_known_;
    }
    if (!is_known) CO_TRY(co_await ask());
  }
  std::lock_guard lock(mutex_);
  co_return points_;
}

Task<void> MountTable::ask_again(MountTable* self) {
  const Result<void> asked = co_await self->ask();
  (void)asked;  // what was known stays
  std::lock_guard lock(self->mutex_);
  self->is_asking_ = false;
}

Task<Result<void>> MountTable::ask() {
  Result<v1::ListMountPointsReply> reply =
      co_await session_.call<v1::mount_point_service::ListMountPoints>(Identity{}, v1::Empty{});
  const bool is_unknown = !reply && reply.error().is(Code::kInvalid);
  std::lock_guard lock(mutex_);
  next_ = env_.clock.now() + (is_unknown ? kWithout : kFresh);
  if (is_unknown) is_known_ = true;
  if (is_unknown) co_return Result<void>{};
  if (!reply) co_return std::unexpected(std::move(reply).error());
  is_known_ = true;
  points_ = std::make_shared<const MountPoints>(*std::move(reply));
  co_return Result<void>{};
}

}  // namespace forebay::client
