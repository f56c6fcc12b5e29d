#include "fuse/inode_table.h"

#include <utility>

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
  const Content content = content_of(now);
  if (found == by_inode_.end()) {
    contents_.push_front({inode, content});
    by_inode_[inode] = contents_.begin();
    if (contents_.size() > limit_) {
      by_inode_.erase(contents_.back().inode);
      contents_.pop_back();
    }
    return false;
  }
  contents_.splice(contents_.begin(), contents_, found->second);
  return std::exchange(contents_.front().content, content) == content;
}

void InodeTable::content_changed(InodeId inode) {
  std::lock_guard lock(mutex_);
  auto found = by_inode_.find(inode);
  if (found == by_inode_.end()) return;
  contents_.erase(found->second);
  by_inode_.erase(found);
}

namespace {
constexpr uint32_t kSetId = 06000;
bool has_set_id(const v1::Attr& attr) { return attr.type() == v1::FILE_TYPE_REGULAR && (attr.mode() & kSetId) != 0; }
bool has_privilege(const v1::Attr& attr) {
  return has_set_id(attr) || (attr.type() == v1::FILE_TYPE_REGULAR && attr.capability());
}
}  // namespace

void InodeTable::show(const v1::Attr& attr) {
  std::lock_guard lock(mutex_);
  if (attr.type() == v1::FILE_TYPE_REGULAR) show_content(attr);
  remember(attr);
}

void InodeTable::note_privilege(const v1::Attr& attr) {
  std::lock_guard lock(mutex_);
  auto found = shown_.find(InodeId{attr.inode()});
  const uint32_t shown = found == shown_.end() ? 0 : found->second.mode();
  v1::Attr noted = attr;
  noted.set_mode(attr.mode() & (~kSetId | shown));
  remember(noted);
}

void InodeTable::remember(const v1::Attr& attr) {
  const InodeId inode{attr.inode()};
  if (attr.type() == v1::FILE_TYPE_REGULAR && !has_privilege(attr)) {
    if (auto found = shown_.find(inode); found != shown_.end()) found->second = attr;
    return;
  }
  if (attr.nlink() == 0 && attr.type() != v1::FILE_TYPE_REGULAR) return;
  if (shown_.insert_or_assign(inode, attr).second) shown_order_.push_back(inode);
  if (shown_order_.size() <= limit_) return;
  shown_.erase(shown_order_.front());
  shown_order_.pop_front();
}

void InodeTable::show_content(const v1::Attr& attr) {
  const InodeId inode{attr.inode()};
  if (!shown_contents_.insert_or_assign(inode, content_of(attr)).second) return;
  shown_contents_order_.push_back(inode);
  if (shown_contents_order_.size() <= limit_) return;
  shown_contents_.erase(shown_contents_order_.front());
  shown_contents_order_.pop_front();
}

bool InodeTable::was_shown(const v1::Attr& attr) const {
  std::lock_guard lock(mutex_);
  auto found = shown_contents_.find(InodeId{attr.inode()});
  return found != shown_contents_.end() && found->second == content_of(attr);
}

bool InodeTable::is_privileged(InodeId inode) const {
  std::lock_guard lock(mutex_);
  auto found = shown_.find(inode);
  return found != shown_.end() && has_privilege(found->second);
}

bool InodeTable::is_set_id_shown(InodeId inode) const {
  std::lock_guard lock(mutex_);
  auto found = shown_.find(inode);
  return found != shown_.end() && has_set_id(found->second);
}

std::optional<v1::Attr> InodeTable::removed(InodeId inode) const {
  std::lock_guard lock(mutex_);
  auto found = shown_.find(inode);
  if (found == shown_.end() || found->second.type() == v1::FILE_TYPE_REGULAR) return std::nullopt;
  v1::Attr attr = found->second;
  attr.set_nlink(0);
  return attr;
}

size_t InodeTable::remembered() const {
  std::lock_guard lock(mutex_);
  return contents_.size();
}

}  // namespace forebay::fuse
