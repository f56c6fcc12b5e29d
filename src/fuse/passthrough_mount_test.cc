// Files that the kernel reads and writes by itself, on a real mount over a client whose files are files of this host.
#include <sys/mman.h>
#include <sys/wait.h>

#include "fuse/mount_fixture.h"
#include "os/file.h"

namespace forebay::fuse {
namespace {

// The bytes of files that are staged are in a folder of this host, one file each; what the daemon is asked for is counted.
class StagingClient final : public FakeClient {
 public:
  std::string folder;
  std::atomic<int> writes = 0, reads = 0;
  std::atomic<bool> stages = true;  // set by the test, read by the thread that serves

  class StagedFile final : public client::File {
   public:
    StagedFile(StagingClient* client, std::unique_ptr<client::File> inner, std::shared_ptr<os::File> bytes)
        : client_(client), inner_(std::move(inner)), bytes_(std::move(bytes)) {}
    InodeId inode() const override { return inner_->inode(); }
    Task<Result<size_t>> pread(MutableBytes into, uint64_t offset) override {
      ++client_->reads;
      co_return bytes_->read_at(into, offset);
    }
    Task<Result<void>> pwrite(Bytes data, uint64_t offset) override {
      ++client_->writes;
      co_return bytes_->write_at(data, offset);
    }
    Task<Result<void>> append(Bytes data) override {
      ++client_->writes;
      co_return bytes_->write_at(data, *bytes_->size());
    }
    Task<Result<void>> truncate(uint64_t size) override { co_return bytes_->truncate(size); }
    Task<Result<void>> fsync(v1::Durability level) override { return inner_->fsync(level); }
    Task<Result<void>> flush() override { return inner_->flush(); }
    Task<Result<void>> fallocate(uint64_t, uint64_t, client::FallocateMode) override { co_return rejected(EOPNOTSUPP, "staged"); }
    Task<Result<void>> close() override { return inner_->close(); }
    Task<Result<void>> release() override { return inner_->release(); }
    v1::Attr opened_attr() const override { return client_->with_size(inner_->opened_attr()); }
    Task<Result<v1::Attr>> attr() override {
      CO_ASSIGN_OR_RETURN(v1::Attr attr, co_await inner_->attr());
      co_return client_->with_size(std::move(attr));
    }
    Task<std::optional<client::Backing>> backing() override {
      Result<std::shared_ptr<os::File>> reading = os::real_files().reopen(bytes_->descriptor());
      co_return client::Backing{.file = std::move(*reading), .object = ObjectId{inode().value}, .writable = true};
    }

   private:
    StagingClient* client_;
    std::unique_ptr<client::File> inner_;
    std::shared_ptr<os::File> bytes_;
  };

  Task<Result<client::Created>> create(client::Identity who, InodeId parent, std::string name, uint32_t mode,
                                       client::OpenFlags flags, bool exclusive) override {
    CO_ASSIGN_OR_RETURN(client::Created made, co_await FakeClient::create(who, parent, name, mode, flags, exclusive));
    if (made.created && flags.stage && stages) add(made.file->inode());
    made.file = wrap(std::move(made.file), flags.truncate);
    made.attr = with_size(std::move(made.attr));
    co_return made;
  }
  Task<Result<std::unique_ptr<client::File>>> open(client::Identity who, InodeId inode, client::OpenFlags flags) override {
    CO_ASSIGN_OR_RETURN(std::unique_ptr<client::File> file, co_await FakeClient::open(who, inode, flags));
    co_return wrap(std::move(file), flags.truncate);
  }
  Task<Result<v1::Attr>> lookup(client::Identity who, InodeId parent, std::string name) override {
    CO_ASSIGN_OR_RETURN(v1::Attr attr, co_await FakeClient::lookup(who, parent, name));
    co_return with_size(std::move(attr));
  }
  Task<Result<v1::Attr>> get_attr(client::Identity who, InodeId inode) override {
    CO_ASSIGN_OR_RETURN(v1::Attr attr, co_await FakeClient::get_attr(who, inode));
    co_return with_size(std::move(attr));
  }
  v1::Attr with_local_changes(v1::Attr attr) override { return with_size(FakeClient::with_local_changes(std::move(attr))); }
  Task<Result<v1::Attr>> set_attr(client::Identity who, v1::SetAttrRequest change, client::File* handle) override {
    CO_ASSIGN_OR_RETURN(v1::Attr attr, co_await FakeClient::set_attr(who, change, handle));
    if (change.has_size())
      if (auto bytes = find(InodeId{change.inode()})) CO_TRY(bytes->truncate(change.size()));
    co_return with_size(std::move(attr));
  }
  v1::Attr with_size(v1::Attr attr) {
    if (auto bytes = find(InodeId{attr.inode()})) attr.set_size(bytes->size().value_or(0));
    return attr;
  }
  void leave_privilege(std::function<bool(InodeId)> guarded) override { is_guarded = std::move(guarded); }
  std::function<bool(InodeId)> is_guarded;  // set by the volume
  std::string bytes_of(InodeId inode) {
    return *os::real_files().read_whole(folder + "/" + std::to_string(inode.value), kMaxFileBytes);
  }

