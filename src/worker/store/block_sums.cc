#include "worker/store/block_sums.h"

#include <algorithm>

#include "base/crc32c.h"

namespace forebay::worker {

namespace {
constexpr uint64_t kMostBytes = 64 * kGiB;  // of an object that is looked after: 1.8 MiB of sums
}

BlockSums::Pieces::Pieces(Bytes data, uint64_t offset, std::optional<uint32_t> crc32c)
    : begin_(offset), end_(offset + data.size()) {
  if (data.empty() || (end_ - 1) / kBlockBytes > begin_ / kBlockBytes + 1) return;
  while (!data.empty()) {
    const uint64_t block = offset / kBlockBytes, begin = offset % kBlockBytes;
    const Bytes here = data.first(std::min<uint64_t>(data.size(), kBlockBytes - begin));
    const bool is_all = here.size() == end_ - begin_;
    pieces_[count_++] = {.block = block,
                         .begin = static_cast<uint32_t>(begin),
                         .end = static_cast<uint32_t>(begin + here.size()),
                         .crc32c = is_all && crc32c ? *crc32c : forebay::crc32c(here)};
    data = data.subspan(here.size());
    offset += here.size();
  }
}

void BlockSums::begin(const Pieces& write) {
  if (write.end() > kMostBytes) distrust();
  if (!trusted_) return;
  // Which of them is on top nobody can tell.
  for (const Range& other : under_way_) forget(std::max(write.begin(), other.begin), std::min(write.end(), other.end));
  under_way_.push_back({write.begin(), write.end()});
}

void BlockSums::end(const Pieces& write, bool stored) {
  if (!trusted_) return;
  auto is_this = [&](const Range& range) { return range.begin == write.begin() && range.end == write.end(); };
  auto mine = std::ranges::find_if(under_way_, is_this);
  if (mine != under_way_.end()) under_way_.erase(mine);
  if (!stored || write.list().empty()) return forget(write.begin(), write.end());
  for (const Piece& piece : write.list()) {
    if (blocks_.size() <= piece.block) blocks_.resize(piece.block + 1);
    add(blocks_[piece.block], {piece.begin, piece.end, piece.crc32c});
  }
}

void BlockSums::forget(uint64_t begin, uint64_t end) {
  if (begin >= end) return;
  const uint64_t last = (end - 1) / kBlockBytes;
  if (blocks_.size() <= last) blocks_.resize(last + 1);
  for (uint64_t block = begin / kBlockBytes; block <= last; ++block) blocks_[block].unknown = true;
}

void BlockSums::add(Block& block, Run run) {
  if (block.unknown) return;
  std::array<Run, 3> runs;
  size_t count = 0;
  for (const Run& other : std::span(block.runs).first(block.count)) {
    const bool is_replaced = run.begin <= other.begin && other.end <= run.end;
    const bool is_apart = other.end <= run.begin || run.end <= other.begin;
    if (!is_replaced && !is_apart) block.unknown = true;
    if (is_apart) runs[count++] = other;
  }
  runs[count++] = run;
  std::ranges::sort(std::span(runs).first(count), {}, &Run::begin);
  block.count = 0;
  for (const Run& each : std::span(runs).first(count)) {
    Run* before = block.count == 0 ? nullptr : &block.runs[block.count - 1];
    if (before != nullptr && before->end == each.begin) {
      before->crc32c = crc32c_combine(before->crc32c, each.crc32c, each.end - each.begin);
      before->end = each.end;
    } else if (block.count < block.runs.size()) {
      block.runs[block.count++] = each;
    } else {
      block.unknown = true;
    }
  }
}

std::optional<uint32_t> BlockSums::find(uint64_t block, uint64_t bytes) const {
  if (!trusted_ || block >= blocks_.size()) return std::nullopt;
  const Block& here = blocks_[block];
  if (here.unknown || here.count != 1 || here.runs[0].begin != 0 || here.runs[0].end != bytes) return std::nullopt;
  return here.runs[0].crc32c;
}

}  // namespace forebay::worker
