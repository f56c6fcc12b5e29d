// Disks that fail while the worker runs, or before it starts.
#include "base/crc32c.h"
#include "os/faulty_file.h"
#include "worker/store/store_fixture.h"

namespace forebay::worker {
namespace {

// Gives every call on a path below `prefix`, of the kinds told, the same error.
class SickDisk final : public os::SeamWatch {
 public:
  os::SeamFate before(const os::SeamCall& call) override {
    if (error == 0 || !call.object.starts_with(prefix) || !call.name.starts_with(kind)) return {};
    os::SeamFate fate;
    fate.error = error;
    return fate;
  }
  int error = 0;
  std::string prefix = "/bad", kind;
};

class CountingEvents final : public WorkerEvents {
 public:
  void path_failed(const std::string& directory, const Status&) override { failed.push_back(directory); }
  void object_damaged(ObjectId object) override { damaged.push_back(object); }
  std::vector<std::string> failed;
  std::vector<ObjectId> damaged;
};

class FailingDiskTest : public StoreFixture {
 public:
  FailingDiskTest() {
    config.tiers = {{.alias = "SSD", .medium = "SSD", .paths = {{"/bad", 100 * kMiB}, {"/good", 50 * kMiB}}, .watermarks = {}}};
    events = &counted;
  }
  ~FailingDiskTest() override { close(); }
  os::FileSystem& seen(os::FileSystem& real) override {
    faulty = std::make_unique<os::FaultyFileSystem>(real, disk_of_bad);
    return *faulty;
  }
  bool is_on(ObjectId object, const std::string& path) { return files->exists(file_of(object, path)).value(); }

