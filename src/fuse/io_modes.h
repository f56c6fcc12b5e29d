// Which opens of which inodes the kernel serves by itself.
#pragma once

#include <cstdint>
#include <functional>
#include <mutex>
#include <optional>
#include <string>
#include <unordered_map>

#include "client/client.h"
#include "fuse/modes.h"
#include "obs/log.h"

namespace forebay::fuse {

// The kernel's table of files that it may use for inodes; a test has its own.
class BackingDevice {
 public:
  virtual ~BackingDevice() = default;
  virtual Result<int32_t> open(int descriptor) = 0;  // a number for it, more than 0
  virtual void close(int32_t id) = 0;                // no further open uses it; those that there are go on
};

// Keeps the kernel's rules (choose_data_mode): one file for all opens of an inode at a time, or none. Owned by the volume. Any
// thread. Between enter() and leave() of an open its inode's file stays known to the kernel. Limits: the open files.
class IoModes {
 public:
  explicit IoModes(obs::Log& log) : log_(log) {}

  // Once, when the kernel has answered: by passthrough from now on, or not, and why.
  void begin(BackingDevice* device, std::string why_not);
  bool passes_through() const;
  // For people: "passthrough", or "daemon: …". `changed` is called with it, from any thread, whenever it changes.
  std::string describe() const;
  void on_change(std::function<void(std::string)> changed) { changed_ = std::move(changed); }

  struct Choice {
    DataMode mode = DataMode::kCached;
    int32_t backing_id = 0;
  };
  // Before the reply to an open, and after its RELEASE, or when nobody heard the reply.
  Choice enter(InodeId inode, OpenFacts facts, const std::optional<client::Backing>& backing);
  void leave(InodeId inode, DataMode mode);
  // A file was opened for writing without the kernel: the object that the inode's opens use may have gone on elsewhere.
  void moved(InodeId inode, const client::Backing& backing);

  // The object whose file the inode's opens use; none, if they use none.
  ObjectId backing_of(InodeId inode) const;

  uint64_t passed_through() const;  // opens so far

 private:
  struct Inode {
    InodeOpens open;
    int32_t backing_id = 0;
    std::shared_ptr<os::File> file;  // shared with the client
  };
  Choice choose(InodeId inode, OpenFacts facts, const std::optional<client::Backing>& backing);
  bool register_locked(Inode& inode, const client::Backing& backing);
  static void moved_locked(Inode& inode, const client::Backing& backing);

  std::string describe_locked() const;

  obs::Log& log_;
  std::function<void(std::string)> changed_;
  mutable std::mutex mutex_;
  BackingDevice* device_ = nullptr;  // null: no passthrough
  std::string why_not_ = "the kernel has not answered yet";
  std::unordered_map<InodeId, Inode> inodes_;
  uint64_t passed_through_ = 0;
};

}  // namespace forebay::fuse
