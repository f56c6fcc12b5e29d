// Raw bytes that travel beside a message without passing through protobuf.
#pragma once

#include <cstddef>
#include <utility>

#include "base/bytes.h"

namespace forebay::rpc {

inline constexpr size_t kMaxPayload = 1 << 20;  // bytes in one frame

// A page-aligned buffer of up to kMaxPayload bytes. Large ones come from a process-wide pool and return to it when the payload is
// destroyed. Move-only; a moved-from one is empty. Any thread. The pool keeps at most 64 idle buffers (64 MiB); what is in flight
// is bounded by the limits of connections and servers.
class Payload {
 public:
  Payload() = default;                   // empty, owns nothing
  static Payload allocate(size_t size);  // uninitialised
  Payload(Payload&& other) noexcept
      : data_(std::exchange(other.data_, nullptr)), size_(std::exchange(other.size_, 0)), pooled_(other.pooled_) {}
  Payload& operator=(Payload&& other) noexcept {
    std::swap(data_, other.data_);
    std::swap(size_, other.size_);
    std::swap(pooled_, other.pooled_);
    return *this;
  }
  ~Payload();

  Bytes view() const { return {data_, size_}; }
  MutableBytes writable() { return {data_, size_}; }
  size_t size() const { return size_; }
  void shrink(size_t size);  // never grows

 private:
  std::byte* data_ = nullptr;
  size_t size_ = 0;
  bool pooled_ = false;
};

}  // namespace forebay::rpc
