#include "worker/pagestore/page_store.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "os/simulation.h"
#include "ufs/faulty_store.h"
#include "ufs/memory_store.h"

namespace forebay::worker {
namespace {

using std::chrono::seconds;
using ufs::StoreFaultKind;

constexpr uint64_t kPage = 4 * kKiB;

struct Counts final : PageEvents {
  void page_hit(uint64_t) override { ++hits; }
  void page_fetched(uint64_t, bool is_ahead) override { ++(is_ahead ? ahead : fetched); }
  void fetch_failed() override { ++failures; }
  void page_damaged() override { ++damaged; }
  void page_directory_failed() override { ++directory_failures; }
  int hits = 0, fetched = 0, ahead = 0, failures = 0, damaged = 0, directory_failures = 0;
};

class PageStoreTest : public testing::Test {
 protected:
  void SetUp() override {
    config.directories = {{"/pages", 64 * kPage}};
    config.page_bytes = kPage;
    config.memory_bytes = 0;  // so that the disk is what is tested
    process = world.start_process("w", "worker");
    memory = std::make_shared<ufs::MemoryStore>(bucket, process->env().clock,
                                                ufs::MemoryStore::Config{.who = "w", .latency = std::chrono::milliseconds(10)});
  }
  void TearDown() override { end(); }
  void begin(std::vector<ufs::ScriptedFaults::Rule> rules = {}) {
    faults = std::make_unique<ufs::ScriptedFaults>(std::move(rules));
    store = std::make_shared<ufs::FaultyStore>(*memory, process->env().clock, world.executor(), *faults);
    pages = std::make_unique<PageStore>(process->env(), config, world.executor(), obs::null_log(), counts);
    pages->start();
    world.run_for(seconds(1));
  }
  template <class T>
  static Task<bool> stop(T* what) {
    co_await what->stop();
    co_return true;
  }
  void end() {
    if (!pages) return;
    run(stop(pages.get()));
    run(stop(store.get()));
    pages.reset();
  }
  void restart() {
    end();
    counts = Counts();
    begin();
  }
  template <class T>
  T run(Task<T> task) {
    std::optional<T> result = world.complete(std::move(task), std::chrono::hours(1));
    FOREBAY_CHECK(result.has_value(), "it never ends");
    return *std::move(result);
  }
  // An object of `count` pages and a bit, each byte of page n being 'a' + n % 26.
  PagedObject object(const std::string& key, uint64_t count) {
    std::string content;
    for (uint64_t i = 0; i < count; ++i) content.append(kPage, static_cast<char>('a' + i % 26));
    content += "end";
    bucket.write_foreign(key, content);
    return {store, "memory://bucket", key, bucket.state(key)->identity, content.size()};
  }
  Result<std::string> read(const PagedObject& object, uint64_t number, uint64_t limit = UINT64_MAX) {
    Result<PageBytes> page = run(pages->page(object, number, limit));
    if (!page) return std::unexpected(page.error());
    world.run_for(seconds(1));  // what is read ahead or written comes to rest
    return std::string(as_text(**page));
  }
  std::string must_read(const PagedObject& object, uint64_t number) {
    Result<std::string> page = read(object, number);
    EXPECT_TRUE(page) << page.error().to_string();
    return page.value_or("(error)");
  }
  int gets() const {
    const std::vector<ufs::RequestRecord> all = bucket.requests();
    return static_cast<int>(std::ranges::count(all, "get", &ufs::RequestRecord::operation));
  }
  std::vector<std::string> files() const {
    std::vector<std::string> all = process->host().disk().files();
    std::erase_if(all, [](const std::string& path) { return !path.starts_with("/pages/") || path == "/pages/lock"; });
    return all;
  }

