// One directory of the page store.
#pragma once

#include <list>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "os/env.h"
#include "worker/pagestore/page_file.h"

namespace forebay::worker {

// Knows which pages are there and in which order they were used, and keeps them within the quota. Nothing in it is the only copy
// of anything: what fails is dropped, and fetched again. Owned by the page store; Env outlives it. The index belongs to one
// executor; the blocking functions touch files only and run anywhere. One process uses a directory at a time (a lock says so).
class PageDirectory {
 public:
  PageDirectory(os::FileSystem& files, std::string path, uint64_t quota);

  const std::string& path() const { return path_; }
  uint64_t quota() const { return quota_; }
  uint64_t used() const { return used_; }
  size_t pages() const { return index_.size(); }

  // -- index --
  bool has(Hash128 id);  // and counts as a use
  std::optional<std::vector<Hash128>> reserve(Hash128 id,
                                              uint64_t bytes);  // room for it; what has to go. Nothing: too large, or there
  void release(Hash128 id);                                     // it is not there, or no longer
  std::vector<Hash128> shed(uint64_t bytes);                    // the least recently used ones, so many bytes
  void found(Hash128 id, uint64_t bytes);                       // an earlier process's: to be used first to go

  // -- files; these block --
  Result<void> prepare();  // makes the directory, takes the lock
  // Calls for each page that is there; other files are left alone. A part of the directory at a time: 0 to 255.
  Result<void> scan(unsigned part, const std::function<void(Hash128, uint64_t)>& each);
  Result<void> write(const PageName& name, Bytes bytes, const std::vector<Hash128>& victims);
  Result<PageBytes> read(const PageName& name);
  void remove(Hash128 id);

 private:
  struct Page {
    Hash128 id;
    uint64_t bytes;
  };
  std::string file_of(Hash128 id) const { return path_ + "/" + page_file_name(id); }
  Result<void> write_file(const std::string& path, Bytes bytes);

  os::FileSystem& files_;
  const std::string path_;
  const uint64_t quota_;
  std::unique_ptr<os::File> lock_;
  uint64_t used_ = 0;
  std::list<Page> order_;  // most recently used first
  std::unordered_map<Hash128, std::list<Page>::iterator> index_;
};

}  // namespace forebay::worker
