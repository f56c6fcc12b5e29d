#include <gtest/gtest.h>

#include "ufs/capabilities.h"
#include "ufs/failure.h"
#include "ufs/key.h"
#include "ufs/stamp.h"

namespace forebay::ufs {
namespace {

TEST(Stamp, reads_what_it_wrote) {
  const Stamp stamp{.cluster = "c0ffee-1.x_y",
                    .inode = InodeId{UINT64_MAX},
                    .version = Version{7},
                    .length = 5 * kTiB,
                    .crc32c = 0x0a0b0c0d,
                    .mode = 07777,
                    .uid = UINT32_MAX,
                    .gid = 5,
                    .mtime_ns = -1};
  const std::string text = stamp.to_text();
  EXPECT_LT(text.size(), 300u);
  Result<Stamp> read = Stamp::parse(text);
  ASSERT_TRUE(read) << text;
  EXPECT_EQ(*read, stamp);
  EXPECT_EQ(*Stamp::parse(text + ";later=1"), stamp);
}

TEST(Stamp, refuses_anything_else) {
  const std::string good = Stamp{.cluster = "c"}.to_text();
  for (const std::string& text :
       {std::string(), std::string("1"), std::string("2;") + good.substr(2), good.substr(0, good.size() - 8), good + ";inode=1",
        good + ";", good + ";x", good + "x", std::string("1;cluster=;inode=1"), good + std::string(2000, ' ')}) {
    Result<Stamp> read = Stamp::parse(text);
    ASSERT_FALSE(read) << text;
    EXPECT_EQ(read.error().code(), Code::kCorrupt);
  }
}

TEST(Key, knows_utf8) {
  EXPECT_TRUE(is_valid_utf8("plain käse 日本 😀"));
  for (const char* bad : {"\x80", "\xc0\x80", "\xc3", "\xed\xa0\x80", "\xf5\x80\x80\x80", "\xe0\x80\x80", "\xf4\x90\x80\x80"}) {
    EXPECT_FALSE(is_valid_utf8(bad));
  }
}

TEST(Key, counts_the_mounts_prefix) {
  const Limits limits{.key_bytes = 10};
  EXPECT_TRUE(check_key("123456", limits, 4));
  Result<void> checked = check_key("1234567", limits, 4);
  ASSERT_FALSE(checked);
  EXPECT_EQ(checked.error().error(), ENAMETOOLONG);
}

TEST(Key, shows_no_control_bytes_in_messages) { EXPECT_EQ(quoted("a\nb\x7f"), "'a\\x0ab\\x7f'"); }

TEST(Capabilities, are_read_as_written) {
  const Capabilities some{Feature::kPutIfAbsent, Feature::kRename};
  EXPECT_EQ(some.to_text(), "put-if-absent,rename");
  EXPECT_EQ(*Capabilities::parse(some.to_text()), some);
  EXPECT_EQ(*Capabilities::parse(Capabilities().to_text()), Capabilities());
  Result<Capabilities> bad = Capabilities::parse("rename,fly");
  ASSERT_FALSE(bad);
  EXPECT_EQ(bad.error().code(), Code::kInvalid);
  EXPECT_NE(bad.error().message().find("'fly'"), std::string::npos);
}

TEST(Capabilities, say_what_is_lost) {
  Capabilities all;
  for (int i = 0; i < kFeatures; ++i) all.set(static_cast<Feature>(i));
  EXPECT_TRUE(all.lost().empty());
  EXPECT_FALSE(all.prefers_uploads());
  all.set(Feature::kRemoveIfIdentity, false);
  ASSERT_EQ(all.lost().size(), 1u);
  EXPECT_NE(all.lost()[0].find("removed"), std::string::npos);
  EXPECT_TRUE(Capabilities().prefers_uploads());
  const Capabilities creates{Feature::kPutIfAbsent}, fences{Feature::kFencedPut};
  EXPECT_TRUE(creates.can_put(Condition::absent()));
  EXPECT_FALSE(creates.can_put(Condition::is({"e"})));
  EXPECT_FALSE(creates.can_put(Condition::none()));
  EXPECT_TRUE(fences.can_put(Condition::none()));
  EXPECT_EQ(Capabilities().lost().size(), 8u);
  EXPECT_EQ(Capabilities{Feature::kRename}.lost().size(), 5u);  // no copies are needed where there is a rename
}

TEST(Limits, choose_parts_that_fit_the_object) {
  const Limits s3;
  EXPECT_EQ(s3.part_size(0, 8 * kMiB), 8 * kMiB);
  EXPECT_EQ(s3.part_size(kGiB, kMiB), 5 * kMiB);
  const uint64_t large = s3.part_size(5 * kTiB, 8 * kMiB);
  EXPECT_LE((5 * kTiB + large - 1) / large, 10'000u);
  EXPECT_EQ(large % kMiB, 0u);
}

TEST(Failure, follows_from_the_status) {
  EXPECT_EQ(failure_of(not_found("x").error()), Failure::kNotFound);
  EXPECT_EQ(failure_of(conflict("x").error()), Failure::kConflict);
  EXPECT_EQ(failure_of(busy("x").error()), Failure::kRetryLater);
  EXPECT_EQ(failure_of(unknown_outcome("x").error()), Failure::kUnknown);
  EXPECT_EQ(failure_of(refused(EACCES, "x").error()), Failure::kPermanent);
  EXPECT_EQ(failure_of(cancelled("x").error()), Failure::kCancelled);
  EXPECT_EQ(failure_of(corrupt("x").error()), Failure::kCorrupt);
}

}  // namespace
}  // namespace forebay::ufs
