#include "worker/persist/put_limit.h"

#include <algorithm>

namespace forebay::worker {

uint64_t PutLimit::bytes() const { return clock_.now() < until_ ? std::min(lowered_, most_) : most_; }

void PutLimit::took_too_long(uint64_t bytes) {
  lowered_ = std::max(std::min(this->bytes(), bytes / 2), kLeast);
  until_ = clock_.now() + kRemembered;
}

}  // namespace forebay::worker
