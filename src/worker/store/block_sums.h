// Checksums of an object that is being written, as far as they are known.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <vector>

#include "base/bytes.h"
#include "worker/store/object_file.h"

namespace forebay::worker {

// A seal needs the checksum of every block. Of bytes that came through here it was known when they did: where the writes to a
// block say what is in it, nobody has to read it again. A block is not known when two writes of the same bytes were under way at
// once, when a later one replaced a part of an earlier one, when a write failed, when its bytes came in more than a few pieces
// with others between them, or when somebody else may have written it. Owned by an Object, which synchronises. Limits: two runs
// of bytes for each block up to the last one written, 28 bytes a block, of the first 64 GiB.
class BlockSums {
 public:
  // Bytes in one block, and their checksum.
  struct Piece {
    uint64_t block = 0;
    uint32_t begin = 0, end = 0;  // in the block
    uint32_t crc32c = 0;
  };
  // Of one write: at most a frame, which touches two blocks.
  class Pieces {
   public:
    // `crc32c` of all of `data`, if the caller has it. Longer data has no pieces: its blocks become unknown.
    Pieces(Bytes data, uint64_t offset, std::optional<uint32_t> crc32c);
    uint64_t begin() const { return begin_; }
    uint64_t end() const { return end_; }
    std::span<const Piece> list() const { return std::span(pieces_).first(count_); }

   private:
    uint64_t begin_, end_;  // in the object
    std::array<Piece, 2> pieces_;
    size_t count_ = 0;
  };

  void begin(const Pieces& write);
  void end(const Pieces& write, bool stored);
  // Of all blocks, from now on and for ever.
  void distrust() { trusted_ = false; }
  // Of the first `bytes` of a block, when nothing else is in it. No write is under way.
  std::optional<uint32_t> find(uint64_t block, uint64_t bytes) const;

 private:
  struct Run {
    uint32_t begin = 0, end = 0, crc32c = 0;
  };
  struct Block {
    std::array<Run, 2> runs;  // in order, with a gap between them
    uint8_t count = 0;
    bool unknown = false;
  };
  struct Range {
    uint64_t begin = 0, end = 0;
  };

  void forget(uint64_t begin, uint64_t end);
  static void add(Block& block, Run run);

  bool trusted_ = true;
  std::vector<Block> blocks_;
  std::vector<Range> under_way_;
};

}  // namespace forebay::worker
