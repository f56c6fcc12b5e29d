// Raw bytes that travel beside a message without passing through protobuf.
#pragma once

#include <cstddef>
#include <memory>
#include <utility>

#include "base/bytes.h"

namespace forebay::rpc {

inline constexpr size_t kMaxPayload = 1 << 20;  // bytes in one frame

// A buffer of up to kMaxPayload bytes, page-aligned, from a pool that returns it when the payload is destroyed. Move-only. Any
// thread. The pool keeps at most 64 idle buffers; what is in flight is bounded by the limits of connections and servers.
class Payload {
 public:
  Payload() = default;                   // empty, owns nothing
  static Payload allocate(size_t size);  // uninitialised
  Payload(Payload&& other) noexcept : data_(std::exchange(other.data_, nullptr)), size_(std::exchange(other.size_, 0)) {}
  Payload& operator=(Payload&& other) noexcept {
    std::swap(data_, other.data_);
    std::swap(size_, other.size_);
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
};

}  // namespace forebay::rpc
