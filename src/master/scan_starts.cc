#include "master/scan_starts.h"

#include <algorithm>
#include <optional>

#include "base/bytes.h"

namespace forebay::master {
namespace {

struct Addition {
  ScanStarts::Queue queue;
  uint64_t number;
};

std::optional<Addition> addition(const kv::WriteBatch::Change& change) {
  const std::string_view key = change.key;
  if (!change.value) return std::nullopt;
  if (key.size() == 9 && key.front() == 'N') return Addition{{}, read_big_endian(key.substr(1))};
  if (key.size() == 17 && (key.front() == 'X' || key.front() == 'Y'))
    return Addition{{.kind = key.front(), .owner = read_big_endian(key.substr(1))}, read_big_endian(key.substr(9))};
  return std::nullopt;
}

}  // namespace

void ScanStarts::look(const kv::WriteBatch& committed) {
  for (const kv::WriteBatch::Change& change : committed.changes()) {
    const std::optional<Addition> added = addition(change);
    if (!added) continue;
    std::lock_guard lock(mutex_);
    Mark& mark = marks_[added->queue];
    mark.from = std::min(mark.from, added->number);
    ++mark.additions;
  }
}

ScanStarts::Mark ScanStarts::mark(Queue queue) const {
  std::lock_guard lock(mutex_);
  auto found = marks_.find(queue);
  return found == marks_.end() ? Mark{} : found->second;
}

void ScanStarts::nothing_before(Queue queue, Mark mark, uint64_t first) {
  std::lock_guard lock(mutex_);
  Mark& now = marks_[queue];
  if (now.additions == mark.additions) now.from = first;
}

uint64_t ScanStarts::turn(Queue queue) const {
  std::lock_guard lock(mutex_);
  auto found = turns_.find(queue);
  return found == turns_.end() ? 0 : found->second;
}

void ScanStarts::next_turn(Queue queue, uint64_t from) {
  std::lock_guard lock(mutex_);
  if (from == 0)
    turns_.erase(queue);
  else
    turns_[queue] = from;
}

}  // namespace forebay::master
