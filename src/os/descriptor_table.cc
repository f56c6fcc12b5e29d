#include "os/descriptor_table.h"

#include <fcntl.h>
#include <unistd.h>

namespace forebay::os {

int DescriptorTable::add(std::shared_ptr<void> open_file) {
  std::lock_guard lock(mutex_);
  open_.emplace(next_, std::move(open_file));
  return next_++;
}

Result<int> DescriptorTable::duplicate(int descriptor) {
  if (descriptor < kFirst) {
    int copy = ::fcntl(descriptor, F_DUPFD_CLOEXEC, 0);
    if (copy < 0) return from_errno(errno, "duplicate descriptor " + std::to_string(descriptor));
    return copy;
  }
  std::shared_ptr<void> open_file = find(descriptor);
  if (!open_file) return from_errno(EBADF, "duplicate descriptor " + std::to_string(descriptor));
  return add(std::move(open_file));
}

std::shared_ptr<void> DescriptorTable::find(int descriptor) const {
  std::lock_guard lock(mutex_);
  auto found = open_.find(descriptor);
  return found == open_.end() ? nullptr : found->second;
}

void DescriptorTable::close(int descriptor) {
  if (descriptor < kFirst) {
    if (descriptor >= 0) ::close(descriptor);
    return;
  }
  // Declared before the lock, so destroyed after it: the last user of an open file may come back here.
  std::map<int, std::shared_ptr<void>>::node_type closed;
  std::lock_guard lock(mutex_);
  closed = open_.extract(descriptor);
}

size_t DescriptorTable::size() const {
  std::lock_guard lock(mutex_);
  return open_.size();
}

}  // namespace forebay::os
