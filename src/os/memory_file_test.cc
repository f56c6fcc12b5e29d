#include "os/memory_file.h"

#include <gtest/gtest.h>

#include <set>

#include "os/file_contract.h"

namespace forebay::os {
namespace {

class MemoryWorld {
 public:
  MemoryWorld() { EXPECT_TRUE(files_.make_directories("/data")); }
  FileSystem& files() { return files_; }
  FileSystem& others() { return others_; }
  std::string directory() const { return "/data"; }
  Result<int> duplicate(int descriptor) { return table_->duplicate(descriptor); }

 private:
  std::shared_ptr<DescriptorTable> table_ = std::make_shared<DescriptorTable>();
  MemoryDisk disk_{{}, table_};
  MemoryFileSystem files_{disk_}, others_{disk_};
};

INSTANTIATE_TYPED_TEST_SUITE_P(memory, FileContract, MemoryWorld);

class MemoryDiskTest : public ::testing::Test {
 protected:
  static std::string all_of(FileSystem& files, const std::string& path) {
    Result<std::string> text = files.read_whole(path, 1 << 24);
    return text ? *text : text.error().to_string();
  }
  static void write(FileSystem& files, const std::string& path, const std::string& text, bool sync) {
    auto file = *files.open(path, OpenMode::kCreate);
    ASSERT_TRUE(file->write_at(as_bytes(text), 0));
    if (sync) {
      ASSERT_TRUE(file->sync_data());
    }
  }
};

TEST_F(MemoryDiskTest, keeps_everything_when_a_process_dies) {
  MemoryDisk disk;
  MemoryFileSystem before(disk);
  write(before, "/a", "unsynced", false);
  before.crash();
  MemoryFileSystem after(disk);
  EXPECT_EQ(all_of(after, "/a"), "unsynced");
}

TEST_F(MemoryDiskTest, a_dead_process_changes_nothing_and_holds_no_lock) {
  MemoryDisk disk;
  MemoryFileSystem before(disk), after(disk);
  auto lock = *before.lock("/lock");
  auto file = *before.open("/a", OpenMode::kCreate);
  before.crash();
  Result<void> written = file->write_at(as_bytes("late"), 0);
  ASSERT_FALSE(written);
  EXPECT_EQ(written.error().code(), Code::kBroken);
  EXPECT_EQ(before.remove("/a").error().code(), Code::kBroken);
  EXPECT_EQ(all_of(after, "/a"), "");
  EXPECT_TRUE(after.lock("/lock"));
}

TEST_F(MemoryDiskTest, a_power_cut_keeps_what_was_synced) {
  for (uint64_t seed = 0; seed < 50; ++seed) {
    MemoryDisk disk;
    MemoryFileSystem before(disk);
    ASSERT_TRUE(before.write_whole("/a", as_bytes(std::string(10'000, 'a'))));
    disk.power_cut(seed);
    MemoryFileSystem after(disk);
    EXPECT_EQ(all_of(after, "/a"), std::string(10'000, 'a'));
    EXPECT_EQ(before.exists("/a").error().code(), Code::kBroken);
  }
}

TEST_F(MemoryDiskTest, a_power_cut_may_lose_tear_or_keep_unsynced_bytes) {
  std::set<std::string> outcomes;
  bool torn = false;
  for (uint64_t seed = 0; seed < 100; ++seed) {
    MemoryDisk disk;
    MemoryFileSystem before(disk);
    write(before, "/a", std::string(8192, 'a'), true);
    ASSERT_TRUE(before.sync_directory("/"));
    write(before, "/a", std::string(8192, 'b'), false);
    disk.power_cut(seed);
    MemoryFileSystem after(disk);
    std::string text = all_of(after, "/a");
    ASSERT_EQ(text.size(), 8192u);
    ASSERT_EQ(text.find_first_not_of("ab"), std::string::npos);
    torn |= text.substr(0, 4096).find("ab") != std::string::npos;
    outcomes.insert(text);
  }
  EXPECT_TRUE(outcomes.contains(std::string(8192, 'a')));
  EXPECT_TRUE(outcomes.contains(std::string(8192, 'b')));
  EXPECT_TRUE(torn);
}

TEST_F(MemoryDiskTest, a_power_cut_may_lose_unsynced_names_but_never_half_a_rename) {
  std::set<std::string> outcomes;
  for (uint64_t seed = 0; seed < 100; ++seed) {
    MemoryDisk disk;
    MemoryFileSystem before(disk);
    write(before, "/a", "x", true);
    write(before, "/fresh", "y", true);
    ASSERT_TRUE(before.sync_directory("/"));
    write(before, "/lost", "z", true);
    ASSERT_TRUE(before.rename("/a", "/b"));
    disk.power_cut(seed);
    MemoryFileSystem after(disk);
    EXPECT_NE(*after.exists("/a"), *after.exists("/b"));
    EXPECT_TRUE(*after.exists("/fresh"));
    outcomes.insert(std::to_string(*after.exists("/b")) + std::to_string(*after.exists("/lost")));
  }
  EXPECT_EQ(outcomes.size(), 4u);
}

TEST_F(MemoryDiskTest, a_synced_rename_between_directories_takes_along_what_it_builds_on) {
  for (uint64_t seed = 0; seed < 50; ++seed) {
    MemoryDisk disk;
    MemoryFileSystem before(disk);
    ASSERT_TRUE(before.make_directories("/from"));
    ASSERT_TRUE(before.make_directories("/to"));
    ASSERT_TRUE(before.sync_directory("/"));
    write(before, "/from/a", "x", true);
    ASSERT_TRUE(before.rename("/from/a", "/to/a"));
    ASSERT_TRUE(before.sync_directory("/to"));
    disk.power_cut(seed);
    EXPECT_EQ(disk.files(), std::vector<std::string>{"/to/a"});
  }
}

TEST_F(MemoryDiskTest, the_same_seed_cuts_the_same) {
  auto cut = [&](uint64_t seed) {
    MemoryDisk disk;
    MemoryFileSystem before(disk);
    for (int i = 0; i < 20; ++i) write(before, "/f" + std::to_string(i), std::string(5000, 'a'), i % 2 == 0);
    disk.power_cut(seed);
    MemoryFileSystem after(disk);
    std::string all;
    for (const std::string& path : disk.files()) all += path + all_of(after, path);
    return all;
  };
  EXPECT_EQ(cut(7), cut(7));
  EXPECT_NE(cut(7), cut(8));
}

TEST_F(MemoryDiskTest, is_full_at_its_capacity_and_changes_nothing_then) {
  MemoryDisk disk({.capacity_bytes = 8 * 4096});
  MemoryFileSystem files(disk);
  auto file = *files.open("/a", OpenMode::kCreate);
  ASSERT_TRUE(file->allocate(0, 4 * 4096));
  ASSERT_TRUE(file->write_at(as_bytes(std::string(4 * 4096, 'a')), 0));
  EXPECT_EQ(disk.used_bytes(), 4u * 4096);
  Result<void> too_much = file->write_at(as_bytes(std::string(5 * 4096, 'b')), 4 * 4096);
  ASSERT_FALSE(too_much);
  EXPECT_EQ(too_much.error().error(), ENOSPC);
  EXPECT_EQ(*file->size(), 4u * 4096);
  EXPECT_EQ(file->allocate(4 * 4096, 5 * 4096).error().error(), ENOSPC);
  ASSERT_TRUE(file->write_at(as_bytes(std::string(4 * 4096, 'b')), 4 * 4096));
  EXPECT_EQ(files.space("/")->free_bytes, 0u);
  ASSERT_TRUE(file->truncate(4096));
  EXPECT_EQ(disk.used_bytes(), 4096u);
}

TEST_F(MemoryDiskTest, gives_space_back_when_the_last_user_of_a_removed_file_closes_it) {
  MemoryDisk disk;
  MemoryFileSystem files(disk);
  auto file = *files.open("/a", OpenMode::kCreate);
  ASSERT_TRUE(file->write_at(as_bytes(std::string(4096, 'a')), 0));
  ASSERT_TRUE(files.remove("/a"));
  EXPECT_EQ(disk.used_bytes(), 4096u);
  file.reset();
  EXPECT_EQ(disk.used_bytes(), 0u);
}

TEST_F(MemoryDiskTest, decays_below_the_caches) {
  MemoryDisk disk;
  MemoryFileSystem files(disk);
  write(files, "/a", "aaaa", true);
  ASSERT_TRUE(disk.flip_bit("/a", 2, 1));
  EXPECT_EQ(all_of(files, "/a"), "aaca");
  EXPECT_EQ(disk.flip_bit("/none", 0, 0).error().error(), ENOENT);
}

// Random operations against a plain string, with the counters compared after each.
TEST(PagedContent, agrees_with_a_plain_string) {
  SimRandom random(11);
  PagedContent content;
  std::string model;
  for (int i = 0; i < 4000; ++i) {
    uint64_t offset = random.below(60'000), length = random.below(9'000);
    switch (random.below(5)) {
      case 0:
        content.truncate(offset);
        model.resize(offset, '\0');
        break;
      case 1: {
        uint64_t before = content.allocated_pages(), missing = content.missing_pages(offset, length);
        content.reserve(offset, length);
        ASSERT_EQ(content.allocated_pages(), before + missing);
        break;
      }
      case 2: content.sync(); break;
      default: {
        std::string data(length, static_cast<char>('a' + random.below(26)));
        uint64_t before = content.allocated_pages(), missing = content.missing_pages(offset, length);
        content.write(as_bytes(data), offset);
        ASSERT_EQ(content.allocated_pages(), before + missing);
        if (length == 0) break;
        if (model.size() < offset + length) model.resize(offset + length, '\0');
        model.replace(offset, length, data);
      }
    }
    std::string read(model.size() + 10, 'x');
    ASSERT_EQ(content.read(std::as_writable_bytes(std::span(read)), 0), model.size());
    ASSERT_EQ(read.substr(0, model.size()), model) << "after step " << i;
  }
}

TEST(PagedContent, power_cuts_keep_synced_bytes_and_grow_with_zeros) {
  for (uint64_t seed = 0; seed < 200; ++seed) {
    SimRandom random(seed);
    PagedContent content;
    content.write(as_bytes(std::string(5000, 'a')), 0);
    content.sync();
    content.write(as_bytes(std::string(20'000, 'b')), 5000);
    content.power_cut(random);
    uint64_t size = content.size();
    ASSERT_GE(size, 5000u);
    ASSERT_FALSE(content.is_dirty());
    content.truncate(30'000);
    std::string all(30'000, 'x');
    content.read(std::as_writable_bytes(std::span(all)), 0);
    ASSERT_EQ(all.substr(0, 5000), std::string(5000, 'a'));
    ASSERT_EQ(all.find_first_not_of('\0', size), std::string::npos);
  }
}

}  // namespace
}  // namespace forebay::os
