#include "ufs/posix/posix_store.h"

#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <thread>

#include "async/sync.h"
#include "os/faulty_file.h"
#include "os/memory_file.h"
#include "ufs/store_contract.h"

namespace forebay::ufs {
namespace {

class Directory {
 public:
  Directory() {
    std::string pattern = testing::TempDir() + "forebay_ufs_XXXXXX";
    path = ::mkdtemp(pattern.data());
  }
  ~Directory() { std::filesystem::remove_all(path); }
  std::string path;
};

class PosixWorld : public StoreWorld {
 public:
  explicit PosixWorld(StampPlace stamps, os::Links* links = nullptr)
      : store_(env_, {.tree = {.root = directory_.path, .stamps = stamps, .links = links}}),
        other_(env_, {.tree = {.root = directory_.path, .stamps = stamps, .links = links}}) {
    for (PosixStore* store : {&store_, &other_}) {
      Result<Capabilities> probed = async::block_on(loop_.executor(), store->probe({}));
      EXPECT_TRUE(probed) << probed.error().to_string();
    }
  }
  ~PosixWorld() override {
    loop_.stop();
    blocking_.stop();
  }
  UnderStore& store() override { return store_; }
  UnderStore& other() override { return other_; }
  void write_foreign(const std::string& key, const std::string& content) override {
    const std::string path = directory_.path + "/" + key, fresh = path + ".foreign";
    std::ofstream(fresh) << content;
    std::filesystem::rename(fresh, path);
  }
  async::Executor executor() override { return loop_.executor(); }

 private:
  Directory directory_;
  async::Loop loop_{"posix-store"}, blocking_{"blocking", 4};
  os::Env env_{os::real_clock(), os::real_random(), os::real_files(), os::real_network(), blocking_.executor(), "test"};
  PosixStore store_, other_;
};

class PosixWorldWithoutLinks final : public PosixWorld {
 public:
  PosixWorldWithoutLinks() : PosixWorld(StampPlace::kAuto, &os::real_links()) {}
};

INSTANTIATE_TEST_SUITE_P(DirectoryWithoutLinks, StoreContract,
                         testing::Values(WorldMaker{[] { return std::make_unique<PosixWorldWithoutLinks>(); }}));
INSTANTIATE_TEST_SUITE_P(Directory, StoreContract,
                         testing::Values(WorldMaker{[] { return std::make_unique<PosixWorld>(StampPlace::kAuto); }}));
INSTANTIATE_TEST_SUITE_P(DirectoryWithSideFiles, StoreContract,
                         testing::Values(WorldMaker{[] { return std::make_unique<PosixWorld>(StampPlace::kSideFile); }}));

// On a disk in memory, on one loop without threads.
class PosixStoreTest : public testing::Test {
 protected:
  template <class T>
  T run(Task<T> task) {
    auto slot = std::make_shared<async::detail::Slot<T>>();
    async::spawn_detached(loop_.executor(), async::detail::fill<T>(std::move(task), slot, [] {}));
    loop_.run_ready();
    EXPECT_TRUE(slot->value.has_value()) << "the task waits for something that does not come";
    return std::move(*slot->value);
  }
  os::Env env_of(os::FileSystem& files) {
    return {os::real_clock(), os::real_random(), files, os::real_network(), loop_.executor(), "test"};
  }
  Result<Identity> put(UnderStore& store, const std::string& key, const std::string& content, uint64_t version,
                       Condition condition) {
    TextSource source(content);
    return run(store.put({key, stamp_of(content, version), std::move(condition), "op" + std::to_string(version)}, &source, {}));
  }

