#include "fuse/io_modes.h"

#include <utility>

#include "base/check.h"

namespace forebay::fuse {

namespace {
bool is_same_file(os::File& one, os::File& other) {
  const Result<os::FileStatus> of_one = one.status(), of_other = other.status();
  return of_one && of_other && of_one->inode == of_other->inode;
}
}  // namespace

void IoModes::begin(BackingDevice* device, std::string why_not) {
  std::string now;
  {
    std::lock_guard lock(mutex_);
    device_ = device;
    why_not_ = std::move(why_not);
    now = describe_locked();
  }
  log_.info("how files are read and written", {{"mode", now}});
  if (changed_) changed_(now);
}

bool IoModes::passes_through() const {
  std::lock_guard lock(mutex_);
  return device_ != nullptr;
}

std::string IoModes::describe() const {
  std::lock_guard lock(mutex_);
  return describe_locked();
}

std::string IoModes::describe_locked() const { return device_ != nullptr ? "passthrough" : "daemon: " + why_not_; }

uint64_t IoModes::passed_through() const {
  std::lock_guard lock(mutex_);
  return passed_through_;
}

// The call to the kernel does not wait for anything: it looks the descriptor up and keeps it.
bool IoModes::register_locked(Inode& inode, const client::Backing& backing) {
  Result<int32_t> id = device_->open(backing.file->descriptor());
  if (id) {
    inode.backing_id = *id;
    inode.file = backing.file;
    inode.open.backing = backing.object;
    return true;
  }
  // What is not permitted, or not possible with this medium, will not be later.
  const bool for_good = !id.error().is_errno(ENOMEM) && !id.error().is_errno(ENOSPC) && !id.error().is_errno(EBADF);
  if (for_good) {
    device_ = nullptr;
    why_not_ = id.error().message();
    log_.warning("files go through the daemon from now on", {{"why", why_not_}});
  }
  return false;
}

IoModes::Choice IoModes::enter(InodeId inode, OpenFacts facts, const std::optional<client::Backing>& backing) {
  const bool could = passes_through();
  const Choice choice = choose(inode, facts, backing);
  if (could && !passes_through() && changed_) changed_(describe());
  return choice;
}

IoModes::Choice IoModes::choose(InodeId inode, OpenFacts facts, const std::optional<client::Backing>& backing) {
  std::lock_guard lock(mutex_);
  Inode& known = inodes_[inode];
  facts.passthrough = device_ != nullptr;
  if (backing) {
    facts.backing = backing->object;
    facts.backing_takes_writes = backing->writable;
  }
  if (backing) moved_locked(known, *backing);
  DataMode mode = choose_data_mode(facts, known.open);
  if (mode == DataMode::kPassthrough && known.open.backed == 0 && !register_locked(known, *backing)) {
    facts.backing = ObjectId{};
    mode = choose_data_mode(facts, known.open);
  }
  switch (mode) {
    case DataMode::kCached: ++known.open.cached; break;
    case DataMode::kDirect: ++known.open.direct; break;
    case DataMode::kPassthrough: ++passed_through_; [[fallthrough]];
    case DataMode::kBeside: ++known.open.backed; break;
  }
  return {mode, is_backed(mode) ? known.backing_id : 0};
}

// The object that the file belonged to goes on elsewhere; the kernel's file is still the same.
void IoModes::moved_locked(Inode& inode, const client::Backing& backing) {
  const bool moved = inode.open.backed != 0 && backing.writable && is_same_file(*inode.file, *backing.file);
  if (moved) inode.open.backing = backing.object;
}

void IoModes::moved(InodeId inode, const client::Backing& backing) {
  std::lock_guard lock(mutex_);
  auto found = inodes_.find(inode);
  if (found != inodes_.end()) moved_locked(found->second, backing);
}

ObjectId IoModes::backing_of(InodeId inode) const {
  std::lock_guard lock(mutex_);
  auto found = inodes_.find(inode);
  return found == inodes_.end() ? ObjectId{} : found->second.open.backing;
}

void IoModes::leave(InodeId inode, DataMode mode) {
  std::shared_ptr<os::File> closed;  // outside the lock
  std::lock_guard lock(mutex_);
  auto found = inodes_.find(inode);
  FOREBAY_CHECK(found != inodes_.end(), "an open ends once");
  InodeOpens& open = found->second.open;
  size_t& count = mode == DataMode::kCached ? open.cached : mode == DataMode::kDirect ? open.direct : open.backed;
  FOREBAY_CHECK(count != 0, "an open ends once");
  --count;
  if (is_backed(mode) && count == 0) {
    if (device_ != nullptr) device_->close(found->second.backing_id);
    closed = std::move(found->second.file);
    open.backing = ObjectId{};
    found->second.backing_id = 0;
  }
  if (open.cached + open.direct + open.backed == 0) inodes_.erase(found);
}

}  // namespace forebay::fuse
