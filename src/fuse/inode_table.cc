#include "fuse/inode_table.h"

#include "base/check.h"

namespace forebay::fuse {

void InodeTable::opened_for_write(InodeId inode) {
  std::lock_guard lock(mutex_);
  ++writers_[inode];
}

void InodeTable::closed_for_write(InodeId inode) {
  std::lock_guard lock(mutex_);
  auto found = writers_.find(inode);
  FOREBAY_CHECK(found != writers_.end(), "a file is closed for writing once per open");
  if (--found->second == 0) writers_.erase(found);
}

bool InodeTable::is_open_for_write(InodeId inode) const {
  std::lock_guard lock(mutex_);
  return writers_.contains(inode);
}

bool InodeTable::keep_cache(const v1::Attr& now) {
  const InodeId inode{now.inode()};
  std::lock_guard lock(mutex_);
  auto found = by_inode_.find(inode);
  const Content content{inode, now.layout(), now.mtime_ns(), now.size()};
  if (found == by_inode_.end()) {
    contents_.push_front(content);
    by_inode_[inode] = contents_.begin();
    if (contents_.size() > limit_) {
      by_inode_.erase(contents_.back().inode);
      contents_.pop_back();
    }
    return false;
  }
  contents_.splice(contents_.begin(), contents_, found->second);
  Content& known = contents_.front();
  const bool same = known.layout == content.layout && known.mtime_ns == content.mtime_ns && known.size == content.size;
  known = content;
  return same;
}

void InodeTable::content_changed(InodeId inode) {
  std::lock_guard lock(mutex_);
  auto found = by_inode_.find(inode);
  if (found == by_inode_.end()) return;
  contents_.erase(found->second);
  by_inode_.erase(found);
}

size_t InodeTable::remembered() const {
  std::lock_guard lock(mutex_);
  return contents_.size();
}

}  // namespace forebay::fuse
