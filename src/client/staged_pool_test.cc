// Staged objects that are ready before their files are created.
#include "client/write_path/staged_pool.h"
#include "client/testing/client_fixture.h"

namespace forebay::client {
namespace {

constexpr OpenFlags kStage{.read = true, .write = true, .stage = true};

class StagedPoolTest : public ClientTest {
 protected:
  StagedPoolTest() {
    add_worker(3, "c");  // on the client's own host
    master().workers.front().set_live(false);
    master().full = {1, 2};
    config.staged_ready = 4;
  }

  // Written by the kernel, closed.
  InodeId make(const std::string& name, std::string_view text) {
    auto file = create(name, kStage);
    const InodeId inode = file->inode();
    std::optional<Backing> backing = run(file->backing());
    EXPECT_TRUE(backing && backing->writable) << name << " is not staged";
    if (backing) {
      auto kernel = *client_process->env().files.open(worker(3).path_of(backing->object.value), os::OpenMode::kReadWrite);
      EXPECT_OK(kernel->write_at(as_bytes(text), 0));
    }
    EXPECT_OK(run(file->close()));
    return inode;
  }
  void wait(Duration time) {
    struct Wait {
      static Task<bool> pause(os::Clock* clock, Duration time) {
        co_await clock->sleep(time, {});
        co_return true;
      }
    };
    run(Wait::pause(&client_process->env().clock, time));
  }
  // Files enough for the pool to be filled.
  void begin_a_row() {
    for (int i = 0; i < StagedPool::kRow; ++i) make("row" + std::to_string(made_++), "x");
    wait(std::chrono::milliseconds(100));
  }
  int opened_at_worker() { return worker(3).calls("open_object"); }

 private:
  int made_ = 0;
};

TEST_F(StagedPoolTest, in_a_row_of_files_each_finds_its_object_ready) {
  start();
  begin_a_row();
  const int before = opened_at_worker();
  EXPECT_EQ(before, StagedPool::kRow + 4);
  const InodeId inode = make("a", "some bytes");
  EXPECT_EQ(opened_at_worker(), before) << "no call for this one";
  EXPECT_EQ(committed(inode), "some bytes");
  for (int i = 0; i < 20; ++i) {
    const std::string name = "b" + std::to_string(i);
    EXPECT_EQ(committed(make(name, name)), name);
    wait(std::chrono::milliseconds(10));
  }
  EXPECT_EQ(master().executed("create_unnamed"), 1);
}

TEST_F(StagedPoolTest, a_file_now_and_then_gets_nothing_ready) {
  start();
  for (int i = 0; i < 10; ++i) {
    make("f" + std::to_string(i), "x");
    wait(std::chrono::seconds(2));
  }
  EXPECT_EQ(master().executed("create_unnamed"), 0);
  EXPECT_EQ(opened_at_worker(), 10);
}

TEST_F(StagedPoolTest, what_nobody_takes_is_given_back) {
  start();
  begin_a_row();
  EXPECT_EQ(master().handles.size(), 1u);
  EXPECT_EQ(master().objects.size(), StagedPool::kRow + 4u);
  wait(std::chrono::seconds(5));
  EXPECT_TRUE(master().handles.empty());
  EXPECT_EQ(master().objects.size(), static_cast<size_t>(StagedPool::kRow));
  begin_a_row();
  EXPECT_EQ(master().executed("create_unnamed"), 2) << "the next row begins anew";
}

TEST_F(StagedPoolTest, a_file_whose_object_is_not_handed_over_is_staged_all_the_same) {
  start();
  begin_a_row();
  master().hands_over = false;
  EXPECT_EQ(committed(make("a", "other object")), "other object");
}

TEST_F(StagedPoolTest, a_name_that_is_taken_costs_no_object) {
  start();
  begin_a_row();
  const int before = opened_at_worker();
  for (int i = 0; i < 100; ++i) EXPECT_FALSE(run(client->create({}, kRootInode, "row0", 0644, kStage, true)));
  EXPECT_EQ(opened_at_worker(), before);
  EXPECT_EQ(master().objects.size(), StagedPool::kRow + 4u);
  EXPECT_EQ(committed(make("a", "still ready")), "still ready");
  EXPECT_EQ(opened_at_worker(), before);
}

TEST_F(StagedPoolTest, it_begins_again_with_the_next_session) {
  start();
  begin_a_row();
  master().expire_sessions();
  EXPECT_EQ(committed(make("a", "of the next session")), "of the next session");
  begin_a_row();
  EXPECT_EQ(master().executed("create_unnamed"), 2);
  EXPECT_EQ(committed(make("b", "and ready")), "and ready");
}

TEST_F(StagedPoolTest, a_worker_that_has_none_is_not_asked_again_at_once) {
  start();
  worker(3).stages = false;
  for (int i = 0; i < 30; ++i) {
    auto file = create("f" + std::to_string(i), kStage);
    EXPECT_OK(write(*file, 0, "by other ways"));
    EXPECT_OK(run(file->close()));
  }
  EXPECT_EQ(master().executed("create_unnamed"), 1);
  EXPECT_LE(opened_at_worker(), 30 + 4);
  wait(std::chrono::seconds(5));
  EXPECT_TRUE(master().handles.empty());
}

TEST_F(StagedPoolTest, where_there_was_no_room_for_one_the_next_files_do_without_for_a_second) {
  start();
  worker(3).refuse("open_object", elsewhere("little room", ENOSPC).error());
  const int before = opened_at_worker();
  for (int i = 0; i < 2; ++i) {
    auto file = create("f" + std::to_string(i), kStage);
    EXPECT_FALSE(run(file->backing()));
    EXPECT_OK(write(*file, 0, "by other ways"));
    EXPECT_OK(run(file->close()));
  }
  EXPECT_EQ(opened_at_worker(), before + 1);
  wait(StagedPool::kIdle);
  make("g", "staged again");
}

TEST_F(StagedPoolTest, none_are_kept_where_the_configuration_says_so) {
  config.staged_ready = 0;
  start();
  begin_a_row();
  begin_a_row();
  EXPECT_EQ(master().executed("create_unnamed"), 0);
}

}  // namespace
}  // namespace forebay::client
