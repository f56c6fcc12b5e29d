// For tests: a machine with a disk in memory, and one worker's store on it that can be opened, killed and opened again.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "async/loop.h"
#include "async/task.h"
#include "obs/log.h"
#include "os/env.h"
#include "os/memory_disk.h"
#include "os/memory_file.h"
#include "worker/store/object_store.h"

namespace forebay::worker {

// Runs a task on a loop without threads, until it is done.
template <class T>
T run(async::ManualLoop& loop, Task<T> task) {
  auto slot = std::make_shared<async::detail::Slot<T>>();
  async::spawn_detached(loop.executor(), async::detail::fill<T>(std::move(task), slot, [] {}));
  loop.run_ready();
  EXPECT_TRUE(slot->value.has_value()) << "the task waits for something that does not come";
  return std::move(*slot->value);
}

// Bytes that depend on their place, so that shifted or stale ones are seen.
inline std::string pattern(uint64_t seed, size_t length, uint64_t offset = 0) {
  std::string text(length, '\0');
  for (size_t i = 0; i < length; ++i) {
    uint64_t x = (seed * 0x9e3779b97f4a7c15u) ^ ((offset + i) * 0xbf58476d1ce4e5b9u);
    text[i] = static_cast<char>(x >> 56);
  }
  return text;
}

class StoreFixture : public testing::Test {
 public:
  static constexpr uint64_t kQuota = 64 * kMiB;

  explicit StoreFixture(uint64_t disk_bytes = 256 * kMiB) : disk({.capacity_bytes = disk_bytes}) {
    config.tiers = {{.alias = "MEM", .medium = "MEM", .paths = {{"/mem", kQuota}}, .watermarks = {}}};
  }
  ~StoreFixture() override { close(); }

  // The file system that the store sees; a test may put another one between.
  virtual os::FileSystem& seen(os::FileSystem& files) { return files; }
  virtual os::Clock& clock() { return os::real_clock(); }

  Result<void> try_open() {
    files = std::make_unique<os::MemoryFileSystem>(disk);
    env.reset(new os::Env{clock(), os::real_random(), seen(*files), os::real_network(), loop.executor(), boot});
    auto opened = run(loop, ObjectStore::open(*env, config, *log, *events));
    if (!opened) return std::unexpected(std::move(opened).error());
    store = std::move(*opened);
    return {};
  }
  void open() {
    Result<void> opened = try_open();
    ASSERT_TRUE(opened) << opened.error().to_string();
    if (!store->identity()) ASSERT_TRUE(store->adopt_identity(identity));
  }
  void close() {
    if (store) store->housekeeping();
    store.reset();
    files.reset();
  }
  void kill() {  // SIGKILL: what was written stays
    files->crash();
    store.reset();
    files.reset();
  }
  void power_cut(uint64_t seed) {
    disk.power_cut(seed);
    store.reset();
    files.reset();
    boot += "'";
  }

  void write(ObjectId object, const std::string& text, uint64_t offset = 0, uint64_t create_bytes = kMiB) {
    Result<uint64_t> written = store->write(object, as_bytes(text), offset, create_bytes);
    ASSERT_TRUE(written) << written.error().to_string();
  }
  void write_sealed(ObjectId object, const std::string& text, bool sync = false) {
    write(object, text, 0, text.size() + 1);
    Result<Seal> seal = store->seal(object, text.size(), sync);
    ASSERT_TRUE(seal) << seal.error().to_string();
  }
  Result<std::string> try_read(ObjectId object, uint64_t offset = 0, size_t length = kMiB) {
    std::string text(length, '\0');
    ASSIGN_OR_RETURN(size_t got, store->read(object, std::as_writable_bytes(std::span(text.data(), text.size())), offset));
    text.resize(got);
    return text;
  }
  std::string read(ObjectId object, uint64_t offset = 0, size_t length = kMiB) {
    Result<std::string> text = try_read(object, offset, length);
    EXPECT_TRUE(text) << text.error().to_string();
    return text.value_or("");
  }
  uint64_t used() const { return store->usage().at(0).used_bytes; }
  static std::string file_of(ObjectId object, const std::string& path = "/mem") {
    return path + "/objects/" + object_file_name(object);
  }

  async::ManualLoop loop;
  os::MemoryDisk disk;
  StoreConfig config;
  WorkerEvents* events = &no_worker_events();
  obs::Log* log = &obs::null_log();
  std::string boot = "boot";
  Identity identity{.cluster = "cluster-a", .worker = WorkerId{3}};
  std::unique_ptr<os::Env> env;
  std::unique_ptr<os::MemoryFileSystem> files;
  std::unique_ptr<ObjectStore> store;
};

// Without printing megabytes when they differ.
inline void expect_bytes(const std::string& got, const std::string& expected) {
  EXPECT_EQ(got.size(), expected.size());
  auto [at, where] = std::ranges::mismatch(got, expected);
  EXPECT_TRUE(at == got.end()) << "the first difference is at " << at - got.begin();
}

template <class T>
void expect_error(const Result<T>& result, Code code, int error) {
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().code(), code) << result.error().to_string();
  EXPECT_EQ(result.error().error(), error) << result.error().to_string();
}

}  // namespace forebay::worker
