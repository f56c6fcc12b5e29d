// Persistence on real threads, sockets and files: the roles of it, all of them with their own threads, and a directory as store.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <thread>
#include <vector>

#include "client/client.h"
#include "client/persist_control.h"
#include "threaded_cluster.h"

namespace forebay::cluster {
namespace {

class PersistThreads : public ::testing::Test {
 protected:
  void SetUp() override {
    Result<void> started = cluster.start();
    ASSERT_TRUE(started) << started.error().to_string();
    auto found = cluster.run(0, cluster.client().lookup(kSuperuser, kRootInode, "c"));
    ASSERT_TRUE(found) << found.error().to_string();
    directory = InodeId{found->inode()};
  }

  static std::string content_of(size_t thread, int file) {
    return std::string(1'000 + static_cast<size_t>(file) * 30'000, static_cast<char>('a' + thread));
  }
  static std::string name_of(size_t thread, int file) { return std::to_string(thread) + "-" + std::to_string(file); }

  std::string write(size_t thread, const std::string& name, const std::string& content) {
    auto created = cluster.run(thread, cluster.client().create(kSuperuser, directory, name, 0644, {.write = true}, false));
    if (!created) return created.error().to_string();
    Result<void> written = cluster.run(thread + 1, created->file->pwrite(as_bytes(content), 0));
    if (!written) return written.error().to_string();
    Result<void> closed = cluster.run(thread, created->file->close());
    return closed ? "" : closed.error().to_string();
  }
  std::string read(size_t thread, const std::string& name) {
    auto found = cluster.run(thread, cluster.client().lookup(kSuperuser, directory, name));
    if (!found) return found.error().to_string();
    auto file = cluster.run(thread, cluster.client().open(kSuperuser, InodeId{found->inode()}, {}));
    if (!file) return file.error().to_string();
    std::string text(found->size(), '#');
    auto read = cluster.run(thread + 1, (*file)->pread(std::as_writable_bytes(std::span(text)), 0));
    if (!read) return read.error().to_string();
    Result<void> closed = cluster.run(thread, (*file)->close());
    return closed ? text : closed.error().to_string();
  }
  // All bytes of it leave the cache.
  std::string free(size_t thread, const std::string& name) {
    auto found = cluster.run(thread, cluster.client().lookup(kSuperuser, directory, name));
    if (!found) return found.error().to_string();
    for (bool more = true; more;) {
      auto freed = cluster.run(thread, cluster.client().free(kSuperuser, InodeId{found->inode()}, false));
      if (!freed) return freed.error().to_string();
      more = freed->more();
    }
    return "";
  }
  std::string remove(size_t thread, const std::string& name) {
    Result<void> removed = cluster.run(thread, cluster.client().unlink(kSuperuser, directory, name));
    return removed ? "" : removed.error().to_string();
  }
  std::string below(const std::string& name) {
    std::ifstream in(cluster.under_directory() + "/k/" + name, std::ios::binary);
    return {std::istreambuf_iterator<char>(in), {}};
  }

  // Until nothing waits or runs any more.
  void settle() {
    for (;;) {
      auto status = cluster.run(0, cluster.client().persistence()->status(kSuperuser, {}));
      ASSERT_TRUE(status) << status.error().to_string();
      ASSERT_EQ(status->permanent() + status->lost(), 0u);
      if (status->waiting_persist() + status->waiting_settle() + status->waiting_clear() + status->waiting_trees() +
              status->waiting_directories() + status->waiting_sweeps() + status->running() ==
          0)
        return;
      std::this_thread::yield();
    }
  }

  ThreadedCluster cluster{{.persists = true}};
  InodeId directory;
};

TEST_F(PersistThreads, what_threads_write_gets_below_leaves_and_comes_back) {
  constexpr size_t kThreads = 3;
  constexpr int kFiles = 6;
  EXPECT_THAT(run_threads(kThreads,
                          [&](size_t thread) {
                            for (int file = 0; file < kFiles; ++file)
                              if (std::string wrong = write(thread, name_of(thread, file), content_of(thread, file));
                                  !wrong.empty())
                                return wrong;
                            return std::string();
                          }),
              ::testing::Each(""));
  settle();
  for (size_t thread = 0; thread < kThreads; ++thread)
    for (int file = 0; file < kFiles; ++file) EXPECT_EQ(below(name_of(thread, file)), content_of(thread, file)) << "as written";

  EXPECT_THAT(run_threads(kThreads,
                          [&](size_t thread) {
                            for (int file = 0; file < kFiles; ++file) {
                              const std::string name = name_of(thread, file);
                              if (std::string wrong = free(thread, name); !wrong.empty()) return wrong;
                              if (read(thread, name) != content_of(thread, file)) return name + " comes back with other bytes";
                              if (std::string wrong = remove(thread, name); !wrong.empty()) return wrong;
                            }
                            return std::string();
                          }),
              ::testing::Each(""));
  settle();
  for (size_t thread = 0; thread < kThreads; ++thread)
    for (int file = 0; file < kFiles; ++file)
      EXPECT_FALSE(std::filesystem::exists(cluster.under_directory() + "/k/" + name_of(thread, file)));
}

}  // namespace
}  // namespace forebay::cluster
