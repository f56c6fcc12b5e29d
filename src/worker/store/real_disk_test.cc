// The store on the operating system's files, with real threads.
#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <thread>

#include "base/crc32c.h"
#include "worker/store/store_fixture.h"

namespace forebay::worker {
namespace {

class RealDiskTest : public testing::Test {
 public:
  RealDiskTest() : RealDiskTest(std::filesystem::temp_directory_path()) {}
  explicit RealDiskTest(const std::filesystem::path& parent) {
    std::string name = (parent / "forebay-worker-XXXXXX").string();
    directory = mkdtemp(name.data());
    config.tiers = {{.alias = "SSD",
                     .medium = "SSD",
                     .paths = {{directory + "/a", 512 * kMiB}, {directory + "/b", 512 * kMiB}},
                     .watermarks = {}}};
  }
  ~RealDiskTest() override {
    store.reset();
    std::filesystem::remove_all(directory);
  }

  void open() {
    store.reset();
    auto opened = async::block_on(loop.executor(), ObjectStore::open(env, config, obs::null_log(), no_worker_events()));
    ASSERT_TRUE(opened) << opened.error().to_string();
    store = std::move(*opened);
    ASSERT_TRUE(store->adopt_identity({.cluster = "cluster-a", .worker = WorkerId{1}}));
  }
  void in_threads(int count, const std::function<void(int)>& body) {
    std::vector<std::jthread> threads;
    for (int i = 0; i < count; ++i) threads.emplace_back([&body, i] { body(i); });
  }
  std::string read(ObjectId object, uint64_t offset, size_t length) {
    std::string text(length, '\0');
    auto got = store->read(object, std::as_writable_bytes(std::span(text)), offset);
    EXPECT_TRUE(got) << got.error().to_string();
    text.resize(got.value_or(0));
    return text;
  }

