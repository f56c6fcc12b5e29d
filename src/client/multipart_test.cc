// Writing through buffers of the client, uploaded in the background.
#include <algorithm>

#include "client/testing/client_fixture.h"

namespace forebay::client {
namespace {

using std::chrono::seconds;

class MultipartTest : public ClientTest {
 protected:
  void start(MultipartUpload upload) {
    config.multipart_upload = upload;
    ClientTest::start();
  }
  // Beside the caller, who runs the world.
  struct Writing {
    std::string text;
    std::optional<Result<void>> done;
  };
  std::shared_ptr<Writing> begin_write(File& file, std::string text) {
    auto writing = std::make_shared<Writing>(std::move(text));
    async::spawn_detached(world.executor(), write_all(&file, writing));
    return writing;
  }
  static Task<void> write_all(File* file, std::shared_ptr<Writing> writing) {
    Result<void> done = co_await file->pwrite(as_bytes(writing->text), 0);
    writing->done = std::move(done);
  }
  void stall_workers(bool stall) {
    for (auto& worker : workers) {
      worker->always("write_object",
                     stall ? [] { return std::optional(busy("stalled").error()); } : std::function<std::optional<Status>()>());
    }
  }
  // Nothing is taken any more, by whomever.
  void expect_nothing_buffered() {
    EXPECT_EQ(client->write_memory().used, 0u);
    EXPECT_LE(client->write_memory().most_used, client->write_memory().limit);
  }
};

TEST_F(MultipartTest, memory_is_bounded_by_the_buffers_of_all_files_and_a_writer_waits_for_what_is_uploaded) {
  config.worker_stall = seconds(60);
  start({.threads = 4, .buffers = 2, .buffer_bytes = 4 * kMiB});
  EXPECT_EQ(client->write_memory().limit, 8 * kMiB);
  auto one = create("one"), two = create("two");
  ASSERT_OK(write(*one, 0, "created"));  // its object exists
  ASSERT_OK(write(*two, 0, "created"));
  world.run_for(seconds(1));
  stall_workers(true);
  auto first = begin_write(*one, pattern(20 * kMiB, 1)), second = begin_write(*two, pattern(20 * kMiB, 2));
  world.run_for(seconds(20));
  EXPECT_FALSE(first->done);
  EXPECT_FALSE(second->done);
  EXPECT_LE(client->write_memory().used, 8 * kMiB);
  EXPECT_GE(client->write_memory().used, 4 * kMiB);
  stall_workers(false);
  ASSERT_TRUE(world.run_until([&] { return first->done && second->done; }, seconds(60)));
  ASSERT_OK(*first->done);
  ASSERT_OK(*second->done);
  ASSERT_OK(run(one->close()));
  ASSERT_OK(run(two->close()));
  EXPECT_TRUE(committed(one->inode()) == first->text);
  EXPECT_TRUE(committed(two->inode()) == second->text);
  expect_nothing_buffered();
}

TEST_F(MultipartTest, more_files_than_buffers_are_written_at_a_time) {
  start({.threads = 2, .buffers = 1, .buffer_bytes = kMiB});
  std::vector<std::unique_ptr<File>> files;
  std::vector<std::string> texts;
  for (int i = 0; i < 20; ++i) {
    files.push_back(create("f" + std::to_string(i)));
    texts.push_back(pattern(300'000, i));
  }
  // Small and large ones in turn: some wait until they are flushed, some are sent at once.
  for (size_t at = 0; at < 300'000; at += 50'000) {
    for (size_t i = 0; i < files.size(); ++i) {
      if (i % 4 != 0 && at > 50'000) continue;
      ASSERT_OK(write(*files[i], at, std::string_view(texts[i]).substr(at, 50'000)));
    }
  }
  for (size_t i = 0; i < files.size(); ++i) {
    ASSERT_OK(run(files[i]->close()));
    EXPECT_TRUE(committed(files[i]->inode()) == texts[i].substr(0, i % 4 == 0 ? 300'000 : 100'000)) << i;
  }
  expect_nothing_buffered();
}

TEST_F(MultipartTest, no_more_frames_than_threads_are_on_their_way_for_all_files) {
  config.worker_stall = seconds(60);
  config.first_object_bytes = 16 * kMiB;
  start({.threads = 3, .buffers = 1, .buffer_bytes = 64 * kMiB});
  auto one = create("one"), two = create("two");
  ASSERT_OK(write(*one, 0, pattern(kMiB, 1)));
  ASSERT_OK(write(*two, 0, pattern(kMiB, 2)));
  world.run_for(seconds(1));
  const int before = worker(1).calls("write_object") + worker(2).calls("write_object");
  for (auto& worker : workers)
    for (int i = 0; i < 20; ++i) worker->delay("write_object", seconds(10));
  ASSERT_OK(write(*one, kMiB, pattern(7 * kMiB, 3)));
  ASSERT_OK(write(*two, kMiB, pattern(7 * kMiB, 4)));
  world.run_for(seconds(5));
  EXPECT_EQ(worker(1).calls("write_object") + worker(2).calls("write_object"), before + 3);
  ASSERT_OK(run(one->close()));
  ASSERT_OK(run(two->close()));
}

TEST_F(MultipartTest, a_worker_that_fails_in_mid_upload_costs_no_byte_and_no_memory) {
  start({.threads = 8, .buffers = 2, .buffer_bytes = 4 * kMiB});
  std::vector<std::unique_ptr<File>> files;
  std::vector<std::shared_ptr<Writing>> writing;
  for (int i = 0; i < 3; ++i) files.push_back(create("f" + std::to_string(i)));
  for (auto& worker : workers) worker->delay("write_object", seconds(2));
  for (size_t i = 0; i < files.size(); ++i) writing.push_back(begin_write(*files[i], pattern(30 * kMiB, i)));
  ASSERT_TRUE(world.run_until([&] { return worker(1).bytes_written > 3 * kMiB; }, seconds(60)));
  worker(1).always("write_object", [] { return std::optional(elsewhere("its disk fails", EIO).error()); });
  ASSERT_TRUE(world.run_until([&] { return std::ranges::all_of(writing, [](auto& each) { return each->done.has_value(); }); },
                              std::chrono::minutes(10)));
  for (size_t i = 0; i < files.size(); ++i) {
    ASSERT_OK(*writing[i]->done);
    ASSERT_OK(run(files[i]->close()));
    EXPECT_TRUE(committed(files[i]->inode()) == writing[i]->text) << i;
  }
  expect_nothing_buffered();
}

TEST_F(MultipartTest, what_could_not_be_uploaded_is_told_and_what_was_flushed_stays) {
  config.retry_for = seconds(20);
  start({.threads = 8, .buffers = 2, .buffer_bytes = 4 * kMiB});
  auto file = create("a");
  const std::string text = pattern(3 * kMiB, 1);
  ASSERT_OK(write(*file, 0, text));
  ASSERT_OK(run(file->flush()));
  worker(1).process().crash();
  worker(2).process().crash();
  ASSERT_OK(write(*file, text.size(), "in the background"));
  world.run_for(std::chrono::minutes(2));
  Result<void> written = write(*file, 0, "x");
  ASSERT_FALSE(written);
  EXPECT_EQ(to_errno(written.error()), EIO);
  EXPECT_FALSE(run(file->flush()));
  EXPECT_FALSE(run(file->fsync(v1::DURABILITY_FSYNC)));
  EXPECT_FALSE(run(file->close()));
  EXPECT_EQ(master().files[file->inode().value].size, text.size());
  expect_nothing_buffered();
}

TEST_F(MultipartTest, flush_and_close_wait_for_everything_that_was_handed_in) {
  start({.threads = 2, .buffers = 4, .buffer_bytes = 4 * kMiB});
  auto file = create("a");
  for (auto& worker : workers)
    for (int i = 0; i < 4; ++i) worker->delay("write_object", seconds(3));
  const std::string text = pattern(8 * kMiB, 1);
  ASSERT_OK(write(*file, 0, text));
  EXPECT_GT(client->write_memory().used, 0u);
  EXPECT_TRUE(must_read(*file, 0, text.size()) == text) << "its own writes are seen, wherever they are";
  ASSERT_OK(run(file->flush()));
  EXPECT_TRUE(committed(file->inode()) == text);
  ASSERT_OK(write(*file, 100, "over"));
  ASSERT_OK(run(file->close()));
  EXPECT_EQ(committed(file->inode()).substr(100, 4), "over");
  expect_nothing_buffered();
}

TEST_F(MultipartTest, a_worker_on_this_host_gets_the_bytes_through_its_socket_and_gives_them_by_descriptor) {
  for (auto& master : masters) master->workers.clear();
  add_worker(3, "c");
  start({});
  auto file = create("a", {.read = true, .write = true, .stage = true});
  const std::string text = pattern(4 * kMiB, 1);
  ASSERT_OK(write(*file, 0, text));
  ASSERT_OK(run(file->close()));
  EXPECT_EQ(worker(3).bytes_written, text.size());
  EXPECT_EQ(worker(3).calls("open_object"), 0);
  auto reader = open(file->inode());
  EXPECT_TRUE(must_read(*reader, 0, text.size()) == text);
  EXPECT_GE(worker(3).calls("open_object"), 1);
  EXPECT_EQ(worker(3).calls("read_object"), 0);
}

TEST_F(MultipartTest, limits_that_let_nothing_through_are_refused) {
  for (const MultipartUpload& upload :
       {MultipartUpload{.threads = 0}, MultipartUpload{.buffers = 0}, MultipartUpload{.buffer_bytes = 1}}) {
    config.multipart_upload = upload;
    auto process = world.start_process("c", "client");
    auto started = run(Client::start(process->env(), obs::null_log(), config, {world.executor()}));
    ASSERT_FALSE(started);
    EXPECT_EQ(to_errno(started.error()), EINVAL);
  }
}

}  // namespace
}  // namespace forebay::client
