#include "master/scan_starts.h"

#include <gtest/gtest.h>

#include "master/schema.h"

namespace forebay::master {
namespace {

constexpr WorkerId kOne{1};
constexpr ScanStarts::Queue kRemovals{'X', 1}, kSeals{'Y', 1}, kRemovalsOfTwo{'X', 2}, kDetached{};

kv::WriteBatch with(const std::string& key) {
  kv::WriteBatch batch;
  batch.put(key, "");
  return batch;
}

TEST(ScanStartsTest, a_scan_begins_where_the_last_one_found_something) {
  ScanStarts starts;
  EXPECT_EQ(starts.mark(kRemovals).from, 0u);
  starts.nothing_before(kRemovals, starts.mark(kRemovals), 100);
  EXPECT_EQ(starts.mark(kRemovals).from, 100u);
  EXPECT_EQ(starts.mark(kSeals).from, 0u);
  EXPECT_EQ(starts.mark(kRemovalsOfTwo).from, 0u);
  EXPECT_EQ(starts.mark(kDetached).from, 0u);
}

TEST(ScanStartsTest, something_new_before_that_takes_it_back) {
  ScanStarts starts;
  for (ScanStarts::Queue queue : {kRemovals, kSeals, kDetached}) starts.nothing_before(queue, starts.mark(queue), 100);
  starts.look(with(key::remove_duty(kOne, ObjectId{70})));
  starts.look(with(key::seal_duty(kOne, ObjectId{60})));
  starts.look(with(key::detached(InodeId{50})));
  starts.look(with(key::detached(InodeId{200})));
  EXPECT_EQ(starts.mark(kRemovals).from, 70u);
  EXPECT_EQ(starts.mark(kSeals).from, 60u);
  EXPECT_EQ(starts.mark(kDetached).from, 50u);
}

TEST(ScanStartsTest, what_was_added_during_the_scan_is_not_passed_over) {
  ScanStarts starts;
  const ScanStarts::Mark mark = starts.mark(kRemovals);
  starts.look(with(key::remove_duty(kOne, ObjectId{50})));
  starts.nothing_before(kRemovals, mark, 100);
  EXPECT_EQ(starts.mark(kRemovals).from, 0u);
}

TEST(ScanStartsTest, what_is_erased_and_other_records_do_not_count) {
  ScanStarts starts;
  starts.nothing_before(kSeals, starts.mark(kSeals), 100);
  kv::WriteBatch batch = with(key::object(ObjectId{1}));
  batch.erase(key::seal_duty(kOne, ObjectId{5}));
  starts.look(batch);
  EXPECT_EQ(starts.mark(kSeals).from, 100u);
}

}  // namespace
}  // namespace forebay::master
