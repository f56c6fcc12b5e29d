#include "cli/local/pid_file.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <fstream>

namespace forebay::cli {
namespace {

// A process that holds a pid file until it is told to go, or killed.
class Holder {
 public:
  explicit Holder(const std::string& path) {
    int ready[2];
    EXPECT_EQ(pipe(ready), 0);
    pid_ = fork();
    if (pid_ == 0) {
      Result<std::unique_ptr<PidFile>> file = PidFile::take(path);
      char result = file ? 'y' : 'n';
      (void)!write(ready[1], &result, 1);
      for (;;) pause();
    }
    char result = 0;
    EXPECT_EQ(read(ready[0], &result, 1), 1);
    EXPECT_EQ(result, 'y');
    close(ready[0]);
    close(ready[1]);
  }
  ~Holder() { end(); }
  void end() {
    if (pid_ <= 0) return;
    kill(pid_, SIGKILL);
    waitpid(pid_, nullptr, 0);
    pid_ = 0;
  }
  pid_t pid() const { return pid_; }

 private:
  pid_t pid_;
};

class PidFileTest : public testing::Test {
 protected:
  PidFileTest() {
    std::string name = testing::TempDir() + "forebay-pid-XXXXXX";
    directory_ = mkdtemp(name.data());
    path_ = directory_ + "/role.pid";
  }
  ~PidFileTest() override {
    unlink(path_.c_str());
    rmdir(directory_.c_str());
  }
  std::string directory_, path_;
};

TEST_F(PidFileTest, holds_the_pid_and_names_its_holder) {
  Holder holder(path_);
  std::ifstream file(path_);
  std::string text((std::istreambuf_iterator<char>(file)), {});
  EXPECT_EQ(text, std::to_string(holder.pid()) + "\n");
  EXPECT_EQ(pid_file_holder(path_), holder.pid());
}

TEST_F(PidFileTest, has_no_holder_once_the_process_was_killed_whatever_the_file_says) {
  Holder holder(path_);
  holder.end();
  EXPECT_EQ(access(path_.c_str(), F_OK), 0);
  EXPECT_EQ(pid_file_holder(path_), std::nullopt);
}

TEST_F(PidFileTest, never_names_a_process_that_only_got_the_same_number) {
  std::ofstream(path_) << getppid() << "\n";
  EXPECT_EQ(pid_file_holder(path_), std::nullopt);
  pid_t pid = 0;
  EXPECT_EQ(open_holder(path_, &pid), -1);
}

TEST_F(PidFileTest, is_refused_to_a_second_process_with_the_pid_of_the_first) {
  Holder holder(path_);
  Result<std::unique_ptr<PidFile>> second = PidFile::take(path_);
  ASSERT_FALSE(second);
  EXPECT_TRUE(second.error().is_errno(EEXIST));
  EXPECT_THAT(second.error().message(), testing::HasSubstr("pid " + std::to_string(holder.pid())));
}

TEST_F(PidFileTest, can_be_taken_after_a_crash_and_is_removed_at_an_orderly_end) {
  Holder(path_).end();
  {
    Result<std::unique_ptr<PidFile>> file = PidFile::take(path_);
    ASSERT_TRUE(file) << file.error().to_string();
  }
  EXPECT_EQ(access(path_.c_str(), F_OK), -1);
}

TEST_F(PidFileTest, gives_a_descriptor_that_tells_of_the_holders_end) {
  Holder holder(path_);
  pid_t pid = 0;
  int fd = open_holder(path_, &pid);
  ASSERT_GE(fd, 0);
  EXPECT_EQ(pid, holder.pid());
  pollfd item{fd, POLLIN, 0};
  EXPECT_EQ(poll(&item, 1, 0), 0);
  holder.end();
  EXPECT_EQ(poll(&item, 1, 10'000), 1);
  close(fd);
}

TEST_F(PidFileTest, waits_for_a_killed_process_until_it_is_gone) {
  Holder holder(path_);
  const int fd = open_process(holder.pid());
  ASSERT_GE(fd, 0);
  ASSERT_EQ(kill(holder.pid(), SIGKILL), 0);
  wait_while_dying(path_, std::chrono::seconds(20));
  pollfd gone{fd, POLLIN, 0};
  EXPECT_EQ(poll(&gone, 1, 0), 1) << "it has not ended yet";
  close(fd);
  EXPECT_EQ(pid_file_holder(path_), std::nullopt);
}

TEST_F(PidFileTest, waits_neither_for_the_living_nor_for_nobody) {
  const auto began = std::chrono::steady_clock::now();
  wait_while_dying(path_, std::chrono::minutes(5));
  Holder holder(path_);
  wait_while_dying(path_, std::chrono::minutes(5));
  EXPECT_LT(std::chrono::steady_clock::now() - began, std::chrono::minutes(4));
}

}  // namespace
}  // namespace forebay::cli
