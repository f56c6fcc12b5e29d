// Descriptors of the simulation.
#pragma once

#include <map>
#include <memory>
#include <mutex>

#include "base/status.h"

namespace forebay::os {

// What the kernel's table of open files is to real processes: numbers that stand for open files, can be duplicated and passed
// over the in-memory network, and adopted by another file system object of the same simulation. The numbers begin where no real
// descriptor can be, so that a close() or read() that slips past the seam fails with EBADF. Real descriptors (tests that mix an
// in-memory network with real files) are handed on to the kernel. Any thread.
class DescriptorTable {
 public:
  int add(std::shared_ptr<void> open_file);
  Result<int> duplicate(int descriptor);  // EBADF when unknown
  std::shared_ptr<void> find(int descriptor) const;
  void close(int descriptor);  // unknown ones are ignored
  size_t size() const;

 private:
  static constexpr int kFirst = 1 << 24;

  mutable std::mutex mutex_;
  int next_ = kFirst;
  std::map<int, std::shared_ptr<void>> open_;
};

}  // namespace forebay::os
