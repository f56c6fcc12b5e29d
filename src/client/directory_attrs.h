// What directories look like after this client's own changes.
#pragma once

#include <deque>
#include <mutex>
#include <optional>
#include <unordered_map>

#include "base/ids.h"
#include "forebay/v1/common.pb.h"
#include "os/clock.h"

namespace forebay::client {

// Attributes of directories as the answers to changes of their entries gave them: whoever made the change is asked for them next,
// by the kernel for one, and need not ask the master. Owned by Core. Any thread. Limit: kMaxDirectories, noted first, first out.
class DirectoryAttrs {
 public:
  void note(const v1::Attr& attr, os::Instant now);
  // Changed without an answer that says how.
  void forget(InodeId directory);
  void forget_all();
  struct Known {
    v1::Attr attr;
    os::Instant since;       // when it was so
    bool is_current = true;  // false: something has changed it since
  };
  std::optional<Known> find(InodeId directory) const;

 private:
  static constexpr size_t kMaxDirectories = 1024;

  mutable std::mutex mutex_;
  std::unordered_map<InodeId, Known> known_;
  std::deque<InodeId> order_;  // of noting
};

}  // namespace forebay::client
