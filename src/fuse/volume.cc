#include "fuse/volume.h"

#include <algorithm>

#include "base/check.h"

namespace forebay::fuse {

Volume::Volume(client::Client& client, obs::Log& log, MountConfig config, std::vector<async::Executor> executors)
    : client_(client),
      log_(log),
      config_(std::move(config)),
      executors_(std::move(executors)),
      inodes_(std::make_shared<InodeTable>(config_.remembered_inodes)),
      io_modes_(log),
      stage_policy_(config_.stage_from),
      read_buffers_(config_.idle_buffers),
      message_buffers_(config_.idle_buffers) {
  FOREBAY_CHECK(!executors_.empty(), "a mount needs an executor");
  client_.when_slowed([this](int change) { slowed_changed(change); });
  client_.leave_privilege([inodes = inodes_](InodeId inode) { return inodes->is_set_id_shown(inode); });
  io_modes_.on_change([this](std::string mode) { client_.describe(std::move(mode)); });
}

Volume::~Volume() {
  FOREBAY_CHECK(in_flight_ == 0 && files_.empty(), "a volume ends after its requests");
  client_.when_slowed({});
  for (OpenDir* directory : directories_) delete directory;
}

void Volume::serve(Task<void> operation, Work work) {
  size_t index = 0;
  if (const size_t others = executors_.size() - 1; work == Work::kBytes && others > 0)
    index = 1 + next_executor_.fetch_add(1, std::memory_order_relaxed) % others;
  async::spawn_detached(executors_[index], std::move(operation));
}

Task<void> Volume::place() {
  {
    std::lock_guard lock(mutex_);
    if (has_place_locked()) co_return;
  }
  co_await async::park([this](async::Waker waker) {
    std::unique_lock lock(mutex_);
    if (!has_place_locked()) {
      place_wanted_ = std::move(waker);
      return;
    }
    lock.unlock();
    waker();
  });
}

bool Volume::has_place_locked() const { return in_flight_ < config_.max_in_flight + std::min(slowed_, config_.max_slowed); }

void Volume::begin_request() {
  std::lock_guard lock(mutex_);
  ++in_flight_;
}

void Volume::end_request() {
  // Notifies under the lock: with the last request gone this object may be destroyed.
  std::lock_guard lock(mutex_);
  --in_flight_;
  if (place_wanted_ && has_place_locked()) std::exchange(place_wanted_, nullptr)();
  if (in_flight_ == 0) request_ended_.notify_all();
}

void Volume::slowed_changed(int change) {
  std::lock_guard lock(mutex_);
  slowed_ += static_cast<uint32_t>(change);
  if (place_wanted_ && has_place_locked()) std::exchange(place_wanted_, nullptr)();
}

void Volume::wait_until_idle() {
  std::unique_lock lock(mutex_);
  request_ended_.wait(lock, [this] { return in_flight_ == 0; });
}

OpenFile* Volume::adopt(std::unique_ptr<OpenFile> file) {
  if (file->writable) inodes_->opened_for_write(file->inode);
  std::lock_guard lock(mutex_);
  files_.insert(file.get());
  ++opens_[file->inode];
  return file.release();
}

std::unique_ptr<OpenFile> Volume::release(OpenFile* file) {
  {
    std::lock_guard lock(mutex_);
    files_.erase(file);
    auto opens = opens_.find(file->inode);
    if (--opens->second == 0) opens_.erase(opens);
  }
  io_modes_.leave(file->inode, file->mode);
  return std::unique_ptr<OpenFile>(file);
}

bool Volume::is_open(InodeId inode) const {
  std::lock_guard lock(mutex_);
  return opens_.contains(inode);
}

// Offset -1: attributes only. An inode that the kernel does not know needs nothing.
void Volume::forget_attributes(InodeId inode) { fuse_lowlevel_notify_inval_inode(session_, inode.value, -1, 0); }

OpenDir* Volume::adopt(std::unique_ptr<OpenDir> directory) {
  std::lock_guard lock(mutex_);
  directories_.insert(directory.get());
  return directory.release();
}

std::unique_ptr<OpenDir> Volume::release(OpenDir* directory) {
  std::lock_guard lock(mutex_);
  directories_.erase(directory);
  return std::unique_ptr<OpenDir>(directory);
}

void Volume::close_all() {
  second_look_->end();
  std::unordered_set<OpenFile*> left;
  {
    std::lock_guard lock(mutex_);
    left.swap(files_);
    opens_.clear();
  }
  for (OpenFile* file : left) {
    std::unique_ptr<OpenFile> owned(file);
    io_modes_.leave(owned->inode, owned->mode);
    auto closed = async::block_on(executors_.front(), owned->file->close());
    if (!closed)
      log_.error("a file that was open when the mount ended could not be closed",
                 {{"inode", owned->inode.value}, {"error", closed.error().to_string()}});
    if (owned->writable) inodes_->closed_for_write(owned->inode);
  }
}

v1::Attr Volume::with_local_changes(v1::Attr attr) {
  if (!inodes_->is_open_for_write(InodeId{attr.inode()})) return attr;
  return client_.with_local_changes(std::move(attr));
}

}  // namespace forebay::fuse
