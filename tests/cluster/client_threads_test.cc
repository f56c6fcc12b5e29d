// The client on real threads, sockets and files, used from many threads at once.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <sstream>
#include <string>
#include <thread>
#include <vector>

#include "client/client.h"
#include "os/sim_random.h"
#include "threaded_cluster.h"

namespace forebay::cluster {
namespace {

// Writes a file of its own in random pieces, reading back, and closes and compares it, again and again.
std::string own_files(ThreadedCluster& cluster, size_t thread, int rounds) {
  os::SimRandom random(thread + 1);
  for (int round = 0; round < rounds; ++round) {
    const std::string name = "own " + std::to_string(thread) + " " + std::to_string(round);
    auto created = cluster.run(thread, cluster.client().create(kSuperuser, kRootInode, name, 0644, {.write = true}, true));
    if (!created) return created.error().to_string();
    std::string model;
    for (int i = 0; i < 30; ++i) {
      const uint64_t offset = random.below(model.size() + 1'000);
      const std::string data(random.below(60'000) + 1, static_cast<char>(random.next()));
      if (model.size() < offset + data.size()) model.resize(offset + data.size());
      model.replace(offset, data.size(), data);
      Result<void> written = cluster.run(thread, created->file->pwrite(as_bytes(data), offset));
      if (!written) return written.error().to_string();
      if (random.below(10) == 0) {
        Result<void> synced = cluster.run(thread, created->file->fsync(v1::DURABILITY_UNSPECIFIED));
        if (!synced) return synced.error().to_string();
      }
      std::string text(data.size(), '#');
      auto read = cluster.run(thread + 1, created->file->pread(std::as_writable_bytes(std::span(text)), offset));
      if (!read) return read.error().to_string();
      if (text != data) return "read back other bytes";
    }
    Result<void> closed = cluster.run(thread, created->file->close());
    if (!closed) return closed.error().to_string();
    auto opened = cluster.run(thread, cluster.client().open(kSuperuser, created->file->inode(), {}));
    if (!opened) return opened.error().to_string();
    std::string text(model.size() + 10, '#');
    auto read = cluster.run(thread, (*opened)->pread(std::as_writable_bytes(std::span(text)), 0));
    if (!read) return read.error().to_string();
    text.resize(*read);
    if (text != model) return "closed file holds other bytes";
    closed = cluster.run(thread, (*opened)->close());
    if (!closed) return closed.error().to_string();
  }
  return "";
}

// Appends lines of its own to a file that all threads share, through a handle of its own.
std::string shared_lines(ThreadedCluster& cluster, size_t thread, int lines) {
  client::OpenFlags flags{.read = false, .write = true, .append = true};
  auto created = cluster.run(thread, cluster.client().create(kSuperuser, kRootInode, "shared", 0644, flags, false));
  if (!created) return created.error().to_string();
  for (int i = 0; i < lines; ++i) {
    const std::string line = std::to_string(thread) + " " + std::to_string(i) + "\n";
    Result<void> appended = cluster.run(thread, created->file->append(as_bytes(line)));
    if (!appended) return appended.error().to_string();
    if (i % 16 == 0) {
      Result<void> flushed = cluster.run(thread, created->file->flush());
      if (!flushed) return flushed.error().to_string();
    }
  }
  Result<void> closed = cluster.run(thread, created->file->close());
  return closed ? "" : closed.error().to_string();
}

// Opens the file for writing and closes it as a mount does, without having written.
std::string opens_and_releases(ThreadedCluster& cluster, size_t thread, InodeId inode, const std::atomic<bool>& enough) {
  while (!enough) {
    auto opened = cluster.run(thread, cluster.client().open(kSuperuser, inode, {.read = true, .write = true}));
    if (!opened) return opened.error().to_string();
    std::string text(100, '#');
    auto read = cluster.run(thread, (*opened)->pread(std::as_writable_bytes(std::span(text)), 0));
    if (!read) return read.error().to_string();
    Result<void> flushed = cluster.run(thread, (*opened)->flush());
    if (!flushed) return flushed.error().to_string();
    Result<void> released = cluster.run(thread, (*opened)->release());
    if (!released) return released.error().to_string();
  }
  return "";
}

// Makes, renames, finds, lists and removes names of its own in the directory that all threads share. Two of three are gone at the
// end.
std::string names(ThreadedCluster& cluster, size_t thread, int rounds) {
  client::Client& client = cluster.client();
  for (int round = 0; round < rounds; ++round) {
    const std::string name = std::to_string(thread) + " " + std::to_string(round);
    auto made = cluster.run(thread, client.make_dir(kSuperuser, kRootInode, name, 0755));
    if (!made) return made.error().to_string();
    v1::RenameRequest rename;
    rename.set_parent(kRootInode.value);
    rename.set_name(name);
    rename.set_new_parent(kRootInode.value);
    rename.set_new_name("kept " + name);
    auto renamed = cluster.run(thread + 1, client.rename(kSuperuser, rename));
    if (!renamed) return renamed.error().to_string();
    auto found = cluster.run(thread, client.lookup(kSuperuser, kRootInode, "kept " + name));
    if (!found) return found.error().to_string();
    if (found->inode() != made->inode()) return "another directory has the name";
    auto listed = cluster.run(thread, client.read_dir(kSuperuser, kRootInode, "", 1'000, true));
    if (!listed) return listed.error().to_string();
    if (round % 3 == 0) continue;
    auto removed = cluster.run(thread, client.remove_dir(kSuperuser, kRootInode, "kept " + name));
    if (!removed) return removed.error().to_string();
  }
  return "";
}

class ClientThreads : public ::testing::TestWithParam<bool> {
 protected:
  void SetUp() override {
    Result<void> started = cluster.start();
    ASSERT_TRUE(started) << started.error().to_string();
  }
  ThreadedCluster cluster{{.short_circuit = GetParam()}};
};

TEST_P(ClientThreads, files_of_their_own_hold_what_each_wrote) {
  EXPECT_THAT(run_threads(4, [&](size_t thread) { return own_files(cluster, thread, 6); }), ::testing::Each(""));
}

TEST_P(ClientThreads, a_shared_file_holds_every_appended_line_once_and_in_its_writers_order) {
  constexpr size_t kThreads = 4;
  constexpr int kLines = 200;
  EXPECT_THAT(run_threads(kThreads, [&](size_t thread) { return shared_lines(cluster, thread, kLines); }), ::testing::Each(""));
  auto found = cluster.run(0, cluster.client().lookup(kSuperuser, kRootInode, "shared"));
  ASSERT_TRUE(found) << found.error().to_string();
  auto file = cluster.run(0, cluster.client().open(kSuperuser, InodeId{found->inode()}, {}));
  ASSERT_TRUE(file);
  std::string text(found->size(), '#');
  auto read = cluster.run(0, (*file)->pread(std::as_writable_bytes(std::span(text)), 0));
  ASSERT_TRUE(read) << read.error().to_string();
  std::vector<int> next(kThreads);
  std::istringstream in(text);
  size_t thread = 0, lines = 0;
  for (int number = 0; in >> thread >> number; ++lines) {
    ASSERT_LT(thread, kThreads);
    ASSERT_EQ(number, next[thread]++);
  }
  EXPECT_EQ(lines, kThreads * kLines);
}

// The oldest handle, through which all is committed, is now one of those who write and now one of those who do not.
TEST_P(ClientThreads, who_writes_goes_on_while_others_open_and_close_the_file) {
  constexpr size_t kOthers = 3;
  constexpr int kRounds = 400, kWrites = 8;
  constexpr size_t kBytes = 20'000;
  auto made = cluster.run(0, cluster.client().create(kSuperuser, kRootInode, "shared", 0644, {.write = true}, true));
  ASSERT_TRUE(made) << made.error().to_string();
  const InodeId inode = made->file->inode();
  ASSERT_TRUE(cluster.run(0, made->file->close()));
  std::atomic<bool> enough = false;
  const auto write = [&]() -> std::string {
    for (int round = 0; round < kRounds; ++round) {
      auto opened = cluster.run(0, cluster.client().open(kSuperuser, inode, {.read = true, .write = true}));
      if (!opened) return opened.error().to_string();
      const std::string data(kBytes, static_cast<char>('a' + round % 26));
      for (size_t i = 0; i < kWrites; ++i) {
        Result<void> written = cluster.run(0, (*opened)->pwrite(as_bytes(data), i * kBytes));
        if (!written) return written.error().to_string();
      }
      Result<void> released = cluster.run(0, (*opened)->release());
      if (!released) return released.error().to_string();
    }
    return "";
  };
  EXPECT_THAT(run_threads(1 + kOthers,
                          [&](size_t thread) {
                            if (thread != 0) return opens_and_releases(cluster, thread, inode, enough);
                            const std::string wrote = write();
                            enough = true;
                            return wrote;
                          }),
              ::testing::Each(""));
  EXPECT_EQ(cluster.run(0, cluster.client().lookup(kSuperuser, kRootInode, "shared"))->size(), kWrites * kBytes);
}

TEST_P(ClientThreads, names_are_made_renamed_and_removed_beside_each_other) {
  EXPECT_THAT(run_threads(4, [&](size_t thread) { return names(cluster, thread, 30); }), ::testing::Each(""));
  auto listed = cluster.run(0, cluster.client().read_dir(kSuperuser, kRootInode, "", 1'000, true));
  ASSERT_TRUE(listed) << listed.error().to_string();
  EXPECT_EQ(std::ranges::count_if(listed->entries, [](const v1::DirEntry& entry) { return entry.name().starts_with("kept "); }),
            40);
}

INSTANTIATE_TEST_SUITE_P(carriers, ClientThreads, ::testing::Bool(),
                         [](const auto& with) { return with.param ? "descriptor" : "stream"; });

}  // namespace
}  // namespace forebay::cluster
