// Reusable blocks of memory for the byte path.
#pragma once

#include <cstddef>
#include <cstdlib>
#include <mutex>
#include <utility>
#include <vector>

namespace forebay::fuse {

// Keeps up to `idle` malloc'ed blocks for reuse; a block above that is freed when it comes back. All blocks of one pool have one
// size, known to its user. Any thread. Blocks out at a time are bounded by the requests in flight.
class BufferPool {
 public:
  // A block that returns to its pool, which outlives it.
  class Buffer {
   public:
    Buffer() = default;
    Buffer(BufferPool* pool, void* memory) : pool_(pool), memory_(memory) {}
    Buffer(Buffer&& other) noexcept : pool_(other.pool_), memory_(std::exchange(other.memory_, nullptr)) {}
    Buffer& operator=(Buffer&& other) noexcept {
      std::swap(pool_, other.pool_);
      std::swap(memory_, other.memory_);
      return *this;
    }
    ~Buffer() {
      if (memory_ != nullptr) pool_->give_back(memory_);
    }
    void* memory() const { return memory_; }

   private:
    BufferPool* pool_ = nullptr;
    void* memory_ = nullptr;
  };

  explicit BufferPool(size_t idle) : idle_(idle) {}
  BufferPool(const BufferPool&) = delete;
  BufferPool& operator=(const BufferPool&) = delete;
  ~BufferPool() {
    for (void* memory : blocks_) std::free(memory);
  }

  // nullptr when none is idle.
  void* take() {
    std::lock_guard lock(mutex_);
    if (blocks_.empty()) return nullptr;
    void* memory = blocks_.back();
    blocks_.pop_back();
    return memory;
  }
  // A block that came from malloc.
  void give_back(void* memory) {
    {
      std::lock_guard lock(mutex_);
      if (blocks_.size() < idle_) {
        blocks_.push_back(memory);
        return;
      }
    }
    std::free(memory);
  }

 private:
  const size_t idle_;
  std::mutex mutex_;
  std::vector<void*> blocks_;
};

}  // namespace forebay::fuse
