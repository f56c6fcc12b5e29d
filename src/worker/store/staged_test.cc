// Staged objects: what others write into their files, when they are sealed, what a crash leaves.
#include "base/crc32c.h"
#include "worker/store/recovery.h"
#include "worker/store/store_fixture.h"

namespace forebay::worker {
namespace {

constexpr ObjectId kId{0x2a07};

class StagedTest : public StoreFixture {
 public:
  StagedTest() { config.stage_room_bytes = kMiB; }

  // As a client gets it: a descriptor of its own.
  std::shared_ptr<os::File> stage(ObjectId id = kId) {
    Result<OpenedObject> opened = store->open_object(id, true, kMiB, true);
    EXPECT_TRUE(opened) << opened.error().to_string();
    if (!opened) return nullptr;
    EXPECT_EQ(opened->data_offset, 0u);
    return std::move(opened->file);
  }
  void stage_sealed(ObjectId id, const std::string& text, bool sync = false) {
    ASSERT_TRUE(stage(id)->write_at(as_bytes(text), 0));
    Result<Seal> seal = store->seal(id, text.size(), sync);
    ASSERT_TRUE(seal) << seal.error().to_string();
  }
  static std::string data_of(ObjectId id) { return file_of(id) + ".data"; }
  std::string raw(const std::string& path) { return files->read_whole(path, 64 * kMiB).value_or("(error)"); }
};

TEST_F(StagedTest, the_file_of_its_bytes_holds_nothing_else) {
  open();
  const std::string text = pattern(1, 3 * kMiB + 777);
  stage_sealed(kId, text);
  EXPECT_EQ(raw(data_of(kId)), text);
  EXPECT_EQ(store->stat(kId)->crc32c, crc32c(as_bytes(text)));
  expect_bytes(read(kId), text.substr(0, kMiB));
  expect_bytes(read(kId, 3 * kMiB, kMiB), text.substr(3 * kMiB));
  EXPECT_EQ(read(kId, text.size(), 10), "");
  EXPECT_TRUE(store->verify_block(kId, 3).value());
  EXPECT_EQ(raw(file_of(kId)).size(), sealed_file_bytes(text.size(), true));
}

TEST_F(StagedTest, it_cannot_be_sealed_while_somebody_can_write_it) {
  open();
  std::shared_ptr<os::File> file = stage();
  ASSERT_TRUE(file->write_at(as_bytes("first"), 0));
  expect_error(store->seal(kId, 5, false), Code::kBusy, ETXTBSY);
  ASSERT_TRUE(file->write_at(as_bytes("FIRST, and more"), 0)) << "it goes on";
  EXPECT_EQ(read(kId), "FIRST, and more");
  file.reset();
  Result<Seal> seal = store->seal(kId, 10, false);
  ASSERT_TRUE(seal) << seal.error().to_string();
  EXPECT_EQ(seal->crc32c, crc32c(as_bytes(std::string_view("FIRST, and")))) << "cut where it was asked for";
  EXPECT_EQ(raw(data_of(kId)), "FIRST, and");
  expect_error(store->open_object(kId, true, 0), Code::kStale, ESTALE);
  EXPECT_EQ(store->seal(kId, 10, true).value(), *seal) << "again: the same";
}

TEST_F(StagedTest, readers_do_not_keep_it_from_being_sealed) {
  open();
  ASSERT_TRUE(stage()->write_at(as_bytes("bytes"), 0));
  Result<OpenedObject> reader = store->open_object(kId, false, 0);
  ASSERT_TRUE(reader);
  EXPECT_FALSE(reader->sealed);
  EXPECT_EQ(reader->data_offset, 0u);
  ASSERT_TRUE(store->seal(kId, 5, false));
}

TEST_F(StagedTest, whoever_may_not_wait_seals_a_copy_and_leaves_the_file_to_those_who_write_it) {
  open();
  const std::string text = pattern(3, 2 * kMiB + 100);
  std::shared_ptr<os::File> file = stage();
  ASSERT_TRUE(file->write_at(as_bytes(text), 0));
  Result<Seal> seal = store->seal(kId, 2 * kMiB, true, {.isolate = true});
  ASSERT_TRUE(seal) << seal.error().to_string();
  ASSERT_TRUE(file->write_at(as_bytes("changed behind the seal"), 500));
  ASSERT_TRUE(file->truncate(10));
  expect_bytes(read(kId), text.substr(0, kMiB));
  expect_bytes(raw(data_of(kId)), text.substr(0, 2 * kMiB));
  kill();
  open();
  expect_bytes(read(kId), text.substr(0, kMiB));
  EXPECT_TRUE(store->stat(kId)->sealed);
}

TEST_F(StagedTest, holes_take_no_space_and_are_summed_as_zeros) {
  open();
  std::shared_ptr<os::File> file = stage();
  ASSERT_TRUE(file->write_at(as_bytes("end"), 200 * kMiB + 5));
  file.reset();
  Result<Seal> seal = store->seal(kId, 200 * kMiB + 8, false);
  ASSERT_TRUE(seal) << seal.error().to_string();
  EXPECT_LT(used(), 32 * kKiB);
  EXPECT_EQ(seal->blocks.front(), crc32c(as_bytes(std::string(kMiB, '\0'))));
  EXPECT_EQ(seal->blocks[100], seal->blocks.front());
  EXPECT_EQ(read(kId, 200 * kMiB, 100), std::string(5, '\0') + "end");
  EXPECT_EQ(read(kId, 7 * kMiB, 10), std::string(10, '\0'));
  const uint64_t before = used();
  close();
  open();
  EXPECT_EQ(used(), before) << "known from the index";
  kill();
  ASSERT_TRUE(std::make_unique<os::MemoryFileSystem>(disk)->remove("/mem/index"));
  open();
  EXPECT_EQ(used(), before) << "and without it";
}

TEST_F(StagedTest, what_it_grows_by_is_charged_when_it_is_looked_at) {
  open();
  std::shared_ptr<os::File> file = stage();
  EXPECT_EQ(used(), kDataOffset) << "nothing is reserved";
  ASSERT_TRUE(file->write_at(as_bytes(pattern(1, 3 * kMiB)), 0));
  store->housekeeping();
  EXPECT_EQ(used(), kDataOffset + 3 * kMiB);
  ASSERT_TRUE(file->truncate(kMiB));
  store->housekeeping();
  EXPECT_EQ(used(), kDataOffset + kMiB);
  file.reset();
  ASSERT_TRUE(store->seal(kId, kMiB, false));
  EXPECT_EQ(used(), round_to_charge(sealed_file_bytes(kMiB, true)) + kMiB);
  ASSERT_TRUE(store->remove(kId));
  EXPECT_EQ(used(), 0u);
  EXPECT_TRUE(disk.files().size() <= 4) << "nothing of it is left";
}

TEST_F(StagedTest, none_is_begun_where_there_is_little_room) {
  config.stage_room_bytes = kQuota / 2;
  open();
  stage(ObjectId{1});
  write(ObjectId{2}, "x", 0, kQuota / 2 + kMiB);
  expect_error(store->open_object(ObjectId{3}, true, kMiB, true), Code::kElsewhere, ENOSPC);
  write(ObjectId{4}, "others have room");
}

TEST_F(StagedTest, none_is_begun_where_the_quota_would_end_before_the_medium_does) {
  config.stage_quota_bytes = kQuota / 2;
  open();
  stage(ObjectId{1});
  write(ObjectId{2}, "x", 0, kQuota / 2 + kMiB);
  expect_error(store->open_object(ObjectId{3}, true, kMiB, true), Code::kElsewhere, ENOSPC);
  write(ObjectId{4}, "others have room");
  disk.set_capacity(disk.used_bytes() + 2 * kMiB);
  store->housekeeping();
  EXPECT_TRUE(store->open_object(ObjectId{3}, true, kMiB, true)) << "its medium ends it";
}

TEST_F(StagedTest, frames_and_reservations_are_refused) {
  open();
  std::shared_ptr<os::File> file = stage();
  expect_error(store->write(kId, as_bytes("x"), 0, 0), Code::kInvalid, EINVAL);
  expect_error(store->reserve(kId, 10 * kMiB), Code::kInvalid, EINVAL);
  EXPECT_TRUE(file->write_at(as_bytes("still"), 0));
}

TEST_F(StagedTest, a_worker_that_is_killed_finds_it_again_and_its_writer_goes_on) {
  open();
  std::shared_ptr<os::File> file = stage();
  ASSERT_TRUE(file->write_at(as_bytes(pattern(5, kMiB)), 0));
  os::MemoryFileSystem program(disk);  // of the writer, which lives on
  std::unique_ptr<os::File> writer = *program.open(data_of(kId), os::OpenMode::kReadWrite);
  kill();
  file.reset();
  open();
  EXPECT_EQ(store->stat(kId)->length, kMiB);
  EXPECT_EQ(used(), kDataOffset + kMiB);
  ASSERT_TRUE(writer->write_at(as_bytes(pattern(5, kMiB, kMiB)), kMiB));
  EXPECT_EQ(store->stat(kId)->length, 2 * kMiB);
  expect_error(store->seal(kId, 2 * kMiB, false), Code::kBusy, ETXTBSY);
  writer.reset();
  EXPECT_EQ(store->seal(kId, 2 * kMiB, false)->crc32c, crc32c(as_bytes(pattern(5, 2 * kMiB))));
}

TEST_F(StagedTest, one_that_was_removed_does_not_come_back) {
  open();
  std::shared_ptr<os::File> file = stage();
  ASSERT_TRUE(store->remove(kId));
  ASSERT_TRUE(file->write_at(as_bytes("into nothing"), 0));
  expect_error(store->open_object(kId, true, kMiB, true), Code::kStale, ESTALE);
  expect_error(store->seal(kId, 12, false), Code::kElsewhere, ENOENT);
  file.reset();
  kill();
  open();
  EXPECT_EQ(store->object_count(), 0u);
}

TEST_F(StagedTest, what_a_start_finds_half_made_or_half_removed_goes) {
  open();
  stage_sealed(ObjectId{1}, "kept");
  stage(ObjectId{2});
  stage_sealed(ObjectId{3}, "removed in part");
  kill();
  {
    os::MemoryFileSystem other(disk);
    ASSERT_TRUE(other.remove(file_of(ObjectId{2}) + ".data"));
    ASSERT_TRUE(other.remove(file_of(ObjectId{3})));
    ASSERT_TRUE(other.open(file_of(ObjectId{1}) + ".data.new", os::OpenMode::kCreate));
  }
  open();
  EXPECT_EQ(store->object_count(), 1u);
  EXPECT_EQ(read(ObjectId{1}), "kept");
  for (const std::string& path : disk.files())
    if (path.starts_with("/mem/objects/")) EXPECT_TRUE(path.starts_with(file_of(ObjectId{1})) && !path.ends_with(".new")) << path;
}

TEST_F(StagedTest, flipped_bits_are_found_and_nothing_is_thrown_away_for_them) {
  open();
  stage_sealed(ObjectId{1}, pattern(1, 5000));
  stage_sealed(ObjectId{2}, pattern(2, 5000));
  {
    std::shared_ptr<os::File> file = stage(ObjectId{3});
    ASSERT_TRUE(file->write_at(as_bytes(pattern(3, 5000)), 0));
  }
  kill();
  ASSERT_TRUE(disk.flip_bit(file_of(ObjectId{1}) + ".data", 100, 3));
  ASSERT_TRUE(disk.flip_bit(file_of(ObjectId{2}), kDataOffset + 10, 3));  // of the trailer
  ASSERT_TRUE(disk.flip_bit(file_of(ObjectId{3}), 20, 3));                // of the header
  ASSERT_TRUE(os::MemoryFileSystem(disk).remove("/mem/index"));
  open();
  expect_error(try_read(ObjectId{1}), Code::kCorrupt, EIO);
  EXPECT_FALSE(store->stat(ObjectId{2})->sealed);
  EXPECT_EQ(store->seal(ObjectId{2}, 5000, false)->crc32c, crc32c(as_bytes(pattern(2, 5000))));
  expect_error(try_read(ObjectId{3}), Code::kCorrupt, EIO);
  EXPECT_EQ(raw(data_of(ObjectId{3})), pattern(3, 5000)) << "kept until the master says that it may go";
  ASSERT_TRUE(store->remove(ObjectId{3}));
  EXPECT_EQ(raw(data_of(ObjectId{3})), "(error)");
}

TEST_F(StagedTest, bytes_of_a_sealed_one_that_grew_or_were_cut_behind_it_are_not_its_bytes) {
  open();
  stage_sealed(ObjectId{1}, pattern(1, 5000));
  stage_sealed(ObjectId{2}, pattern(2, 5000));
  close();
  {
    os::MemoryFileSystem other(disk);
    ASSERT_TRUE((*other.open(file_of(ObjectId{1}) + ".data", os::OpenMode::kReadWrite))->truncate(6000));
    ASSERT_TRUE((*other.open(file_of(ObjectId{2}) + ".data", os::OpenMode::kReadWrite))->truncate(4000));
  }
  open();
  for (uint64_t id : {1, 2}) expect_error(try_read(ObjectId{id}), Code::kCorrupt, EIO);
}

TEST_F(StagedTest, after_a_power_cut_it_has_what_was_synced) {
  for (uint64_t seed = 1; seed <= 30; ++seed) {
    const ObjectId id{seed};
    open();
    {
      std::shared_ptr<os::File> file = stage(id);
      ASSERT_TRUE(file->write_at(as_bytes(pattern(seed, 9000)), 0));
      ASSERT_TRUE(store->sync(id, 9000));
      ASSERT_TRUE(file->write_at(as_bytes(pattern(seed, 20'000, 9000)), 9000));
    }
    power_cut(seed);
    open();
    expect_bytes(read(id), pattern(seed, 9000));
    expect_error(store->open_object(id, true, 0), Code::kStale, ENODATA);
    EXPECT_EQ(store->seal(id, 9000, true)->crc32c, crc32c(as_bytes(pattern(seed, 9000))));
    power_cut(seed + 100);
    open();
    expect_bytes(read(id), pattern(seed, 9000));
    EXPECT_TRUE(store->stat(id)->sealed);
    kill();
  }
}

TEST_F(StagedTest, a_seal_that_was_synced_survives_any_power_cut) {
  for (uint64_t seed = 1; seed <= 30; ++seed) {
    open();
    stage_sealed(ObjectId{seed}, pattern(seed, kMiB + seed), true);
    power_cut(seed);
    open();
    EXPECT_TRUE(store->stat(ObjectId{seed})->sealed) << seed;
    EXPECT_EQ(store->stat(ObjectId{seed})->crc32c, crc32c(as_bytes(pattern(seed, kMiB + seed)))) << seed;
    expect_bytes(read(ObjectId{seed}), pattern(seed, kMiB));
    kill();
  }
}

TEST_F(StagedTest, a_sealed_one_whose_file_is_to_be_written_goes_on_in_a_copy) {
  open();
  const std::string text = pattern(1, 2 * kMiB + 5);
  stage_sealed(ObjectId{1}, text);
  os::MemoryFileSystem program(disk);
  auto reader = *program.open(data_of(ObjectId{1}), os::OpenMode::kRead);
  Result<OpenedObject> forked = store->fork_object(ObjectId{2}, ObjectId{1});
  ASSERT_TRUE(forked) << forked.error().to_string();
  ASSERT_TRUE(forked->file->write_at(as_bytes("changed"), 0));
  std::string seen(7, '.');
  ASSERT_TRUE(reader->read_at(std::as_writable_bytes(std::span(seen)), 0));
  EXPECT_EQ(seen, "changed") << "whoever had the file open sees it";
  expect_bytes(read(ObjectId{1}), text.substr(0, kMiB));
  EXPECT_EQ(store->fork_object(ObjectId{2}, ObjectId{1})->length, text.size()) << "again: the same";
  expect_bytes(raw(data_of(ObjectId{1})), text);
  forked->file.reset();
  ASSERT_TRUE(store->seal(ObjectId{2}, text.size(), true));
  EXPECT_EQ(read(ObjectId{2}, 0, 7), "changed");
  ASSERT_TRUE(store->remove(ObjectId{2}));
  close();
  open();
  expect_bytes(read(ObjectId{1}), text.substr(0, kMiB));
  EXPECT_EQ(store->object_count(), 1u);
  ASSERT_TRUE(store->remove(ObjectId{1}));
  EXPECT_EQ(used(), 0u);
}

TEST_F(StagedTest, a_fork_needs_room_for_two_and_takes_nothing_when_there_is_none) {
  open();
  stage_sealed(ObjectId{1}, pattern(1, kQuota / 2 + kMiB));
  const uint64_t before = used();
  expect_error(store->fork_object(ObjectId{2}, ObjectId{1}), Code::kElsewhere, ENOSPC);
  EXPECT_EQ(used(), before);
  EXPECT_EQ(store->object_count(), 1u);
  expect_error(store->fork_object(ObjectId{3}, ObjectId{9}), Code::kElsewhere, ENOENT);
  std::shared_ptr<os::File> file = stage(ObjectId{4});
  expect_error(store->fork_object(ObjectId{5}, ObjectId{4}), Code::kStale, ESTALE);
}

TEST_F(StagedTest, a_fork_that_a_kill_ended_between_its_steps_can_be_done_again) {
  open();
  const std::string text = pattern(1, 10'000);
  stage_sealed(ObjectId{1}, text);
  kill();
  {
    os::MemoryFileSystem other(disk);  // the new object is there, with the old file; the old object has no other yet
    auto own = *other.open(file_of(ObjectId{2}), os::OpenMode::kCreate);
    ASSERT_TRUE(own->write_at(
        encode_header(
            {.cluster = "cluster-a", .object = ObjectId{2}, .boot = store ? store->boot() : boot_number(boot), .staged = true}),
        0));
    ASSERT_TRUE(other.link(data_of(ObjectId{1}), data_of(ObjectId{2})));
  }
  open();
  Result<OpenedObject> forked = store->fork_object(ObjectId{2}, ObjectId{1});
  ASSERT_TRUE(forked) << forked.error().to_string();
  ASSERT_TRUE(forked->file->write_at(as_bytes("changed"), 0));
  expect_bytes(read(ObjectId{1}), text);
}

TEST_F(StagedTest, another_clusters_is_refused_like_any_other) {
  open();
  stage_sealed(kId, "theirs");
  kill();
  {
    os::MemoryFileSystem other(disk);
    auto file = *other.open(file_of(kId), os::OpenMode::kReadWrite);
    ASSERT_TRUE(file->write_at(encode_header({.cluster = "cluster-b", .object = kId, .boot = 1, .staged = true}), 0));
    ASSERT_TRUE(other.remove("/mem/index"));
  }
  open();
  expect_error(try_read(kId), Code::kCorrupt, EIO);
}

}  // namespace
}  // namespace forebay::worker
