// What all requests of one mount share.
#pragma once

#include <condition_variable>
#include <mutex>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "client/client.h"
#include "fuse/buffer_pool.h"
#include "fuse/config.h"
#include "fuse/device_io.h"
#include "fuse/inode_table.h"
#include "fuse/io_modes.h"
#include "fuse/last_write_policy.h"
#include "fuse/open_file.h"
#include "fuse/request.h"
#include "fuse/second_look.h"
#include "fuse/stage_policy.h"

namespace forebay::fuse {

// Owned by the mount; the client, the log and the executors outlive it. Any thread.
// Limit: MountConfig::max_in_flight requests, besides max_slowed that wait because writers are slowed; more are not received, and
// wait in the kernel.
class Volume {
 public:
  Volume(client::Client& client, obs::Log& log, MountConfig config, std::vector<async::Executor> executors);
  ~Volume();

  client::Client& client() { return client_; }
  obs::Log& log() { return log_; }
  const MountConfig& config() const { return config_; }
  InodeTable& inodes() { return *inodes_; }
  IoModes& io_modes() { return io_modes_; }
  StagePolicy& stage_policy() { return stage_policy_; }
  LastWritePolicy& last_write_policy() { return last_write_policy_; }
  SecondLook& second_look() { return *second_look_; }
  const async::Executor& executor() const { return executors_.front(); }
  BufferPool& read_buffers() { return read_buffers_; }        // of kMaxRequestBytes
  BufferPool& message_buffers() { return message_buffers_; }  // of kMaxMessageBytes

  InitExchange& init_exchange() { return init_exchange_; }

  // Starts the coroutine that serves a request: on the first executor, which has also received it; on the others in turn, if it
  // moves many bytes or may wait for a disk.
  enum class Work : uint8_t { kShort, kBytes };
  void serve(Task<void> operation, Work work = Work::kShort);
  Task<void> place();  // until one more request may begin. One caller at a time, who begins no more than one
  void begin_request();
  void end_request();
  void wait_until_idle();
  void slowed_changed(int change);  // of requests that wait because writers are slowed

  // Set once, before the first request.
  void set_session(fuse_session* session) { session_ = session; }
  // The kernel asks for the inode's attributes when it needs them next.
  void forget_attributes(InodeId inode);

  // Open files and directories live until the kernel releases them; what it never released is closed by close_all().
  OpenFile* adopt(std::unique_ptr<OpenFile> file);
  std::unique_ptr<OpenFile> release(OpenFile* file);
  bool is_open(InodeId inode) const;
  OpenDir* adopt(std::unique_ptr<OpenDir> directory);
  std::unique_ptr<OpenDir> release(OpenDir* directory);
  // After the last request. Commits what can be; an error is logged. Blocks.
  void close_all();

  // The attributes as this mount has to show them: with sizes and times that are not committed yet.
  v1::Attr with_local_changes(v1::Attr attr);

 private:
  bool has_place_locked() const;

  client::Client& client_;
  obs::Log& log_;
  const MountConfig config_;
  const std::vector<async::Executor> executors_;
  const std::shared_ptr<InodeTable> inodes_;  // shared with the client, which asks it when it commits
  IoModes io_modes_;
  StagePolicy stage_policy_;
  LastWritePolicy last_write_policy_;
  const std::shared_ptr<SecondLook> second_look_ = std::make_shared<SecondLook>();  // shared with what ends it
  BufferPool read_buffers_, message_buffers_;
  InitExchange init_exchange_;
  fuse_session* session_ = nullptr;

  std::atomic<size_t> next_executor_{0};
  mutable std::mutex mutex_;
  std::condition_variable request_ended_;
  uint32_t in_flight_ = 0, slowed_ = 0;
  async::Waker place_wanted_;
  std::unordered_set<OpenFile*> files_;
  std::unordered_map<InodeId, uint32_t> opens_;  // of files_, by inode
  std::unordered_set<OpenDir*> directories_;
};

}  // namespace forebay::fuse
