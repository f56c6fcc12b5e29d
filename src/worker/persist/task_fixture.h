// For tests: tasks towards an under store in memory.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "base/test_pattern.h"
#include "os/simulation.h"
#include "ufs/faulty_store.h"
#include "ufs/memory_store.h"
#include "worker/persist/outcomes.h"
#include "worker/persist/task_table.h"

namespace forebay::worker {

using forebay::pattern;

// Tasks of a worker 7 whose objects are at hand, towards a bucket. There is no coordinator: nothing here needs one.
class TaskTableTest : public testing::Test {
 protected:
  void SetUp() override {
    process = world.start_process("w", "worker");
    StoreConfig store;
    store.tiers = {{.alias = "SSD", .medium = "SSD", .paths = {{.path = "/tier", .quota_bytes = 64 * kMiB}}}};
    auto opened = run(ObjectStore::open(process->env(), store, obs::null_log(), no_worker_events()));
    ASSERT_TRUE(opened) << opened.error().to_string();
    objects = *std::move(opened);
    ASSERT_TRUE(objects->adopt_identity({.cluster = "cluster-a", .worker = WorkerId{7}}));
  }
  void TearDown() override {
    if (tasks) run(end(tasks.get()));
    tasks.reset();
  }
  template <class T>
  static Task<bool> end(T* what) {
    co_await what->stop();
    co_return true;
  }
  // A fresh table, towards a store that meets these faults.
  void begin(std::vector<ufs::ScriptedFaults::Rule> rules = {}) {
    memory = std::make_unique<ufs::MemoryStore>(bucket, process->env().clock);
    begin_with(std::move(rules));
  }
  void begin_with(std::vector<ufs::ScriptedFaults::Rule> rules = {}) {
    faults = std::make_unique<ufs::ScriptedFaults>(std::move(rules));
    config.open = [this](const std::string&, const ufs::StoreOptions&) -> Result<std::unique_ptr<ufs::UnderStore>> {
      return std::make_unique<ufs::FaultyStore>(*memory, process->env().clock, world.executor(), *faults);
    };
    tasks = std::make_unique<TaskTable>(process->env(), *objects, config, world.executor(), obs::null_log(), no_worker_events(),
                                        writers.get());
    tasks->start();
  }
  template <class T>
  T run(Task<T> task) {
    std::optional<T> result = world.complete(std::move(task), std::chrono::hours(1));
    FOREBAY_CHECK(result.has_value(), "it never ends");
    return *std::move(result);
  }
  void seal(uint64_t object, const std::string& text) {
    ASSERT_TRUE(objects->write(ObjectId{object}, as_bytes(text), 0, text.size() + 1));
    ASSERT_TRUE(objects->seal(ObjectId{object}, text.size(), false));
  }
  v1::RunTaskRequest request(v1::OperationKind kind, const std::string& key, uint64_t size) {
    v1::RunTaskRequest made;
    v1::Operation& operation = *made.mutable_task()->mutable_operation();
    operation.set_operation(++operations);
    v1::OperationRecord& record = *operation.mutable_record();
    record.set_kind(kind);
    record.set_epoch(1);
    record.set_inode(42);
    record.set_version(3);
    record.set_mount(1);
    record.set_key(key);
    record.set_size(size);
    operation.mutable_attr()->set_inode(42);
    operation.mutable_attr()->set_mode(0640);
    made.mutable_task()->mutable_mount()->set_mount(1);
    made.mutable_task()->set_cluster("cluster-a");
    made.mutable_task()->set_coordinator("nowhere:1");
    made.set_lease_ms(30'000);
    made.set_wait_ms(10'000);
    return made;
  }
  // The object as the file's bytes from an offset on.
  static void lay(v1::RunTaskRequest& request, uint64_t file_offset, uint64_t object, uint64_t length, bool has_copy = true) {
    v1::Layout& layout = *request.mutable_task()->mutable_operation()->mutable_layout();
    v1::Extent& extent = *layout.add_extents();
    extent.set_file_offset(file_offset);
    extent.set_length(length);
    extent.set_object(object);
    v1::ObjectLocation& location = *layout.add_objects();
    location.set_object(object);
    location.set_sealed(true);
    location.set_length(length);
    if (has_copy) {
      location.add_workers(7);
    } else {
      location.set_stored_version(3);
      location.set_stored_offset(file_offset);
    }
  }
  static void expect_at_key(v1::RunTaskRequest& request, const std::string& identity) {
    v1::OwnContent& expected = *request.mutable_task()->mutable_operation()->mutable_record()->mutable_expected();
    expected.set_inode(42);
    expected.set_version(3);
    expected.set_identity(identity);
  }
  static ufs::MemoryBucketConfig nas() {
    ufs::MemoryBucketConfig config;
    for (ufs::Feature feature : {ufs::Feature::kRename, ufs::Feature::kDirectories, ufs::Feature::kAttributes})
      config.features.set(feature);
    return config;
  }
  Outcome outcome_of(const v1::RunTaskRequest& request) {
    v1::RunTaskRequest asked = request;
    for (int turn = 0; turn < 100; ++turn) {
      Result<v1::RunTaskReply> reply = run(TaskTable::run(tasks.get(), asked));
      EXPECT_TRUE(reply) << reply.error().to_string();
      if (!reply) return {};
      if (reply->has_ended()) return reply->ended();
      asked.set_join(true);
    }
    ADD_FAILURE() << "the task never ends";
    return {};
  }

  os::SimWorld world{{}};
  ufs::MemoryBucket bucket;
  std::shared_ptr<os::SimProcess> process;  // shared with the world's list
  std::unique_ptr<ObjectStore> objects;
  PersistConfig config;
  std::unique_ptr<ufs::ScriptedFaults> faults;
  std::unique_ptr<ufs::MemoryStore> memory;
  std::unique_ptr<Writers> writers;  // none unless a test makes it
  std::unique_ptr<TaskTable> tasks;
  uint64_t operations = 0;
};

}  // namespace forebay::worker
