// One trace id for each operation of persistence, in the logs of all roles that have to do with it.
#include <algorithm>

#include "persist_fixture.h"

namespace forebay::cluster {
namespace {

using std::chrono::seconds;
using Victim = PersistCluster::Victim;

// Of all roles, in the order of time.
class RecordingLog final : public obs::Log {
 public:
  struct Line {
    std::string message, trace;
  };
  void write(obs::Level, std::string_view message, std::initializer_list<obs::Field> fields) override {
    Line line{std::string(message), ""};
    for (const obs::Field& field : fields)
      if (field.key == "trace") line.trace = std::get<std::string>(field.value);
    if (!line.trace.empty()) lines.push_back(std::move(line));
  }
  // What a `grep` for the trace of the first line with this message shows.
  std::vector<std::string> story_from(const std::string& message) const {
    std::vector<std::string> story;
    auto first = std::ranges::find(lines, message, &Line::message);
    for (auto line = first; line != lines.end(); ++line)
      if (line->trace == first->trace) story.push_back(line->message);
    return story;
  }
  std::vector<Line> lines;
};

class PersistTraceTest : public PersistTest {
 protected:
  RecordingLog log;
  bool told(const std::vector<std::string>& story, const std::string& message) { return std::ranges::count(story, message) != 0; }
};

TEST_F(PersistTraceTest, of_an_upload_shows_its_way_from_the_master_through_coordinator_and_worker_and_back) {
  start({.log = &log});
  must(cluster->write("a", pattern(100'000)));
  expect_store({{"k/a", pattern(100'000)}});
  const std::vector<std::string> whole = {"an operation is started", "an operation begins", "a worker has an operation",
                                          "a task begins",           "a task has ended",    "an operation is ended"};
  std::vector<std::string> story = log.story_from("an operation is started");
  EXPECT_EQ(std::erase(story, "an operation has ended"), 1u) << "the coordinator's, at the same time as the master's";
  EXPECT_EQ(story, whole);
  log.lines.clear();
  must(cluster->write("b", "some bytes"));
  must(cluster->write("c", "some bytes"));
  ASSERT_TRUE(cluster->settle());
  EXPECT_EQ(std::ranges::count(log.lines, "a task begins", &RecordingLog::Line::message), 2);
  story = log.story_from("an operation is started");
  EXPECT_EQ(std::ranges::count(story, "a task begins"), 1) << "each has its own";
}

TEST_F(PersistTraceTest, stays_the_same_when_a_worker_is_given_up_and_when_the_coordinator_is_another) {
  start({.log = &log});
  must(cluster->write("a", pattern(2'000'000)));
  ASSERT_TRUE(cluster->world().run_until([&] { return !cluster->bucket().open_uploads().empty(); }, seconds(30)));
  std::string who;
  for (const ufs::RequestRecord& request : cluster->bucket().requests()) who = request.who;
  cluster->kill(who == "worker0" ? Victim::kWorker0 : Victim::kWorker1, std::chrono::hours(1));
  cluster->kill(Victim::kCoordinator);
  ASSERT_TRUE(cluster->world().run_until([&] { return cluster->bucket().open_uploads().empty(); }, std::chrono::minutes(10)));
  const std::vector<std::string> story = log.story_from("an operation is started");
  EXPECT_TRUE(told(story, "an operation of before goes on"));
  EXPECT_TRUE(told(story, "an operation is fenced: its worker is given up"));
  EXPECT_TRUE(told(story, "a task that was given up is looked at"));
  expect_store({{"k/a", pattern(2'000'000)}});
}

}  // namespace
}  // namespace forebay::cluster
