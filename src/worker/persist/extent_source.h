// A sealed version as a stream of bytes.
#pragma once

#include <cstdint>
#include <map>
#include <memory>

#include "async/sync.h"
#include "worker/persist/live_task.h"

namespace forebay::worker {

// Content of the version that the task's operation has pinned, put together from extents of this worker and others, zeros where
// there are none. Every byte was checked against its object's seal, here or where it was read, and against the frame's checksum
// on its way; a copy that is missing or damaged is passed over for the next one. What the master keeps inline comes with the page
// that names it. Errors are `busy` (later, elsewhere, when a copy
// is back), or `cancelled`. Any number of reads at a time, on the task's executor. Holds at most 8 pages of 1,024 extents.
class ExtentSource final : public ufs::BodySource {
 public:
  explicit ExtentSource(const TaskContext& with);

  uint64_t length() const override { return with_.record().size(); }
  Task<Result<void>> read(uint64_t offset, MutableBytes into) override;
  Task<Result<void>> examine(uint64_t offset, MutableBytes into) override;
  // Of the whole content. From the seals where extents are whole objects; the rest is read.
  Task<Result<uint32_t>> content_crc();

 private:
  struct Page {
    uint64_t end;  // what follows is on another page
    v1::Layout layout;
  };
  // Bytes that belong together: of one object, or of none.
  struct Piece {
    uint64_t length = 0;
    const v1::Extent* extent = nullptr;  // null: a hole
    uint64_t object_offset = 0;
    v1::ObjectLocation location;
  };
  Task<Result<std::shared_ptr<const Page>>> page_at(uint64_t offset);
  std::shared_ptr<const Page> known_page(uint64_t offset) const;
  std::shared_ptr<const Page> keep(uint64_t begin, v1::Layout layout);
  static Piece piece_at(const Page& page, uint64_t offset, uint64_t length);
  enum class Purpose : uint8_t { kSend, kLook };
  Task<Result<void>> read_for(Purpose purpose, uint64_t offset, MutableBytes into);
  Task<Result<void>> read_piece(Piece piece, MutableBytes into);
  Task<bool> wait_for_turn(Purpose purpose, uint64_t bytes);
  Result<void> check_inlined(const v1::ObjectLocation& from) const;
  Task<Result<void>> read_object(v1::ObjectLocation from, uint64_t offset, MutableBytes into);
  Task<Result<void>> read_copy(WorkerId worker, uint64_t object, uint64_t offset, MutableBytes into);
  Task<Result<uint32_t>> piece_crc(Piece piece, uint64_t offset);
  Task<Result<uint32_t>> sealed_crc(v1::ObjectLocation from);
  Task<Result<uint32_t>> read_crc(uint64_t offset, uint64_t length);
  bool is_here(WorkerId worker) const;

  const TaskContext& with_;
  std::map<uint64_t, std::shared_ptr<const Page>> pages_;  // by first byte; shared with reads at work
  async::Mutex fetching_;
};

// The checksum of so many zeros.
uint32_t crc32c_of_zeros(uint64_t length);

}  // namespace forebay::worker
