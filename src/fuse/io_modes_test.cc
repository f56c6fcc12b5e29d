#include "fuse/io_modes.h"

#include <fcntl.h>
#include <gtest/gtest.h>

#include <set>

#include "os/memory_disk.h"
#include "os/memory_file.h"

namespace forebay::fuse {
namespace {

class FakeDevice final : public BackingDevice {
 public:
  Result<int32_t> open(int) override {
    if (error != 0) return from_errno(error, "register a file with the kernel");
    known.insert(++last);
    return last;
  }
  void close(int32_t id) override { EXPECT_EQ(known.erase(id), 1u) << id; }

  std::set<int32_t> known;
  int32_t last = 0;
  int error = 0;
};

class IoModesTest : public ::testing::Test {
 protected:
  client::Backing backing(uint64_t object, bool writable = false) {
    auto file = files_.open("/" + std::to_string(object), os::OpenMode::kCreate);
    EXPECT_TRUE(file);
    return {.file = std::move(*file), .object = ObjectId{object}, .writable = writable};
  }
  static constexpr InodeId kInode{5}, kElse{6};

  os::MemoryDisk disk_;
  os::MemoryFileSystem files_{disk_};
  FakeDevice device_;
  IoModes modes_{obs::null_log()};
};

TEST_F(IoModesTest, a_file_is_known_to_the_kernel_from_the_first_open_of_its_inode_to_the_last_release) {
  modes_.begin(&device_, "");
  const client::Backing file = backing(1);
  const IoModes::Choice first = modes_.enter(kInode, {.flags = O_RDONLY}, file), second = modes_.enter(kInode, {}, file);
  EXPECT_EQ(first.mode, DataMode::kPassthrough);
  EXPECT_EQ(first.backing_id, second.backing_id);
  EXPECT_NE(modes_.enter(kElse, {}, backing(2)).backing_id, first.backing_id);
  modes_.leave(kInode, first.mode);
  EXPECT_EQ(device_.known.size(), 2u);
  modes_.leave(kInode, second.mode);
  EXPECT_EQ(device_.known.size(), 1u);
  EXPECT_EQ(modes_.passed_through(), 3u);
  modes_.leave(kElse, DataMode::kPassthrough);
}

TEST_F(IoModesTest, an_open_that_has_another_file_goes_beside_the_one_that_the_inode_has) {
  modes_.begin(&device_, "");
  const IoModes::Choice first = modes_.enter(kInode, {}, backing(1));
  const IoModes::Choice other = modes_.enter(kInode, {}, backing(2)),
                        none = modes_.enter(kInode, {.flags = O_RDWR}, std::nullopt);
  EXPECT_EQ(other.mode, DataMode::kBeside);
  EXPECT_EQ(none.mode, DataMode::kBeside);
  EXPECT_EQ(other.backing_id, first.backing_id);
  modes_.leave(kInode, first.mode);
  EXPECT_EQ(device_.known.size(), 1u) << "the kernel has the inode with this file until the last of them";
  modes_.leave(kInode, other.mode);
  modes_.leave(kInode, none.mode);
  EXPECT_TRUE(device_.known.empty());
  EXPECT_EQ(modes_.enter(kInode, {}, backing(2)).mode, DataMode::kPassthrough) << "and anew";
  modes_.leave(kInode, DataMode::kPassthrough);
}

TEST_F(IoModesTest, while_the_page_cache_is_in_use_nothing_passes_through) {
  modes_.begin(&device_, "");
  EXPECT_EQ(modes_.enter(kInode, {}, std::nullopt).mode, DataMode::kCached);
  EXPECT_EQ(modes_.enter(kInode, {}, backing(1, true)).mode, DataMode::kCached);
  modes_.leave(kInode, DataMode::kCached);
  modes_.leave(kInode, DataMode::kCached);
  EXPECT_TRUE(device_.known.empty());
}

TEST_F(IoModesTest, without_the_privilege_everything_goes_through_the_daemon_and_it_says_so) {
  modes_.begin(&device_, "");
  device_.error = EPERM;
  EXPECT_EQ(modes_.enter(kInode, {}, backing(1)).mode, DataMode::kCached);
  EXPECT_FALSE(modes_.passes_through());
  EXPECT_NE(modes_.describe().find("daemon: "), std::string::npos) << modes_.describe();
  device_.error = 0;
  EXPECT_EQ(modes_.enter(kElse, {}, backing(2)).mode, DataMode::kCached);
  modes_.leave(kInode, DataMode::kCached);
  modes_.leave(kElse, DataMode::kCached);
}

TEST_F(IoModesTest, a_shortage_costs_one_open_its_way_not_all) {
  modes_.begin(&device_, "");
  device_.error = ENOMEM;
  EXPECT_EQ(modes_.enter(kInode, {}, backing(1)).mode, DataMode::kCached);
  EXPECT_TRUE(modes_.passes_through());
  modes_.leave(kInode, DataMode::kCached);
}

TEST_F(IoModesTest, before_the_kernel_has_answered_nothing_passes_through) {
  EXPECT_EQ(modes_.enter(kInode, {}, backing(1)).mode, DataMode::kCached);
  modes_.leave(kInode, DataMode::kCached);
}

}  // namespace
}  // namespace forebay::fuse