  SickDisk disk_of_bad;
  CountingEvents counted;
  std::unique_ptr<os::FaultyFileSystem> faulty;
};

TEST_F(FailingDiskTest, a_path_that_cannot_take_bytes_is_left_and_what_it_holds_is_served) {
  open();
  write_sealed(ObjectId{1}, pattern(1, 1000));
  ASSERT_TRUE(is_on(ObjectId{1}, "/bad"));
  disk_of_bad.error = EIO;
  disk_of_bad.kind = "file.write";
  write_sealed(ObjectId{2}, pattern(2, 1000));
  EXPECT_TRUE(is_on(ObjectId{2}, "/good"));
  EXPECT_EQ(counted.failed, std::vector<std::string>{"/bad"});
  EXPECT_LE(store->usage()[0].available_bytes, 50 * kMiB);
  disk_of_bad.error = 0;
  write_sealed(ObjectId{3}, "still not there");
  EXPECT_TRUE(is_on(ObjectId{3}, "/good"));
  expect_bytes(read(ObjectId{1}), pattern(1, 1000));
  EXPECT_TRUE(store->remove(ObjectId{1}));
}

TEST_F(FailingDiskTest, a_write_to_an_object_on_the_failing_disk_goes_elsewhere) {
  open();
  write(ObjectId{1}, "begun", 0, 100);
  disk_of_bad.error = EIO;
  disk_of_bad.kind = "file.write";
  expect_error(store->write(ObjectId{1}, as_bytes("more"), 5, 0), Code::kElsewhere, EIO);
  expect_error(store->reserve(ObjectId{1}, kMiB), Code::kElsewhere, EIO);
  EXPECT_EQ(read(ObjectId{1}), "begun");
}

TEST_F(FailingDiskTest, a_file_system_that_cannot_reserve_takes_bytes_up_to_the_quota) {
  disk_of_bad.error = EOPNOTSUPP;
  disk_of_bad.kind = "file.allocate";
  open();
  write(ObjectId{1}, "taken", 0, kMiB);
  EXPECT_TRUE(is_on(ObjectId{1}, "/bad"));
  EXPECT_EQ(counted.failed, std::vector<std::string>{});
  EXPECT_EQ(store->usage()[0].used_bytes, store->usage()[0].quota_bytes - store->usage()[0].available_bytes);
  EXPECT_GE(store->usage()[0].used_bytes, kMiB);
  expect_error(store->reserve(ObjectId{1}, 200 * kMiB), Code::kElsewhere, ENOSPC);
  EXPECT_EQ(read(ObjectId{1}), "taken");
}

TEST_F(FailingDiskTest, after_a_failed_sync_the_object_is_not_trusted_any_more) {
  open();
  write(ObjectId{1}, "begun", 0, 100);
  disk_of_bad.error = EIO;
  disk_of_bad.kind = "file.sync";
  expect_error(store->sync(ObjectId{1}, 5), Code::kElsewhere, EIO);
  disk_of_bad.error = 0;
  expect_error(store->sync(ObjectId{1}, 5), Code::kCorrupt, EIO);
  expect_error(store->seal(ObjectId{1}, 5, true), Code::kCorrupt, EIO);
  expect_error(try_read(ObjectId{1}), Code::kCorrupt, EIO);
  EXPECT_EQ(store->damaged(10), std::vector{ObjectId{1}});
  EXPECT_EQ(counted.damaged, std::vector{ObjectId{1}});
}

TEST_F(FailingDiskTest, an_unreadable_object_is_reported_and_many_take_the_path_out) {
  open();
  for (uint64_t id = 1; id <= 20; ++id) write_sealed(ObjectId{id}, pattern(id, 1000));
  disk_of_bad.error = EIO;
  disk_of_bad.kind = "file.read";
  expect_error(try_read(ObjectId{1}), Code::kElsewhere, EIO);
  EXPECT_EQ(store->damaged(10), std::vector{ObjectId{1}});
  EXPECT_TRUE(counted.failed.empty());
  for (uint64_t id = 2; id <= 20; ++id) expect_error(try_read(ObjectId{id}), Code::kElsewhere, EIO);
  EXPECT_EQ(counted.failed, std::vector<std::string>{"/bad"});
}

// Nothing can be read: a seal that succeeds has read nothing.
TEST_F(FailingDiskTest, what_came_through_here_is_sealed_without_being_read_again) {
  open();
  const std::string text = pattern(3, 3 * kMiB + 1000);
  for (size_t at = 0; at < text.size(); at += kMiB) write(ObjectId{1}, text.substr(at, kMiB), at, 4 * kMiB);
  disk_of_bad.error = EIO;
  disk_of_bad.kind = "file.read";
  const Result<Seal> sealed = store->seal(ObjectId{1}, text.size(), false);
  ASSERT_TRUE(sealed) << sealed.error().to_string();
  EXPECT_EQ(sealed->crc32c, crc32c(as_bytes(text)));
  disk_of_bad.error = 0;
  expect_bytes(read(ObjectId{1}, 0, text.size()), text);
}

TEST_F(FailingDiskTest, what_may_have_been_changed_by_others_or_before_a_restart_is_read_by_the_seal) {
  open();
  const std::string text = pattern(4, 2 * kMiB);
  for (uint64_t id : {1, 2, 3}) write(ObjectId{id}, text, 0, 4 * kMiB);
  Result<OpenedObject> opened = store->open_object(ObjectId{1}, true, 0);
  ASSERT_TRUE(opened) << opened.error().to_string();
  ASSERT_TRUE(opened->file->write_at(as_bytes("other"), opened->data_offset + 10));
  std::string changed = text;
  changed.replace(10, 5, "other");
  write(ObjectId{2}, "other", 10);
  for (uint64_t id : {1, 2}) {
    const Result<Seal> sealed = store->seal(ObjectId{id}, text.size(), false);
    ASSERT_TRUE(sealed) << sealed.error().to_string();
    EXPECT_EQ(sealed->crc32c, crc32c(as_bytes(changed))) << id;
    expect_bytes(read(ObjectId{id}, 0, text.size()), changed);
  }
  kill();
  open();
  const Result<Seal> sealed = store->seal(ObjectId{3}, text.size(), false);
  ASSERT_TRUE(sealed) << sealed.error().to_string();
  EXPECT_EQ(sealed->crc32c, crc32c(as_bytes(text)));
}

// The disk has kept a part of what it refused.
TEST_F(FailingDiskTest, what_a_failed_write_left_is_summed_as_it_is) {
  open();
  const std::string text = pattern(5, 2 * kMiB);
  write(ObjectId{1}, text.substr(0, kMiB), 0, 4 * kMiB);
  write(ObjectId{1}, text.substr(kMiB), kMiB);
  disk_of_bad.error = EINTR;
  disk_of_bad.kind = "file.write";
  EXPECT_FALSE(store->write(ObjectId{1}, as_bytes(pattern(6, kMiB)), 0, 0));
  disk_of_bad.error = 0;
  const Result<Seal> sealed = store->seal(ObjectId{1}, text.size(), false);
  ASSERT_TRUE(sealed) << sealed.error().to_string();
  EXPECT_EQ(sealed->crc32c, crc32c(as_bytes(text)));
}

TEST_F(FailingDiskTest, being_out_of_descriptors_condemns_nothing) {
  open();
  write_sealed(ObjectId{1}, "x");
  disk_of_bad.error = EMFILE;
  disk_of_bad.kind = "file.open";
  expect_error(store->write(ObjectId{2}, as_bytes("y"), 0, 10), Code::kBusy, EAGAIN);
  EXPECT_TRUE(store->damaged(10).empty());
  EXPECT_TRUE(counted.failed.empty());
  disk_of_bad.error = 0;
  write(ObjectId{2}, "y", 0, 10);
}

TEST_F(FailingDiskTest, a_worker_starts_without_its_dead_disk_as_long_as_one_lives) {
  open();
  write_sealed(ObjectId{1}, "on the bad one");
  close();
  disk_of_bad.error = EIO;
  open();
  expect_error(try_read(ObjectId{1}), Code::kElsewhere, ENOENT);
  write_sealed(ObjectId{2}, "fine");
  close();
  config.tiers[0].paths.pop_back();
  expect_error(try_open(), Code::kBroken, EIO);
}

TEST_F(FailingDiskTest, a_directory_that_may_not_be_used_is_a_mistake_and_named) {
  disk_of_bad.error = EACCES;
  Result<void> opened = try_open();
  expect_error(opened, Code::kInvalid, EINVAL);
  EXPECT_NE(opened.error().message().find("'/bad'"), std::string::npos);
}

TEST_F(FailingDiskTest, a_failing_disk_ends_its_holds) {
  config.held.share = 1;
  open();
  ASSERT_EQ(store->hold(7, kMiB, 0).value_or(0), kMiB);
  EXPECT_GE(store->usage()[0].used_bytes, kMiB);
  disk_of_bad.error = EIO;
  EXPECT_EQ(store->hold(7, 2 * kMiB, kMiB).value_or(99), kMiB) << "what could not be added";
  EXPECT_EQ(counted.failed, std::vector<std::string>{"/bad"});
  Result<uint64_t> written = store->write(ObjectId{1}, as_bytes("text"), 0, Creation(4, 7));
  ASSERT_TRUE(written) << written.error().to_string();
  EXPECT_TRUE(is_on(ObjectId{1}, "/good")) << "like any other object";
  store->housekeeping();
  EXPECT_EQ(store->usage()[0].used_bytes, charge_for(4));
  EXPECT_EQ(store->hold(7, kMiB, 0).value_or(0), kMiB) << "elsewhere";
}

}  // namespace
}  // namespace forebay::worker
