// What the tests of the mount share.
#pragma once

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <string>

#include "async/loop.h"
#include "fuse/fake_client.h"
#include "fuse/mount.h"
#include "fuse/mount_point.h"

namespace forebay::fuse {

class SilentLog : public obs::Log {
 public:
  void write(obs::Level, std::string_view, std::initializer_list<obs::Field>) override {}
};

// A directory of its own, on which nothing is mounted any more when the test is over.
class MountPointTest : public ::testing::Test {
 protected:
  void SetUp() override {
    char name[] = "/tmp/forebay_fuse_XXXXXX";
    ASSERT_NE(::mkdtemp(name), nullptr);
    folder_ = name;
    point_ = folder_ + "/mnt";
    ASSERT_EQ(::mkdir(point_.c_str(), 0755), 0);
    ASSERT_EQ(::chmod(folder_.c_str(), 0755), 0);
  }
  void TearDown() override {
    while (auto type = mounted_type(point_)) {
      if (type->empty() || !unmount(point_, Unmount::kDetach)) break;
    }
    std::error_code ignored;
    std::filesystem::remove_all(folder_, ignored);
  }

  std::string folder_, point_;
  SilentLog log_;
};

// A mount of a fake namespace.
class MountTest : public MountPointTest {
 protected:
  void SetUp() override {
    MountPointTest::SetUp();
    config_.mount_point = point_;
  }
  void TearDown() override {
    mount_.reset();
    MountPointTest::TearDown();
  }

  void start() {
    auto mount = FuseMount::start(client_, log_, config_, {loop_.executor(), bytes_.executor()});
    ASSERT_TRUE(mount.has_value()) << mount.error().to_string();
    mount_ = std::move(*mount);
  }
  std::string in(const std::string& path) const { return point_ + "/" + path; }

  void put(const std::string& path, const std::string& text, int flags = O_CREAT | O_TRUNC) {
    const int fd = ::open(in(path).c_str(), O_WRONLY | flags, 0644);
    ASSERT_GE(fd, 0) << path << ": " << std::strerror(errno);
    EXPECT_EQ(::write(fd, text.data(), text.size()), std::ssize(text));
    EXPECT_EQ(::close(fd), 0);
  }
  std::string get(const std::string& path) {
    const int fd = ::open(in(path).c_str(), O_RDONLY);
    if (fd < 0) return std::string("error ") + std::strerror(errno);
    std::string out, chunk(1 << 20, '\0');
    for (ssize_t got; (got = ::read(fd, chunk.data(), chunk.size())) > 0;) out.append(chunk, 0, static_cast<size_t>(got));
    ::close(fd);
    return out;
  }
  struct stat look(const std::string& path) {
    struct stat out{};
    EXPECT_EQ(::lstat(in(path).c_str(), &out), 0) << path << ": " << std::strerror(errno);
    return out;
  }

  async::Loop loop_{"serve"}, bytes_{"bytes"};
  FakeClient client_;
  MountConfig config_;
  std::unique_ptr<FuseMount> mount_;
};

// The errno of a call that has to fail; 0 if it did not.
template <class T>
int errno_of(T result) {
  return result < 0 ? errno : 0;
}

}  // namespace forebay::fuse
