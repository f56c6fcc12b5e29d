// What a mount has to remember about inodes between requests.
#pragma once

#include <atomic>
#include <cstdint>
#include <deque>
#include <list>
#include <mutex>
#include <optional>
#include <unordered_map>

#include "base/ids.h"
#include "forebay/v1/common.pb.h"

namespace forebay::fuse {

// Knows which inodes are open for writing here (their attributes at the master are behind), and from which content the kernel's
// page cache of an inode was filled (so that an unchanged file stays cached from one open to the next), and which attributes the
// kernel was shown (so that it can be told when an open finds others). Node ids are inode ids and those are never reused, so
// lookups are not counted and forgetting needs nothing. Owned by the mount. Any thread. Remembers `limit` inodes that are not
// open for writing, least recently opened first out; what is forgotten is read again. Inodes open for writing are bounded by the
// open files.
class InodeTable {
 public:
  explicit InodeTable(size_t limit) : limit_(limit) {}

  void opened_for_write(InodeId inode);
  void closed_for_write(InodeId inode);
  bool is_open_for_write(InodeId inode) const;

  // At an open: true if the page cache still holds what the file holds now. Remembers what it holds from now on.
  bool keep_cache(const v1::Attr& now);
  // This mount changed the inode's content: the layout that the page cache was filled from says nothing any more.
  void content_changed(InodeId inode);

  // Attributes on their way to the kernel. Remembered for what the kernel opens without telling (directories that somebody works
  // in, FIFOs, sockets), for files that change their mode when they are written, and of files for was_shown().
  void show(const v1::Attr& attr);
  // Whether this is what the kernel was shown last of the file's content. If not, it may hold other attributes for as long as
  // their timeout.
  bool was_shown(const v1::Attr& attr) const;
  // Attributes that do not go to the kernel: what is_privileged() says from now on. Of set-user-id and set-group-id it takes none
  // for shown that was not.
  void note_privilege(const v1::Attr& attr);
  // Whether the file, as of what was shown or noted, has set-user-id, set-group-id or a capability.
  bool is_privileged(InodeId inode) const;
  // Whether the kernel knows that the file has set-user-id or set-group-id: then it takes them away before somebody unprivileged
  // writes, by whichever way (SETATTR without a change), and leaves them when the superuser does.
  bool is_set_id_shown(InodeId inode) const;
  // What was shown last of an inode that is no more, for those who still have it open. Nothing if it was too long ago.
  std::optional<v1::Attr> removed(InodeId inode) const;

  // Grows with every change made through this mount. Attributes fetched before a change must not reach the kernel after it, or
  // a file would shrink to its former size.
  uint64_t changes() const { return changes_.load(std::memory_order_acquire); }
  void changed() { changes_.fetch_add(1, std::memory_order_acq_rel); }

  size_t remembered() const;

 private:
  // Tells one content of a file from another.
  struct Content {
    uint64_t layout;
    int64_t mtime_ns;
    uint64_t size;

    bool operator==(const Content&) const = default;
  };
  struct Cached {
    InodeId inode;
    Content content;
  };
  static Content content_of(const v1::Attr& attr) { return {attr.layout(), attr.mtime_ns(), attr.size()}; }
  void show_content(const v1::Attr& attr);
  void remember(const v1::Attr& attr);

  const size_t limit_;
  std::atomic<uint64_t> changes_{0};
  mutable std::mutex mutex_;
  std::unordered_map<InodeId, uint32_t> writers_;
  std::list<Cached> contents_;  // most recently opened first
  std::unordered_map<InodeId, std::list<Cached>::iterator> by_inode_;
  std::unordered_map<InodeId, v1::Attr> shown_;
  std::deque<InodeId> shown_order_;  // shown first, first
  std::unordered_map<InodeId, Content> shown_contents_;
  std::deque<InodeId> shown_contents_order_;  // shown first, first
};

}  // namespace forebay::fuse
