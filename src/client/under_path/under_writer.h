// Objects that this client is writing below mount points.
#pragma once

#include <atomic>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>

#include "client/client.h"
#include "client/under_path/under_core.h"

namespace forebay::client {

// What a new object begins from.
struct UnderBeginning {
  v1::MountPoint point;
  std::string key;
  uint32_t mode = 0644, uid = 0, gid = 0;
  bool exclusive = false;        // nothing may be at the key
  std::optional<UnderNode> was;  // what is there
  bool empties = true;           // the file begins empty; else with what is there, and is written behind it
};

// One object on its way, in order from its first byte, through one worker; visible at the key as a whole when it is flushed, as
// after close(2), or not at all. What comes after a flush begins another upload, with the bytes so far in front, up to
// kMostRestaged. Bytes at another place than the end are EOPNOTSUPP. After a failure everything fails with it until the file is
// opened again. Shared by its files and the table. Any thread; calls take turns.
class UnderWriter : public std::enable_shared_from_this<UnderWriter> {
 public:
  static constexpr uint64_t kMostRestaged = 256 * kMiB;

  UnderWriter(std::shared_ptr<UnderCore> under, Identity who, UnderBeginning beginning, InodeId inode);

  InodeId inode() const { return inode_; }
  const std::string& key() const { return beginning_.key; }
  uint64_t mount() const { return beginning_.point.mount(); }

  Task<Result<void>> write(Bytes data, std::optional<uint64_t> offset);  // without: at the end
  Task<Result<void>> truncate(uint64_t size);
  Task<Result<void>> flush();
  Task<Result<void>> set_attributes(v1::SetAttrRequest change);
  v1::Attr attr() const;
  // Written or emptied, and not at the key yet: only this client has it.
  bool is_pending() const { return dirty_; }

 private:
  Task<Result<void>> begin();
  Task<Result<void>> restage();
  Task<Result<void>> send(Bytes data, uint64_t offset);
  Task<Result<void>> flush_locked();
  Task<void> give_up();
  Status breaks(Status why);
  void show_size();

  const std::shared_ptr<UnderCore> under_;  // shared with the client, which may be gone before
  const Identity who_;
  const UnderBeginning beginning_;
  const InodeId inode_;
  async::Mutex turn_;
  // By `turn_`:
  struct Active {
    WorkerId worker;
    uint64_t upload = 0;
  };
  std::optional<Active> active_;
  uint64_t length_ = 0;
  std::string identity_;             // of what is at the key; empty: nothing of this file, yet
  std::atomic<bool> dirty_ = false;  // changed by `turn_`
  std::optional<Status> broken_;
  mutable std::mutex mutex_;
  v1::Attr attr_;
  bool attributes_set_ = false;
};

// The File that applications hold; the writer is in the table until the last one is closed.
std::unique_ptr<File> make_writing_file(std::shared_ptr<UnderCore> under, std::shared_ptr<UnderWriter> writer);

}  // namespace forebay::client
