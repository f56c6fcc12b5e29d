// One trace id, from a client's operation to the logs of the roles that took part and to the error.
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <span>
#include <string>
#include <vector>

#include "small_cluster.h"

namespace forebay::cluster {
namespace {

class RecordingLog final : public obs::Log {
 public:
  void write(obs::Level level, std::string_view, std::initializer_list<obs::Field> fields) override {
    if (level != obs::Level::kWarning && level != obs::Level::kError) return;
    for (const obs::Field& field : fields)
      if (field.key == "trace") traces.push_back(std::get<std::string>(field.value));
  }
  bool has(TraceId trace) const { return std::ranges::find(traces, to_string(trace)) != traces.end(); }
  std::vector<std::string> traces;
};

class TraceTest : public testing::Test {
 protected:
  TraceTest() : cluster(1, [this](const std::string& role) -> obs::Log& { return logs[role]; }) {
    Result<void> started = cluster.start();
    EXPECT_TRUE(started) << started.error().to_string();
  }
  client::Client& client() { return cluster.client(1); }  // streams: every byte goes through a worker's calls
  static client::Identity who(TraceId trace) { return {.uid = 0, .gid = 0, .groups = {}, .trace = trace}; }
  Result<client::Created> create(client::Identity identity) {
    return cluster.run(client().create(std::move(identity), InodeId{1}, "f", 0644, {.read = true, .write = true}, true));
  }
  bool a_worker_has(TraceId trace) const { return logs.at("worker h0").has(trace) || logs.at("worker w1").has(trace); }
  // Every byte of the file is gone from the workers.
  void lose_objects() {
    for (size_t index : {0, 1}) {
      auto page = cluster.worker(index).store().inventory(ObjectId{1}, 1000);
      ASSERT_TRUE(page);
      for (const worker::ObjectStat& object : page->objects) ASSERT_TRUE(cluster.worker(index).store().remove(object.object));
    }
  }

  std::map<std::string, RecordingLog> logs;
  SmallCluster cluster;
};

TEST_F(TraceTest, of_a_read_is_in_the_workers_log_and_in_the_error) {
  auto created = create(who({1, 1}));
  ASSERT_TRUE(created);
  const std::string text(3000, 'x');
  ASSERT_TRUE(cluster.run(created->file->pwrite(as_bytes(text), 0)));
  ASSERT_TRUE(cluster.run(created->file->close()));
  lose_objects();

  const TraceId trace = client().new_trace();
  auto file = cluster.run(client().open(who(trace), created->file->inode(), {.read = true}));
  ASSERT_TRUE(file);
  std::string into(3000, '\0');
  auto got = cluster.run((*file)->pread(std::as_writable_bytes(std::span(into)), 0));
  ASSERT_FALSE(got);
  EXPECT_EQ(to_errno(got.error()), EIO);
  EXPECT_EQ(got.error().trace(), trace);
  EXPECT_TRUE(a_worker_has(trace));
  EXPECT_FALSE(a_worker_has({1, 1}));
  (void)cluster.run((*file)->close());
}

TEST_F(TraceTest, of_a_write_is_in_the_workers_log) {
  const TraceId trace = client().new_trace();
  auto created = create(who(trace));
  ASSERT_TRUE(created);
  ASSERT_TRUE(cluster.run(created->file->pwrite(as_bytes(std::string(3000, 'x')), 0)));
  ASSERT_TRUE(cluster.run(created->file->flush()));
  lose_objects();
  EXPECT_FALSE(cluster.run(created->file->close()));  // sealing finds nothing
  EXPECT_TRUE(a_worker_has(trace));
}

TEST_F(TraceTest, of_a_call_is_in_the_masters_log_and_in_the_error) {
  const TraceId trace = client().new_trace();
  v1::MakeNodeRequest request;
  request.set_parent(1);
  request.set_name("n");
  request.set_type(v1::FILE_TYPE_UNSPECIFIED);
  auto made = cluster.run(client().make_node(who(trace), request));
  ASSERT_FALSE(made);
  EXPECT_EQ(made.error().trace(), trace);
  EXPECT_TRUE(logs["master"].has(trace));
}

TEST_F(TraceTest, operations_without_one_get_one_each) {
  v1::MakeNodeRequest request;
  request.set_parent(1);
  request.set_name("n");
  auto first = cluster.run(client().make_node(who({}), request));
  auto second = cluster.run(client().make_node(who({}), request));
  ASSERT_FALSE(first || second);
  EXPECT_TRUE(first.error().trace());
  EXPECT_NE(first.error().trace(), second.error().trace());
}

}  // namespace
}  // namespace forebay::cluster
