// Reading a directory of any size with bounded memory.
#pragma once

#include <deque>
#include <functional>
#include <string>
#include <vector>

#include "client/client.h"
#include "fuse/config.h"

namespace forebay::fuse {

// One open directory as a numbered stream: position 0 is ".", 1 is "..", the rest are the entries in name order. A position
// handed out stays valid until the stream is read from 0 again, which starts a new view of the directory, as rewinddir(3) asks.
// Going on, or going back within the last two pages, is exact whatever is created or removed meanwhile. A seek further back
// resumes from a bookmark: entries removed since between the bookmark and the position shift it by as many.
// Owned by the open directory, whose lock serialises the calls. Memory: two pages and DirStreamConfig::bookmarks names.
class DirStream {
 public:
  // As client::Client::read_dir of the directory: entries after a name, whether with attributes.
  using Fetch = std::function<Task<Result<client::Listed>>(std::string after, uint32_t limit, bool attributes)>;

  struct Entry {
    std::string_view name;  // valid until the next call
    uint64_t inode = 0;
    v1::FileType type = v1::FILE_TYPE_UNSPECIFIED;
    const v1::Attr* attr = nullptr;  // nullptr for "." and "..", and when the page was read without attributes
    uint64_t stamp = 0;              // what `stamp` gave just before the attributes were read
  };

  // `stamp` numbers the moment of a fetch, for the caller to judge how old attributes are.
  DirStream(InodeId self, DirStreamConfig config, Fetch fetch, std::function<uint64_t()> stamp);

  // The entry at a position; nothing at the end. `attributes`: whether a page that has to be fetched shall carry them.
  Task<Result<std::optional<Entry>>> at(uint64_t position, bool attributes);

  size_t bookmark_count() const { return bookmarks_.size(); }

 private:
  struct Page {
    uint64_t first;  // position of its first entry
    std::vector<v1::DirEntry> entries;
    bool end;
    bool attributes;
    uint64_t stamp;

    uint64_t past() const { return first + entries.size(); }
  };
  struct Bookmark {
    uint64_t position;
    std::string after;
  };

  Task<Result<void>> fetch_page(uint64_t position, std::string after, bool attributes);
  Task<Result<void>> resume_near(uint64_t position, bool attributes);
  const Page* page_with(uint64_t position) const;
  void bookmark(uint64_t position, const std::string& after);

  const InodeId self_;
  const DirStreamConfig config_;
  const Fetch fetch_;
  const std::function<uint64_t()> stamp_;
  InodeId parent_;
  std::deque<Page> pages_;  // consecutive, at most two
  std::vector<Bookmark> bookmarks_;
  uint64_t bookmark_stride_ = 1;  // every so many pages
};

}  // namespace forebay::fuse
