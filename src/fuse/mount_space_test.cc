// Holes, files without a name, and extended attributes through a mount.
#include <linux/capability.h>
#include <linux/falloc.h>
#include <sys/xattr.h>

#include "fuse/mount_fixture.h"

namespace forebay::fuse {
namespace {

constexpr const char* kCapability = "security.capability";

class SpaceMountTest : public MountTest {
 protected:
  int open_file(const std::string& path, int flags) {
    const int fd = ::open(in(path).c_str(), flags, 0644);
    EXPECT_GE(fd, 0) << path << ": " << std::strerror(errno);
    return fd;
  }
};

class XattrMountTest : public MountTest {
 protected:
  int set(const std::string& path, const char* name, const std::string& value, int flags = 0) {
    return errno_of(::setxattr(in(path).c_str(), name, value.data(), value.size(), flags));
  }
  std::string read(const std::string& path, const char* name) {
    std::string value(100, '\0');
    const ssize_t size = ::getxattr(in(path).c_str(), name, value.data(), value.size());
    return size < 0 ? std::string("error ") + std::strerror(errno) : value.substr(0, static_cast<size_t>(size));
  }
  static std::string capability() {
    const vfs_cap_data data{.magic_etc = VFS_CAP_REVISION_2, .data = {{.permitted = 1 << CAP_NET_RAW, .inheritable = 0}, {}}};
    return {reinterpret_cast<const char*>(&data), sizeof data};
  }
};

TEST_F(SpaceMountTest, a_punched_hole_reads_as_zeros_and_keeps_the_size) {
  start();
  put("f", std::string(20'000, 'x'));
  EXPECT_EQ(get("f"), std::string(20'000, 'x'));  // it is in the page cache
  const int fd = open_file("f", O_RDWR);
  ASSERT_EQ(errno_of(::fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 100, 10'000)), 0);
  ::close(fd);
  EXPECT_EQ(get("f"), std::string(100, 'x') + std::string(10'000, '\0') + std::string(9'900, 'x'));
}

TEST_F(SpaceMountTest, zeros_grow_the_file_unless_told_not_to) {
  start();
  put("f", "0123456789");
  const int fd = open_file("f", O_RDWR);
  ASSERT_EQ(errno_of(::fallocate(fd, FALLOC_FL_ZERO_RANGE | FALLOC_FL_KEEP_SIZE, 8, 10)), 0);
  EXPECT_EQ(look("f").st_size, 10);
  ASSERT_EQ(errno_of(::fallocate(fd, FALLOC_FL_ZERO_RANGE, 6, 10)), 0);
  EXPECT_EQ(look("f").st_size, 16);
  ASSERT_EQ(errno_of(::fallocate(fd, 0, 0, 20)), 0);
  ::close(fd);
  EXPECT_EQ(get("f"), "012345" + std::string(14, '\0'));
}

TEST_F(SpaceMountTest, what_it_cannot_promise_or_do_it_refuses) {
  start();
  put("f", "0123456789");
  const int fd = open_file("f", O_RDWR);
  EXPECT_EQ(errno_of(::fallocate(fd, FALLOC_FL_KEEP_SIZE, 0, 100)), EOPNOTSUPP);
  EXPECT_EQ(errno_of(::fallocate(fd, FALLOC_FL_COLLAPSE_RANGE, 0, 4096)), EOPNOTSUPP);
  EXPECT_EQ(errno_of(::fallocate(fd, FALLOC_FL_INSERT_RANGE, 0, 4096)), EOPNOTSUPP);
  ::close(fd);
  const int reader = open_file("f", O_RDONLY);
  EXPECT_EQ(errno_of(::fallocate(reader, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0, 5)), EBADF);
  ::close(reader);
}

TEST_F(SpaceMountTest, more_than_there_is_room_for_is_refused_at_once) {
  start();
  put("f", "0123456789");
  const int fd = open_file("f", O_RDWR);
  EXPECT_EQ(errno_of(::fallocate(fd, 0, 0, 33LL << 30)), ENOSPC);
  ::close(fd);
  EXPECT_EQ(look("f").st_size, 10);
}

TEST_F(SpaceMountTest, a_range_is_copied_from_file_to_file) {
  start();
  put("from", "0123456789");
  put("to", "abcdefghij");
  const int from = open_file("from", O_RDONLY), to = open_file("to", O_RDWR);
  off_t read_at = 2, write_at = 5;
  EXPECT_EQ(::copy_file_range(from, &read_at, to, &write_at, 4, 0), 4);
  ::close(from);
  ::close(to);
  EXPECT_EQ(get("to"), "abcde2345j");
}

TEST_F(SpaceMountTest, a_file_without_a_name_may_get_one) {
  start();
  const int fd = open_file("", O_TMPFILE | O_RDWR);
  ASSERT_EQ(::write(fd, "text", 4), 4);
  const std::string self = "/proc/self/fd/" + std::to_string(fd);
  ASSERT_EQ(errno_of(::linkat(AT_FDCWD, self.c_str(), AT_FDCWD, in("f").c_str(), AT_SYMLINK_FOLLOW)), 0);
  ::close(fd);
  EXPECT_EQ(get("f"), "text");
  EXPECT_EQ(look("f").st_nlink, 1u);
  EXPECT_EQ(client_.calls("create_unnamed"), 1u);
}

TEST_F(SpaceMountTest, a_file_without_a_name_goes_when_it_is_closed) {
  start();
  const int fd = open_file("", O_TMPFILE | O_WRONLY | O_EXCL);
  const std::string self = "/proc/self/fd/" + std::to_string(fd);
  EXPECT_EQ(errno_of(::linkat(AT_FDCWD, self.c_str(), AT_FDCWD, in("f").c_str(), AT_SYMLINK_FOLLOW)), ENOENT);
  ::close(fd);
  EXPECT_EQ(errno_of(::open(in("").c_str(), O_TMPFILE | O_RDONLY)), EINVAL);
  mount_.reset();
  EXPECT_EQ(client_.open_files(), 0u);
}

// In a mount that has not seen the inode.
TEST_F(SpaceMountTest, a_file_handle_finds_its_file_or_nothing) {
  start();
  ASSERT_EQ(::mkdir(in("d").c_str(), 0755), 0);
  put("d/f", "text");
  alignas(file_handle) char room[sizeof(file_handle) + MAX_HANDLE_SZ];
  auto* handle = reinterpret_cast<file_handle*>(room);
  handle->handle_bytes = MAX_HANDLE_SZ;
  int mount_id = 0;
  ASSERT_EQ(errno_of(::name_to_handle_at(AT_FDCWD, in("d/f").c_str(), handle, &mount_id, 0)), 0);
  const auto again = [this] {
    mount_.reset();
    start();
    return open_file("", O_RDONLY | O_DIRECTORY);
  };
  int root = again();
  const int fd = ::open_by_handle_at(root, handle, O_RDONLY);
  ASSERT_GE(fd, 0) << std::strerror(errno);
  char text[4];
  EXPECT_EQ(::read(fd, text, 4), 4);
  ::close(fd);
  ASSERT_EQ(::unlink(in("d/f").c_str()), 0);
  ::close(root);
  root = again();
  EXPECT_EQ(errno_of(::open_by_handle_at(root, handle, O_RDONLY)), ESTALE);
  ::close(root);
}

TEST_F(XattrMountTest, what_is_set_is_read_listed_and_removed) {
  start();
  put("f", "text");
  ASSERT_EQ(set("f", "user.b", "two"), 0);
  ASSERT_EQ(set("f", "user.a", ""), 0);
  EXPECT_EQ(read("f", "user.b"), "two");
  EXPECT_EQ(read("f", "user.a"), "");
  std::string names(100, '#');
  ASSERT_EQ(::listxattr(in("f").c_str(), names.data(), names.size()), 14);
  EXPECT_EQ(names.substr(0, 14), std::string("user.a\0user.b\0", 14));
  ASSERT_EQ(errno_of(::removexattr(in("f").c_str(), "user.b")), 0);
  EXPECT_EQ(errno_of(::removexattr(in("f").c_str(), "user.b")), ENODATA);
}

TEST_F(XattrMountTest, sizes_are_told_and_room_that_is_too_small_is_an_error) {
  start();
  put("f", "text");
  ASSERT_EQ(set("f", "user.a", "value"), 0);
  char room[4];
  EXPECT_EQ(::getxattr(in("f").c_str(), "user.a", nullptr, 0), 5);
  EXPECT_EQ(errno_of(::getxattr(in("f").c_str(), "user.a", room, sizeof room)), ERANGE);
  EXPECT_EQ(::listxattr(in("f").c_str(), nullptr, 0), 7);
  EXPECT_EQ(errno_of(::listxattr(in("f").c_str(), room, sizeof room)), ERANGE);
  EXPECT_EQ(set("f", "user.a", "v", XATTR_CREATE), EEXIST);
  EXPECT_EQ(set("f", "user.b", "v", XATTR_REPLACE), ENODATA);
  EXPECT_EQ(set("f", "user.a", std::string(65'537, 'v')), E2BIG);
  EXPECT_EQ(set("f", "other.a", "v"), EOPNOTSUPP);
  EXPECT_EQ(read("f", "system.posix_acl_access"), "error Operation not supported");
}

// A capability is looked for before the first write to an inode that is new to the kernel. The mount knows the answer.
TEST_F(XattrMountTest, writing_asks_nobody_for_a_capability) {
  start();
  for (int i = 0; i < 20; ++i) {
    const std::string name = "f" + std::to_string(i);
    put(name, "text");
    EXPECT_EQ(look(name).st_size, 4);
    put(name, "more", O_APPEND);
    put(name, "other", 0);
  }
  EXPECT_EQ(client_.calls("get_xattr"), 0u);
  EXPECT_EQ(client_.calls("remove_xattr"), 0u);
}

TEST_F(XattrMountTest, a_write_takes_a_capability_away) {
  if (::geteuid() != 0) GTEST_FAIL() << "needs the superuser";
  start();
  for (const int flags : {0, O_APPEND, O_TRUNC}) {
    put("f", "text");
    ASSERT_EQ(set("f", kCapability, capability()), 0);
    EXPECT_EQ(read("f", kCapability), capability());
    EXPECT_EQ(::getxattr(in("f").c_str(), kCapability, nullptr, 0), std::ssize(capability()));
    put("f", "more", flags);
    EXPECT_EQ(read("f", kCapability), "error No data available") << flags;
  }
  ASSERT_EQ(set("f", kCapability, capability()), 0);
  ASSERT_EQ(::truncate(in("f").c_str(), 1), 0);
  EXPECT_EQ(read("f", kCapability), "error No data available");
}

}  // namespace
}  // namespace forebay::fuse
