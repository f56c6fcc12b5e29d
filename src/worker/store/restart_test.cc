// What a store finds when it starts: after an orderly end, a kill, a power cut, and in directories that are not its own.
#include "base/crc32c.h"
#include "worker/store/recovery.h"
#include "worker/store/store_fixture.h"

namespace forebay::worker {
namespace {

class RestartTest : public StoreFixture {
 public:
  void write_file(const std::string& path, const std::string& text) {
    auto file = files->open(path, os::OpenMode::kCreate);
    ASSERT_TRUE(file);
    ASSERT_TRUE((*file)->truncate(0));
    ASSERT_TRUE((*file)->write_at(as_bytes(text), 0));
  }
};

TEST_F(RestartTest, objects_come_back_after_an_orderly_end_a_kill_and_a_restart_of_the_machine) {
  open();
  const std::string text = pattern(1, kMiB + 1000);
  write_sealed(ObjectId{7}, text, true);
  write(ObjectId{8}, pattern(2, 5000), 0, 10'000);
  ASSERT_TRUE(store->sync(ObjectId{8}, 5000));
  for (int round = 0; round < 3; ++round) {
    if (round == 0) close();
    if (round == 1) kill();
    if (round == 2) power_cut(17);
    open();
    expect_bytes(read(ObjectId{7}), text.substr(0, kMiB));
    EXPECT_EQ(store->stat(ObjectId{7})->crc32c, crc32c(as_bytes(text)));
    expect_bytes(read(ObjectId{8}), pattern(2, 5000));
    EXPECT_EQ(used(), charge_for(text.size()) + charge_for(10'000));
    EXPECT_EQ(store->object_count(), 2u);
    EXPECT_TRUE(store->damaged(10).empty());
  }
}

TEST_F(RestartTest, writing_goes_on_after_a_kill_and_the_seal_covers_all) {
  open();
  write(ObjectId{8}, pattern(2, 5000), 0, 100'000);
  kill();
  open();
  write(ObjectId{8}, pattern(2, 5000, 5000), 5000, 0);
  EXPECT_EQ(store->seal(ObjectId{8}, 10'000, false)->crc32c, crc32c(as_bytes(pattern(2, 10'000))));
}

template <class T>
void expect_lost(const Result<T>& result) {
  expect_error(result, Code::kStale, ENODATA);
}

TEST_F(RestartTest, after_a_power_cut_an_unsealed_object_has_what_was_synced_and_takes_nothing_more) {
  for (uint64_t seed = 1; seed <= 30; ++seed) {
    const ObjectId id{seed};
    open();
    const uint64_t before = store->boot();
    write(id, pattern(seed, 5000), 0, 100'000);
    ASSERT_TRUE(store->sync(id, 5000, before));
    write(id, pattern(seed, 9000, 5000), 5000, 0);
    power_cut(seed);
    open();
    expect_bytes(read(id), pattern(seed, 5000));
    expect_lost(store->write(id, as_bytes("more"), 14'000, 0));
    expect_lost(store->reserve(id, 200'000));
    expect_lost(store->open_object(id, true, 0));
    expect_error(store->open_object(id, false, 0), Code::kElsewhere, EOPNOTSUPP);
    expect_lost(store->sync(id, 14'000, before));
    expect_lost(store->sync(id, 14'000));
    EXPECT_TRUE(store->sync(id, 5000)) << "that was done before";
    expect_lost(store->seal(id, 14'000, true, {.boot = before, .crc32c = {}}));
    expect_lost(store->seal(id, 14'000, true));
    EXPECT_EQ(store->seal(id, 5000, true)->crc32c, crc32c(as_bytes(pattern(seed, 5000))));
    expect_bytes(read(id), pattern(seed, 5000));
    kill();
  }
}

TEST_F(RestartTest, an_object_that_was_made_again_after_a_power_cut_does_not_pass_for_the_first_one) {
  open();
  const uint64_t before = store->boot();
  boot += "'";
  kill();
  open();
  write(ObjectId{8}, pattern(2, 5000), 0, 10'000);
  expect_lost(store->sync(ObjectId{8}, 5000, before));
  expect_lost(store->seal(ObjectId{8}, 5000, true, {.boot = before, .crc32c = {}}));
  EXPECT_TRUE(store->seal(ObjectId{8}, 5000, true, {.boot = store->boot(), .crc32c = {}}));
}

TEST_F(RestartTest, a_seal_that_a_power_cut_tears_takes_nothing_that_was_synced) {
  for (uint64_t seed = 1; seed <= 100; ++seed) {
    const ObjectId id{seed};
    open();
    write(id, pattern(seed, 5000), 0, 100'000);
    ASSERT_TRUE(store->sync(id, 5000));
    write(id, pattern(seed, 30'000, 5000), 5000, 0);
    ASSERT_TRUE(store->seal(id, 35'000, false));
    power_cut(seed);
    open();
    expect_bytes(read(id, 0, 5000), pattern(seed, 5000));
    kill();
  }
}

TEST_F(RestartTest, a_lost_seal_is_made_again_only_over_the_bytes_that_were_sealed) {
  int good = 0, bad = 0;
  for (uint64_t seed = 1; seed <= 60; ++seed) {
    const ObjectId id{seed};
    const uint32_t crc = crc32c(as_bytes(pattern(seed, 20'000)));
    open();
    write(id, pattern(seed, 20'000), 0, 100'000);
    ASSERT_TRUE(store->sync(id, 0)) << "the name stays; how much is synced nobody says";
    write(id, pattern(seed, 4096, 8000), 8000, 0);
    ASSERT_TRUE(store->seal(id, 20'000, false));
    power_cut(seed);
    open();
    if (!store->stat(id)->sealed) {
      expect_lost(store->seal(id, 20'000, true));
      Result<Seal> again = store->seal(id, 20'000, true, {.boot = 0, .crc32c = crc});
      ++(again ? good : bad);
      if (again) expect_bytes(read(id, 0, 20'000), pattern(seed, 20'000));
      if (!again)
        expect_error(again, again.error().is(Code::kCorrupt) ? Code::kCorrupt : Code::kElsewhere, again.error().error());
    }
    kill();
  }
  EXPECT_GT(good, 0);
}

TEST_F(RestartTest, an_orderly_end_keeps_what_is_being_written_over_a_restart_of_the_machine) {
  open();
  write(ObjectId{8}, pattern(2, 50'000), 0, 100'000);
  store->sync_unsealed();
  power_cut(3);
  open();
  expect_bytes(read(ObjectId{8}), pattern(2, 50'000));
  EXPECT_TRUE(store->seal(ObjectId{8}, 50'000, true));
}

TEST_F(RestartTest, sealed_objects_known_to_the_index_are_not_opened_and_checked_at_first_use) {
  open();
  write_sealed(ObjectId{7}, "seven");
  close();
  // The index vouches for the list only: a file that lost its seal since is found at the first read.
  files = std::make_unique<os::MemoryFileSystem>(disk);
  auto file = files->open(file_of(ObjectId{7}), os::OpenMode::kReadWrite);
  ASSERT_TRUE((*file)->truncate(kDataOffset + 2));
  file->reset();
  open();
  EXPECT_TRUE(store->stat(ObjectId{7})->sealed);
  expect_error(try_read(ObjectId{7}), Code::kCorrupt, EIO);
  EXPECT_EQ(store->damaged(10), std::vector{ObjectId{7}});
  EXPECT_TRUE(store->inventory(ObjectId{1}, 10)->objects.empty());
}

TEST_F(RestartTest, a_damaged_header_is_reported_and_the_file_kept_until_removal) {
  open();
  write_sealed(ObjectId{7}, pattern(1, 1000));
  kill();
  ASSERT_TRUE(disk.flip_bit(file_of(ObjectId{7}), 20, 1));
  open();
  EXPECT_EQ(store->damaged(10), std::vector{ObjectId{7}});
  expect_error(try_read(ObjectId{7}), Code::kCorrupt, EIO);
  EXPECT_TRUE(store->inventory(ObjectId{1}, 10)->objects.empty());
  EXPECT_GT(used(), 0u);
  ASSERT_TRUE(store->remove(ObjectId{7}));
  EXPECT_EQ(used(), 0u);
  EXPECT_FALSE(files->exists(file_of(ObjectId{7})).value());
}

TEST_F(RestartTest, a_damaged_footer_leaves_an_unsealed_object_with_its_data) {
  open();
  const std::string text = pattern(1, 1000);
  write_sealed(ObjectId{7}, text);
  kill();
  ASSERT_TRUE(disk.flip_bit(file_of(ObjectId{7}), sealed_file_bytes(1000) - 30, 1));
  open();
  EXPECT_FALSE(store->stat(ObjectId{7})->sealed);
  expect_bytes(read(ObjectId{7}, 0, 1000), text);
  EXPECT_EQ(store->seal(ObjectId{7}, 1000, false)->crc32c, crc32c(as_bytes(text)));
  EXPECT_EQ(used(), charge_for(1000));
}

TEST_F(RestartTest, bytes_that_a_power_cut_took_from_a_sealed_file_are_not_reported_as_synced) {
  open();
  write_sealed(ObjectId{7}, std::string(3000, 'x'));
  write_sealed(ObjectId{8}, std::string(3000, 'y'));
  close();
  ASSERT_TRUE(disk.flip_bit(file_of(ObjectId{7}), kDataOffset + 2000, 1));
  open();
  expect_error(store->sync(ObjectId{7}, 3000), Code::kCorrupt, EIO);
  EXPECT_TRUE(store->sync(ObjectId{8}, 3000));
}

TEST_F(RestartTest, a_damaged_index_only_means_opening_the_files) {
  open();
  for (uint64_t id = 1; id < 50; ++id) write_sealed(ObjectId{id}, pattern(id, 100 + id));
  close();
  ASSERT_TRUE(disk.flip_bit("/mem/index", kIndexHeaderBytes + 20 * kIndexRecordBytes + 3, 5));
  open();
  for (uint64_t id = 1; id < 50; ++id) expect_bytes(read(ObjectId{id}), pattern(id, 100 + id));
  close();
  ASSERT_TRUE(disk.flip_bit("/mem/index", 2, 5));
  open();
  for (uint64_t id = 1; id < 50; ++id) expect_bytes(read(ObjectId{id}), pattern(id, 100 + id));
  EXPECT_EQ(store->object_count(), 49u);
}

TEST_F(RestartTest, objects_removed_since_the_index_was_written_stay_removed) {
  open();
  for (uint64_t id = 1; id < 5; ++id) write_sealed(ObjectId{id}, "x");
  store->housekeeping();
  ASSERT_TRUE(store->remove(ObjectId{2}));
  kill();
  open();
  EXPECT_EQ(store->object_count(), 3u);
  expect_error(try_read(ObjectId{2}), Code::kElsewhere, ENOENT);
}

// Remembers what was said.
class SpokenLog final : public obs::Log {
 public:
  void write(obs::Level, std::string_view message, std::initializer_list<obs::Field> fields) override {
    text += message;
    for (const obs::Field& field : fields) {
      text += ' ';
      if (auto* words = std::get_if<std::string>(&field.value)) text += *words;
      if (auto* number = std::get_if<uint64_t>(&field.value)) text += std::to_string(*number);
    }
    text += '\n';
  }
  std::string text;
};

TEST_F(RestartTest, files_that_are_not_objects_are_left_alone_and_reported) {
  SpokenLog spoken;
  log = &spoken;
  open();
  EXPECT_EQ(spoken.text, "");
  write_sealed(ObjectId{0x107}, "x");
  write_file("/mem/objects/07/notes.txt", "mine");
  write_file("/mem/objects/07/0000000000000108", "an object's name in the wrong directory");
  write_file("/mem/README", "mine");
  write_file("/mem/identity.new", "what a crash left of the store's own");
  close();
  open();
  EXPECT_EQ(store->object_count(), 1u);
  EXPECT_TRUE(files->exists("/mem/objects/07/notes.txt").value());
  EXPECT_TRUE(files->exists("/mem/objects/07/0000000000000108").value());
  EXPECT_TRUE(files->exists("/mem/README").value());
  for (const char* part : {" 3 ", "/mem/objects/07/notes.txt", "/mem/objects/07/0000000000000108", "/mem/README"})
    EXPECT_NE(spoken.text.find(part), std::string::npos) << part;
}

TEST_F(RestartTest, a_file_without_a_whole_header_never_finished_being_created_and_goes) {
  open();
  write_file(file_of(ObjectId{7}), "FBOBJ");
  write_file(file_of(ObjectId{8}), "");
  kill();
  open();
  EXPECT_EQ(store->object_count(), 0u);
  EXPECT_FALSE(files->exists(file_of(ObjectId{7})).value());
  EXPECT_EQ(used(), 0u);
}

TEST_F(RestartTest, a_directory_of_another_cluster_is_refused_by_name) {
  open();
  close();
  config.expected_cluster = "cluster-b";
  Result<void> opened = try_open();
  expect_error(opened, Code::kInvalid, EINVAL);
  for (const char* part : {"/mem", "cluster-a", "cluster-b", "worker 3"})
    EXPECT_NE(opened.error().message().find(part), std::string::npos) << part;
}

TEST_F(RestartTest, a_directory_of_another_worker_is_refused_by_name) {
  config.tiers[0].paths.push_back({"/second", kQuota});
  open();
  close();
  files = std::make_unique<os::MemoryFileSystem>(disk);
  ASSERT_TRUE(write_identity(*files, "/second", {.cluster = "cluster-a", .worker = WorkerId{4}}));
  Result<void> opened = try_open();
  expect_error(opened, Code::kInvalid, EINVAL);
  for (const char* part : {"'/second'", "worker 4", "'/mem'", "worker 3"})
    EXPECT_NE(opened.error().message().find(part), std::string::npos) << part;
}

TEST_F(RestartTest, a_damaged_identity_and_objects_without_one_are_refused) {
  open();
  write_sealed(ObjectId{7}, "x");
  close();
  ASSERT_TRUE(disk.flip_bit("/mem/identity", 45, 0));
  expect_error(try_open(), Code::kInvalid, EINVAL);
  files = std::make_unique<os::MemoryFileSystem>(disk);
  ASSERT_TRUE(files->remove("/mem/identity"));
  Result<void> opened = try_open();
  expect_error(opened, Code::kInvalid, EINVAL);
  EXPECT_NE(opened.error().message().find("/mem"), std::string::npos);
}

TEST_F(RestartTest, an_empty_path_that_joins_takes_the_identity_of_the_others) {
  open();
  close();
  config.tiers.push_back({.alias = "SSD", .medium = "SSD", .paths = {{"/ssd", kQuota}}, .watermarks = {}});
  open();
  EXPECT_EQ(store->identity(), identity);
  close();
  config.tiers.erase(config.tiers.begin());
  open();
  EXPECT_EQ(store->identity(), identity);
}

TEST_F(RestartTest, an_emptied_store_has_no_identity) {
  open();
  close();
  files = std::make_unique<os::MemoryFileSystem>(disk);
  ASSERT_TRUE(files->remove("/mem/identity"));
  ASSERT_TRUE(try_open());
  EXPECT_EQ(store->identity(), std::nullopt);
}

TEST_F(RestartTest, two_workers_never_share_a_directory) {
  open();
  os::MemoryFileSystem other(disk);
  os::Env other_env{os::real_clock(), os::real_random(), other, os::real_network(), loop.executor(), boot};
  auto second = run(loop, ObjectStore::open(other_env, config, obs::null_log(), *events));
  expect_error(second, Code::kInvalid, EINVAL);
  EXPECT_NE(second.error().message().find("'/mem'"), std::string::npos);
}

TEST_F(RestartTest, an_identity_once_taken_cannot_be_changed) {
  open();
  EXPECT_TRUE(store->adopt_identity(identity));
  expect_error(store->adopt_identity({.cluster = "cluster-b", .worker = WorkerId{3}}), Code::kInvalid, EINVAL);
}

TEST_F(RestartTest, space_reserved_behind_a_seal_by_a_crash_is_returned) {
  open();
  write(ObjectId{7}, pattern(1, 1000), 0, 10 * kMiB);
  Seal seal{.object = ObjectId{7}, .length = 1000, .crc32c = crc32c(as_bytes(pattern(1, 1000))), .blocks = {}};
  seal.blocks = {seal.crc32c};
  auto file = files->open(file_of(ObjectId{7}), os::OpenMode::kReadWrite);
  ASSERT_TRUE((*file)->write_at(as_bytes(encode_footer(seal)), kDataOffset + 1000));
  file->reset();
  kill();
  EXPECT_GT(disk.used_bytes(), 10 * kMiB);
  open();
  EXPECT_EQ(store->stat(ObjectId{7})->crc32c, seal.crc32c);
  EXPECT_LT(disk.used_bytes(), kMiB);
  EXPECT_EQ(used(), charge_for(1000));
}

}  // namespace
}  // namespace forebay::worker
