// A disk of the simulation.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <vector>

#include "base/status.h"
#include "os/descriptor_table.h"
#include "os/file.h"
#include "os/paged_content.h"
#include "os/sim_random.h"

namespace forebay::os {

struct MemoryDiskConfig {
  uint64_t capacity_bytes = 1 << 30;
};

// A tree of directories and files that outlives the processes using it (MemoryFileSystem is one process's view). When a process
// dies, all that it wrote stays. power_cut() is the death of the machine: synced bytes and synced directory entries surely stay;
// each unsynced change of a directory stays or not, as one (a rename never half), and unsynced bytes as PagedContent says. A
// synced change takes along those it builds on. After a power cut every earlier view is dead: its calls answer `broken`.
// Full at `capacity_bytes`: ENOSPC, nothing changed. Any thread; one lock inside.
class MemoryDisk {
 public:
  explicit MemoryDisk(MemoryDiskConfig config = {}, std::shared_ptr<DescriptorTable> descriptors = nullptr);
  MemoryDisk(const MemoryDisk&) = delete;
  MemoryDisk& operator=(const MemoryDisk&) = delete;

  void power_cut(uint64_t seed);
  void set_capacity(uint64_t bytes);  // may be less than what is used: a disk filled by someone else
  uint64_t used_bytes() const;
  // Decay: inverts one bit of a file, below every cache. ENOENT; nothing when the file is shorter.
  Result<void> flip_bit(const std::string& path, uint64_t offset, int bit);
  std::vector<std::string> files() const;  // every file's path, sorted

 private:
  friend class MemoryFileSystem;
  friend class MemoryFile;

  // What a sync of the file makes durable, besides its content.
  struct Attributes {
    uint32_t mode = 0, uid = 0, gid = 0;
    int64_t mtime_ns = 0;
    std::map<std::string, std::string> extended;
  };
  struct Node {
    explicit Node(bool is_directory) : directory(is_directory) {
      attributes.mode = durable_attributes.mode = is_directory ? 0700 : 0600;
    }
    const bool directory;
    uint64_t inode = 0;
    Attributes attributes, durable_attributes;
    PagedContent content;
    std::map<std::string, std::shared_ptr<Node>> entries, durable_entries;
    uint64_t links = 0, opens = 0, writers = 0, charged_pages = 0;
    const void* lock_owner = nullptr;
  };
  // One entry of one directory set to a node, or erased.
  struct EntryChange {
    std::shared_ptr<Node> directory;
    std::string name;
    std::shared_ptr<Node> node;
  };
  // What reaches the medium whole or not at all.
  using Change = std::vector<EntryChange>;
  struct Place {
    std::shared_ptr<Node> directory;  // the parent
    std::string name;                 // empty for the root itself
    std::shared_ptr<Node> node;       // null when there is none
  };

  // All of these are called with the lock held.
  Result<Place> find(const std::string& path, std::string_view doing) const;
  void apply(Change change);
  void sync_directory(const std::shared_ptr<Node>& directory);
  void release_if_gone(Node& node);
  void charge(Node& node);  // after the node's content changed
  void touch(Node& node);   // after its bytes changed
  Result<void> check_room(const Node& node, uint64_t offset, uint64_t length, const std::string& path) const;
  static FileStatus status_of(const Node& node);
  static void sync(Node& node);
  static void write_through(const Change& change);
  static void collect(const Node& node, const std::string& prefix, std::vector<std::string>& out);
  static bool is_below(const Node& ancestor, const Node& node);  // or the same
  void revive(Node& node, SimRandom& random, std::set<const Node*>& seen);

  std::shared_ptr<DescriptorTable> descriptors_;
  mutable std::mutex mutex_;
  MemoryDiskConfig config_;
  std::shared_ptr<Node> root_ = std::make_shared<Node>(true);
  std::vector<Change> unsynced_;  // in order
  uint64_t used_pages_ = 0;
  uint64_t next_inode_ = 1;
  int64_t ticks_ = 0;        // this disk's clock: counts changes of content, so that a later one has a later mtime
  uint64_t generation_ = 0;  // counts power cuts
};

}  // namespace forebay::os
