// Space: granted before it is used, returned when it is not needed, shared between tiers and paths.
#include "worker/store/store_fixture.h"

namespace forebay::worker {
namespace {

class SpaceTest : public StoreFixture {
 public:
  Result<uint64_t> create(ObjectId object, uint64_t bytes) { return store->write(object, {}, 0, bytes); }
  std::string tier_of(ObjectId object) { return store->stat(object)->tier; }
};

TEST_F(SpaceTest, a_reservation_counts_before_a_byte_is_written) {
  open();
  ASSERT_TRUE(create(ObjectId{1}, 40 * kMiB));
  EXPECT_EQ(used(), charge_for(40 * kMiB));
  EXPECT_GE(disk.used_bytes(), 40 * kMiB);
  expect_error(create(ObjectId{2}, 40 * kMiB), Code::kElsewhere, ENOSPC);
  EXPECT_EQ(store->object_count(), 1u);
  ASSERT_TRUE(store->remove(ObjectId{1}));
  EXPECT_TRUE(create(ObjectId{2}, 40 * kMiB));
}

TEST_F(SpaceTest, what_was_reserved_can_be_written_even_when_others_filled_the_medium) {
  open();
  ASSERT_TRUE(create(ObjectId{1}, 4 * kMiB));
  disk.set_capacity(disk.used_bytes());
  for (uint64_t offset = 0; offset < 4 * kMiB; offset += kMiB) write(ObjectId{1}, pattern(1, kMiB, offset), offset, 0);
  EXPECT_TRUE(store->seal(ObjectId{1}, 4 * kMiB, false));
  expect_error(create(ObjectId{2}, kMiB), Code::kElsewhere, ENOSPC);
}

TEST_F(SpaceTest, writing_beyond_the_reservation_extends_it_up_to_the_quota) {
  open();
  ASSERT_TRUE(create(ObjectId{1}, 1));
  uint64_t written = 0;
  Result<uint64_t> last = uint64_t{0};
  while (last) {
    last = store->write(ObjectId{1}, as_bytes(pattern(1, kMiB, written)), written, 0);
    if (last) written += kMiB;
  }
  expect_error(last, Code::kElsewhere, ENOSPC);
  EXPECT_EQ(written, kQuota - kMiB) << "the last step asks for just what is needed";
  EXPECT_LE(used(), kQuota);
  EXPECT_TRUE(store->seal(ObjectId{1}, written, false));
  EXPECT_EQ(used(), charge_for(written));
}

TEST_F(SpaceTest, reserving_more_is_granted_or_refused_as_a_whole) {
  open();
  ASSERT_TRUE(create(ObjectId{1}, kMiB));
  ASSERT_TRUE(store->reserve(ObjectId{1}, 30 * kMiB));
  EXPECT_EQ(used(), charge_for(30 * kMiB));
  expect_error(store->reserve(ObjectId{1}, kQuota), Code::kElsewhere, ENOSPC);
  EXPECT_EQ(used(), charge_for(30 * kMiB));
  ASSERT_TRUE(store->reserve(ObjectId{1}, 20 * kMiB));
  EXPECT_EQ(used(), charge_for(30 * kMiB));
  EXPECT_TRUE(store->seal(ObjectId{1}, 0, false));
  EXPECT_EQ(used(), charge_for(0));
}

TEST_F(SpaceTest, a_full_medium_refuses_the_creation_and_leaves_no_file) {
  open();
  disk.set_capacity(disk.used_bytes() + 2 * kMiB);
  expect_error(create(ObjectId{1}, 20 * kMiB), Code::kElsewhere, ENOSPC);
  EXPECT_FALSE(files->exists(file_of(ObjectId{1})).value());
  EXPECT_EQ(used(), 0u);
  EXPECT_TRUE(create(ObjectId{2}, kMiB));
  EXPECT_LT(store->usage()[0].available_bytes, 2 * kMiB);
}

TEST_F(SpaceTest, tiers_fill_in_order_and_paths_by_free_space) {
  config.tiers = {
      {.alias = "MEM", .medium = "MEM", .paths = {{"/m", 10 * kMiB}}, .watermarks = {.high = 1, .low = 1}},
      {.alias = "SSD", .medium = "SSD", .paths = {{"/s1", 20 * kMiB}, {"/s2", 30 * kMiB}}, .watermarks = {.high = 1, .low = 1}},
  };
  open();
  ASSERT_TRUE(create(ObjectId{1}, 8 * kMiB));
  ASSERT_TRUE(create(ObjectId{2}, 15 * kMiB));
  ASSERT_TRUE(create(ObjectId{3}, 10 * kMiB));
  EXPECT_EQ(tier_of(ObjectId{1}), "MEM");
  EXPECT_EQ(tier_of(ObjectId{2}), "SSD");
  EXPECT_TRUE(files->exists(file_of(ObjectId{2}, "/s2")).value());
  EXPECT_TRUE(files->exists(file_of(ObjectId{3}, "/s1")).value());
  EXPECT_EQ(store->usage()[1].used_bytes, charge_for(15 * kMiB) + charge_for(10 * kMiB));
  EXPECT_FALSE(store->may_block(ObjectId{1}));
  EXPECT_TRUE(store->may_block(ObjectId{2}));
}

TEST_F(SpaceTest, above_the_high_watermark_new_objects_go_elsewhere_until_the_low_one) {
  config.tiers = {
      {.alias = "MEM", .medium = "MEM", .paths = {{"/m", 10 * kMiB}}, .watermarks = {.high = 0.5, .low = 0.2}},
      {.alias = "SSD", .medium = "SSD", .paths = {{"/s", 20 * kMiB}}, .watermarks = {}},
  };
  open();
  ASSERT_TRUE(create(ObjectId{1}, 6 * kMiB));
  ASSERT_TRUE(create(ObjectId{2}, kMiB));
  EXPECT_EQ(tier_of(ObjectId{2}), "SSD");
  ASSERT_TRUE(store->reserve(ObjectId{1}, 8 * kMiB)) << "what is in the tier grows up to the quota";
  ASSERT_TRUE(store->seal(ObjectId{1}, 0, false));
  ASSERT_TRUE(create(ObjectId{3}, kMiB));
  EXPECT_EQ(tier_of(ObjectId{3}), "MEM");
  ASSERT_TRUE(create(ObjectId{4}, 18 * kMiB));
  ASSERT_TRUE(create(ObjectId{5}, 7 * kMiB)) << "room below a quota is used before anybody is refused";
  EXPECT_EQ(tier_of(ObjectId{5}), "MEM");
}

TEST_F(SpaceTest, impossible_tiers_are_refused_with_the_reason) {
  auto refused = [this](std::vector<TierConfig> tiers, const char* part) {
    config.tiers = std::move(tiers);
    Result<void> opened = try_open();
    expect_error(opened, Code::kInvalid, EINVAL);
    EXPECT_NE(opened.error().message().find(part), std::string::npos) << opened.error().message();
  };
  refused({}, "at least one tier");
  refused({{.alias = "A", .medium = "SSD", .paths = {{"/a", 10}}, .watermarks = {}}}, "quota of '/a'");
  refused({{.alias = "A", .medium = "TAPE", .paths = {{"/a", kMiB}}, .watermarks = {}}}, "TAPE");
  refused({{.alias = "A", .medium = "SSD", .paths = {{"/a", kMiB}, {"/a", kMiB}}, .watermarks = {}}}, "used twice");
  refused({{.alias = "A", .medium = "SSD", .paths = {{"/a", kMiB}}, .watermarks = {.high = 0.2, .low = 0.5}}}, "watermarks");
}

}  // namespace
}  // namespace forebay::worker
