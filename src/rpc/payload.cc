#include "rpc/payload.h"

#include <cstdlib>
#include <mutex>
#include <vector>

#include "base/check.h"

namespace forebay::rpc {
namespace {

constexpr size_t kPage = 4096;
constexpr size_t kMaxIdle = 64;
// Below this the allocator is as fast as the pool, and a whole buffer for a few bytes would be waste.
constexpr size_t kPooledFrom = 64 << 10;

// Idle buffers of kMaxPayload bytes. Never destroyed: payloads may outlive every static.
struct Pool {
  std::mutex mutex;
  std::vector<std::byte*> idle;
};

Pool& pool() {
  static Pool* const pool = new Pool;
  return *pool;
}

std::byte* allocate_pages(size_t size) {
  void* data = std::aligned_alloc(kPage, (size + kPage - 1) / kPage * kPage);
  FOREBAY_CHECK(data != nullptr, "out of memory for a payload");
  return static_cast<std::byte*>(data);
}

std::byte* take_pooled() {
  {
    std::lock_guard lock(pool().mutex);
    if (!pool().idle.empty()) {
      std::byte* data = pool().idle.back();
      pool().idle.pop_back();
      return data;
    }
  }
  return allocate_pages(kMaxPayload);
}

bool return_pooled(std::byte* data) {
  std::lock_guard lock(pool().mutex);
  if (pool().idle.size() >= kMaxIdle) return false;
  pool().idle.push_back(data);
  return true;
}

}  // namespace

Payload Payload::allocate(size_t size) {
  FOREBAY_CHECK(size <= kMaxPayload, "a payload is larger than a frame can carry");
  Payload payload;
  if (size == 0) return payload;
  payload.pooled_ = size >= kPooledFrom;
  payload.data_ = payload.pooled_ ? take_pooled() : allocate_pages(size);
  payload.size_ = size;
  return payload;
}

Payload::~Payload() {
  if (data_ == nullptr || (pooled_ && return_pooled(data_))) return;
  std::free(data_);
}

void Payload::shrink(size_t size) {
  FOREBAY_CHECK(size <= size_, "a payload cannot grow");
  size_ = size;
}

}  // namespace forebay::rpc
