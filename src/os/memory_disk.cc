#include "os/memory_disk.h"

#include <algorithm>

namespace forebay::os {

MemoryDisk::MemoryDisk(MemoryDiskConfig config, std::shared_ptr<DescriptorTable> descriptors)
    : descriptors_(descriptors ? std::move(descriptors) : std::make_shared<DescriptorTable>()), config_(config) {
  root_->links = 1;
}

Result<MemoryDisk::Place> MemoryDisk::find(const std::string& path, std::string_view doing) const {
  auto refuse = [&](int error) { return from_errno(error, std::string(doing) + " '" + path + "'"); };
  Place place{nullptr, "", root_};
  for (size_t at = 0; at < path.size();) {
    size_t end = std::min(path.find('/', at), path.size());
    std::string name = path.substr(at, end - at);
    at = end + 1;
    if (name.empty() || name == ".") continue;
    if (name.size() > 255) return refuse(ENAMETOOLONG);
    if (!place.node) return refuse(ENOENT);
    if (!place.node->directory) return refuse(ENOTDIR);
    place.directory = place.node;
    auto found = place.directory->entries.find(name);
    place.node = found == place.directory->entries.end() ? nullptr : found->second;
    place.name = std::move(name);
  }
  return place;
}

void MemoryDisk::apply(Change change) {
  for (const EntryChange& entry : change) {
    std::shared_ptr<Node> before;
    auto found = entry.directory->entries.find(entry.name);
    if (found != entry.directory->entries.end()) before = found->second;
    if (entry.node) {
      if (entry.node->inode == 0) {
        entry.node->inode = ++next_inode_;
        touch(*entry.node);
      }
      ++entry.node->links;
      entry.directory->entries[entry.name] = entry.node;
    } else {
      entry.directory->entries.erase(entry.name);
    }
    if (before) {
      --before->links;
      release_if_gone(*before);
    }
  }
  unsynced_.push_back(std::move(change));
}

void MemoryDisk::write_through(const Change& change) {
  for (const EntryChange& entry : change) {
    if (entry.node) {
      entry.directory->durable_entries[entry.name] = entry.node;
    } else {
      entry.directory->durable_entries.erase(entry.name);
    }
  }
}

void MemoryDisk::sync_directory(const std::shared_ptr<Node>& directory) {
  // Backwards, so that a change which touches two directories takes along what the other one did before it: otherwise an older
  // change could reach the medium after a newer one.
  std::set<const Node*> reached{directory.get()};
  std::vector<bool> taken(unsynced_.size());
  for (size_t i = unsynced_.size(); i-- > 0;) {
    taken[i] =
        std::ranges::any_of(unsynced_[i], [&](const EntryChange& entry) { return reached.contains(entry.directory.get()); });
    if (!taken[i]) continue;
    for (const EntryChange& entry : unsynced_[i]) reached.insert(entry.directory.get());
  }
  std::vector<Change> rest;
  for (size_t i = 0; i < unsynced_.size(); ++i) {
    if (taken[i]) {
      write_through(unsynced_[i]);
    } else {
      rest.push_back(std::move(unsynced_[i]));
    }
  }
  unsynced_ = std::move(rest);
}

void MemoryDisk::release_if_gone(Node& node) {
  if (node.links != 0 || node.opens != 0) return;
  used_pages_ -= node.charged_pages;
  node.charged_pages = 0;
}

void MemoryDisk::charge(Node& node) {
  used_pages_ += node.content.allocated_pages() - node.charged_pages;
  node.charged_pages = node.content.allocated_pages();
}

void MemoryDisk::touch(Node& node) { node.attributes.mtime_ns = ++ticks_ * 1'000; }

FileStatus MemoryDisk::status_of(const Node& node) {
  return {.inode = node.inode,
          .size = node.content.size(),
          .mtime_ns = node.attributes.mtime_ns,
          .mode = node.attributes.mode,
          .uid = node.attributes.uid,
          .gid = node.attributes.gid,
          .is_directory = node.directory,
          .is_regular = !node.directory};
}

void MemoryDisk::sync(Node& node) {
  node.content.sync();
  node.durable_attributes = node.attributes;
}

Result<void> MemoryDisk::check_room(const Node& node, uint64_t offset, uint64_t length, const std::string& path) const {
  uint64_t missing = node.content.missing_pages(offset, length);
  if (missing == 0 || (used_pages_ + missing) * PagedContent::kPage <= config_.capacity_bytes) return {};
  return from_errno(ENOSPC, "write '" + path + "'");
}

void MemoryDisk::power_cut(uint64_t seed) {
  std::lock_guard lock(mutex_);
  SimRandom random(seed);
  for (const Change& change : unsynced_) {
    if (random.one_in(2)) write_through(change);
  }
  unsynced_.clear();
  used_pages_ = 0;
  ++generation_;
  std::set<const Node*> seen;
  revive(*root_, random, seen);
  root_->links = 1;
}

void MemoryDisk::revive(Node& node, SimRandom& random, std::set<const Node*>& seen) {
  if (!seen.insert(&node).second) return;
  node.opens = node.writers = 0;
  node.links = 0;
  node.lock_owner = nullptr;
  node.attributes = node.durable_attributes;
  node.content.power_cut(random);
  node.charged_pages = 0;
  charge(node);
  node.entries = node.durable_entries;
  for (auto& [name, child] : node.entries) {
    revive(*child, random, seen);
    ++child->links;
  }
}

bool MemoryDisk::is_below(const Node& ancestor, const Node& node) {
  if (&ancestor == &node) return true;
  return std::ranges::any_of(ancestor.entries, [&](const auto& entry) { return is_below(*entry.second, node); });
}

void MemoryDisk::set_capacity(uint64_t bytes) {
  std::lock_guard lock(mutex_);
  config_.capacity_bytes = bytes;
}

uint64_t MemoryDisk::used_bytes() const {
  std::lock_guard lock(mutex_);
  return used_pages_ * PagedContent::kPage;
}

Result<void> MemoryDisk::flip_bit(const std::string& path, uint64_t offset, int bit) {
  std::lock_guard lock(mutex_);
  ASSIGN_OR_RETURN(Place place, find(path, "flip a bit of"));
  if (!place.node) return from_errno(ENOENT, "flip a bit of '" + path + "'");
  place.node->content.flip_bit(offset, bit);
  return {};
}

void MemoryDisk::collect(const Node& node, const std::string& prefix, std::vector<std::string>& out) {
  for (const auto& [name, child] : node.entries) {
    std::string path = prefix + "/" + name;
    if (child->directory) {
      collect(*child, path, out);
    } else {
      out.push_back(std::move(path));
    }
  }
}

std::vector<std::string> MemoryDisk::files() const {
  std::lock_guard lock(mutex_);
  std::vector<std::string> out;
  collect(*root_, "", out);
  return out;
}

}  // namespace forebay::os
