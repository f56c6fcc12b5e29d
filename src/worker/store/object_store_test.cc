#include "worker/store/object_store.h"

#include <atomic>
#include <thread>

#include "base/crc32c.h"
#include "worker/store/store_fixture.h"

namespace forebay::worker {
namespace {

class ObjectStoreTest : public StoreFixture {};

TEST_F(ObjectStoreTest, written_bytes_are_read_back_at_any_offset) {
  open();
  const std::string text = pattern(1, 300'000);
  write(ObjectId{7}, text.substr(100'000), 100'000);
  write(ObjectId{7}, text.substr(0, 100'000), 0);
  expect_bytes(read(ObjectId{7}), text);
  expect_bytes(read(ObjectId{7}, 123'456, 1000), text.substr(123'456, 1000));
  expect_bytes(read(ObjectId{7}, 299'999, 1000), text.substr(299'999));
  EXPECT_EQ(read(ObjectId{7}, 300'000, 1000), "");
  EXPECT_EQ(store->stat(ObjectId{7})->length, 300'000u);
  EXPECT_FALSE(store->stat(ObjectId{7})->sealed);
}

TEST_F(ObjectStoreTest, an_unknown_object_is_elsewhere) {
  open();
  expect_error(try_read(ObjectId{9}), Code::kElsewhere, ENOENT);
  expect_error(store->write(ObjectId{9}, as_bytes("x"), 0, 0), Code::kElsewhere, ENOENT);
  expect_error(store->seal(ObjectId{9}, 0, false), Code::kElsewhere, ENOENT);
  expect_error(store->sync(ObjectId{9}, 0), Code::kElsewhere, ENOENT);
  expect_error(store->stat(ObjectId{9}), Code::kElsewhere, ENOENT);
  EXPECT_TRUE(store->remove(ObjectId{9}));
  expect_error(store->write(ObjectId{0}, as_bytes("x"), 0, 1), Code::kInvalid, EINVAL);
  expect_error(store->write(ObjectId{9}, as_bytes("x"), UINT64_MAX, 1), Code::kInvalid, EINVAL);
}

TEST_F(ObjectStoreTest, nothing_is_created_before_the_worker_has_an_identity) {
  ASSERT_TRUE(try_open());
  expect_error(store->write(ObjectId{9}, as_bytes("x"), 0, 1), Code::kBusy, EAGAIN);
}

TEST_F(ObjectStoreTest, sealing_cuts_checks_and_excludes_writes) {
  open();
  const std::string text = pattern(2, 3 * kMiB + 17);
  write(ObjectId{7}, text, 0, 8 * kMiB);
  Result<Seal> seal = store->seal(ObjectId{7}, 2 * kMiB + 5, false);
  ASSERT_TRUE(seal) << seal.error().to_string();
  EXPECT_EQ(seal->crc32c, crc32c(as_bytes(text).first(2 * kMiB + 5)));
  ASSERT_EQ(seal->blocks.size(), 3u);
  EXPECT_EQ(seal->blocks[2], crc32c(as_bytes(text).subspan(2 * kMiB, 5)));
  expect_bytes(read(ObjectId{7}, 2 * kMiB - 10), text.substr(2 * kMiB - 10, 15));
  expect_error(store->write(ObjectId{7}, as_bytes("x"), 0, 0), Code::kStale, ESTALE);
  expect_error(store->reserve(ObjectId{7}, 16 * kMiB), Code::kStale, ESTALE);
  expect_error(store->open_object(ObjectId{7}, true, 0), Code::kStale, ESTALE);
  EXPECT_EQ(used(), charge_for(2 * kMiB + 5));
  EXPECT_EQ(disk.used_bytes() / kMiB, 2u);
}

TEST_F(ObjectStoreTest, sealing_again_gives_the_same_answer_and_another_length_is_stale) {
  open();
  write(ObjectId{7}, pattern(3, 1000));
  Result<Seal> first = store->seal(ObjectId{7}, 900, false), again = store->seal(ObjectId{7}, 900, true);
  ASSERT_TRUE(first && again);
  EXPECT_EQ(*first, *again);
  expect_error(store->seal(ObjectId{7}, 899, false), Code::kStale, ESTALE);
}

TEST_F(ObjectStoreTest, sealing_more_than_is_there_is_refused_and_changes_nothing) {
  open();
  write(ObjectId{7}, "abc");
  expect_error(store->seal(ObjectId{7}, 4, false), Code::kElsewhere, ENODATA);
  write(ObjectId{7}, "d", 3);
  EXPECT_TRUE(store->seal(ObjectId{7}, 4, false));
  EXPECT_EQ(read(ObjectId{7}), "abcd");
}

TEST_F(ObjectStoreTest, an_empty_object_can_be_sealed) {
  open();
  ASSERT_TRUE(store->write(ObjectId{7}, {}, 0, 1));
  EXPECT_EQ(store->seal(ObjectId{7}, 0, true)->crc32c, 0u);
  EXPECT_EQ(read(ObjectId{7}), "");
  kill();
  open();
  EXPECT_TRUE(store->stat(ObjectId{7})->sealed);
}

TEST_F(ObjectStoreTest, a_writer_with_the_descriptor_is_noticed_at_the_seal) {
  open();
  Result<OpenedObject> opened = store->open_object(ObjectId{7}, true, 4096);
  ASSERT_TRUE(opened) << opened.error().to_string();
  const std::string text = pattern(4, 100'000);  // more than was reserved
  ASSERT_TRUE(opened->file->write_at(as_bytes(text), kDataOffset));
  EXPECT_EQ(store->stat(ObjectId{7})->length, text.size());
  EXPECT_EQ(store->seal(ObjectId{7}, text.size(), false)->crc32c, crc32c(as_bytes(text)));
  EXPECT_EQ(used(), charge_for(text.size()));
}

TEST_F(ObjectStoreTest, a_reader_gets_a_descriptor_that_cannot_write) {
  open();
  write(ObjectId{7}, "abc");
  Result<OpenedObject> opened = store->open_object(ObjectId{7}, false, 0);
  ASSERT_TRUE(opened);
  EXPECT_EQ(opened->length, 3u);
  EXPECT_TRUE(opened->file->write_at(as_bytes("x"), kDataOffset).error().is_errno(EBADF));
}

TEST_F(ObjectStoreTest, removing_leaves_readers_at_work_and_no_way_back) {
  open();
  write_sealed(ObjectId{7}, pattern(5, 5000));
  Result<OpenedObject> reader = store->open_object(ObjectId{7}, false, 0);
  ASSERT_TRUE(store->remove(ObjectId{7}));
  ASSERT_TRUE(store->remove(ObjectId{7}));
  std::string text(5000, '\0');
  EXPECT_EQ(reader->file->read_at(std::as_writable_bytes(std::span(text)), kDataOffset).value(), 5000u);
  EXPECT_EQ(text, pattern(5, 5000));
  expect_error(try_read(ObjectId{7}), Code::kElsewhere, ENOENT);
  expect_error(store->write(ObjectId{7}, as_bytes("late"), 0, 4), Code::kStale, ESTALE);
  EXPECT_EQ(used(), 0u);
  EXPECT_EQ(store->object_count(), 0u);
  reader->file.reset();
  EXPECT_FALSE(files->exists(file_of(ObjectId{7})).value());
}

TEST_F(ObjectStoreTest, an_object_removed_before_its_late_creation_does_not_come_back) {
  open();
  ASSERT_TRUE(store->remove(ObjectId{8}));
  expect_error(store->write(ObjectId{8}, as_bytes("late"), 0, 4), Code::kStale, ESTALE);
}

TEST_F(ObjectStoreTest, a_flipped_bit_of_a_sealed_object_is_found_and_reported) {
  open();
  const std::string text = pattern(6, 2 * kMiB + 100);
  write_sealed(ObjectId{7}, text);
  ASSERT_TRUE(disk.flip_bit(file_of(ObjectId{7}), kDataOffset + kMiB + 77, 3));
  expect_bytes(read(ObjectId{7}, 0, 5000), text.substr(0, 5000));
  expect_error(try_read(ObjectId{7}, kMiB + 500'000, 10), Code::kCorrupt, EIO);
  EXPECT_EQ(store->damaged(10), std::vector{ObjectId{7}});
  EXPECT_TRUE(store->inventory(ObjectId{1}, 10)->objects.empty()) << "it does not count as a copy any more";
  expect_bytes(read(ObjectId{7}, 2 * kMiB, 100), text.substr(2 * kMiB));
  store->forget_damaged({ObjectId{7}});
  EXPECT_TRUE(store->damaged(10).empty());
  expect_error(try_read(ObjectId{7}, kMiB, kMiB), Code::kCorrupt, EIO);
  EXPECT_EQ(store->damaged(10), std::vector{ObjectId{7}});
}

TEST_F(ObjectStoreTest, a_verified_block_is_not_read_whole_for_each_small_piece_of_it) {
  open();
  write_sealed(ObjectId{7}, pattern(7, kMiB));
  expect_bytes(read(ObjectId{7}, 10, 10), pattern(7, 10, 10));
  // Decay after the verification is seen where it is read whole, and by the scrubber.
  ASSERT_TRUE(disk.flip_bit(file_of(ObjectId{7}), kDataOffset + 500'000, 0));
  expect_bytes(read(ObjectId{7}, 20, 10), pattern(7, 10, 20));
  expect_error(try_read(ObjectId{7}), Code::kCorrupt, EIO);
  expect_error(store->verify_block(ObjectId{7}, 0), Code::kCorrupt, EIO);
}

TEST_F(ObjectStoreTest, the_scrubber_walks_sealed_objects_only) {
  open();
  write_sealed(ObjectId{3}, pattern(1, kMiB + 1));
  write(ObjectId{4}, "unsealed");
  write_sealed(ObjectId{5}, "");
  EXPECT_EQ(store->next_sealed(ObjectId{0}), ObjectId{3});
  EXPECT_EQ(store->next_sealed(ObjectId{3}), ObjectId{5});
  EXPECT_EQ(store->next_sealed(ObjectId{5}), std::nullopt);
  EXPECT_TRUE(store->verify_block(ObjectId{3}, 1).value());
  EXPECT_FALSE(store->verify_block(ObjectId{3}, 2).value());
  EXPECT_FALSE(store->verify_block(ObjectId{5}, 0).value());
}

TEST_F(ObjectStoreTest, inventory_comes_in_ascending_pages) {
  open();
  for (uint64_t id : {900, 5, 70, 256, 261}) write_sealed(ObjectId{id}, pattern(id, id));
  write(ObjectId{300}, "unsealed");
  auto first = store->inventory(ObjectId{1}, 4);
  ASSERT_TRUE(first);
  ASSERT_EQ(first->objects.size(), 4u);
  EXPECT_EQ(first->objects[0].object, ObjectId{5});
  EXPECT_EQ(first->objects[2].object, ObjectId{256});
  EXPECT_EQ(first->objects[2].crc32c, crc32c(as_bytes(pattern(256, 256))));
  EXPECT_EQ(first->next, ObjectId{300});
  auto second = store->inventory(*first->next, 4);
  ASSERT_EQ(second->objects.size(), 2u);
  EXPECT_FALSE(second->objects[0].sealed);
  EXPECT_EQ(second->objects[0].length, 8u);
  EXPECT_EQ(second->next, std::nullopt);
}

TEST_F(ObjectStoreTest, more_objects_than_descriptors_are_served) {
  config.max_open_objects = 4;
  open();
  for (uint64_t id = 1; id <= 40; ++id) write(ObjectId{id}, pattern(id, 1000), 0, 1000);
  for (uint64_t id = 1; id <= 40; ++id) expect_bytes(read(ObjectId{id}), pattern(id, 1000));
  for (uint64_t id = 1; id <= 40; ++id) ASSERT_TRUE(store->seal(ObjectId{id}, 1000, false));
  for (uint64_t id = 1; id <= 40; ++id) expect_bytes(read(ObjectId{id}), pattern(id, 1000));
  EXPECT_EQ(used(), 40 * charge_for(1000));
}

TEST_F(ObjectStoreTest, a_small_read_verifies_parts_on_both_sides_of_a_block_boundary) {
  open();
  const std::string text = pattern(8, 2 * kMiB);
  write_sealed(ObjectId{7}, text);
  expect_bytes(read(ObjectId{7}, kMiB - 3, 6), text.substr(kMiB - 3, 6));
  ASSERT_TRUE(disk.flip_bit(file_of(ObjectId{7}), kDataOffset + kMiB + 1, 0));
  expect_error(try_read(ObjectId{7}, kMiB, kMiB), Code::kCorrupt, EIO);
}

}  // namespace
}  // namespace forebay::worker
