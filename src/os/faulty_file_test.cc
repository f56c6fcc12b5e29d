#include "os/faulty_file.h"

#include <gtest/gtest.h>

#include "os/file_contract.h"
#include "os/memory_file.h"

namespace forebay::os {
namespace {

class NoFaults final : public SeamWatch {
 public:
  SeamFate before(const SeamCall&) override { return {}; }
};

class FaultyWorld {
 public:
  FaultyWorld() { EXPECT_TRUE(files_.make_directories("/data")); }
  FileSystem& files() { return files_; }
  FileSystem& others() { return others_; }
  std::string directory() const { return "/data"; }
  Result<int> duplicate(int descriptor) { return table_->duplicate(descriptor); }

 private:
  std::shared_ptr<DescriptorTable> table_ = std::make_shared<DescriptorTable>();
  MemoryDisk disk_{{}, table_};
  MemoryFileSystem inner_{disk_};
  NoFaults none_;
  FaultyFileSystem files_{inner_, none_}, others_{inner_, none_};
};

INSTANTIATE_TYPED_TEST_SUITE_P(faulty_without_faults, FileContract, FaultyWorld);

class FaultyFileTest : public ::testing::Test {
 protected:
  // Replaces /f by "new" and says what is there afterwards.
  struct Outcome {
    bool reached, succeeded;
    std::string content;
    int error = 0;
  };
  Outcome replace(uint64_t n, SeamFate fate, std::string prefix = "") {
    MemoryDisk disk;
    MemoryFileSystem inner(disk);
    EXPECT_TRUE(inner.write_whole("/f", as_bytes("old")));
    SeamSweep sweep(n, std::move(fate), std::move(prefix));
    FaultyFileSystem files(inner, sweep);
    Result<void> written = files.write_whole("/f", as_bytes("new"));
    Outcome outcome{sweep.was_reached(), written.has_value(), *inner.read_whole("/f", 10)};
    if (!written) outcome.error = written.error().error();
    return outcome;
  }
};

TEST_F(FaultyFileTest, the_sweep_reaches_every_call_and_then_passes_untouched) {
  uint64_t n = 1;
  for (;; ++n) {
    Outcome outcome = replace(n, {.error = EIO});
    EXPECT_TRUE(outcome.content == "old" || outcome.content == "new") << "after call " << n;
    if (!outcome.reached) {
      EXPECT_TRUE(outcome.succeeded);
      EXPECT_EQ(outcome.content, "new");
      break;
    }
    EXPECT_FALSE(outcome.succeeded) << "call " << n;
    EXPECT_EQ(outcome.error, EIO);
  }
  EXPECT_EQ(n, 7u);  // open, truncate, write, sync, rename, sync of the directory; then none
}

TEST_F(FaultyFileTest, a_call_may_be_done_and_fail_nevertheless) {
  Outcome outcome = replace(1, {.error = EIO, .done_bytes = SeamFate::kAll}, "file.rename");
  EXPECT_FALSE(outcome.succeeded);
  EXPECT_EQ(outcome.content, "new");
}

TEST_F(FaultyFileTest, a_write_may_stop_half_way) {
  MemoryDisk disk;
  MemoryFileSystem inner(disk);
  SeamSweep sweep(1, {.error = ENOSPC, .done_bytes = 3}, "file.write");
  FaultyFileSystem files(inner, sweep);
  auto file = *files.open("/f", OpenMode::kCreate);
  EXPECT_EQ(file->write_at(as_bytes("123456"), 0).error().error(), ENOSPC);
  EXPECT_EQ(*inner.read_whole("/f", 10), "123");
  EXPECT_EQ(sweep.at(), "file.write /f");
}

TEST_F(FaultyFileTest, bits_flip_on_the_way) {
  MemoryDisk disk;
  MemoryFileSystem inner(disk);
  SeamSweep writes(1, {.flip_bit = 8}, "file.write");
  FaultyFileSystem files(inner, writes);
  ASSERT_TRUE(files.write_whole("/f", as_bytes("aaaa")));
  EXPECT_EQ(*inner.read_whole("/f", 10), "a`aa");
  SeamSweep reads(1, {.flip_bit = 8}, "file.read");
  FaultyFileSystem reader(inner, reads);
  EXPECT_EQ(*reader.read_whole("/f", 10), "aaaa");
  EXPECT_EQ(*reader.read_whole("/f", 10), "a`aa");
}

TEST_F(FaultyFileTest, a_lying_sync_loses_bytes_at_a_power_cut) {
  bool lost = false;
  for (uint64_t seed = 0; seed < 20; ++seed) {
    MemoryDisk disk;
    MemoryFileSystem inner(disk);
    SeamSweep sweep(1, {.lie = true}, "file.sync");
    FaultyFileSystem files(inner, sweep);
    ASSERT_TRUE(files.write_whole("/f", as_bytes("promised")));
    disk.power_cut(seed);
    MemoryFileSystem after(disk);
    lost |= *after.read_whole("/f", 10) != "promised";
  }
  EXPECT_TRUE(lost);
}

TEST_F(FaultyFileTest, a_crash_at_a_call_stops_everything_after_it) {
  for (bool done : {false, true}) {
    MemoryDisk disk;
    MemoryFileSystem inner(disk);
    SeamSweep sweep(1, {.error = EIO, .done_bytes = done ? SeamFate::kAll : 0, .then = [&] { inner.crash(); }}, "file.rename");
    FaultyFileSystem files(inner, sweep);
    EXPECT_FALSE(files.write_whole("/f", as_bytes("new")));
    EXPECT_EQ(files.remove("/f").error().code(), Code::kBroken);
    MemoryFileSystem after(disk);
    EXPECT_EQ(*after.exists("/f"), done);
  }
}

}  // namespace
}  // namespace forebay::os
