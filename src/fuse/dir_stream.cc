#include "fuse/dir_stream.h"

#include <algorithm>

namespace forebay::fuse {

namespace {
constexpr uint64_t kFirstEntry = 2;  // after "." and ".."
constexpr size_t kPagesKept = 2;     // the current one, and the one before: readers go back within the last reply
}  // namespace

DirStream::DirStream(InodeId self, DirStreamConfig config, Fetch fetch, std::function<uint64_t()> stamp)
    : self_(self), config_(config), fetch_(std::move(fetch)), stamp_(std::move(stamp)) {}

const DirStream::Page* DirStream::page_with(uint64_t position) const {
  for (const Page& page : pages_) {
    if (position >= page.first && position < page.past()) return &page;
    if (page.end && position >= page.past()) return &page;
  }
  return nullptr;
}

void DirStream::bookmark(uint64_t position, const std::string& after) {
  if (!bookmarks_.empty() && position < bookmarks_.back().position + bookmark_stride_ * config_.page_entries) return;
  if (bookmarks_.size() >= config_.bookmarks) {
    size_t kept = 0;
    for (size_t i = 0; i < bookmarks_.size(); i += 2) std::swap(bookmarks_[kept++], bookmarks_[i]);
    bookmarks_.resize(kept);
    bookmark_stride_ *= 2;
    return;
  }
  bookmarks_.push_back({position, after});
}

Task<Result<void>> DirStream::fetch_page(uint64_t position, std::string after, bool attributes) {
  const uint64_t stamp = stamp_();
  auto listed = co_await fetch_(after, config_.page_entries, attributes);
  if (!listed) co_return std::unexpected(std::move(listed).error());
  parent_ = listed->parent;
  // An empty page that is not the last would have the reader ask for ever.
  const bool end = listed->end || listed->entries.empty();
  bookmark(position, after);
  if (!pages_.empty() && pages_.back().past() != position) pages_.clear();
  pages_.push_back({position, std::move(listed->entries), end, attributes, stamp});
  if (pages_.size() > kPagesKept) pages_.pop_front();
  co_return Result<void>{};
}

Task<Result<void>> DirStream::resume_near(uint64_t position, bool attributes) {
  uint64_t from = kFirstEntry;
  std::string after;
  const bool goes_on = !pages_.empty() && pages_.back().past() <= position;
  if (goes_on) {
    from = pages_.back().past();
    after = pages_.back().entries.back().name();  // not empty: an empty page is the last, and holds every later position
  }
  auto later = std::upper_bound(bookmarks_.begin(), bookmarks_.end(), position,
                                [](uint64_t wanted, const Bookmark& mark) { return wanted < mark.position; });
  if (later != bookmarks_.begin() && std::prev(later)->position > from) {
    from = std::prev(later)->position;
    after = std::prev(later)->after;
  }
  return fetch_page(from, std::move(after), attributes);
}

Task<Result<std::optional<DirStream::Entry>>> DirStream::at(uint64_t position, bool attributes) {
  if (position == 0) {
    pages_.clear();
    bookmarks_.clear();
    bookmark_stride_ = 1;
    co_return Entry{.name = ".", .inode = self_.value, .type = v1::FILE_TYPE_DIRECTORY};
  }
  const uint64_t wanted = std::max(position, kFirstEntry);
  const Page* page = page_with(wanted);
  while (page == nullptr) {
    CO_TRY(co_await resume_near(wanted, attributes));
    page = page_with(wanted);
  }
  if (position == 1)
    co_return Entry{.name = "..", .inode = parent_ ? parent_.value : self_.value, .type = v1::FILE_TYPE_DIRECTORY};
  if (position >= page->past()) co_return std::nullopt;
  const v1::DirEntry& entry = page->entries[position - page->first];
  co_return Entry{.name = entry.name(),
                  .inode = entry.inode(),
                  .type = entry.type(),
                  .attr = page->attributes && entry.has_attr() ? &entry.attr() : nullptr,
                  .stamp = page->stamp};
}

}  // namespace forebay::fuse
