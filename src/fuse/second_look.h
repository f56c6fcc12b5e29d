// Opens of names that are replaced all the time.
#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <stop_token>

#include "async/task.h"
#include "client/client.h"

namespace forebay::fuse {

// An open that finds its file replaced is tried again by the kernel, once: it looks the name up and opens what it finds. That one
// is held open from the lookup on, so that it can still be opened when it has been replaced, too. Owned by the volume, shared
// with what ends the holding. Any thread. Limits: files are held for kFor, kMost at a time, and only while an open has missed its
// file in the last kFor; beyond that they are not, and the open ends with ESTALE.
class SecondLook : public std::enable_shared_from_this<SecondLook> {
 public:
  static constexpr std::chrono::seconds kFor{1};
  static constexpr size_t kMost = 64;

  // An open has found its file gone.
  void missed();
  // Whether lookups are to hold what they find.
  bool is_on() const;
  // From now on, on the caller's executor.
  void hold(const async::Executor& executor, std::unique_ptr<client::File> file);
  bool holds(InodeId inode) const;
  // With the mount: nothing is held any more.
  void end();

 private:
  using Instant = std::chrono::steady_clock::time_point;
  static Task<void> let_go(std::shared_ptr<SecondLook> self, uint64_t number);

  std::stop_source stopping_;
  mutable std::mutex mutex_;
  Instant on_until_{};
  uint64_t last_ = 0;
  std::map<uint64_t, std::unique_ptr<client::File>> held_;  // by their number
};

}  // namespace forebay::fuse
