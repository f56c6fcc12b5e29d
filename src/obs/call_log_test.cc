#include "obs/call_log.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "obs/json_log.h"

namespace forebay::obs {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

class StoppedClock final : public os::Clock {
 public:
  os::Instant now() const override { return now_; }
  os::WallTime wall_now() const override { return {}; }
  Task<bool> sleep_until(os::Instant, std::stop_token) override { co_return false; }
  void advance(Duration by) { now_ += by; }

 private:
  os::Instant now_{seconds(100)};
};

class Lines final : public Log {
 public:
  void write(Level level, std::string_view message, std::initializer_list<Field> fields) override {
    lines.push_back(json_line("now", level, "test", message, fields));
  }
  std::vector<std::string> lines;
};

class CallLogTest : public testing::Test {
 protected:
  void finish(Duration took, const Status* error) { call_log.call_finished(method, took, error, {0xab, 0xcd}); }

  static constexpr rpc::Method method{60000, "test_method", "TestService", rpc::Retry::kRead, 1000, 0};
  StoppedClock clock;
  Lines log;
  CallLog call_log{log, clock, nullptr};
};

TEST_F(CallLogTest, says_which_operation_failed_or_took_long) {
  const Status error = corrupt("the block does not match").error();
  finish(milliseconds(1), &error);
  finish(milliseconds(1500), nullptr);
  ASSERT_EQ(log.lines.size(), 2u);
  for (const std::string& line : log.lines) {
    EXPECT_NE(line.find(R"("trace":"00000000000000ab00000000000000cd")"), std::string::npos) << line;
    EXPECT_NE(line.find(R"("method":"test_method")"), std::string::npos) << line;
  }
  EXPECT_NE(log.lines[0].find("the block does not match"), std::string::npos);
  EXPECT_NE(log.lines[1].find(R"("took_ms":1500)"), std::string::npos);
}

TEST_F(CallLogTest, a_method_that_waits_for_news_may_take_long) {
  CallLog waiting(log, clock, nullptr, {.waits = {method.number}});
  waiting.call_finished(method, seconds(10), nullptr, {});
  EXPECT_TRUE(log.lines.empty());
  const Status error = corrupt("the block does not match").error();
  waiting.call_finished(method, seconds(10), &error, {});
  EXPECT_EQ(log.lines.size(), 1u) << "but not fail";
}

TEST_F(CallLogTest, answers_are_not_worth_a_line) {
  finish(milliseconds(1), nullptr);
  for (const Status& answer :
       {rejected(ENOENT, "no").error(), stale("old").error(), busy("later").error(), cancelled("end").error()})
    finish(milliseconds(1), &answer);
  EXPECT_TRUE(log.lines.empty());
  const Status disk = rejected(EIO, "the disk").error();
  finish(milliseconds(1), &disk);
  EXPECT_EQ(log.lines.size(), 1u);
}

TEST_F(CallLogTest, a_storm_is_counted) {
  const Status error = elsewhere("not here").error();
  for (int i = 0; i < 1000; ++i) finish(milliseconds(1), &error);
  EXPECT_EQ(log.lines.size(), 20u);
  clock.advance(seconds(1));
  finish(milliseconds(1), &error);
  ASSERT_EQ(log.lines.size(), 21u);
  EXPECT_NE(log.lines.back().find(R"("suppressed":980)"), std::string::npos) << log.lines.back();
}

}  // namespace
}  // namespace forebay::obs
