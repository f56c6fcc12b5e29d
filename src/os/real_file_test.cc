#include <unistd.h>

#include <cstdlib>
#include <filesystem>

#include "os/clock.h"
#include "os/file_contract.h"
#include "os/random.h"

namespace forebay::os {
namespace {

class RealWorld {
 public:
  RealWorld() {
    std::string pattern = ::testing::TempDir() + "forebay_file_XXXXXX";
    directory_ = ::mkdtemp(pattern.data());
  }
  ~RealWorld() { std::filesystem::remove_all(directory_); }
  FileSystem& files() { return real_files(); }
  FileSystem& others() { return real_files(); }
  std::string directory() const { return directory_; }
  Result<int> duplicate(int descriptor) { return ::dup(descriptor); }

 private:
  std::string directory_;
};

INSTANTIATE_TYPED_TEST_SUITE_P(real, FileContract, RealWorld);

TEST(RealFile, reports_a_full_disk_as_the_kernel_does) {
  Result<std::unique_ptr<File>> full = real_files().open("/dev/full", OpenMode::kReadWrite);
  ASSERT_TRUE(full);
  Result<void> written = (*full)->write_at(as_bytes("x"), 0);
  ASSERT_FALSE(written);
  EXPECT_EQ(written.error().code(), Code::kRejected);
  EXPECT_EQ(written.error().error(), ENOSPC);
}

TEST(RealClock, goes_forward) {
  Instant before = real_clock().now();
  EXPECT_LE(before, real_clock().now());
  EXPECT_GT(unix_nanos(real_clock().wall_now()), 1'600'000'000'000'000'000);
}

TEST(RealRandom, differs) {
  EXPECT_NE(real_random().next(), real_random().next());
  EXPECT_EQ(real_random().below(0), 0u);
}

}  // namespace
}  // namespace forebay::os
