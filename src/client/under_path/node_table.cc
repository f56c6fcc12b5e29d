#include "client/under_path/node_table.h"

namespace forebay::client {
namespace {

constexpr size_t kMostMade = 10'000;

std::string text_of(uint64_t mount, const std::string& key) {
  std::string text;
  append_big_endian(text, mount);
  return text + key;
}

}  // namespace

Hash128 NodeTable::place_of(uint64_t mount, const std::string& key) { return hash128(text_of(mount, key)); }

bool NodeTable::is_same(const UnderNode& a, const UnderNode& b) {
  return a.mount == b.mount && a.is_directory == b.is_directory && a.identity == b.identity && a.key == b.key;
}

InodeId NodeTable::enter(UnderNode node) {
  std::string text = text_of(node.mount, node.key);
  text += '\0';
  text += node.is_directory ? "/" : node.identity;
  std::lock_guard lock(mutex_);
  InodeId inode{(hash64(text) & (kUnderBit - 1)) | kUnderBit};
  auto there = by_inode_.find(inode);
  while (there != by_inode_.end() && !is_same(*there->second, node)) {
    inode = InodeId{((inode.value + 1) & (kUnderBit - 1)) | kUnderBit};
    there = by_inode_.find(inode);
  }
  node.attr.set_inode(inode.value);
  by_place_[place_of(node.mount, node.key)] = inode;
  if (there != by_inode_.end()) {
    if (node.stamp.empty()) node.stamp = std::move(there->second->stamp);
    *there->second = std::move(node);
    nodes_.splice(nodes_.begin(), nodes_, there->second);
    return inode;
  }
  nodes_.push_front(std::move(node));
  by_inode_[inode] = nodes_.begin();
  if (nodes_.size() > limit_) {
    const UnderNode& last = nodes_.back();
    auto place = by_place_.find(place_of(last.mount, last.key));
    if (place != by_place_.end() && place->second.value == last.attr.inode()) by_place_.erase(place);
    by_inode_.erase(InodeId{last.attr.inode()});
    nodes_.pop_back();
  }
  return inode;
}

std::optional<UnderNode> NodeTable::find(InodeId inode) {
  std::lock_guard lock(mutex_);
  auto found = by_inode_.find(inode);
  if (found == by_inode_.end()) return std::nullopt;
  nodes_.splice(nodes_.begin(), nodes_, found->second);
  return *found->second;
}

std::optional<UnderNode> NodeTable::find(uint64_t mount, const std::string& key) {
  InodeId inode;
  {
    std::lock_guard lock(mutex_);
    auto place = by_place_.find(place_of(mount, key));
    if (place == by_place_.end()) return std::nullopt;
    inode = place->second;
  }
  return find(inode);
}

void NodeTable::forget(uint64_t mount, const std::string& key) {
  std::lock_guard lock(mutex_);
  by_place_.erase(place_of(mount, key));
}

void NodeTable::made_directory(uint64_t mount, const std::string& key) {
  std::lock_guard lock(mutex_);
  if (made_.size() >= kMostMade) made_.clear();
  made_.insert(place_of(mount, key));
}

void NodeTable::removed_directory(uint64_t mount, const std::string& key) {
  std::lock_guard lock(mutex_);
  made_.erase(place_of(mount, key));
}

bool NodeTable::was_made(uint64_t mount, const std::string& key) const {
  std::lock_guard lock(mutex_);
  return made_.contains(place_of(mount, key));
}

void NodeTable::opened(InodeId inode, const v1::Attr& attr) {
  std::lock_guard lock(mutex_);
  Open& open = open_[inode];
  open.attr = attr;
  ++open.times;
}

void NodeTable::closed(InodeId inode) {
  std::lock_guard lock(mutex_);
  auto found = open_.find(inode);
  if (found != open_.end() && --found->second.times == 0) open_.erase(found);
}

std::optional<v1::Attr> NodeTable::open_attr(InodeId inode) const {
  std::lock_guard lock(mutex_);
  auto found = open_.find(inode);
  if (found == open_.end()) return std::nullopt;
  return found->second.attr;
}

}  // namespace forebay::client
