// Content that leaves the cache and comes back from the under store.
#include <algorithm>

#include "forebay/v1/persist.rpc.h"
#include "persist_fixture.h"

namespace forebay::cluster {
namespace {

using std::chrono::minutes;
using std::chrono::seconds;
using Victim = PersistCluster::Victim;

class EvictTest : public PersistTest {
 protected:
  // Written, in the store, and in no cache.
  void make_absent(const std::string& name, const std::string& content) {
    must(cluster->write(name, content));
    ASSERT_TRUE(cluster->settle());
    Result<uint64_t> freed = cluster->free(name);
    ASSERT_TRUE(freed) << freed.error().to_string();
    EXPECT_EQ(*freed, content.size());
    EXPECT_EQ(cluster->copies(name).size(), 1U);
    EXPECT_NE(cluster->copies(name)[0], 0U);
  }
  void expect_content(const std::string& name, const std::string& content) {
    Result<std::string> read = cluster->read(name);
    ASSERT_TRUE(read) << name << ": " << read.error().to_string();
    EXPECT_TRUE(*read == content) << name << " has other bytes, " << read->size() << " of them";
  }
  std::unique_ptr<client::File> open(const std::string& name, bool writes) {
    Result<v1::Attr> attr = cluster->attr(name);
    FOREBAY_CHECK(attr, "the file exists");
    auto file = cluster->run(cluster->client().open({}, InodeId{attr->inode()}, {.read = true, .write = writes}));
    FOREBAY_CHECK(file, "the file opens");
    return *std::move(file);
  }
  static constexpr size_t kRange = 16 * kKiB;  // the cluster's
  static size_t ranges(size_t bytes) { return (bytes + kRange - 1) / kRange; }
  size_t gets(const std::string& key) {
    size_t count = 0;
    for (const ufs::RequestRecord& request : cluster->bucket().requests()) {
      if (request.operation == "get" && request.key == key) ++count;
    }
    return count;
  }
};

TEST_F(EvictTest, what_was_freed_comes_back_when_it_is_read_and_stays) {
  start();
  const std::string content = pattern(300'000);
  make_absent("a", content);
  expect_content("a", content);
  EXPECT_EQ(cluster->copies("a")[0], 0U) << "it is cached again";
  const size_t asked = gets("k/a");
  expect_content("a", content);
  EXPECT_EQ(gets("k/a"), asked) << "and read from the cache";
  EXPECT_EQ(cluster->free("a").value_or(0), content.size()) << "and may leave again";
  expect_content("a", content);
  expect_store({{"k/a", content}});
}

TEST_F(EvictTest, only_the_blocks_that_are_read_come_back) {
  start();
  const std::string content = pattern(400'000);
  make_absent("a", content);
  const uint64_t blocks = cluster->copies("a")[0];
  ASSERT_GT(blocks, 4U);
  Result<std::string> some = cluster->read("a", 200'000, 1'000);
  ASSERT_TRUE(some) << some.error().to_string();
  EXPECT_TRUE(*some == content.substr(200'000, 1'000));
  EXPECT_EQ(gets("k/a"), ranges(64 * kKiB));
  EXPECT_EQ(cluster->copies("a")[0], blocks - 1);
}

TEST_F(EvictTest, whoever_reads_on_has_more_and_more_blocks_fetched_ahead) {
  start();
  const std::string content = pattern(16 * kKiB + 11 * 64 * kKiB);  // as the client's objects are
  make_absent("a", content);
  const uint64_t blocks = cluster->copies("a")[0];
  ASSERT_GE(blocks, 12U);
  std::unique_ptr<client::File> file = open("a", false);
  auto read_block = [&](uint64_t block) {
    std::string bytes(1'000, '\0');
    const uint64_t at = block == 0 ? 0 : 16 * kKiB + (block - 1) * 64 * kKiB;
    Result<size_t> read = cluster->run(file->pread(std::as_writable_bytes(std::span(bytes)), at));
    EXPECT_TRUE(read && bytes == content.substr(at, 1'000)) << "block " << block;
    cluster->world().run_for(seconds(5));
    return blocks - cluster->copies("a")[0];
  };
  EXPECT_EQ(read_block(0), 1U);
  EXPECT_GE(read_block(1), 3U);
  EXPECT_GE(read_block(2), 3U);
  EXPECT_GE(read_block(3), 7U);
  must(cluster->run(file->close()));
}

TEST_F(EvictTest, what_follows_is_fetched_while_a_reader_goes_through_what_has_come) {
  start();
  const std::string content = pattern(8 * 64 * kKiB);
  make_absent("a", content);
  const uint64_t blocks = cluster->copies("a")[0];
  std::unique_ptr<client::File> file = open("a", false);
  auto read_at = [&](uint64_t at) {
    std::string bytes(1'000, '\0');
    Result<size_t> read = cluster->run(file->pread(std::as_writable_bytes(std::span(bytes)), at));
    EXPECT_TRUE(read && bytes == content.substr(at, 1'000)) << at;
    cluster->world().run_for(seconds(5));
    return blocks - cluster->copies("a")[0];
  };
  EXPECT_EQ(read_at(0), 1U);
  EXPECT_EQ(read_at(7 * kKiB), 1U) << "may be all that it wants";
  const uint64_t ahead = read_at(15 * kKiB);
  EXPECT_EQ(ahead, 2U) << "the second half of what it waited for";
  EXPECT_EQ(read_at(15 * kKiB + 10), ahead) << "told once";
  EXPECT_EQ(read_at(17 * kKiB), 4U) << "two were there when it came to the second";
  EXPECT_EQ(read_at(17 * kKiB + 64 * kKiB), 6U) << "it goes on without ever having to wait again";
  must(cluster->run(file->close()));
}

TEST_F(EvictTest, many_readers_share_one_restore) {
  start();
  const std::string content = pattern(60'000);
  make_absent("a", content);
  std::vector<std::optional<Result<std::string>>> read(20);
  for (auto& each : read) cluster->begin_read("a", &each);
  auto all_have = [&] { return std::ranges::all_of(read, [](const auto& each) { return each.has_value(); }); };
  ASSERT_TRUE(cluster->world().run_until(all_have, minutes(2)));
  for (const auto& each : read) EXPECT_TRUE(*each && **each == content);
  EXPECT_EQ(gets("k/a"), ranges(content.size()));
}

TEST_F(EvictTest, several_workers_fetch_blocks_of_one_file) {
  start();
  const std::string content = pattern(1'000'000);
  make_absent("a", content);
  expect_content("a", content);
  const auto copies = cluster->copies("a");
  EXPECT_EQ(copies.size(), 2U) << "both hold some";
  EXPECT_FALSE(copies.contains(0));
}

TEST_F(EvictTest, what_is_not_persisted_or_in_use_or_pinned_does_not_leave) {
  start({.policies = R"("onDelete": "delete", "settle": "10s")"});
  must(cluster->write("a", pattern(100'000)));
  Result<uint64_t> freed = cluster->free("a");
  ASSERT_FALSE(freed);
  EXPECT_TRUE(freed.error().is_errno(EBUSY)) << freed.error().to_string();
  ASSERT_TRUE(cluster->settle());
  std::unique_ptr<client::File> file = open("a", true);
  EXPECT_FALSE(cluster->free("a")) << "somebody writes it";
  must(cluster->run(file->close()));
  for (const InodeId pinned : {file->inode(), cluster->directory()}) {
    ASSERT_TRUE(cluster->set_pinned(pinned, true));
    freed = cluster->free("a");
    ASSERT_FALSE(freed);
    EXPECT_TRUE(freed.error().is_errno(EPERM)) << freed.error().to_string();
    ASSERT_TRUE(cluster->set_pinned(pinned, false));
  }
  ASSERT_TRUE(cluster->set_pinned(cluster->directory(), true));
  EXPECT_TRUE(cluster->free("a", true)) << "by force";
  expect_content("a", pattern(100'000));
}

// -- changes of what is not in the cache --

TEST_F(EvictTest, a_part_is_overwritten_and_the_rest_comes_back_for_the_upload) {
  start();
  std::string content = pattern(300'000);
  make_absent("a", content);
  must(cluster->patch("a", "new bytes", 100'000));
  content.replace(100'000, 9, "new bytes");
  expect_store({{"k/a", content}});  // nobody has read it
  ASSERT_TRUE(cluster->free("a"));
  expect_content("a", content);
}

TEST_F(EvictTest, appended_truncated_and_renamed_it_is_right) {
  start();
  std::string content = pattern(200'000);
  make_absent("a", content);
  must(cluster->patch("a", "tail", content.size()));
  must(cluster->rename("a", "b"));
  content += "tail";
  expect_store({{"k/b", content}});
  ASSERT_TRUE(cluster->free("b"));
  must(cluster->rename("b", "c"));
  expect_store({{"k/c", content}});
  must(cluster->truncate("c", 70'000));
  expect_store({{"k/c", content.substr(0, 70'000)}});
  expect_content("c", content.substr(0, 70'000));
  ASSERT_TRUE(cluster->free("c"));
  must(cluster->truncate("c", 90'000));
  const std::string longer = content.substr(0, 70'000) + std::string(20'000, '\0');
  expect_content("c", longer);
  expect_store({{"k/c", longer}});
  ASSERT_TRUE(cluster->free("c"));
  must(cluster->unlink("c"));
  expect_store({});
}

TEST_F(EvictTest, a_writer_at_work_sees_and_keeps_what_has_left_the_cache) {
  start();
  std::string content = pattern(200'000);
  make_absent("a", content);
  std::unique_ptr<client::File> file = open("a", true);
  must(cluster->run(file->pwrite(as_bytes(std::string("middle")), 100'000)));
  must(cluster->run(file->fsync(v1::DURABILITY_UNSPECIFIED)));
  must(cluster->rename("a", "b"));  // its object moves while a writer shows bytes of it
  ASSERT_TRUE(cluster->settle());
  content.replace(100'000, 6, "middle");
  expect_content("b", content);
  must(cluster->run(file->close()));
  expect_store({{"k/b", content}});
}

TEST_F(EvictTest, each_of_two_names_can_go_while_the_content_is_in_the_store_only) {
  start();
  const std::string content = pattern(150'000);
  must(cluster->write("a", content));
  must(cluster->link("a", "b"));
  ASSERT_TRUE(cluster->settle());
  ASSERT_TRUE(cluster->free("a"));
  must(cluster->unlink("a"));
  expect_store({{"k/b", content}});
  expect_content("b", content);
}

TEST_F(EvictTest, a_removed_file_that_is_still_open_is_brought_back_before_its_object_goes) {
  start();
  const std::string content = pattern(150'000);
  make_absent("a", content);
  std::unique_ptr<client::File> file = open("a", false);
  must(cluster->unlink("a"));
  expect_store({});
  std::string read(content.size(), '\0');
  Result<size_t> got = cluster->run(file->pread(std::as_writable_bytes(std::span(read.data(), read.size())), 0));
  ASSERT_TRUE(got) << got.error().to_string();
  EXPECT_TRUE(read == content);
  must(cluster->run(file->close()));
}

TEST_F(EvictTest, two_files_that_are_not_in_the_cache_swap_their_names) {
  start();
  make_absent("a", pattern(100'000, 1));
  make_absent("b", pattern(100'000, 2));
  must(cluster->rename("a", "t"));
  must(cluster->rename("b", "a"));
  must(cluster->rename("t", "b"));
  expect_store({{"k/a", pattern(100'000, 2)}, {"k/b", pattern(100'000, 1)}});
  expect_content("a", pattern(100'000, 2));
}

TEST_F(EvictTest, a_file_of_scattered_writes_and_holes_comes_back) {
  start();
  std::string content(250'000, '\0');
  must(cluster->write("a", ""));
  std::unique_ptr<client::File> file = open("a", true);
  for (const uint64_t at : {200'000, 30'000, 90'000, 31'000, 30'500}) {
    const std::string piece = pattern(5'000, at);
    content.replace(at, piece.size(), piece);
    must(cluster->run(file->pwrite(as_bytes(piece), at)));
    must(cluster->run(file->fsync(v1::DURABILITY_UNSPECIFIED)));
  }
  content.resize(205'000);
  must(cluster->run(file->close()));
  ASSERT_TRUE(cluster->settle());
  ASSERT_TRUE(cluster->free("a"));
  expect_content("a", content);
}

// -- by itself --

TEST_F(EvictTest, full_workers_lose_what_is_clean_and_was_used_longest_ago_but_not_what_is_pinned) {
  start({.policies = R"("onDelete": "delete", "evict": "clean")", .patience = minutes(10), .quota_bytes = 3 * kMiB / 2});
  std::map<std::string, std::string> expected;
  for (int i = 0; i < 20; ++i) {
    const std::string name = "f" + std::to_string(100 + i);
    expected["k/" + name] = pattern(200'000, i);
    must(cluster->write(name, pattern(200'000, i)));
    if (i == 0) ASSERT_TRUE(cluster->set_pinned(InodeId{cluster->attr(name)->inode()}, true));
    if (i >= 1) expect_content("f101", pattern(200'000, 1));  // used again and again
    ASSERT_TRUE(cluster->settle());
    cluster->world().run_for(seconds(20));
  }
  EXPECT_EQ(cluster->copies("f100")[0], 0U) << "pinned";
  EXPECT_EQ(cluster->copies("f101")[0], 0U) << "used just now";
  EXPECT_EQ(cluster->copies("f119")[0], 0U) << "written just now";
  EXPECT_NE(cluster->copies("f102")[0], 0U) << "used longest ago";
  for (int i = 0; i < 20; ++i) expect_content("f" + std::to_string(100 + i), pattern(200'000, i));
  expect_store(expected);
}

TEST_F(EvictTest, without_the_policy_nothing_leaves_by_itself) {
  start({.quota_bytes = 3 * kMiB / 2});
  int written = 0;
  while (cluster->write("f" + std::to_string(written), pattern(200'000, written))) {
    ASSERT_LT(++written, 100);
    ASSERT_TRUE(cluster->settle());
  }
  ASSERT_GT(written, 5);
  cluster->world().run_for(minutes(5));
  for (int i = 0; i < written; ++i) EXPECT_EQ(cluster->copies("f" + std::to_string(i))[0], 0U);
}

// -- lost copies --

TEST_F(EvictTest, copies_of_a_worker_that_is_gone_come_back_from_the_store) {
  start();
  const std::string content = pattern(10'000);
  must(cluster->write("a", content));
  ASSERT_TRUE(cluster->settle());
  const auto copies = cluster->copies("a");
  ASSERT_EQ(copies.size(), 1U);
  cluster->kill(copies.begin()->first == 1 ? Victim::kWorker0 : Victim::kWorker1, std::chrono::hours(1));
  expect_content("a", content);
  EXPECT_NE(cluster->copies("a").begin()->first, copies.begin()->first) << "on the other one";
  cluster->world().run_for(std::chrono::hours(1) + minutes(5));
  expect_content("a", content);
  expect_store({{"k/a", content}});
}

// Whatever the power cut leaves of them: nobody has waited for the disk.
TEST_F(EvictTest, blocks_that_came_back_and_are_lost_in_a_power_cut_come_back_again) {
  start();
  const std::string content = pattern(400'000);
  make_absent("a", content);
  size_t most = 0;
  for (int round = 0; round < 5; ++round) {
    const size_t before = gets("k/a");
    expect_content("a", content);
    const size_t once = gets("k/a") - before;
    for (const Victim worker : {Victim::kWorker0, Victim::kWorker1}) cluster->cut_power(worker);
    cluster->world().run_for(minutes(1));
    expect_content("a", content);
    most = std::max(most, gets("k/a") - before - once);
    Result<uint64_t> freed = cluster->free("a");
    ASSERT_TRUE(freed) << freed.error().to_string();
  }
  EXPECT_GT(most, 0u) << "some are lost";
  expect_store({{"k/a", content}});
}

// -- the under store fails --

TEST_F(EvictTest, while_the_store_is_down_a_read_ends_with_its_reason_and_succeeds_afterwards) {
  class Down final : public ufs::StoreFaults {
   public:
    ufs::StoreFault next(const ufs::StoreRequest&) override {
      return is_down ? ufs::StoreFault{ufs::StoreFaultKind::kBusy, {}} : ufs::StoreFault{};
    }
    bool is_down = false;
  } faults;
  start({.faults = &faults});
  make_absent("a", pattern(100'000));
  faults.is_down = true;
  Result<std::string> read = cluster->read("a");
  ASSERT_FALSE(read);
  EXPECT_EQ(to_errno(read.error()), EIO) << read.error().to_string();
  EXPECT_NE(read.error().message().find("under store does not give it back"), std::string::npos) << read.error().to_string();
  faults.is_down = false;
  cluster->world().run_for(minutes(2));
  expect_content("a", pattern(100'000));
}

TEST_F(EvictTest, an_object_that_somebody_has_changed_is_a_conflict_and_never_served) {
  start();
  make_absent("a", pattern(100'000));
  cluster->bucket().write_foreign("k/a", pattern(100'000, 9));
  Result<std::string> read = cluster->read("a");
  ASSERT_FALSE(read);
  EXPECT_EQ(to_errno(read.error()), EIO);
  EXPECT_NE(read.error().message().find("somebody else has changed 'k/a'"), std::string::npos) << read.error().to_string();
  Result<v1::ListConflictsReply> conflicts = cluster->ask_master<v1::persist_service::ListConflicts>({});
  ASSERT_TRUE(conflicts);
  EXPECT_EQ(conflicts->conflicts_size(), 1);
  EXPECT_EQ(cluster->bucket().content("k/a"), pattern(100'000, 9));
}

TEST_F(EvictTest, where_the_under_store_wins_the_reader_gets_what_is_there) {
  start({.policies = R"("onDelete": "delete", "onConflict": "ufs-wins")"});
  make_absent("a", pattern(100'000));
  cluster->bucket().write_foreign("k/a", pattern(70'000, 9));
  (void)cluster->read("a");  // finds out
  ASSERT_TRUE(cluster->settle());
  expect_content("a", pattern(70'000, 9));
}

TEST_F(EvictTest, an_object_that_somebody_has_removed_is_said_to_be_lost) {
  start();
  make_absent("a", pattern(100'000));
  cluster->bucket().remove_foreign("k/a");
  Result<std::string> read = cluster->read("a");
  ASSERT_FALSE(read);
  EXPECT_NE(read.error().message().find("no copy is left"), std::string::npos) << read.error().to_string();
}

class RestoreFaults : public EvictTest, public testing::WithParamInterface<ufs::StoreFaultKind> {};
TEST_P(RestoreFaults, the_reader_gets_the_right_bytes) {
  ufs::ScriptedFaults faults({{.operation = "get", .key = "", .fault = {GetParam(), seconds(20)}}});
  start({.faults = &faults, .patience = minutes(5)});
  make_absent("a", pattern(200'000));
  expect_content("a", pattern(200'000));
  EXPECT_TRUE(faults.is_used_up());
  expect_store({{"k/a", pattern(200'000)}});
}
INSTANTIATE_TEST_SUITE_P(Each, RestoreFaults,
                         testing::Values(ufs::StoreFaultKind::kBusy, ufs::StoreFaultKind::kSlow, ufs::StoreFaultKind::kHang,
                                         ufs::StoreFaultKind::kLostReply, ufs::StoreFaultKind::kTruncated));

// -- roles die --

class RestoreDeaths : public EvictTest, public testing::WithParamInterface<Victim> {};
TEST_P(RestoreDeaths, in_the_middle_of_a_restore_the_reader_gets_the_right_bytes) {
  for (int step = 0; step < 12; ++step) {
    SCOPED_TRACE("killed after " + std::to_string(step * 5) + " ms");
    start({.patience = minutes(10)});
    ASSERT_FALSE(HasFatalFailure());
    const std::string content = pattern(300'000);
    make_absent("a", content);
    std::optional<Result<std::string>> read;
    cluster->begin_read("a", &read);
    cluster->world().run_for(std::chrono::milliseconds(5 * step));
    cluster->kill(GetParam(), seconds(2));
    ASSERT_TRUE(cluster->world().run_until([&] { return read.has_value(); }, minutes(20)));
    ASSERT_TRUE(*read) << read->error().to_string();
    EXPECT_TRUE(**read == content);
    expect_store({{"k/a", content}});
    if (HasFatalFailure() || HasNonfatalFailure()) return;
    cluster->stop();
    cluster.reset();
  }
}
INSTANTIATE_TEST_SUITE_P(EachRole, RestoreDeaths,
                         testing::Values(Victim::kMaster, Victim::kWorker0, Victim::kWorker1, Victim::kCoordinator));

}  // namespace
}  // namespace forebay::cluster
