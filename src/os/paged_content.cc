#include "os/paged_content.h"

#include <algorithm>
#include <cstring>

namespace forebay::os {
namespace {

uint64_t page_after(uint64_t end_offset) { return (end_offset + PagedContent::kPage - 1) / PagedContent::kPage; }

}  // namespace

std::shared_ptr<PagedContent::Page> PagedContent::page_of(const Pages& pages, uint64_t index) {
  auto found = pages.find(index);
  return found == pages.end() ? nullptr : found->second;
}

void PagedContent::set_page(Pages& pages, uint64_t index, std::shared_ptr<Page> page) {
  if (page) {
    pages[index] = std::move(page);
  } else {
    pages.erase(index);
  }
}

size_t PagedContent::read(MutableBytes into, uint64_t offset) const {
  if (offset >= size_) return 0;
  const size_t length = std::min<uint64_t>(into.size(), size_ - offset);
  for (size_t done = 0; done < length;) {
    uint64_t index = (offset + done) / kPage, within = (offset + done) % kPage;
    size_t part = std::min<uint64_t>(length - done, kPage - within);
    if (auto page = page_of(pages_, index)) {
      std::memcpy(into.data() + done, page->data() + within, part);
    } else {
      std::memset(into.data() + done, 0, part);
    }
    done += part;
  }
  return length;
}

PagedContent::Page& PagedContent::writable_page(uint64_t index) {
  std::shared_ptr<Page>& page = pages_[index];
  if (!page) {
    page = std::make_shared<Page>();
    page->fill(std::byte{0});
    if (!is_reserved(index)) ++allocated_;
  } else if (page.use_count() > 1) {
    page = std::make_shared<Page>(*page);
  }
  dirty_.insert(index);
  return *page;
}

void PagedContent::write(Bytes data, uint64_t offset) {
  for (size_t done = 0; done < data.size();) {
    uint64_t index = (offset + done) / kPage, within = (offset + done) % kPage;
    size_t part = std::min<uint64_t>(data.size() - done, kPage - within);
    std::memcpy(writable_page(index).data() + within, data.data() + done, part);
    done += part;
  }
  if (!data.empty()) size_ = std::max<uint64_t>(size_, offset + data.size());
}

std::optional<StoredRange> PagedContent::next_stored(uint64_t from) const {
  auto page = pages_.lower_bound(from / kPage);
  if (from >= size_ || page == pages_.end() || page->first * kPage >= size_) return std::nullopt;
  StoredRange range{.begin = std::max(from, page->first * kPage), .end = 0};
  uint64_t next = page->first;
  for (; page != pages_.end() && page->first == next; ++page) ++next;
  range.end = std::min(next * kPage, size_);
  return range;
}

void PagedContent::truncate(uint64_t size) {
  if (size < size_) {
    // The rest of the last page must read as zeros when the file grows again.
    if (size % kPage != 0 && pages_.contains(size / kPage)) {
      Page& last = writable_page(size / kPage);
      std::fill(last.begin() + static_cast<ptrdiff_t>(size % kPage), last.end(), std::byte{0});
    }
    const uint64_t keep = page_after(size);
    for (auto at = pages_.lower_bound(keep); at != pages_.end(); at = pages_.erase(at)) {
      dirty_.insert(at->first);
      if (!is_reserved(at->first)) --allocated_;
    }
  }
  if (size <= size_) {
    const uint64_t keep = page_after(size);
    for (auto at = reserved_.begin(); at != reserved_.end();) {
      uint64_t end = std::min(at->second, std::max(keep, at->first));
      allocated_ -= at->second - end;
      at->second = end;
      at = at->first == end ? reserved_.erase(at) : std::next(at);
    }
  }
  size_ = size;
}

bool PagedContent::is_reserved(uint64_t page) const {
  auto after = reserved_.upper_bound(page);
  return after != reserved_.begin() && std::prev(after)->second > page;
}

uint64_t PagedContent::missing_pages(uint64_t offset, uint64_t length) const {
  if (length == 0) return 0;
  const uint64_t first = offset / kPage, end = page_after(offset + length);
  uint64_t missing = end - first;
  for (const auto& [begin, stop] : reserved_) {
    uint64_t low = std::max(begin, first), high = std::min(stop, end);
    if (low < high) missing -= high - low;
  }
  for (auto at = pages_.lower_bound(first); at != pages_.end() && at->first < end; ++at) {
    if (!is_reserved(at->first)) --missing;
  }
  return missing;
}

void PagedContent::reserve(uint64_t offset, uint64_t length) {
  if (length == 0) return;
  allocated_ += missing_pages(offset, length);
  uint64_t first = offset / kPage, end = page_after(offset + length);
  for (auto at = reserved_.begin(); at != reserved_.end();) {
    if (at->second < first || at->first > end) {
      ++at;
      continue;
    }
    first = std::min(first, at->first);
    end = std::max(end, at->second);
    at = reserved_.erase(at);
  }
  reserved_[first] = end;
}

void PagedContent::flip_bit(uint64_t offset, int bit) {
  if (offset >= size_) return;
  const uint64_t index = offset / kPage;
  auto flip = [&](Pages& pages) {
    auto found = pages.find(index);
    if (found == pages.end()) return;
    found->second = std::make_shared<Page>(*found->second);
    (*found->second)[offset % kPage] ^= static_cast<std::byte>(1 << bit);
  };
  flip(pages_);
  flip(durable_);
}

void PagedContent::sync() {
  for (uint64_t index : dirty_) set_page(durable_, index, page_of(pages_, index));
  dirty_.clear();
  durable_size_ = size_;
}

std::shared_ptr<PagedContent::Page> PagedContent::torn(const Page* before, const Page* after, SimRandom& random) {
  auto page = std::make_shared<Page>();
  page->fill(std::byte{0});
  for (uint64_t at = 0; at < kPage; at += kSector) {
    const Page* source = random.one_in(2) ? after : before;
    if (source) std::memcpy(page->data() + at, source->data() + at, kSector);
  }
  return page;
}

void PagedContent::power_cut(SimRandom& random) {
  for (uint64_t index : dirty_) {
    auto before = page_of(durable_, index), after = page_of(pages_, index);
    switch (random.below(4)) {
      case 0: break;  // lost
      case 1: set_page(durable_, index, torn(before.get(), after.get(), random)); break;
      default: set_page(durable_, index, after); break;
    }
  }
  dirty_.clear();
  if (size_ != durable_size_) {
    const uint64_t low = std::min(size_, durable_size_), high = std::max(size_, durable_size_);
    switch (random.below(3)) {
      case 0: break;
      case 1: durable_size_ = std::min(high, low + random.below(page_after(high - low) + 1) * kPage); break;
      default: durable_size_ = size_; break;
    }
  }
  pages_ = durable_;
  // Bytes that were never inside the surviving size must read as zeros when the file grows again.
  size_ = std::max(durable_size_, pages_.empty() ? 0 : (pages_.rbegin()->first + 1) * kPage);
  const std::map<uint64_t, uint64_t> reserved = reserved_;
  truncate(durable_size_);
  reserved_ = reserved;
  allocated_ = 0;
  for (const auto& [begin, end] : reserved_) allocated_ += end - begin;
  for (const auto& [index, page] : pages_) allocated_ += is_reserved(index) ? 0 : 1;
  sync();
}

}  // namespace forebay::os