 private:
  void add(InodeId inode) {
    auto file = os::real_files().open(folder + "/" + std::to_string(inode.value), os::OpenMode::kCreateNew);
    std::lock_guard lock(mutex_);
    staged_[inode] = std::move(*file);
  }
  std::shared_ptr<os::File> find(InodeId inode) {
    std::lock_guard lock(mutex_);
    auto found = staged_.find(inode);
    return found == staged_.end() ? nullptr : found->second;
  }
  std::unique_ptr<client::File> wrap(std::unique_ptr<client::File> file, bool truncate) {
    std::shared_ptr<os::File> bytes = find(file->inode());
    if (!bytes) return file;
    if (truncate) EXPECT_TRUE(bytes->truncate(0));
    return std::make_unique<StagedFile>(this, std::move(file), std::move(bytes));
  }

  std::mutex mutex_;
  std::map<InodeId, std::shared_ptr<os::File>> staged_;
};

// Needs Linux 6.9 and the superuser, and says so.
class PassthroughMountTest : public MountPointTest {
 protected:
  void SetUp() override {
    MountPointTest::SetUp();
    char name[] = "/dev/shm/forebay_fuse_XXXXXX";
    ASSERT_NE(::mkdtemp(name), nullptr);
    client_.folder = name;
    config_.mount_point = point_;
    config_.stage_from = 0;
    auto mount = FuseMount::start(client_, log_, config_, {loop_.executor()});
    ASSERT_TRUE(mount.has_value()) << mount.error().to_string();
    mount_ = std::move(*mount);
  }
  void TearDown() override {
    mount_.reset();
    std::error_code ignored;
    std::filesystem::remove_all(client_.folder, ignored);
    MountPointTest::TearDown();
  }
  std::string in(const std::string& name) const { return point_ + "/" + name; }
  int open(const std::string& name, int flags) {
    const int fd = ::open(in(name).c_str(), flags, 0644);
    EXPECT_GE(fd, 0) << name << " with " << flags << ": " << std::strerror(errno);
    return fd;
  }
  static void write(int fd, std::string_view text, off_t at) {
    EXPECT_EQ(::pwrite(fd, text.data(), text.size(), at), std::ssize(text)) << std::strerror(errno);
  }
  static std::string read(int fd, off_t at = 0, size_t length = 1 << 20) {
    std::string text(length, '\0');
    const ssize_t got = ::pread(fd, text.data(), length, at);
    EXPECT_GE(got, 0) << std::strerror(errno);
    text.resize(static_cast<size_t>(std::max<ssize_t>(got, 0)));
    return text;
  }
  template <class T>
  Result<T> run(Task<Result<T>> task) {
    return async::block_on(loop_.executor(), std::move(task));
  }
  static off_t size(int fd) {
    struct stat status{};
    EXPECT_EQ(::fstat(fd, &status), 0);
    return status.st_size;
  }

