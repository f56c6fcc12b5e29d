#include "kv/rocks_store.h"

#include <gtest/gtest.h>
#include <rocksdb/file_system.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "kv/rocks_internal.h"
#include "kv/store_contract.h"

namespace forebay::kv {
namespace {

class TemporaryDirectory {
 public:
  TemporaryDirectory() {
    std::string pattern = (std::filesystem::temp_directory_path() / "forebay-kv-XXXXXX").string();
    path_ = mkdtemp(pattern.data());
  }
  ~TemporaryDirectory() { std::filesystem::remove_all(path_); }
  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

RocksConfig config_for(const std::string& directory) {
  return {.directory = directory,
          .block_cache_bytes = 8 * kMiB,
          .write_buffer_bytes = 4 * kMiB,
          .reserve_bytes = 0,
          .space_check_interval = Duration(0),
          .paranoid_file_checks = true};
}

class RocksWorld : public StoreWorld {
 public:
  Result<std::unique_ptr<Store>> open() override { return open_rocks_store(config_for(directory_.path() + "/db")); }

 private:
  TemporaryDirectory directory_;
};

INSTANTIATE_TEST_SUITE_P(Rocks, StoreContract, testing::Values(StoreMaker{[] { return std::make_unique<RocksWorld>(); }}));

// Fails appends and syncs as told, below RocksDB.
struct Faults {
  std::atomic<bool> no_space = false, append_fails = false, sync_fails = false;
  std::atomic<uint64_t> free_bytes = UINT64_MAX;
};

class FaultyFile : public rocksdb::FSWritableFileOwnerWrapper {
 public:
  FaultyFile(std::unique_ptr<rocksdb::FSWritableFile>&& file, Faults& faults)
      : FSWritableFileOwnerWrapper(std::move(file)), faults_(faults) {}
  rocksdb::IOStatus Append(const rocksdb::Slice& data, const rocksdb::IOOptions& options,
                           rocksdb::IODebugContext* debug) override {
    if (faults_.no_space) {  // half of it gets there
      const rocksdb::Slice half(data.data(), data.size() / 2);
      rocksdb::IOStatus status = FSWritableFileOwnerWrapper::Append(half, options, debug);
      return status.ok() ? rocksdb::IOStatus::NoSpace("No space left on device") : status;
    }
    if (faults_.append_fails) return rocksdb::IOStatus::IOError("Input/output error");
    return FSWritableFileOwnerWrapper::Append(data, options, debug);
  }
  rocksdb::IOStatus Append(const rocksdb::Slice& data, const rocksdb::IOOptions& options, const rocksdb::DataVerificationInfo&,
                           rocksdb::IODebugContext* debug) override {
    return Append(data, options, debug);
  }
  rocksdb::IOStatus Sync(const rocksdb::IOOptions& options, rocksdb::IODebugContext* debug) override {
    if (faults_.sync_fails) return rocksdb::IOStatus::IOError("Input/output error");
    return FSWritableFileOwnerWrapper::Sync(options, debug);
  }

 private:
  Faults& faults_;
};

class FaultyFiles : public rocksdb::FileSystemWrapper {
 public:
  explicit FaultyFiles(Faults& faults) : FileSystemWrapper(rocksdb::FileSystem::Default()), faults_(faults) {}
  const char* Name() const override { return "FaultyFiles"; }
  rocksdb::IOStatus NewWritableFile(const std::string& name, const rocksdb::FileOptions& options,
                                    std::unique_ptr<rocksdb::FSWritableFile>* result, rocksdb::IODebugContext* debug) override {
    std::unique_ptr<rocksdb::FSWritableFile> file;
    rocksdb::IOStatus status = FileSystemWrapper::NewWritableFile(name, options, &file, debug);
    if (status.ok()) *result = std::make_unique<FaultyFile>(std::move(file), faults_);
    return status;
  }
  rocksdb::IOStatus GetFreeSpace(const std::string&, const rocksdb::IOOptions&, uint64_t* free,
                                 rocksdb::IODebugContext*) override {
    *free = faults_.free_bytes;
    return rocksdb::IOStatus::OK();
  }