  os::SimWorld world{{}};
  std::shared_ptr<os::SimProcess> process;
  ufs::MemoryBucket bucket;
  std::shared_ptr<ufs::MemoryStore> memory;
  std::unique_ptr<ufs::ScriptedFaults> faults;
  std::shared_ptr<ufs::FaultyStore> store;
  PageStoreConfig config;
  Counts counts;
  std::unique_ptr<PageStore> pages;
};

TEST_F(PageStoreTest, serves_a_page_from_disk_after_it_was_fetched_once) {
  begin();
  const PagedObject big = object("big", 3);
  EXPECT_EQ(must_read(big, 2), std::string(kPage, 'c'));
  EXPECT_EQ(must_read(big, 2), std::string(kPage, 'c'));
  EXPECT_EQ(must_read(big, 3), "end");
  EXPECT_EQ(must_read(big, 4), "");
  EXPECT_EQ(gets(), 2);
  EXPECT_EQ(counts.hits, 1);
  EXPECT_EQ(files().size(), 2U);
}

TEST_F(PageStoreTest, fetches_a_page_once_for_all_who_want_it_at_a_time) {
  begin();
  const PagedObject big = object("big", 3);
  auto both = [](PageStore* pages, PagedObject wanted) -> Task<bool> {
    Task<Result<PageBytes>> first = pages->page(wanted, 1);
    const Result<PageBytes> got = co_await std::move(first);
    co_return got.has_value();
  };
  std::vector<std::optional<bool>> done(5);
  auto one = [](std::optional<bool>* into, Task<bool> task) -> Task<void> { *into = co_await std::move(task); };
  for (auto& each : done) async::spawn_detached(world.executor(), one(&each, both(pages.get(), big)));
  ASSERT_TRUE(world.run_until([&] { return std::ranges::all_of(done, [](auto& each) { return each && *each; }); }, seconds(60)));
  EXPECT_EQ(gets(), 1);
}

TEST_F(PageStoreTest, reads_ahead_of_a_reader_who_goes_on_and_not_beyond_the_limit) {
  begin();
  const PagedObject big = object("big", 20);
  must_read(big, 0);
  EXPECT_EQ(counts.ahead, 0);
  ASSERT_TRUE(read(big, 1, 4));
  EXPECT_EQ(counts.ahead, 2);  // 2 and 3; 4 is somebody else's
  const int before = gets();
  ASSERT_TRUE(read(big, 2, 4));
  ASSERT_TRUE(read(big, 3, 4));
  EXPECT_EQ(gets(), before);
  for (uint64_t page = 4; page < 20; ++page) EXPECT_EQ(must_read(big, page).front(), static_cast<char>('a' + page));
  EXPECT_LT(gets() - before, 10);  // several pages in one request
}

TEST_F(PageStoreTest, keeps_pages_over_a_restart) {
  begin();
  const PagedObject big = object("big", 3);
  must_read(big, 1);
  restart();
  PagedObject again = big;
  again.store = store;
  EXPECT_EQ(must_read(again, 1), std::string(kPage, 'b'));
  EXPECT_EQ(counts.hits, 1);
  EXPECT_EQ(gets(), 1);
}

TEST_F(PageStoreTest, fetches_again_what_has_decayed_on_disk) {
  begin();
  const PagedObject big = object("big", 3);
  must_read(big, 1);
  ASSERT_EQ(files().size(), 1U);
  for (const uint64_t offset : {2U, 30U, 900U}) {  // header, name, bytes
    ASSERT_TRUE(process->host().disk().flip_bit(files().front(), offset, 3));
    const int before = gets();
    EXPECT_EQ(must_read(big, 1), std::string(kPage, 'b'));
    EXPECT_EQ(gets(), before + 1);
  }
  EXPECT_EQ(counts.damaged, 3);
  EXPECT_EQ(counts.directory_failures, 0);
}

TEST_F(PageStoreTest, never_takes_another_objects_page_for_the_one_it_wants) {
  begin();
  const PagedObject a = object("a", 2);
  must_read(a, 0);
  const std::string stolen = files().front();
  PagedObject b = object("b", 3);
  must_read(b, 1);
  // Somebody copies files about.
  for (const std::string& path : files()) {
    if (path == stolen) continue;
    Result<std::string> content = process->env().files.read_whole(stolen, kMiB);
    ASSERT_TRUE(content);
    ASSERT_TRUE(process->env().files.write_whole(path, as_bytes(*content)));
  }
  EXPECT_EQ(must_read(b, 1), std::string(kPage, 'b'));
  EXPECT_EQ(counts.damaged, 1);
}

TEST_F(PageStoreTest, an_object_that_has_changed_is_a_conflict_and_its_new_identity_has_its_own_pages) {
  begin();
  const PagedObject old = object("key", 3);
  must_read(old, 0);
  bucket.write_foreign("key", std::string(3 * kPage, 'N'));
  EXPECT_EQ(must_read(old, 0), std::string(kPage, 'a'));  // of the content that this reader began with
  const Result<std::string> later = read(old, 1);
  ASSERT_FALSE(later);
  EXPECT_EQ(ufs::failure_of(later.error()), ufs::Failure::kConflict);
  const PagedObject now{store, "memory://bucket", "key", bucket.state("key")->identity, 3 * kPage};
  EXPECT_EQ(must_read(now, 0), std::string(kPage, 'N'));
}

TEST_F(PageStoreTest, a_body_that_is_cut_fails_the_page_and_is_not_kept) {
  begin({{"get", "big", {StoreFaultKind::kTruncated, {}}, 0}});
  const PagedObject big = object("big", 3);
  const Result<std::string> page = read(big, 0);
  ASSERT_FALSE(page);
  EXPECT_TRUE(page.error().is(Code::kCorrupt)) << page.error().to_string();
  EXPECT_TRUE(files().empty());
  EXPECT_EQ(must_read(big, 0), std::string(kPage, 'a'));
}

TEST_F(PageStoreTest, a_store_that_hangs_fails_its_readers_in_time_and_nobody_else) {
  config.fetching = 2;
  begin({{"get", "slow", {StoreFaultKind::kHang, {}}, 0}});
  const PagedObject slow = object("slow", 3), fast = object("fast", 3);
  std::optional<Result<PageBytes>> failed;
  auto one = [](std::optional<Result<PageBytes>>* into, Task<Result<PageBytes>> task) -> Task<void> {
    into->emplace(co_await std::move(task));
  };
  async::spawn_detached(world.executor(), one(&failed, pages->page(slow, 0)));
  EXPECT_EQ(must_read(fast, 0), std::string(kPage, 'a'));
  ASSERT_TRUE(world.run_until([&] { return failed.has_value(); }, seconds(40)));
  EXPECT_TRUE(failed->error().is(Code::kBusy)) << failed->error().to_string();
  EXPECT_EQ(must_read(slow, 0), std::string(kPage, 'a'));
}

TEST_F(PageStoreTest, stays_within_its_quota_and_drops_what_was_used_longest_ago) {
  config.directories = {{"/pages", 4 * (kPage + 200)}};
  config.ahead = 0;
  begin();
  const PagedObject big = object("big", 10);
  for (const uint64_t page : {0U, 2U, 4U, 6U}) must_read(big, page);
  must_read(big, 0);
  must_read(big, 8);
  EXPECT_EQ(files().size(), 4U);
  const int before = gets();
  must_read(big, 0);
  EXPECT_EQ(gets(), before);
  must_read(big, 2);
  EXPECT_EQ(gets(), before + 1);
}

TEST_F(PageStoreTest, serves_through_while_its_disk_is_full) {
  begin();
  const PagedObject big = object("big", 6);
  process->host().disk().set_capacity(1);
  EXPECT_EQ(must_read(big, 1), std::string(kPage, 'b'));
  EXPECT_EQ(must_read(big, 1), std::string(kPage, 'b'));
  EXPECT_EQ(gets(), 2);
  EXPECT_EQ(counts.directory_failures, 1);
  process->host().disk().set_capacity(kGiB);
  run(process->env().clock.sleep(seconds(31), {}));
  must_read(big, 1);
  EXPECT_EQ(files().size(), 1U);
  EXPECT_EQ(counts.directory_failures, 1);
  must_read(big, 1);
  EXPECT_EQ(gets(), 3);
}

TEST_F(PageStoreTest, goes_on_when_somebody_removes_its_directory) {
  begin();
  const PagedObject big = object("big", 6);
  must_read(big, 1);
  for (const std::string& path : files()) ASSERT_TRUE(process->env().files.remove(path));
  EXPECT_EQ(must_read(big, 1), std::string(kPage, 'b'));
  EXPECT_EQ(must_read(big, 1), std::string(kPage, 'b'));
  EXPECT_EQ(gets(), 2);
  EXPECT_EQ(counts.directory_failures, 0);
}

TEST_F(PageStoreTest, without_directories_keeps_pages_in_memory_within_its_bound) {
  config.directories.clear();
  config.memory_bytes = 2 * kPage;
  config.ahead = 0;
  begin();
  const PagedObject big = object("big", 6);
  for (const uint64_t page : {0U, 0U, 2U, 0U, 4U, 0U}) must_read(big, page);
  EXPECT_EQ(gets(), 3);
  must_read(big, 2);
  EXPECT_EQ(gets(), 4);
}

TEST_F(PageStoreTest, ends_what_waits_when_it_stops) {
  begin({{"get", "big", {StoreFaultKind::kHang, {}}, 0}});
  const PagedObject big = object("big", 6);
  std::optional<Result<PageBytes>> ended;
  auto one = [](std::optional<Result<PageBytes>>* into, Task<Result<PageBytes>> task) -> Task<void> {
    into->emplace(co_await std::move(task));
  };
  async::spawn_detached(world.executor(), one(&ended, pages->page(big, 0)));
  world.run_for(seconds(1));
  ASSERT_FALSE(ended);
  run(stop(pages.get()));
  ASSERT_TRUE(world.run_until([&] { return ended.has_value(); }, seconds(1)));
  EXPECT_TRUE(ended->error().is(Code::kCancelled));
}

}  // namespace
}  // namespace forebay::worker
