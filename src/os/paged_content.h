// Bytes of one file of the in-memory file system.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <set>

#include "base/bytes.h"
#include "os/file.h"
#include "os/sim_random.h"

namespace forebay::os {

// Two images of one file: what readers see, and what a power cut surely leaves. sync() makes the second one equal to the first;
// power_cut() makes the first one what the seed lets through: of each page that was written since, the old bytes, the new ones,
// or (torn) new sectors among old ones; of the size, the old, the new or a page boundary between them. Pages are shared between
// the images until written. Reserved space counts as allocated without holding memory. Caller synchronises.
class PagedContent {
 public:
  static constexpr uint64_t kPage = 4096, kSector = 512;

  size_t read(MutableBytes into, uint64_t offset) const;  // holes are zeros; short at the end of the file
  void write(Bytes data, uint64_t offset);
  void truncate(uint64_t size);
  void reserve(uint64_t offset, uint64_t length);
  void flip_bit(uint64_t offset, int bit);  // in both images, as decay on the medium does; past the end: nothing

  uint64_t size() const { return size_; }
  uint64_t allocated_pages() const { return allocated_; }
  std::optional<StoredRange> next_stored(uint64_t from) const;     // of pages that were written; reserved ones are holes
  uint64_t missing_pages(uint64_t offset, uint64_t length) const;  // that write() or reserve() would allocate

  bool is_dirty() const { return !dirty_.empty() || size_ != durable_size_; }
  void sync();
  void power_cut(SimRandom& random);

 private:
  using Page = std::array<std::byte, kPage>;
  using Pages = std::map<uint64_t, std::shared_ptr<Page>>;

  static void set_page(Pages& pages, uint64_t index, std::shared_ptr<Page> page);
  static std::shared_ptr<Page> page_of(const Pages& pages, uint64_t index);
  static std::shared_ptr<Page> torn(const Page* before, const Page* after, SimRandom& random);
  bool is_reserved(uint64_t page) const;
  Page& writable_page(uint64_t index);

  Pages pages_, durable_;
  uint64_t size_ = 0, durable_size_ = 0;
  std::set<uint64_t> dirty_;               // pages whose images may differ
  std::map<uint64_t, uint64_t> reserved_;  // first page → page after the last; disjoint, survive a power cut
  uint64_t allocated_ = 0;                 // pages held or reserved
};

}  // namespace forebay::os