 private:
  Faults& faults_;
};

class RocksStoreTest : public testing::Test {
 protected:
  RocksStoreTest() : env_(rocksdb::NewCompositeEnv(std::make_shared<FaultyFiles>(faults_))) { reopen(); }
  void reopen() {
    store_.reset();
    RocksConfig config = config_for(directory_.path() + "/db");
    config.reserve_bytes = kMiB;
    auto opened = open_rocks_store(config, env_.get());
    ASSERT_TRUE(opened) << opened.error().to_string();
    store_ = std::move(*opened);
  }
  Result<void> put(const std::string& key, const std::string& value) {
    WriteBatch batch;
    batch.put(key, value);
    return store_->write(batch);
  }
  void expect_refused_as_full(const std::string& key) {
    auto refused = put(key, "refused");
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code(), Code::kRejected) << refused.error().to_string();
    EXPECT_EQ(refused.error().error(), ENOSPC);
    EXPECT_NE(refused.error().message().find(directory_.path()), std::string::npos);
    EXPECT_EQ(store_->accepts_writes().error().error(), ENOSPC);
  }

  TemporaryDirectory directory_;
  Faults faults_;
  std::unique_ptr<rocksdb::Env> env_;
  std::unique_ptr<Store> store_;
};

TEST_F(RocksStoreTest, a_disk_that_fills_up_makes_it_read_only_and_it_recovers_with_nothing_lost) {
  ASSERT_TRUE(put("a", "1"));
  faults_.no_space = true;
  expect_refused_as_full("b");
  expect_refused_as_full("c");
  EXPECT_EQ(value_of(*store_, "a"), "1");
  EXPECT_EQ(value_of(*store_, "b"), std::nullopt);
  faults_.no_space = false;
  auto again = put("d", "1");
  ASSERT_TRUE(again) << again.error().to_string();
  EXPECT_TRUE(store_->accepts_writes());
  ASSERT_TRUE(store_->sync());
  ASSERT_TRUE(put("e", "1"));
  reopen();
  EXPECT_EQ(all_in(*store_, "a", "z"), (Pairs{{"a", "1"}, {"d", "1"}, {"e", "1"}}));
}

TEST_F(RocksStoreTest, a_disk_that_filled_up_keeps_everything_acknowledged_over_a_restart) {
  ASSERT_TRUE(put("a", "1"));
  faults_.no_space = true;
  expect_refused_as_full("b");
  store_.reset();
  faults_.no_space = false;
  reopen();
  EXPECT_EQ(all_in(*store_, "a", "z"), (Pairs{{"a", "1"}}));
}

TEST_F(RocksStoreTest, too_little_room_is_refused_before_the_disk_is_full) {
  ASSERT_TRUE(put("a", "1"));
  faults_.free_bytes = kMiB - 1;
  expect_refused_as_full("b");
  faults_.free_bytes = 2 * kMiB;
  EXPECT_TRUE(put("b", "1"));
  EXPECT_TRUE(store_->accepts_writes());
}

TEST_F(RocksStoreTest, a_failed_write_breaks_it_for_ever) {
  ASSERT_TRUE(put("a", "1"));
  faults_.append_fails = true;
  EXPECT_EQ(put("b", "1").error().code(), Code::kBroken);
  faults_.append_fails = false;
  EXPECT_EQ(put("c", "1").error().code(), Code::kBroken);
  EXPECT_EQ(store_->sync().error().code(), Code::kBroken);
  EXPECT_EQ(store_->accepts_writes().error().code(), Code::kBroken);
  EXPECT_EQ(value_of(*store_, "a"), "1");
}

TEST_F(RocksStoreTest, a_failed_sync_breaks_it_for_ever) {
  ASSERT_TRUE(put("a", "1"));
  faults_.sync_fails = true;
  EXPECT_EQ(store_->sync().error().code(), Code::kBroken);
  faults_.sync_fails = false;
  EXPECT_EQ(store_->sync().error().code(), Code::kBroken);
  EXPECT_EQ(put("b", "1").error().code(), Code::kBroken);
}

TEST_F(RocksStoreTest, a_damaged_table_is_corrupt) {
  WriteBatch batch;
  for (int i = 0; i < 10'000; ++i) batch.put("key" + std::to_string(i), std::string(100, 'x'));
  ASSERT_TRUE(store_->write(batch));
  reopen();  // replays the log into a table file
  store_.reset();
  size_t damaged = 0;
  for (const auto& entry : std::filesystem::directory_iterator(directory_.path() + "/db"))
    if (entry.path().extension() == ".sst") {
      std::fstream file(entry.path(), std::ios::in | std::ios::out | std::ios::binary);
      file.seekp(100);
      file.write("damage", 6);
      ++damaged;
    }
  ASSERT_GE(damaged, 1u);
  reopen();
  EXPECT_EQ(store_->get("key0").error().code(), Code::kCorrupt);
  EXPECT_EQ(store_->scan("a", "z", [](std::string_view, std::string_view) { return true; }).error().code(), Code::kCorrupt);
}

TEST_F(RocksStoreTest, a_damaged_directory_is_corrupt_and_named) {
  store_.reset();
  std::ofstream(directory_.path() + "/db/CURRENT") << "nonsense";
  auto opened = open_rocks_store(config_for(directory_.path() + "/db"));
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().code(), Code::kCorrupt) << opened.error().to_string();
  EXPECT_NE(opened.error().message().find(directory_.path()), std::string::npos);
}

TEST(RocksStoreOpen, a_directory_that_cannot_be_used_is_invalid_and_named) {
  auto opened = open_rocks_store(config_for("/proc/forebay-metadata"));
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().code(), Code::kInvalid);
  EXPECT_NE(opened.error().message().find("/proc/forebay-metadata"), std::string::npos);
}

TEST(RocksStoreOpen, a_second_process_is_told_that_another_master_uses_the_directory) {
  TemporaryDirectory directory;
  auto first = open_rocks_store(config_for(directory.path() + "/db"));
  ASSERT_TRUE(first);
  auto second = open_rocks_store(config_for(directory.path() + "/db"));
  ASSERT_FALSE(second);
  EXPECT_NE(second.error().message().find("another master uses " + directory.path()), std::string::npos);
}

TEST(RocksStoreScan, ranges_of_one_prefix_and_of_many_see_every_table_and_the_write_buffer) {
  TemporaryDirectory directory;
  const RocksConfig config = config_for(directory.path() + "/db");
  Pairs expected;
  for (int generation = 0; generation < 4; ++generation) {  // each opening turns the log into one more table file
    auto store = open_rocks_store(config);
    ASSERT_TRUE(store);
    WriteBatch batch;
    for (int directory_number = 0; directory_number < 5; ++directory_number) {
      const std::string key = "D-------" + std::to_string(directory_number) + "name" + std::to_string(generation);
      batch.put(key, "v");
      expected.emplace_back(key, "v");
    }
    ASSERT_TRUE((*store)->write(batch));
    std::ranges::sort(expected);
    EXPECT_EQ(all_in(**store, "D", "E"), expected);
    Pairs third;
    for (const auto& pair : expected)
      if (pair.first.starts_with("D-------3")) third.push_back(pair);
    EXPECT_EQ(all_in(**store, "D-------3", prefix_end("D-------3")), third);
    EXPECT_EQ(all_in(**store, "D-------3name", "D-------3namf"), third);
    EXPECT_EQ(all_in(**store, "D-------9", prefix_end("D-------9")), Pairs{});
  }
}

// The promise that every acknowledgement at page-cache rests on: a copy of the files, made while the store is open, is what a
// process that is killed at that moment leaves behind.
TEST_F(RocksStoreTest, a_killed_process_loses_nothing_that_was_written) {
  for (int i = 0; i < 100; ++i) ASSERT_TRUE(put("key" + std::to_string(i), std::string(500, 'x')));
  const std::string left = directory_.path() + "/left";
  std::filesystem::copy(directory_.path() + "/db", left);
  ASSERT_TRUE(put("later", "1"));
  auto restarted = open_rocks_store(config_for(left));
  ASSERT_TRUE(restarted) << restarted.error().to_string();
  for (int i = 0; i < 100; ++i) EXPECT_TRUE(value_of(**restarted, "key" + std::to_string(i))) << i;
  EXPECT_EQ(value_of(**restarted, "later"), std::nullopt);
}

}  // namespace
}  // namespace forebay::kv
