#include "client/directory_attrs.h"

namespace forebay::client {

void DirectoryAttrs::note(const v1::Attr& attr, os::Instant now) {
  const InodeId directory{attr.inode()};
  std::lock_guard lock(mutex_);
  auto found = known_.find(directory);
  if (found != known_.end()) {
    // Answers may overtake each other. Two changes of one batch have one time, and nothing says which came later.
    if (attr.ctime_ns() > found->second.attr.ctime_ns())
      found->second = {attr, now};
    else if (attr.ctime_ns() == found->second.attr.ctime_ns())
      found->second.is_current = false;
    return;
  }
  known_.emplace(directory, Known{attr, now});
  order_.push_back(directory);
  while (order_.size() > kMaxDirectories) {
    known_.erase(order_.front());
    order_.pop_front();
  }
}

void DirectoryAttrs::forget(InodeId directory) {
  std::lock_guard lock(mutex_);
  if (const auto found = known_.find(directory); found != known_.end()) found->second.is_current = false;
}

void DirectoryAttrs::forget_all() {
  std::lock_guard lock(mutex_);
  for (auto& [directory, known] : known_) known.is_current = false;
}

std::optional<DirectoryAttrs::Known> DirectoryAttrs::find(InodeId directory) const {
  std::lock_guard lock(mutex_);
  const auto found = known_.find(directory);
  return found == known_.end() || !found->second.is_current ? std::nullopt : std::optional(found->second);
}

}  // namespace forebay::client