  async::ManualLoop loop_;
};

class NoWatch final : public os::SeamWatch {
 public:
  os::SeamFate before(const os::SeamCall&) override { return {}; }
};

TEST_F(PosixStoreTest, a_power_cut_at_every_step_leaves_the_old_version_or_the_new_one) {
  for (StampPlace stamps : {StampPlace::kXattr, StampPlace::kSideFile}) {
    uint64_t steps = 0;
    for (uint64_t n = 1; steps == 0; ++n) {
      os::MemoryDisk disk;
      auto files = std::make_unique<os::MemoryFileSystem>(disk);
      ASSERT_TRUE(files->make_directories("/nas"));
      ASSERT_TRUE(files->sync_directory("/"));
      os::Env env = env_of(*files);
      PosixStore before(env, {.tree = {.root = "/nas", .stamps = stamps}});
      Result<Identity> first = put(before, "dir/a", pattern(1, 5000), 1, Condition::absent());
      ASSERT_TRUE(first) << first.error().to_string();

      os::SeamSweep sweep(n, {.error = EIO, .then = [&] { disk.power_cut(n); }}, "file.");
      os::FaultyFileSystem faulty(*files, sweep);
      os::Env faulty_env = env_of(faulty);
      PosixStore dying(faulty_env, {.tree = {.root = "/nas", .stamps = stamps}});
      Result<Identity> second = put(dying, "dir/a", pattern(2, 6000), 2, Condition::is(*first));
      if (!sweep.was_reached()) {
        EXPECT_TRUE(second);
        steps = n;
        disk.power_cut(n);
      }

      os::MemoryFileSystem after_files(disk);
      os::Env after_env = env_of(after_files);
      PosixStore after(after_env, {.tree = {.root = "/nas", .stamps = stamps}});
      TextSink sink(kMiB);
      Result<ObjectStat> found = run(after.get("dir/a", {}, Condition::none(), &sink, {}));
      ASSERT_TRUE(found) << "step " << n << " " << sweep.at() << ": " << found.error().to_string();
      ASSERT_TRUE(found->stamp) << "step " << n << " " << sweep.at();
      const bool is_new = found->stamp->version == Version{2};
      EXPECT_TRUE(sink.text() == (is_new ? pattern(2, 6000) : pattern(1, 5000))) << "step " << n << " " << sweep.at();
      if (second) {
        EXPECT_TRUE(is_new) << "step " << n << " " << sweep.at();
      }
      // Whoever takes over fences, and nothing is left.
      for (const Upload& upload : run(after.list_uploads("", "", {}))->uploads) ASSERT_TRUE(run(after.abort_upload(upload, {})));
      for (const std::string& file : disk.files()) {
        EXPECT_EQ(file.find(".part"), std::string::npos) << file << " at step " << n << " " << sweep.at();
      }
    }
    EXPECT_GT(steps, 8u);
  }
}

TEST_F(PosixStoreTest, a_failed_call_leaves_the_old_version_and_no_part_unless_it_says_unknown) {
  for (uint64_t n = 1, passed = 0; passed == 0; ++n) {
    os::MemoryDisk disk;
    os::MemoryFileSystem files(disk);
    ASSERT_TRUE(files.make_directories("/nas"));
    os::Env env = env_of(files);
    PosixStore good(env, {.tree = {.root = "/nas"}});
    Result<Identity> first = put(good, "dir/a", "first", 1, Condition::absent());
    ASSERT_TRUE(first);
    os::SeamSweep sweep(n, {.error = EIO}, "file.");
    os::FaultyFileSystem faulty(files, sweep);
    os::Env faulty_env = env_of(faulty);
    PosixStore store(faulty_env, {.tree = {.root = "/nas"}});
    Result<Identity> second = put(store, "dir/a", "second", 2, Condition::is(*first));
    if (!sweep.was_reached()) passed = n;
    TextSink sink(100);
    Result<ObjectStat> found = run(good.get("dir/a", {}, Condition::none(), &sink, {}));
    ASSERT_TRUE(found);
    if (second) {
      EXPECT_EQ(sink.text(), "second");
    } else if (failure_of(second.error()) != Failure::kUnknown) {
      EXPECT_EQ(sink.text(), "first") << "step " << n << " " << sweep.at();
      EXPECT_TRUE(run(good.list_uploads("", "", {}))->uploads.empty()) << "step " << n << " " << sweep.at();
    }
  }
}

TEST_F(PosixStoreTest, a_fenced_put_cannot_become_visible_later) {
  os::MemoryDisk disk;
  os::MemoryFileSystem files(disk);
  ASSERT_TRUE(files.make_directories("/nas"));
  os::Env env = env_of(files);
  PosixStore store(env, {.tree = {.root = "/nas"}}), fencing(env, {.tree = {.root = "/nas"}});
  // The body ends only after the next epoch has fenced.
  class Fenced final : public BodySource {
   public:
    explicit Fenced(UnderStore& by) : by_(by) {}
    uint64_t length() const override { return 4; }
    Task<Result<void>> read(uint64_t, MutableBytes into) override {
      std::ranges::fill(into, std::byte{'x'});
      co_return co_await by_.abort_upload({"dir/a", "op"}, {});
    }

   private:
    UnderStore& by_;
  };
  Fenced body(fencing);
  Result<Identity> stored = run(store.put({"dir/a", stamp_of("xxxx"), {}, "op"}, &body, {}));
  ASSERT_FALSE(stored);
  EXPECT_EQ(failure_of(stored.error()), Failure::kNotFound) << stored.error().to_string();
  EXPECT_TRUE(disk.files().empty());
}

TEST_F(PosixStoreTest, never_makes_its_root) {
  os::MemoryDisk disk;
  os::MemoryFileSystem files(disk);
  os::Env env = env_of(files);
  PosixStore store(env, {.tree = {.root = "/not/mounted"}});
  Result<Identity> stored = put(store, "dir/a", "x", 1, Condition::none());
  ASSERT_FALSE(stored);
  EXPECT_TRUE(stored.error().is_errno(ENXIO)) << stored.error().to_string();
  EXPECT_EQ(failure_of(run(store.head("a", {})).error()), Failure::kPermanent);
  EXPECT_EQ(failure_of(run(store.list({}, {})).error()), Failure::kPermanent);
  EXPECT_EQ(failure_of(run(store.probe({})).error()), Failure::kPermanent);
  EXPECT_EQ(failure_of(run(store.remove("a", {}, {})).error()), Failure::kPermanent);
}

// A NAS whose own directory is the mount point: the directory below it is there, and has none of its files.
TEST_F(PosixStoreTest, while_nothing_is_mounted_where_something_was_nothing_is_missing_and_nothing_is_written) {
  class Mounts final : public os::MountPoints {
   public:
    Result<bool> is_mount_point(const std::string& directory) override {
      EXPECT_EQ(directory, "/nas");
      return is_mounted;
    }
    bool is_mounted = true;
  } mounts;
  os::MemoryDisk nas, below;
  os::MemoryFileSystem nas_files(nas), below_files(below);
  for (os::MemoryFileSystem* files : {&nas_files, &below_files}) ASSERT_TRUE(files->make_directories("/nas"));
  os::Env nas_env = env_of(nas_files), below_env = env_of(below_files);
  PosixStore mounted(nas_env, {.tree = {.root = "/nas", .mounts = &mounts}});
  Result<Capabilities> known = run(mounted.probe({}));
  ASSERT_TRUE(known) << known.error().to_string();
  EXPECT_TRUE(known->has(Feature::kMountPoint));
  ASSERT_TRUE(put(mounted, "dir/a", "content", 1, Condition::absent()));
  ASSERT_TRUE(run(mounted.head("dir/a", {})));

  mounts.is_mounted = false;
  PosixStore gone(below_env, {.tree = {.root = "/nas", .mounts = &mounts}, .known = *known});
  auto expect = [](const auto& result) {
    ASSERT_FALSE(result);
    EXPECT_TRUE(result.error().is_errno(ENXIO)) << result.error().to_string();
    EXPECT_NE(result.error().message().find("nothing is mounted at the under store's directory '/nas'"), std::string::npos);
  };
  TextSink sink(100);
  expect(run(gone.head("dir/a", {})));
  expect(run(gone.look("", {})));
  expect(run(gone.get("dir/a", {}, Condition::none(), &sink, {})));
  expect(run(gone.list({}, {})));
  expect(put(gone, "b", "content", 1, Condition::absent()));
  expect(put(gone, "dir/b", "content", 1, Condition::absent()));
  expect(run(gone.create_upload({"b", stamp_of("x"), "up"}, {})));
  expect(run(gone.abort_upload({"b", "up"}, {})));
  expect(run(gone.list_uploads("", "", {})));
  expect(run(gone.copy({"dir/a", Condition::none(), "c", Condition::absent(), std::nullopt, "cp"}, {})));
  expect(run(gone.remove("dir/a", Condition::none(), {})));
  expect(run(gone.rename("dir/a", Condition::none(), "c", Condition::none(), {})));
  expect(run(gone.rename_directory("dir", "other", {})));
  expect(run(gone.make_directory("made", {}, {})));
  expect(run(gone.remove_directory("dir", {})));
  expect(run(gone.set_attributes("dir/a", {.mode = 0600}, {})));
  EXPECT_TRUE(below.files().empty());

  mounts.is_mounted = true;
  EXPECT_TRUE(run(mounted.head("dir/a", {})));
  // What never was a mount point is none to wait for.
  mounts.is_mounted = false;
  known = run(mounted.probe({}));
  ASSERT_TRUE(known);
  EXPECT_FALSE(known->has(Feature::kMountPoint));
  EXPECT_TRUE(run(mounted.head("dir/a", {})));
}

TEST_F(PosixStoreTest, a_full_disk_is_said_as_such_and_the_part_is_gone) {
  os::MemoryDisk disk({.capacity_bytes = 64 << 10});
  os::MemoryFileSystem files(disk);
  ASSERT_TRUE(files.make_directories("/nas"));
  os::Env env = env_of(files);
  PosixStore store(env, {.tree = {.root = "/nas"}});
  Result<Identity> stored = put(store, "a", std::string(1 << 20, 'x'), 1, Condition::none());
  ASSERT_FALSE(stored);
  EXPECT_TRUE(stored.error().is_errno(ENOSPC));
  EXPECT_EQ(failure_of(stored.error()), Failure::kPermanent);
  EXPECT_TRUE(disk.files().empty());
}

TEST_F(PosixStoreTest, gives_files_their_mode_and_time) {
  Directory directory;
  os::Env env = env_of(os::real_files());
  PosixStore store(env, {.tree = {.root = directory.path}});
  ASSERT_TRUE(put(store, "dir/a", "x", 1, Condition::none()));
  const os::FileStatus status = *os::real_files().status(directory.path + "/dir/a");
  EXPECT_EQ(status.mode, 0640u);
  EXPECT_EQ(status.mtime_ns, stamp_of("x").mtime_ns);
}

TEST_F(PosixStoreTest, where_links_are_refused_none_leads_anywhere) {
  Directory directory, outside;
  std::ofstream(outside.path + "/secret") << "not below the root";
  std::filesystem::create_directories(directory.path + "/dir/sub");
  std::ofstream(directory.path + "/dir/f") << "file";
  std::filesystem::create_symlink(outside.path + "/secret", directory.path + "/dir/file_link");
  std::filesystem::create_symlink(outside.path, directory.path + "/dir/directory_link");
  std::filesystem::create_symlink("f", directory.path + "/dir/inner_link");
  os::Env env = env_of(os::real_files());
  PosixStore store(env, {.tree = {.root = directory.path, .links = &os::real_links()}});
  TextSink sink(1000);
  for (const char* key : {"dir/file_link", "dir/directory_link/secret", "dir/inner_link"}) {
    EXPECT_EQ(failure_of(run(store.look(key, {})).error()), Failure::kNotFound) << key;
    EXPECT_EQ(failure_of(run(store.head(key, {})).error()), Failure::kNotFound) << key;
    EXPECT_EQ(failure_of(run(store.get(key, {}, Condition::none(), &sink, {})).error()), Failure::kNotFound) << key;
  }
  EXPECT_EQ(sink.text(), "");
  auto page = run(store.list({.prefix = "dir/"}, {}));
  ASSERT_TRUE(page);
  std::vector<std::string> names;
  for (const ListEntry& entry : page->entries) names.push_back(entry.key);
  EXPECT_EQ(names, (std::vector<std::string>{"dir/f", "dir/sub/"}));
  EXPECT_TRUE(run(store.list({.prefix = "dir/directory_link/"}, {}))->entries.empty());
  EXPECT_TRUE(run(store.get("dir/f", {}, Condition::none(), &sink, {})));
  EXPECT_EQ(sink.text(), "file");
}

TEST_F(PosixStoreTest, shows_modes_and_owners_of_files_and_directories) {
  Directory directory;
  std::filesystem::create_directories(directory.path + "/d");
  std::ofstream(directory.path + "/f") << "file";
  std::filesystem::permissions(directory.path + "/d", std::filesystem::perms(0750));
  std::filesystem::permissions(directory.path + "/f", std::filesystem::perms(0604));
  os::Env env = env_of(os::real_files());
  PosixStore store(env, {.tree = {.root = directory.path}});
  auto page = run(store.list({}, {}));
  ASSERT_TRUE(page);
  ASSERT_EQ(page->entries.size(), 2U);
  EXPECT_EQ(page->entries[0].attributes.mode, 0750U);
  EXPECT_EQ(page->entries[1].attributes.mode, 0604U);
  EXPECT_EQ(page->entries[1].attributes.uid, ::getuid());
  EXPECT_EQ(run(store.look("f", {}))->attributes.mode, 0604U);
}

TEST_F(PosixStoreTest, forgets_parts_at_its_limit_and_says_fewer) {
  os::MemoryDisk disk;
  os::MemoryFileSystem files(disk);
  ASSERT_TRUE(files.make_directories("/nas"));
  os::Env env = env_of(files);
  PosixStore store(env, {.tree = {.root = "/nas"}, .remembered_parts = 3});
  std::vector<Upload> uploads;
  for (const char* operation : {"one", "two"}) {
    uploads.push_back(*run(store.create_upload({"a", stamp_of(""), operation}, {})));
    for (uint32_t number : {1u, 2u}) {
      TextSource source("x");
      ASSERT_TRUE(run(store.put_part(uploads.back(), number, number - 1, &source, {})));
    }
  }
  EXPECT_EQ(run(store.list_parts(uploads[0], {}))->size(), 0u);
  EXPECT_EQ(run(store.list_parts(uploads[1], {}))->size(), 2u);
}

// A NAS that does not answer.
TEST(BlockingCalls, are_left_at_the_deadline_and_by_the_token) {
  async::Loop loop{"caller"}, blocking{"blocking", 2};
  auto hung = std::make_shared<async::detail::Latch>();
  BlockingCalls calls(os::real_clock(), blocking.executor(), 1);
  auto hang = [hung]() -> Result<int> {
    hung->wait();
    return 1;
  };
  auto soon = [] { return Call{.deadline = os::real_clock().now() + std::chrono::milliseconds(20)}; };
  Result<int> late = async::block_on(loop.executor(), calls.run(hang, soon(), true, "write"));
  ASSERT_FALSE(late);
  EXPECT_EQ(failure_of(late.error()), Failure::kUnknown);
  // The only slot is taken: this one never began, so it is surely not done.
  Result<int> waiting = async::block_on(loop.executor(), calls.run(hang, soon(), true, "write"));
  ASSERT_FALSE(waiting);
  EXPECT_EQ(failure_of(waiting.error()), Failure::kRetryLater);
  std::stop_source stop;
  std::jthread stopper([&] { stop.request_stop(); });
  Result<int> stopped = async::block_on(loop.executor(), calls.run(hang, {.stop = stop.get_token()}, true, "write"));
  ASSERT_FALSE(stopped);
  EXPECT_EQ(failure_of(stopped.error()), Failure::kCancelled);
  hung->open();
  Result<int> answered = async::block_on(loop.executor(), calls.run(hang, {}, true, "write"));
  ASSERT_TRUE(answered);
  loop.stop();
  blocking.stop();
}

}  // namespace
}  // namespace forebay::ufs
