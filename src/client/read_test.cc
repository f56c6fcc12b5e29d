// Reads of damaged, missing and moved copies.
#include "client/testing/client_fixture.h"

namespace forebay::client {
namespace {

using std::chrono::seconds;

class ReadTest : public ClientTest {
 protected:
  // A closed file on worker 1 with a second copy on worker 2.
  InodeId two_copies(const std::string& text) {
    auto file = create("a");
    EXPECT_OK(write(*file, 0, text));
    EXPECT_OK(run(file->close()));
    for (auto& [id, object] : master().objects) {
      worker(2).copy_from(worker(1), id);
      object.workers = {1, 2};
    }
    master().change_layout(file->inode().value);
    return file->inode();
  }
  void damage(FakeWorker& worker) {
    for (auto& [id, object] : worker.objects) {
      EXPECT_OK(worker.process().host().disk().flip_bit(worker.path_of(id), FakeWorker::kDataOffset + 1, 3));
    }
  }
};

TEST_F(ReadTest, a_damaged_copy_is_passed_over) {
  start();
  const InodeId inode = two_copies("the right bytes");
  damage(worker(1));
  auto file = open(inode);
  EXPECT_EQ(must_read(*file, 0, 100), "the right bytes");
}

TEST_F(ReadTest, when_every_copy_is_damaged_the_read_fails_and_gives_nothing) {
  start();
  const InodeId inode = two_copies("the right bytes");
  damage(worker(1));
  damage(worker(2));
  auto file = open(inode);
  auto text = read(*file, 0, 100);
  ASSERT_FALSE(text);
  EXPECT_EQ(to_errno(text.error()), EIO);
}

TEST_F(ReadTest, a_short_answer_is_a_bad_copy) {
  start();
  const InodeId inode = two_copies("the right bytes");
  for (auto& [id, object] : worker(1).objects) {
    object.sealed = false;  // so that the fake does not notice
    ASSERT_OK(object.file->truncate(FakeWorker::kDataOffset + 4));
  }
  auto file = open(inode);
  EXPECT_EQ(must_read(*file, 0, 100), "the right bytes");
}

TEST_F(ReadTest, a_worker_that_is_gone_is_passed_over) {
  start();
  const InodeId inode = two_copies("the right bytes");
  worker(1).process().crash();
  auto file = open(inode);
  EXPECT_EQ(must_read(*file, 0, 100), "the right bytes");
}

TEST_F(ReadTest, a_worker_that_stalls_is_passed_over) {
  start();
  const InodeId inode = two_copies("the right bytes");
  worker(1).delay("read_object", std::chrono::hours(1));
  auto file = open(inode);
  EXPECT_EQ(must_read(*file, 0, 100), "the right bytes");
}

TEST_F(ReadTest, an_object_that_has_moved_is_found_by_its_new_layout) {
  start();
  const InodeId inode = two_copies("the right bytes");
  auto file = open(inode);
  EXPECT_EQ(must_read(*file, 0, 3), "the");
  worker(1).objects.clear();
  for (auto& [id, object] : master().objects) object.workers = {2};
  EXPECT_EQ(must_read(*file, 0, 100), "the right bytes");
}

TEST_F(ReadTest, content_that_others_replaced_is_found_when_the_old_objects_are_gone) {
  start();
  const InodeId inode = two_copies("old");
  auto reader = open(inode);
  auto writer = open(inode, {.read = false, .write = true, .truncate = true});
  // The other client's commit, as far as this reader can see it.
  ASSERT_OK(write(*writer, 0, "newer bytes"));
  ASSERT_OK(run(writer->close()));
  worker(1).objects.begin();
  EXPECT_EQ(must_read(*reader, 0, 100), "newer bytes");
}

TEST_F(ReadTest, a_lost_object_is_eio_at_once) {
  start();
  const InodeId inode = two_copies("the right bytes");
  for (auto& [id, object] : master().objects) object.workers.clear();
  auto file = open(inode);
  const os::Instant begun = client_process->env().clock.now();
  auto text = read(*file, 0, 100);
  ASSERT_FALSE(text);
  EXPECT_EQ(to_errno(text.error()), EIO);
  EXPECT_LT(client_process->env().clock.now() - begun, seconds(1));
}

TEST_F(ReadTest, the_only_worker_is_waited_for_while_it_restarts) {
  start();
  const InodeId inode = two_copies("the right bytes");
  for (auto& [id, object] : master().objects) object.workers = {1};
  int refused = 0;
  worker(1).always("read_object", [&]() -> std::optional<Status> {
    return ++refused <= 5 ? std::optional(unknown_outcome("restarting").error()) : std::nullopt;
  });
  auto file = open(inode);
  EXPECT_EQ(must_read(*file, 0, 100), "the right bytes");
}

TEST_F(ReadTest, workers_that_never_answer_are_eio_after_the_time_given) {
  config.retry_for = seconds(15);
  start();
  const InodeId inode = two_copies("the right bytes");
  worker(1).process().crash();
  worker(2).process().crash();
  auto file = open(inode);
  auto text = read(*file, 0, 100);
  ASSERT_FALSE(text);
  EXPECT_EQ(to_errno(text.error()), EIO);
}

TEST_F(ReadTest, a_layout_of_many_pages_is_fetched_as_far_as_it_is_needed) {
  master().extents_in_page = 4;
  start();
  auto file = create("a");
  std::string model(1000, '\0');
  for (size_t i = 0; i < 100; ++i) {
    model[i * 10] = static_cast<char>('a' + i % 26);
    ASSERT_OK(write(*file, i * 10, model.substr(i * 10, 1)));
  }
  model.resize(991);
  ASSERT_OK(run(file->close()));
  auto reader = open(file->inode());
  EXPECT_EQ(must_read(*reader, 0, 5), model.substr(0, 5));
  EXPECT_EQ(master().calls("get_layout"), 0);
  EXPECT_EQ(must_read(*reader, 500, 30), model.substr(500, 30));
  EXPECT_EQ(master().calls("get_layout"), 1);
  EXPECT_EQ(must_read(*reader, 0, 2000), model);
}

TEST_F(ReadTest, a_small_layout_cache_only_costs_round_trips) {
  master().extents_in_page = 4;
  config.max_layout_extents = 8;
  start();
  auto file = create("a");
  std::string model(991, '\0');
  for (size_t i = 0; i < 100; ++i) {
    model[i * 10] = static_cast<char>('a' + i % 26);
    ASSERT_OK(write(*file, i * 10, model.substr(i * 10, 1)));
  }
  ASSERT_OK(run(file->close()));
  auto reader = open(file->inode());
  for (size_t at = 0; at < 991; at += 30) EXPECT_EQ(must_read(*reader, at, 30), model.substr(at, 30));
}

TEST_F(ReadTest, reads_that_must_be_verified_do_not_use_descriptors) {
  config.verify_reads = true;
  master().workers.clear();
  add_worker(3, "c");
  start();
  auto file = create("a");
  ASSERT_OK(write(*file, 0, std::string(kMiB, 'a')));
  ASSERT_OK(run(file->close()));
  damage(worker(3));
  auto reader = open(file->inode());
  auto text = read(*reader, 0, kMiB);
  ASSERT_FALSE(text);
  EXPECT_EQ(to_errno(text.error()), EIO);
}

TEST_F(ReadTest, descriptors_are_kept_within_their_limit) {
  config.max_descriptors = 2;
  master().workers.clear();
  add_worker(3, "c");
  start();
  std::vector<std::unique_ptr<File>> files;
  for (int i = 0; i < 5; ++i) {
    auto file = create("f" + std::to_string(i));
    ASSERT_OK(write(*file, 0, std::string(300'000, static_cast<char>('a' + i))));
    ASSERT_OK(run(file->close()));
    files.push_back(open(file->inode()));
  }
  for (int round = 0; round < 3; ++round) {
    for (int i = 0; i < 5; ++i) {
      EXPECT_EQ(must_read(*files[static_cast<size_t>(i)], 0, 300'000), std::string(300'000, static_cast<char>('a' + i)));
    }
  }
}

}  // namespace
}  // namespace forebay::client