  std::string directory;
  async::Loop loop{"test", 1}, blocking{"blocking", 4};
  os::Env env{os::real_clock(), os::real_random(), os::real_files(), os::real_network(), blocking.executor(), "boot"};
  StoreConfig config;
  std::unique_ptr<ObjectStore> store;
};

TEST_F(RealDiskTest, writers_of_disjoint_ranges_and_the_creation_do_not_disturb_each_other) {
  open();
  constexpr size_t kPiece = 64 * kKiB, kPieces = 64;
  const std::string text = pattern(1, kPiece * kPieces);
  in_threads(8, [&](int thread) {
    for (size_t piece = thread; piece < kPieces; piece += 8) {
      auto written = store->write(ObjectId{7}, as_bytes(text).subspan(piece * kPiece, kPiece), piece * kPiece, 128 * kKiB);
      EXPECT_TRUE(written) << written.error().to_string();
    }
  });
  EXPECT_EQ(store->object_count(), 1u);
  auto seal = store->seal(ObjectId{7}, text.size(), true);
  ASSERT_TRUE(seal) << seal.error().to_string();
  EXPECT_EQ(seal->crc32c, crc32c(as_bytes(text)));
  expect_bytes(read(ObjectId{7}, kMiB - 5, 10), text.substr(kMiB - 5, 10));
  EXPECT_EQ(store->usage()[0].used_bytes, charge_for(text.size()));
}

TEST_F(RealDiskTest, a_seal_excludes_writes_and_all_seals_agree) {
  open();
  for (uint64_t round = 1; round <= 20; ++round) {
    ObjectId object{round};
    const std::string text = pattern(round, 2 * kMiB);
    ASSERT_TRUE(store->write(object, as_bytes(text), 0, 4 * kMiB));
    std::atomic<uint32_t> sums[2] = {0, 0};
    in_threads(4, [&](int thread) {
      if (thread < 2) {
        auto seal = store->seal(object, text.size(), false);
        ASSERT_TRUE(seal) << seal.error().to_string();
        sums[thread] = seal->crc32c;
        return;
      }
      for (int i = 0; i < 50; ++i) {
        auto written = store->write(object, as_bytes(thread == 2 ? "late" : "more"), thread * 100, 0);
        if (!written) {
          EXPECT_EQ(written.error().code(), Code::kStale);
          return;
        }
      }
    });
    EXPECT_EQ(sums[0], sums[1]);
    EXPECT_EQ(crc32c(as_bytes(read(object, kMiB, kMiB)), crc32c(as_bytes(read(object, 0, kMiB)))), sums[0]);
  }
}

TEST_F(RealDiskTest, readers_of_an_object_that_is_sealed_meanwhile_never_see_its_footer) {
  open();
  for (uint64_t round = 1; round <= 20; ++round) {
    ObjectId object{round};
    const std::string text = pattern(round, 300'000);
    ASSERT_TRUE(store->write(object, as_bytes(text), 0, 300'000));
    std::atomic<bool> sealed = false;
    in_threads(3, [&](int thread) {
      if (thread == 0) {
        EXPECT_TRUE(store->seal(object, text.size(), false));
        sealed = true;
        return;
      }
      do expect_bytes(read(object, 250'000, kMiB), text.substr(250'000));
      while (!sealed);
    });
  }
}

TEST_F(RealDiskTest, removal_while_reading_and_writing_leaves_no_file_and_no_charge) {
  open();
  for (uint64_t round = 1; round <= 30; ++round) {
    ObjectId object{round};
    const std::string text = pattern(round, 200'000);
    ASSERT_TRUE(store->write(object, as_bytes(text), 0, 400'000));
    if (round % 2) ASSERT_TRUE(store->seal(object, text.size(), false));
    in_threads(4, [&](int thread) {
      std::string into(10'000, '\0');
      for (int i = 0; i < 50; ++i) {
        if (thread == 0 && i == 10) EXPECT_TRUE(store->remove(object));
        if (thread == 1) (void)store->write(object, as_bytes(into), 400'000 + i * 10'000, 100);
        if (thread < 2) continue;
        auto got = store->read(object, std::as_writable_bytes(std::span(into)), 100'000);
        if (got)
          EXPECT_TRUE(into == text.substr(100'000, 10'000));
        else
          EXPECT_TRUE(got.error().is_errno(ENOENT)) << got.error().to_string();
      }
    });
  }
  EXPECT_EQ(store->object_count(), 0u);
  EXPECT_EQ(store->usage()[0].used_bytes, 0u);
  for (const auto& entry : std::filesystem::recursive_directory_iterator(directory))
    if (entry.path().string().find("/objects/") != std::string::npos) EXPECT_TRUE(entry.is_directory()) << entry.path();
}

TEST_F(RealDiskTest, few_descriptors_serve_many_threads) {
  config.max_open_objects = 8;
  open();
  in_threads(6, [&](int thread) {
    for (uint64_t i = 0; i < 60; ++i) {
      ObjectId object{1 + thread * 1000 + i};
      ASSERT_TRUE(store->write(object, as_bytes(pattern(object.value, 3000)), 0, 3000));
      if (i % 2) ASSERT_TRUE(store->seal(object, 3000, false));
      ObjectId earlier{1 + thread * 1000 + i / 2};
      expect_bytes(read(earlier, 0, 3000), pattern(earlier.value, 3000));
    }
  });
  EXPECT_EQ(store->object_count(), 360u);
}

// In memory where there is room for it: creating the files takes a minute on a busy disk, and is not what is measured.
class ManyObjectsTest : public RealDiskTest {
 public:
  static constexpr const char* kMemory = "/dev/shm";
  static bool has_memory() {
    std::error_code error;
    return std::filesystem::space(kMemory, error).available > 2 * kGiB && !error;
  }
  ManyObjectsTest() : RealDiskTest(has_memory() ? std::filesystem::path(kMemory) : std::filesystem::temp_directory_path()) {}
};

TEST_F(ManyObjectsTest, many_objects_are_found_again_and_the_time_is_printed) {
  config.tiers[0].paths.resize(1);
  open();
  // The files are made directly: what is measured is the start.
  const uint64_t kObjects = has_memory() ? 100'000 : 20'000;
  in_threads(2, [&](int thread) {
    for (uint64_t id = 1 + thread; id <= kObjects; id += 2) {
      std::string name = directory + "/a/objects/" + object_file_name(ObjectId{id});
      std::FILE* file = std::fopen(name.c_str(), "w");
      ASSERT_NE(file, nullptr);
      auto header = encode_header({.cluster = "cluster-a", .object = ObjectId{id}});
      Seal seal{.object = ObjectId{id}, .length = 0, .crc32c = 0, .blocks = {}};
      std::string footer = encode_footer(seal);
      std::fwrite(header.data(), 1, header.size(), file);
      std::fwrite(footer.data(), 1, footer.size(), file);
      std::fclose(file);
    }
  });
  for (const char* what : {"opening each", "from the index"}) {
    auto begin = std::chrono::steady_clock::now();
    open();
    auto took = std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::steady_clock::now() - begin);
    std::printf("start with %llu objects, %s: %lld ms\n", static_cast<unsigned long long>(kObjects), what,
                static_cast<long long>(took.count()));
    EXPECT_EQ(store->object_count(), kObjects);
    EXPECT_EQ(store->inventory(ObjectId{kObjects - 9}, 100)->objects.size(), 10u);
  }
}

}  // namespace
}  // namespace forebay::worker
