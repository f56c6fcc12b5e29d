#include "client/write_path/inline_content.h"

#include <cstring>
#include <utility>

namespace forebay::client {

InlineContent::~InlineContent() {
  drop_locked(waiting_);
  drop_locked(committing_);
}

size_t InlineContent::size() const {
  std::lock_guard lock(mutex_);
  return waiting_.bytes->size();
}

ObjectId InlineContent::object() const {
  std::lock_guard lock(mutex_);
  return waiting_.object;
}

uint64_t InlineContent::append(Bytes data) {
  std::lock_guard lock(mutex_);
  const uint64_t at = waiting_.bytes->size();
  waiting_.bytes->append(reinterpret_cast<const char*>(data.data()), data.size());
  waiting_.charged += data.size();
  return at;
}

void InlineContent::overwrite(Bytes data, uint64_t at) {
  std::lock_guard lock(mutex_);
  std::memcpy(waiting_.bytes->data() + at, data.data(), data.size());
}

void InlineContent::drop_locked(Batch& batch) {
  const size_t charged = std::exchange(batch.charged, 0);
  budget_.release(charged);
  held_.release(charged);
  batch.bytes = std::make_shared<std::string>();
  batch.handed_over = 0;
}

void InlineContent::discard() {
  std::lock_guard lock(mutex_);
  drop_locked(waiting_);
  ++waiting_.object.value;
}

std::pair<uint64_t, std::string> InlineContent::copy_rest() const {
  std::lock_guard lock(mutex_);
  return {waiting_.handed_over, waiting_.bytes->substr(waiting_.handed_over)};
}

void InlineContent::hand_over(size_t bytes) {
  std::lock_guard lock(mutex_);
  waiting_.charged -= bytes;
  waiting_.handed_over += bytes;
  held_.release(bytes);
  budget_.release(bytes);
}

std::shared_ptr<const std::string> InlineContent::begin_commit(bool last) {
  std::lock_guard lock(mutex_);
  if (waiting_.bytes->empty()) return nullptr;
  if (!last) return std::make_shared<const std::string>(*waiting_.bytes);
  committing_ = std::exchange(waiting_, Batch{ObjectId{waiting_.object.value + 1}, std::make_shared<std::string>()});
  return committing_.bytes;
}

void InlineContent::committed() {
  std::lock_guard lock(mutex_);
  drop_locked(committing_);
}

bool InlineContent::copy(ObjectId object, uint64_t at, MutableBytes into) const {
  std::lock_guard lock(mutex_);
  for (const Batch* batch : {&waiting_, &committing_}) {
    if (batch->object != object || !batch->bytes || at + into.size() > batch->bytes->size()) continue;
    std::memcpy(into.data(), batch->bytes->data() + at, into.size());
    return true;
  }
  return false;
}

}  // namespace forebay::client
