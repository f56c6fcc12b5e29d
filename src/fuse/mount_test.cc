#include <dirent.h>
#include <grp.h>
#include <linux/falloc.h>
#include <linux/fs.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/statvfs.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>

#include <algorithm>
#include <future>
#include <set>
#include <thread>

#include "fuse/last_write_policy.h"
#include "fuse/mount_fixture.h"

namespace forebay::fuse {
namespace {

using Directory = std::unique_ptr<DIR, decltype(&::closedir)>;

std::string pattern(size_t size) {
  std::string text(size, '\0');
  for (size_t i = 0; i < size; ++i) text[i] = static_cast<char>((i * 2654435761u) >> 13);
  return text;
}

TEST_F(MountTest, what_is_written_is_read_back_and_reached_the_client) {
  start();
  const std::string text = pattern(5 * kMiB + 123);
  put("a", text);
  EXPECT_EQ(look("a").st_size, std::ssize(text));
  EXPECT_EQ(get("a"), text);
  EXPECT_EQ(*client_.content("a"), text);
}

TEST_F(MountTest, close_returns_the_error_of_the_commit) {
  start();
  const int fd = ::open(in("a").c_str(), O_CREAT | O_WRONLY, 0644);
  ASSERT_EQ(::write(fd, "x", 1), 1);
  client_.fail_next_flush(EDQUOT);
  EXPECT_EQ(errno_of(::close(fd)), EDQUOT);
}

TEST_F(MountTest, where_files_are_written_once_the_commit_does_not_wait_for_the_close) {
  start();
  const auto flushes_of_a_file = [this](const std::string& name, int writes) {
    const int fd = ::open(in(name).c_str(), O_CREAT | O_WRONLY, 0644);
    EXPECT_GE(fd, 0);
    const uint64_t before = client_.calls("flush");
    for (int i = 0; i < writes; ++i) EXPECT_EQ(::write(fd, "x", 1), 1);
    EXPECT_EQ(::fchmod(fd, 0600), 0);  // served after what the writes have left to do
    const uint64_t flushes = client_.calls("flush") - before;
    EXPECT_EQ(::close(fd), 0);
    return flushes;
  };
  for (uint32_t i = 0; i < LastWritePolicy::kSingleInARow; ++i) EXPECT_EQ(flushes_of_a_file("a" + std::to_string(i), 1), 0u);
  EXPECT_EQ(flushes_of_a_file("b", 1), 1u);
  EXPECT_EQ(flushes_of_a_file("c", 3), 1u);  // wrong once
  EXPECT_EQ(flushes_of_a_file("d", 1), 0u);
  EXPECT_EQ(*client_.content("c"), "xxx");
}

TEST_F(MountTest, closing_a_file_that_was_only_read_commits_nothing) {
  start();
  put("a", "text");
  const uint64_t before = client_.calls("flush");
  EXPECT_EQ(get("a"), "text");
  EXPECT_EQ(client_.calls("flush"), before);
}

Task<void> hold(std::future<void> released) {
  released.wait();
  co_return;
}

TEST_F(MountTest, closing_a_file_that_was_only_read_waits_for_nobody) {
  start();
  put("a", "text");
  const int fd = ::open(in("a").c_str(), O_RDONLY);
  ASSERT_GE(fd, 0);
  std::promise<void> release;
  async::spawn_detached(loop_.executor(), hold(release.get_future()));  // nobody serves requests
  std::future<int> closed = std::async(std::launch::async, [fd] { return ::close(fd); });
  EXPECT_EQ(closed.wait_for(std::chrono::seconds(10)), std::future_status::ready);
  release.set_value();
  EXPECT_EQ(closed.get(), 0);
}

TEST_F(MountTest, open_flags_mean_what_they_mean_elsewhere) {
  start();
  put("a", "one");
  EXPECT_EQ(errno_of(::open(in("a").c_str(), O_CREAT | O_EXCL | O_WRONLY, 0644)), EEXIST);
  put("a", "two", O_APPEND);
  EXPECT_EQ(get("a"), "onetwo");
  put("a", "3", O_TRUNC);
  EXPECT_EQ(get("a"), "3");
  put("a", "456", 0);
  EXPECT_EQ(get("a"), "456");
}

TEST_F(MountTest, an_append_goes_to_the_end_that_another_client_has_made) {
  start();
  put("a", "one");
  const int fd = ::open(in("a").c_str(), O_WRONLY | O_APPEND);
  client_.write_elsewhere("a", "somebody else's");
  EXPECT_EQ(::write(fd, "+mine", 5), 5);
  ::close(fd);
  EXPECT_EQ(get("a"), "somebody else's+mine");
}

TEST_F(MountTest, an_open_sees_what_others_have_closed_whatever_attributes_are_cached) {
  config_.attr_timeout = config_.entry_timeout = std::chrono::hours(1);
  start();
  put("a", "one");
  for (const std::string text : {"a longer one", "", "x", "four"}) {
    EXPECT_GE(look("a").st_size, 0);
    client_.write_elsewhere("a", text);
    EXPECT_EQ(get("a"), text);
    EXPECT_EQ(look("a").st_size, std::ssize(text));
  }
  const uint64_t before = client_.calls("get_attr");
  EXPECT_EQ(get("a"), "four");
  EXPECT_EQ(client_.calls("get_attr"), before) << "an unchanged file is not asked about";
}

TEST_F(MountTest, an_unlinked_open_file_lives_until_it_is_closed) {
  start();
  const int fd = ::open(in("a").c_str(), O_CREAT | O_RDWR, 0644);
  ASSERT_EQ(::unlink(in("a").c_str()), 0);
  EXPECT_EQ(::pwrite(fd, "still here", 10, 0), 10);
  struct stat stat{};
  EXPECT_EQ(::fstat(fd, &stat), 0);
  EXPECT_EQ(stat.st_nlink, 0u);
  EXPECT_EQ(stat.st_size, 10);
  char text[16];
  EXPECT_EQ(::pread(fd, text, sizeof text, 0), 10);
  EXPECT_EQ(::close(fd), 0);
  EXPECT_EQ(errno_of(::stat(in("a").c_str(), &stat)), ENOENT);
}

TEST_F(MountTest, a_removed_open_directory_can_still_be_looked_at) {
  start();
  ASSERT_EQ(::mkdir(in("d").c_str(), 0750), 0);
  const int fd = ::open(in("d").c_str(), O_RDONLY | O_DIRECTORY);
  ASSERT_EQ(::rmdir(in("d").c_str()), 0);
  struct stat stat{};
  EXPECT_EQ(::fstat(fd, &stat), 0);
  EXPECT_EQ(stat.st_nlink, 0u);
  EXPECT_EQ(stat.st_mode, mode_t{S_IFDIR | 0750});
  EXPECT_EQ(errno_of(::openat(fd, "a", O_CREAT | O_WRONLY, 0644)), ENOENT);
  ::close(fd);
}

TEST_F(MountTest, rename_flags_are_honoured) {
  start();
  put("a", "A");
  put("b", "B");
  EXPECT_EQ(errno_of(::renameat2(AT_FDCWD, in("a").c_str(), AT_FDCWD, in("b").c_str(), RENAME_NOREPLACE)), EEXIST);
  ASSERT_EQ(::renameat2(AT_FDCWD, in("a").c_str(), AT_FDCWD, in("b").c_str(), RENAME_EXCHANGE), 0);
  EXPECT_EQ(get("a"), "B");
  EXPECT_EQ(get("b"), "A");
  EXPECT_EQ(errno_of(::renameat2(AT_FDCWD, in("a").c_str(), AT_FDCWD, in("c").c_str(), RENAME_WHITEOUT)), EINVAL);
  ASSERT_EQ(::rename(in("a").c_str(), in("b").c_str()), 0);
  EXPECT_EQ(get("b"), "B");
}

// Runs in a process of its own and answers with its exit code. A process that unmaps holds its address space locked while the
// daemon writes the pages, so the daemon must not share it.
template <class F>
int in_child(F function) {
  const pid_t child = ::fork();
  if (child == 0) ::_exit(function());
  int status = -1;
  while (::waitpid(child, &status, 0) < 0 && errno == EINTR) {
  }
  return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

// The steps that a mapping's bytes can reach the file by; 0, or the number of the step that failed.
int write_through_mapping(const char* path, size_t size) {
  const int fd = ::open(path, O_RDWR);
  char* memory = static_cast<char*>(::mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0));
  if (memory == MAP_FAILED) return 1;
  memory[0] = memory[70'000] = memory[size - 1] = '!';
  if (::msync(memory, size, MS_SYNC) != 0) return 2;
  char byte = 0;
  if (::pread(fd, &byte, 1, 70'000) != 1 || byte != '!') return 3;
  memory[5] = '?';
  if (::close(fd) != 0) return 4;
  memory[6] = '?';  // after the close, through the mapping alone
  return ::munmap(memory, size) == 0 ? 0 : 5;
}

TEST_F(MountTest, a_shared_mapping_writes_to_the_file) {
  start();
  constexpr size_t kSize = 3 * kMiB;
  std::string expected = pattern(kSize);
  put("a", expected);
  expected[0] = expected[70'000] = expected[kSize - 1] = '!';
  expected[5] = expected[6] = '?';
  EXPECT_EQ(in_child([path = in("a")] { return write_through_mapping(path.c_str(), kSize); }), 0);
  EXPECT_EQ(get("a"), expected);
  mount_->stop();
  EXPECT_EQ(*client_.content("a"), expected);
}

TEST_F(MountTest, attributes_can_be_changed_by_name_and_by_descriptor) {
  start();
  put("a", "0123456789");
  EXPECT_EQ(::chmod(in("a").c_str(), 0640), 0);
  EXPECT_EQ(::chown(in("a").c_str(), 1000, 2000), 0);
  EXPECT_EQ(::truncate(in("a").c_str(), 4), 0);
  const timespec times[2] = {{.tv_sec = 1, .tv_nsec = 2}, {.tv_sec = 3, .tv_nsec = 4}};
  EXPECT_EQ(::utimensat(AT_FDCWD, in("a").c_str(), times, 0), 0);
  struct stat stat = look("a");
  EXPECT_EQ(stat.st_mode, mode_t{S_IFREG | 0640});
  EXPECT_EQ(stat.st_uid, 1000u);
  EXPECT_EQ(stat.st_gid, 2000u);
  EXPECT_EQ(stat.st_size, 4);
  EXPECT_EQ(stat.st_atim.tv_nsec, 2);
  EXPECT_EQ(stat.st_mtim.tv_sec, 3);
  const int fd = ::open(in("a").c_str(), O_RDWR);
  EXPECT_EQ(::ftruncate(fd, 6), 0);
  EXPECT_EQ(::fchmod(fd, 0600), 0);
  EXPECT_EQ(::futimens(fd, nullptr), 0);
  ::close(fd);
  EXPECT_EQ(get("a"), std::string("0123\0\0", 6));
  EXPECT_GT(look("a").st_mtim.tv_sec, 1'000'000'000);
}

TEST_F(MountTest, the_kernels_rules_for_set_user_id_are_kept) {
  start();
  put("a", "0123456789");
  ASSERT_EQ(::chmod(in("a").c_str(), 06777), 0);
  EXPECT_EQ(::chown(in("a").c_str(), static_cast<uid_t>(-1), static_cast<gid_t>(-1)), 0);
  EXPECT_EQ(look("a").st_mode & 07777, 0777u);
  ASSERT_EQ(::chmod(in("a").c_str(), 06777), 0);
  const auto write_as_nobody = [path = in("a")] {
    if (::setresuid(65534, 65534, 65534) != 0) return 1;
    const int fd = ::open(path.c_str(), O_WRONLY);
    return fd >= 0 && ::write(fd, "x", 1) == 1 ? 0 : 2;
  };
  EXPECT_EQ(in_child(write_as_nobody), 0);
  EXPECT_EQ(look("a").st_mode & 07777, 0777u);
}

// It once meant mandatory locking: only those outside of the group lose it.
TEST_F(MountTest, set_group_id_without_group_execution_is_left_to_the_group) {
  start();
  put("a", "0123456789");
  ASSERT_EQ(::chown(in("a").c_str(), 0, 1234), 0);
  for (const gid_t group : {1234, 65534}) {
    ASSERT_EQ(::chmod(in("a").c_str(), 06666), 0);
    const auto write_in_group = [path = in("a"), group] {
      if (::setgroups(0, nullptr) != 0 || ::setresgid(group, group, group) != 0 || ::setresuid(65534, 65534, 65534) != 0)
        return 1;
      const int fd = ::open(path.c_str(), O_WRONLY);
      return fd >= 0 && ::write(fd, "x", 1) == 1 ? 0 : 2;
    };
    EXPECT_EQ(in_child(write_in_group), 0);
    EXPECT_EQ(look("a").st_mode & 07777, group == 1234 ? 02666u : 0666u);
  }
}

TEST_F(MountTest, fallocate_extends) {
  start();
  put("a", "abc");
  const int fd = ::open(in("a").c_str(), O_RDWR);
  EXPECT_EQ(::fallocate(fd, 0, 0, 10), 0);
  EXPECT_EQ(::fallocate(fd, 0, 0, 5), 0);  // never shrinks
  ::close(fd);
  EXPECT_EQ(look("a").st_size, 10);
}

TEST_F(MountTest, data_and_holes_can_be_sought) {
  start();
  put("a", "0123456789");
  const int fd = ::open(in("a").c_str(), O_RDONLY);
  EXPECT_EQ(::lseek(fd, 3, SEEK_DATA), 3);
  EXPECT_EQ(::lseek(fd, 3, SEEK_HOLE), 10);
  EXPECT_EQ(errno_of(::lseek(fd, 10, SEEK_DATA)), ENXIO);
  ::close(fd);
}

TEST_F(MountTest, a_large_directory_is_listed_whole_and_can_be_emptied_while_it_is_read) {
  config_.directories.page_entries = 256;
  start();
  constexpr int kFiles = 5000;
  for (int i = 0; i < kFiles; ++i) ASSERT_EQ(::mknod(in("f" + std::to_string(i)).c_str(), S_IFREG | 0644, 0), 0);
  Directory directory(::opendir(point_.c_str()), &::closedir);
  std::set<std::string> seen;
  for (dirent* entry; (entry = ::readdir(directory.get())) != nullptr;) {
    const std::string name = entry->d_name;
    if (name == "." || name == "..") continue;
    EXPECT_EQ(entry->d_type, DT_REG);
    EXPECT_TRUE(seen.insert(name).second) << name;
    EXPECT_EQ(::unlink(in(name).c_str()), 0);
  }
  EXPECT_EQ(seen.size(), size_t{kFiles});
  ::rewinddir(directory.get());
  EXPECT_STREQ(::readdir(directory.get())->d_name, ".");
  EXPECT_STREQ(::readdir(directory.get())->d_name, "..");
  EXPECT_EQ(::readdir(directory.get()), nullptr);
}

TEST_F(MountTest, a_position_in_a_directory_can_be_returned_to) {
  config_.directories.page_entries = 64;
  start();
  for (int i = 0; i < 1000; ++i) ASSERT_EQ(::mknod(in("f" + std::to_string(i)).c_str(), S_IFREG | 0644, 0), 0);
  Directory directory(::opendir(point_.c_str()), &::closedir);
  std::vector<std::pair<long, std::string>> entries;
  for (;;) {
    const long at = ::telldir(directory.get());
    const dirent* entry = ::readdir(directory.get());
    if (entry == nullptr) break;
    entries.emplace_back(at, entry->d_name);
  }
  ASSERT_EQ(entries.size(), 1002u);
  for (size_t i : {900u, 3u, 500u, 1001u, 64u}) {
    ::seekdir(directory.get(), entries[i].first);
    EXPECT_EQ(::readdir(directory.get())->d_name, entries[i].second);
  }
}

TEST_F(MountTest, listing_a_directory_never_shows_a_file_shorter_than_it_was_written) {
  config_.attr_timeout = std::chrono::hours(1);
  start();
  for (int i = 0; i < 50; ++i) put("f" + std::to_string(i), "x");
  Directory directory(::opendir(point_.c_str()), &::closedir);
  ::readdir(directory.get());
  const int fd = ::open(in("f49").c_str(), O_WRONLY);
  EXPECT_EQ(::pwrite(fd, "longer now", 10, 0), 10);
  while (::readdir(directory.get()) != nullptr) {
  }
  EXPECT_EQ(look("f49").st_size, 10);
  ::close(fd);
}

TEST_F(MountTest, a_change_made_elsewhere_is_seen_by_the_next_open) {
  config_.attr_timeout = std::chrono::hours(1);
  start();
  put("a", std::string(100'000, 'a'));
  EXPECT_EQ(get("a"), std::string(100'000, 'a'));
  EXPECT_EQ(get("a"), std::string(100'000, 'a'));
  client_.write_elsewhere("a", std::string(100'000, 'b'));
  EXPECT_EQ(get("a"), std::string(100'000, 'b'));
}

TEST_F(MountTest, a_file_replaced_elsewhere_is_opened_although_its_old_name_is_cached) {
  config_.attr_timeout = config_.entry_timeout = std::chrono::hours(1);
  start();
  put("a", "old");
  put("b", "new");
  EXPECT_EQ(get("a"), "old");
  v1::RenameRequest change;
  change.set_parent(kRootInode.value);
  change.set_name("b");
  change.set_new_parent(kRootInode.value);
  change.set_new_name("a");
  ASSERT_TRUE(async::block_on(loop_.executor(), client_.rename({}, change)).has_value());
  EXPECT_EQ(get("a"), "new");
}

TEST_F(MountTest, a_name_that_is_replaced_again_and_again_can_be_opened) {
  config_.attr_timeout = config_.entry_timeout = std::chrono::hours(1);
  start();
  put("a", "text");
  for (const int flags : {O_RDONLY, O_RDWR}) {
    client_.replace_before_opens("a", 4);
    const int fd = ::open(in("a").c_str(), flags);
    ASSERT_GE(fd, 0) << std::strerror(errno);
    char text[5] = {};
    EXPECT_EQ(::pread(fd, text, 4, 0), 4);
    EXPECT_STREQ(text, "text");
    ::close(fd);
  }
  EXPECT_GT(client_.open_files(), 0u) << "what was looked up is held";
  for (int i = 0; i < 500 && client_.open_files() != 0; ++i) ::usleep(10'000);
  EXPECT_EQ(client_.open_files(), 0u) << "but not for long";
}

TEST_F(MountTest, nothing_is_held_when_the_mount_has_ended) {
  start();
  put("a", "text");
  client_.replace_before_opens("a", 4);
  EXPECT_EQ(get("a"), "text");
  mount_->stop();
  mount_.reset();
  EXPECT_EQ(client_.open_files(), 0u);
}

TEST_F(MountTest, the_alias_of_the_cache_directory_leads_there_unless_an_entry_has_that_name) {
  start();
  ASSERT_EQ(::mkdir(in("cache-only").c_str(), 0755), 0);
  put("cache-only/a", "text");
  EXPECT_EQ(get("cache_only/a"), "text");
  put("cache_only/b", "more");
  EXPECT_EQ(get("cache-only/b"), "more");
  EXPECT_EQ(look("cache_only").st_ino, look("cache-only").st_ino);
  auto real = async::block_on(loop_.executor(), client_.make_dir({}, kRootInode, "cache_only", 0755));
  ASSERT_TRUE(real.has_value());
  mount_->stop();
  start();
  EXPECT_EQ(look("cache_only").st_ino, real->inode());
}

TEST_F(MountTest, the_callers_umask_is_applied) {
  start();
  const mode_t before = ::umask(027);
  put("a", "x");
  EXPECT_EQ(::mkdir(in("d").c_str(), 0777), 0);
  ::umask(before);
  EXPECT_EQ(look("a").st_mode & 07777, 0640u);
  EXPECT_EQ(look("d").st_mode & 07777, 0750u);
}

TEST_F(MountTest, special_files_links_and_space_are_shown) {
  start();
  EXPECT_EQ(::mkfifo(in("p").c_str(), 0600), 0);
  EXPECT_EQ(::mknod(in("c").c_str(), S_IFCHR | 0600, makedev(1, 300)), 0);
  EXPECT_EQ(::symlink("some/where", in("s").c_str()), 0);
  put("a", "x");
  EXPECT_EQ(::link(in("a").c_str(), in("l").c_str()), 0);
  EXPECT_TRUE(S_ISFIFO(look("p").st_mode));
  EXPECT_EQ(look("c").st_rdev, makedev(1, 300));
  EXPECT_EQ(look("l").st_nlink, 2u);
  char target[64];
  EXPECT_EQ(std::string(target, ::readlink(in("s").c_str(), target, sizeof target)), "some/where");
  struct statvfs space{};
  EXPECT_EQ(::statvfs(point_.c_str(), &space), 0);
  EXPECT_EQ(space.f_blocks * space.f_frsize, 64 * kGiB);
}

TEST_F(MountTest, a_direct_write_is_seen_through_the_cache_of_another_descriptor) {
  start();
  put("a", std::string(64 * kKiB, 'a'));
  const int cached = ::open(in("a").c_str(), O_RDONLY);
  char text[4096];
  ASSERT_EQ(::pread(cached, text, sizeof text, 8192), 4096);
  const int direct = ::open(in("a").c_str(), O_WRONLY | O_DIRECT);
  void* aligned = std::aligned_alloc(4096, 4096);
  std::memset(aligned, 'b', 4096);
  EXPECT_EQ(::pwrite(direct, aligned, 4096, 8192), 4096);
  ASSERT_EQ(::pread(cached, text, sizeof text, 8192), 4096);
  EXPECT_EQ(std::string_view(text, 4096), std::string(4096, 'b'));
  std::free(aligned);
  ::close(direct);
  ::close(cached);
}

TEST_F(MountTest, many_threads_work_at_once) {
  config_.max_in_flight = 2;  // fewer than there are threads: they wait, and all get through
  start();
  std::vector<std::thread> threads;
  for (int t = 0; t < 8; ++t)
    threads.emplace_back([this, t] {
      for (int i = 0; i < 50; ++i) {
        const std::string name = "f" + std::to_string(t);
        put(name, pattern(10'000 + static_cast<size_t>(i)));
        EXPECT_EQ(get(name), pattern(10'000 + static_cast<size_t>(i)));
      }
    });
  for (std::thread& thread : threads) thread.join();
}

TEST_F(MountTest, stopping_a_mount_in_use_detaches_it_and_closes_its_files) {
  start();
  const int fd = ::open(in("a").c_str(), O_CREAT | O_WRONLY, 0644);
  ASSERT_EQ(::write(fd, "kept", 4), 4);
  EXPECT_EQ(client_.open_files(), 1u);
  mount_->stop();
  EXPECT_EQ(client_.open_files(), 0u);
  EXPECT_EQ(*client_.content("a"), "kept");
  EXPECT_EQ(errno_of(::write(fd, "x", 1)), ENOTCONN);
  ::close(fd);
  EXPECT_EQ(*mounted_type(point_), "");
  start();
  EXPECT_EQ(get("a"), "kept");
}

TEST_F(MountTest, an_unmount_by_somebody_else_is_reported_once) {
  std::promise<void> ended;
  config_.when_unmounted = [&ended] { ended.set_value(); };
  start();
  ASSERT_EQ(::umount2(point_.c_str(), 0), 0);
  ended.get_future().wait();
  mount_->stop();
}

TEST_F(MountTest, settings_out_of_range_are_refused) {
  config_.max_in_flight = 0;
  auto mount = FuseMount::start(client_, log_, config_, {loop_.executor()});
  ASSERT_FALSE(mount.has_value());
  EXPECT_TRUE(mount.error().is(Code::kInvalid));
}

}  // namespace
}  // namespace forebay::fuse
