// What every under store must do (the cases are in store_contract*.cc). A store's test instantiates it:
//   INSTANTIATE_TEST_SUITE_P(Memory, StoreContract, testing::Values(WorldMaker{[] { return std::make_unique<MemoryWorld>(); }}));
#pragma once

#include <gtest/gtest.h>

#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "async/loop.h"
#include "async/sync.h"
#include "async/task.h"
#include "base/crc32c.h"
#include "base/test_pattern.h"
#include "ufs/under_store.h"

namespace forebay::ufs {

// An empty store, and a second connection to it as from another process. Removed with everything in it when destroyed.
class StoreWorld {
 public:
  virtual ~StoreWorld() = default;
  virtual UnderStore& store() = 0;
  virtual UnderStore& other() = 0;
  // As a program that knows nothing of us.
  virtual void write_foreign(const std::string& key, const std::string& content) = 0;
  virtual async::Executor executor() = 0;
};
struct WorldMaker {
  std::function<std::unique_ptr<StoreWorld>()> make;
};

inline std::string pattern(uint64_t seed, size_t length) { return forebay::pattern(length, seed); }

inline Stamp stamp_of(std::string_view content, uint64_t version = 1) {
  return {.cluster = "test-cluster",
          .inode = InodeId{42},
          .version = Version{version},
          .length = content.size(),
          .crc32c = crc32c(as_bytes(content)),
          .mode = 0640,
          .uid = 0,
          .gid = 0,
          .mtime_ns = 1'700'000'000'123'456'789};
}

class StoreContract : public testing::TestWithParam<WorldMaker> {
 protected:
  void SetUp() override {
    world_ = GetParam().make();
    ASSERT_NE(world_, nullptr);
  }
  UnderStore& store() { return world_->store(); }
  bool has(Feature feature) { return store().capabilities().has(feature); }
  static Call call() { return {.deadline = os::real_clock().now() + std::chrono::seconds(30)}; }

  template <class T>
  T run(Task<T> task) {
    return async::block_on(world_->executor(), std::move(task));
  }
  template <class T>
  T must(Task<Result<T>> task) {
    Result<T> result = run(std::move(task));
    EXPECT_TRUE(result) << result.error().to_string();
    return result ? *std::move(result) : T{};
  }
  void must(Task<Result<void>> task) {
    Result<void> result = run(std::move(task));
    EXPECT_TRUE(result) << result.error().to_string();
  }
  template <class T>
  testing::AssertionResult fails(Failure expected, Task<Result<T>> task, int error = 0) {
    Result<T> result = run(std::move(task));
    if (result) return testing::AssertionFailure() << "succeeded";
    if (failure_of(result.error()) != expected || (error != 0 && !result.error().is_errno(error))) {
      return testing::AssertionFailure() << failure_name(failure_of(result.error())) << ": " << result.error().to_string();
    }
    return testing::AssertionSuccess();
  }

  Result<Identity> try_put(const std::string& key, const std::string& content, Condition condition = Condition::none()) {
    TextSource source(content);
    return run(store().put({key, stamp_of(content), std::move(condition), next_operation()}, &source, call()));
  }
  Identity put(const std::string& key, const std::string& content, Condition condition = Condition::none()) {
    Result<Identity> stored = try_put(key, content, std::move(condition));
    EXPECT_TRUE(stored) << key << ": " << stored.error().to_string();
    return stored ? *stored : Identity{};
  }
  testing::AssertionResult conflicts(const Result<Identity>& result) {
    if (result) return testing::AssertionFailure() << "succeeded";
    if (failure_of(result.error()) == Failure::kConflict) return testing::AssertionSuccess();
    return testing::AssertionFailure() << result.error().to_string();
  }
  std::string get(const std::string& key, Range range = {}) {
    TextSink sink(64 * kMiB);
    Result<ObjectStat> stat = run(store().get(key, range, Condition::none(), &sink, call()));
    return stat ? sink.text() : stat.error().to_string();
  }
  bool exists(const std::string& key) { return run(store().head(key, call())).has_value(); }
  Identity identity(const std::string& key) { return must(store().head(key, call())).identity; }

  // Keys of all pages; directories with their '/'.
  std::vector<std::string> names(ListRequest request) {
    std::vector<std::string> names;
    for (int page_count = 0; page_count < 1000; ++page_count) {
      const ListPage page = must(store().list(request, call()));
      for (const ListEntry& entry : page.entries) {
        EXPECT_EQ(entry.is_directory, entry.key.ends_with('/')) << entry.key;
        names.push_back(entry.key);
      }
      if (page.cursor.empty()) return names;
      request.cursor = page.cursor;
    }
    ADD_FAILURE() << "a listing that does not end";
    return names;
  }
  std::vector<std::string> all_names() { return names({.by_directory = false}); }

  Upload create(const std::string& key, const std::string& whole, const std::string& operation = "") {
    return must(store().create_upload({key, stamp_of(whole), operation.empty() ? next_operation() : operation}, call()));
  }
  Result<Part> try_part(const Upload& upload, uint32_t number, uint64_t offset, const std::string& content) {
    TextSource source(content);
    return run(store().put_part(upload, number, offset, &source, call()));
  }
  Part part(const Upload& upload, uint32_t number, uint64_t offset, const std::string& content) {
    Result<Part> stored = try_part(upload, number, offset, content);
    EXPECT_TRUE(stored) << stored.error().to_string();
    return stored ? *stored : Part{};
  }
  Result<Identity> complete(const Upload& upload, std::vector<Part> parts, Condition condition = Condition::none()) {
    return run(store().complete_upload(upload, std::move(parts), std::move(condition), call()));
  }
  // A length that all parts but the last may have.
  size_t part_length() { return std::max<size_t>(store().limits().least_part_bytes, 5000); }
  std::string next_operation() { return "op-" + std::to_string(++operations_); }

  std::unique_ptr<StoreWorld> world_;
  int operations_ = 0;
};

}  // namespace forebay::ufs