  async::Loop loop_{"serve", 2};
  StagingClient client_;
  MountConfig config_;
  std::unique_ptr<FuseMount> mount_;
};

TEST_F(PassthroughMountTest, the_daemon_sees_no_byte) {
  const int fd = open("f", O_RDWR | O_CREAT);
  write(fd, std::string(3 << 20, 'a'), 0);
  write(fd, "end", 5 << 20);
  EXPECT_EQ(size(fd), (5 << 20) + 3);
  EXPECT_EQ(read(fd, (5 << 20) - 2, 100), std::string("\0\0end", 5));
  const int reader = open("f", O_RDONLY);
  EXPECT_EQ(read(reader, 0, 3), "aaa");
  EXPECT_EQ(::close(reader), 0);
  EXPECT_EQ(::close(fd), 0);
  EXPECT_EQ(client_.writes, 0);
  EXPECT_EQ(client_.reads, 0);
  EXPECT_GT(client_.calls("flush"), 0u);
}

TEST_F(PassthroughMountTest, all_opens_of_a_file_are_one_file) {
  const int first = open("f", O_RDWR | O_CREAT), second = open("f", O_RDWR), append = open("f", O_WRONLY | O_APPEND);
  write(first, "one", 0);
  EXPECT_EQ(::write(append, "two", 3), 3);
  EXPECT_EQ(read(second), "onetwo");
  EXPECT_EQ(::ftruncate(second, 4), 0);
  EXPECT_EQ(read(first), "onet");
  EXPECT_EQ(::truncate(in("f").c_str(), 6), 0);
  EXPECT_EQ(read(first), std::string("onet\0\0", 6));
  EXPECT_EQ(::write(append, "!", 1), 1);
  EXPECT_EQ(read(second), std::string("onet\0\0!", 7));
  const int emptied = open("f", O_RDWR | O_TRUNC);
  EXPECT_EQ(size(first), 0);
  write(emptied, "new", 0);
  EXPECT_EQ(read(second), "new");
  const int direct = open("f", O_RDONLY | O_DIRECT);
  void* page = nullptr;
  ASSERT_EQ(::posix_memalign(&page, 4096, 4096), 0);
  EXPECT_EQ(::pread(direct, page, 4096, 0), 3) << std::strerror(errno);
  std::free(page);
  for (int fd : {first, second, append, emptied, direct}) EXPECT_EQ(::close(fd), 0);
}

TEST_F(PassthroughMountTest, mappings_are_the_file) {
  const int fd = open("f", O_RDWR | O_CREAT);
  write(fd, std::string(10'000, '-'), 0);
  auto* map = static_cast<char*>(::mmap(nullptr, 10'000, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0));
  ASSERT_NE(map, MAP_FAILED);
  std::memcpy(map + 5000, "mapped", 6);
  EXPECT_EQ(read(fd, 4999, 8), "-mapped-");
  write(fd, "written", 100);
  EXPECT_EQ(std::string_view(map + 99, 9), "-written-");
  EXPECT_EQ(::close(fd), 0);
  std::memcpy(map, "late", 4);
  const int again = open("f", O_RDONLY);
  EXPECT_EQ(read(again, 0, 5), "late-");
  EXPECT_EQ(::close(again), 0);
  EXPECT_EQ(::munmap(map, 10'000), 0);
  EXPECT_EQ(client_.writes + client_.reads, 0);
}

TEST_F(PassthroughMountTest, a_removed_and_a_renamed_file_go_on) {
  const int fd = open("f", O_RDWR | O_CREAT);
  write(fd, "one", 0);
  EXPECT_EQ(::rename(in("f").c_str(), in("g").c_str()), 0);
  write(fd, "two", 3);
  EXPECT_EQ(::unlink(in("g").c_str()), 0);
  write(fd, "three", 6);
  EXPECT_EQ(read(fd), "onetwothree");
  EXPECT_EQ(::close(fd), 0);
}

TEST_F(PassthroughMountTest, what_is_not_staged_is_opened_as_ever_and_both_live_side_by_side) {
  client_.stages = false;
  const int plain = open("plain", O_RDWR | O_CREAT);
  client_.stages = true;
  const int staged = open("staged", O_RDWR | O_CREAT);
  write(plain, "through the daemon", 0);
  write(staged, "past it", 0);
  EXPECT_EQ(read(plain), "through the daemon");
  EXPECT_EQ(read(staged), "past it");
  EXPECT_EQ(::close(plain), 0);
  EXPECT_EQ(::close(staged), 0);
  EXPECT_EQ(client_.writes, 0) << "of staged files";
}

// A process of its own writes, since privilege is the process's.
void write_as(uid_t who, int fd) {
  const pid_t child = ::fork();
  if (child == 0) ::_exit(::setresuid(who, who, who) == 0 && ::pwrite(fd, "x", 1, 0) == 1 ? 0 : 1);
  int status = -1;
  EXPECT_EQ(::waitpid(child, &status, 0), child);
  EXPECT_EQ(status, 0);
}

TEST_F(PassthroughMountTest, the_kernel_takes_set_user_id_away_by_who_writes_and_the_client_knows_that_it_does) {
  const int fd = open("f", O_RDWR | O_CREAT);
  struct stat made{};
  ASSERT_EQ(::fstat(fd, &made), 0);
  const InodeId inode{made.st_ino};
  EXPECT_FALSE(client_.is_guarded(inode));
  ASSERT_EQ(::fchmod(fd, 06755), 0);
  EXPECT_TRUE(client_.is_guarded(inode));
  write_as(0, fd);
  EXPECT_EQ(run(client_.get_attr({}, inode))->mode(), 06755u);
  EXPECT_TRUE(client_.is_guarded(inode));
  write_as(65534, fd);
  EXPECT_EQ(run(client_.get_attr({}, inode))->mode(), 0755u);
  EXPECT_FALSE(client_.is_guarded(inode));
  EXPECT_EQ(client_.writes, 0) << "the daemon saw none of it";
  EXPECT_EQ(::close(fd), 0);
}

TEST_F(PassthroughMountTest, many_opens_and_closes_at_once_keep_the_kernels_rules) {
  const int fd = open("f", O_RDWR | O_CREAT);
  write(fd, "x", 0);
  EXPECT_EQ(::close(fd), 0);
  std::vector<std::thread> threads;
  std::atomic<int> failed = 0;
  for (int i = 0; i < 4; ++i)
    threads.emplace_back([this, i, &failed] {
      for (int round = 0; round < 300; ++round) {
        const int again = ::open(in("f").c_str(), round % 3 == 0 ? O_RDONLY : O_RDWR);
        char byte = 0;
        if (again < 0 || ::pread(again, &byte, 1, 0) != 1 || byte != 'x') ++failed;
        if (round % 3 != 0 && ::pwrite(again, "y", 1, 10 + i) != 1) ++failed;
        if (::close(again) != 0) ++failed;
      }
    });
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(failed, 0);
}

}  // namespace
}  // namespace forebay::fuse
