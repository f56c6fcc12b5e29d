#include "client/known_names.h"

#include <gtest/gtest.h>

namespace forebay::client {
namespace {

using std::chrono::milliseconds;

class TestClock : public os::Clock {
 public:
  os::Instant now() const override { return instant; }
  os::WallTime wall_now() const override { return wall; }
  Task<bool> sleep_until(os::Instant, std::stop_token) override { co_return true; }
  void pass(Duration time) {
    instant += time;
    wall += time;
  }
  os::Instant instant{std::chrono::hours(1)};
  os::WallTime wall{std::chrono::hours(1000)};
};

constexpr InodeId kDir{10}, kOther{11};

class KnownNamesTest : public testing::Test {
 protected:
  static v1::NamesLease lease(uint64_t term, uint32_t lasts_ms = 50) {
    v1::NamesLease names;
    names.set_term(term);
    names.set_lasts_ms(lasts_ms);
    return names;
  }
  void make(InodeId directory, uint64_t term) {
    const KnownNames::Making making(names_);
    names_.made(directory, lease(term, 0));
  }
  void create(InodeId directory, const std::string& name, uint64_t term) {
    names_.adding(directory, name);
    names_.leased(directory, lease(term), names_.now(), who_);
  }
  bool is_absent(const std::string& name) { return names_.is_absent(kDir, name, who_); }

  TestClock clock_;
  KnownNames names_{clock_};
  Identity who_{.uid = 5, .gid = 6, .groups = {6, 7}};
};

TEST_F(KnownNamesTest, during_a_lease_a_name_that_was_never_given_is_not_there) {
  make(kDir, 1);
  EXPECT_FALSE(is_absent("a"));  // no lease yet
  create(kDir, "a", 1);
  EXPECT_FALSE(is_absent("a"));
  EXPECT_TRUE(is_absent("b"));
  EXPECT_FALSE(names_.is_absent(kOther, "b", who_));
}

TEST_F(KnownNamesTest, what_is_being_added_is_asked_for_whatever_comes_of_it) {
  make(kDir, 1);
  create(kDir, "a", 1);
  names_.adding(kDir, "b");
  EXPECT_FALSE(is_absent("b"));
}

TEST_F(KnownNamesTest, a_lease_ends_by_either_clock_and_counts_from_when_the_call_was_sent) {
  make(kDir, 1);
  const KnownNames::Moment sent = names_.now();
  clock_.pass(milliseconds(30));
  names_.adding(kDir, "a");
  names_.leased(kDir, lease(1), sent, who_);
  clock_.pass(milliseconds(19));
  EXPECT_TRUE(is_absent("b"));
  clock_.pass(milliseconds(1));
  EXPECT_FALSE(is_absent("b"));
  create(kDir, "c", 1);  // renewed
  EXPECT_TRUE(is_absent("b"));
  clock_.wall += milliseconds(50);  // the machine was suspended
  EXPECT_FALSE(is_absent("b"));
  create(kDir, "d", 1);
  clock_.wall -= milliseconds(1);  // somebody set the clock
  EXPECT_FALSE(is_absent("b"));
}

TEST_F(KnownNamesTest, a_late_answer_does_not_shorten_a_lease) {
  make(kDir, 1);
  const KnownNames::Moment first = names_.now();
  clock_.pass(milliseconds(40));
  create(kDir, "a", 1);
  names_.leased(kDir, lease(1), first, who_);
  clock_.pass(milliseconds(40));
  EXPECT_TRUE(is_absent("b"));
}

TEST_F(KnownNamesTest, another_term_says_that_others_have_given_names) {
  make(kDir, 1);
  create(kDir, "a", 1);
  names_.leased(kDir, lease(2), names_.now(), who_);
  EXPECT_FALSE(is_absent("b"));
  create(kDir, "c", 1);
  EXPECT_FALSE(is_absent("b"));
}

TEST_F(KnownNamesTest, callers_whom_the_master_has_not_let_in_are_told_by_it) {
  make(kDir, 1);
  create(kDir, "a", 1);
  EXPECT_FALSE(names_.is_absent(kDir, "b", {.uid = 6, .gid = 6, .groups = {6, 7}}));
  EXPECT_FALSE(names_.is_absent(kDir, "b", {.uid = 5, .gid = 6, .groups = {6}}));
  EXPECT_TRUE(names_.is_absent(kDir, "b", {}));  // the superuser
}

TEST_F(KnownNamesTest, what_is_no_name_is_the_masters_to_refuse) {
  make(kDir, 1);
  create(kDir, "a", 1);
  for (const std::string& name :
       {std::string(), std::string("."), std::string(".."), std::string("a/b"), std::string("a\0b", 3), std::string(256, 'x')})
    EXPECT_FALSE(is_absent(name)) << name;
  EXPECT_TRUE(is_absent(std::string(255, 'x')));
}

TEST_F(KnownNamesTest, names_given_before_the_answer_to_the_making_are_not_overlooked) {
  {
    const KnownNames::Making making(names_);
    names_.adding(kDir, "a");  // somebody in this client has looked the directory up
    names_.made(kDir, lease(1, 0));
  }
  create(kDir, "b", 1);
  EXPECT_FALSE(is_absent("a"));
  make(kDir, 2);
  create(kDir, "c", 2);
  EXPECT_TRUE(is_absent("a"));
}

TEST_F(KnownNamesTest, what_is_forgotten_is_asked_for) {
  make(kDir, 1);
  create(kDir, "a", 1);
  names_.forget(kDir);
  EXPECT_FALSE(is_absent("b"));
  create(kDir, "c", 1);
  EXPECT_FALSE(is_absent("b"));
  make(kDir, 2);
  create(kDir, "d", 2);
  names_.forget_all();
  EXPECT_FALSE(is_absent("b"));
}

TEST_F(KnownNamesTest, memory_is_bounded_in_directories_and_in_names) {
  make(kDir, 1);
  create(kDir, "a", 1);
  for (uint64_t i = 0; i < 1024; ++i) make(InodeId{100 + i}, 2 + i);
  EXPECT_FALSE(is_absent("b"));
  make(kDir, 5000);
  for (int i = 0; i <= 256 * 1024; ++i) names_.adding(kDir, std::to_string(i));
  create(kDir, "a", 5000);
  EXPECT_FALSE(is_absent("b"));
}

}  // namespace
}  // namespace forebay::client
