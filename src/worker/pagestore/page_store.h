// The cache of what is read from under stores.
#pragma once

#include <list>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "async/sync.h"
#include "obs/log.h"
#include "os/env.h"
#include "ufs/under_store.h"
#include "worker/pagestore/page_directory.h"
#include "worker/pagestore/page_events.h"

namespace forebay::worker {

struct PageStoreConfig {
  struct Directory {
    std::string path;
    uint64_t bytes = 0;
  };
  std::vector<Directory> directories;  // none: pages are kept in memory only
  uint64_t page_bytes = kMiB;          // 4 KiB to 64 MiB
  uint64_t memory_bytes = 64 * kMiB;   // of pages that are kept in memory too
  size_t fetching = 64;                // pages on their way from stores, or to disk
  size_t ahead = 4;                    // pages fetched ahead of a reader who goes on and on; 0: none
  size_t waiting = 4'096;              // readers that wait for pages; more are `busy`
  Duration request_timeout = std::chrono::seconds(30);
  Duration failing_pause = std::chrono::seconds(30);  // for so long nothing is written to a directory that has failed
};

// An object of one identity, as its readers know it.
struct PagedObject {
  std::shared_ptr<ufs::UnderStore> store;  // shared with others at work
  std::string store_name;                  // PageName::store
  std::string key;
  ufs::Identity identity;
  uint64_t length = 0;
};

// Keeps pages by object, identity and number, so bytes of two contents never meet: least recently used go first, within each
// directory's quota. A page that several want is fetched once. Every page is checked when it comes from disk, and what does not
// match is fetched again. A directory that is full, broken or gone costs speed, never an answer. Owned by the worker; Env, log
// and events outlive it. On one executor. Memory: `fetching` pages, memory_bytes, and a page for each reader at work.
class PageStore {
 public:
  PageStore(os::Env& env, PageStoreConfig config, async::Executor executor, obs::Log& log, PageEvents& events = no_page_events());

  // Pages of an earlier process are found in the background. A directory that cannot be used is logged and left out.
  void start() { scope_.spawn(open_directories(this, scope_.token())); }
  Task<void> stop();

  uint64_t page_bytes() const { return config_.page_bytes; }
  // The bytes of a page; shorter at the object's end. Errors are the store's: kConflict when the object has changed. `limit`: no
  // page from there on is fetched ahead.
  Task<Result<PageBytes>> page(PagedObject object, uint64_t number, uint64_t limit = UINT64_MAX);
  // The same without waiting, for a reader who is about to come.
  void expect(PagedObject object, uint64_t number, uint64_t limit);

  size_t pages_on_disk() const;

 private:
  // A page on its way, for whoever waits.
  struct Pending {
    async::Event done;
    Result<PageBytes> result = PageBytes{};
  };
  using PendingPage = std::shared_ptr<Pending>;  // shared by the map, its fetch and its readers
  struct Disk {
    explicit Disk(std::unique_ptr<PageDirectory> opened) : directory(std::move(opened)) {}
    std::unique_ptr<PageDirectory> directory;
    os::Instant failing_until{};
    bool told = false;
  };
  // Pages that one request to the store brings.
  struct Run {
    PagedObject object;
    uint64_t first = 0;
    std::vector<PendingPage> pages;
    bool ahead = false;  // of its readers
  };
  class RunSink;

  PageName name_of(const PagedObject& object, uint64_t number) const;
  uint64_t bytes_of(const PagedObject& object, uint64_t number) const;
  bool goes_on(const PagedObject& object, uint64_t number);
  bool is_here(Hash128 id);
  void read_ahead(const PagedObject& object, uint64_t number, uint64_t limit);
  void extend(Run& run, uint64_t limit);
  Task<Result<PageBytes>> from_disk(PageName name, Disk* disk);
  Task<Result<PageBytes>> bring(PagedObject object, uint64_t number, uint64_t limit, bool sequential, PendingPage pending);
  static Task<void> fetch(PageStore* self, std::shared_ptr<Run> run);
  void arrived(const Run& run, size_t index, PageBytes bytes);
  void failed(const Run& run, const Status& why);
  static Task<void> keep(PageStore* self, PageName name, PageBytes bytes);
  void remember(Hash128 id, PageBytes bytes);
  PageBytes remembered(Hash128 id);
  Disk* disk_of(Hash128 id);
  void disk_failed(Disk& disk, const Status& why);
  void tell_space();
  static Task<void> open_directories(PageStore* self, std::stop_token stop);

  os::Env& env_;
  const PageStoreConfig config_;
  obs::Log& log_;
  PageEvents& events_;
  async::Scope scope_;
  async::Semaphore slots_;
  size_t waiting_ = 0;
  bool stopping_ = false;
  std::vector<Disk> disks_;
  std::unordered_map<Hash128, PendingPage> pending_;
  struct Kept {
    Hash128 id;
    PageBytes bytes;
  };
  std::list<Kept> memory_;  // most recently used first
  std::unordered_map<Hash128, std::list<Kept>::iterator> in_memory_;
  uint64_t memory_used_ = 0;
  struct Reader {
    uint64_t last = 0;  // page
    bool goes_on = false;
  };
  std::unordered_map<uint64_t, Reader> readers_;  // by hash of object and identity
};

}  // namespace forebay::worker
