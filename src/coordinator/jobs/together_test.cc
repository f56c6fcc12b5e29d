#include "coordinator/jobs/together.h"

#include <gtest/gtest.h>

#include <string>

#include "os/simulation.h"

namespace forebay::coordinator {
namespace {

using std::chrono::milliseconds;

struct Question {
  std::string text;
  size_t ByteSizeLong() const { return text.size(); }
};
using Asking = Together<Question, std::string>;

class TogetherTest : public testing::Test {
 protected:
  ~TogetherTest() override { EXPECT_TRUE(world.complete(stop(this), std::chrono::hours(1))); }

  // Takes 10 ms; "bad" is refused alone, "fatal" fails the call.
  static Task<Asking::Replies> send(TogetherTest* test, std::vector<Question> all, std::stop_token stop) {
    ++test->calls;
    Task<bool> sleeping = test->process->env().clock.sleep(milliseconds(10), stop);
    const bool slept = co_await std::move(sleeping);
    if (!slept) co_return cancelled("stopped");
    std::vector<Result<std::string>> replies;
    for (const Question& each : all) {
      if (each.text == "fatal") co_return busy("all of them");
      if (each.text == "bad")
        replies.emplace_back(invalid("bad"));
      else
        replies.emplace_back("re: " + each.text);
    }
    co_return replies;
  }
  static Task<void> ask(TogetherTest* test, std::string text) {
    Task<Result<std::string>> asking = test->together.ask({text});
    Result<std::string> reply = co_await std::move(asking);
    test->answers[text] = reply ? *reply : reply.error().message();
  }
  static Task<bool> stop(TogetherTest* test) {
    co_await test->together.stop();
    co_return true;
  }
  void begin(const std::string& text) { async::spawn_detached(world.executor(), ask(this, text)); }

  os::SimWorld world{{}};
  std::shared_ptr<os::SimProcess> process = world.start_process("c", "coordinator");
  int calls = 0;
  std::map<std::string, std::string> answers;
  Asking together{world.executor(), {.requests = 4, .bytes = 100}, [this](std::vector<Question> all, std::stop_token stop) {
                    return send(this, std::move(all), std::move(stop));
                  }};
};

TEST_F(TogetherTest, the_first_goes_at_once_and_those_that_come_meanwhile_go_together) {
  for (const char* text : {"a", "b", "c", "d", "e", "f"}) begin(text);
  world.run_for(milliseconds(11));
  EXPECT_EQ(answers.size(), 1u);
  world.run_for(milliseconds(10));
  EXPECT_EQ(answers.size(), 5u) << "four at most";
  world.run_for(milliseconds(10));
  EXPECT_EQ(calls, 3);
  EXPECT_EQ(answers["f"], "re: f");
}

TEST_F(TogetherTest, a_long_one_goes_alone) {
  begin("a");
  world.run_for(milliseconds(1));
  begin("b");
  begin(std::string(500, 'x'));
  begin("c");
  world.run_for(milliseconds(50));
  EXPECT_EQ(answers.size(), 4u);
  EXPECT_EQ(calls, 4);
}

TEST_F(TogetherTest, an_error_of_one_is_its_own_and_one_of_the_call_is_everybodys) {
  begin("a");
  world.run_for(milliseconds(1));
  begin("bad");
  begin("b");
  world.run_for(milliseconds(20));
  EXPECT_EQ(answers["bad"], "bad");
  EXPECT_EQ(answers["b"], "re: b");
  begin("c");
  world.run_for(milliseconds(1));
  begin("fatal");
  begin("d");
  world.run_for(milliseconds(30));
  EXPECT_EQ(answers["c"], "re: c");
  EXPECT_EQ(answers["d"], "all of them");
}

TEST_F(TogetherTest, everything_ends_with_the_stop) {
  begin("a");
  world.run_for(milliseconds(1));
  begin("b");
  EXPECT_TRUE(world.complete(stop(this), std::chrono::hours(1)));
  begin("c");
  world.run_for(milliseconds(1));
  EXPECT_EQ(answers.size(), 3u);
  EXPECT_EQ(calls, 1);
}

}  // namespace
}  // namespace forebay::coordinator
