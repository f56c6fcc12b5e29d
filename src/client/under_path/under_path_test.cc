// Reading below a mount point.
#include "client/under_path/importing.h"
#include "client/under_path/under_fixture.h"

namespace forebay::client {
namespace {

using std::chrono::seconds;

TEST_F(UnderPathTest, shows_objects_and_directories_as_the_mount_says) {
  store.put("a/b", "12345");
  start();
  const v1::Attr file = attr("/s3/a/b"), directory = attr("/s3/a");
  EXPECT_EQ(file.type(), v1::FILE_TYPE_REGULAR);
  EXPECT_EQ(file.size(), 5U);
  EXPECT_EQ(file.mode(), 0640U);
  EXPECT_EQ(file.uid(), 7U);
  EXPECT_TRUE(is_under(InodeId{file.inode()}));
  EXPECT_EQ(directory.type(), v1::FILE_TYPE_DIRECTORY);
  EXPECT_EQ(directory.mode(), 0750U);
  EXPECT_EQ(attr("/s3").inode(), kMountRoot.value);
  EXPECT_EQ(error_of("/s3/a/c"), ENOENT);
  EXPECT_EQ(error_of("/s3/x/y/z"), ENOENT);
  EXPECT_EQ(error_of("/s3/a/b/c"), ENOTDIR);
  EXPECT_EQ(attr("/s3/a/../a/./b").inode(), file.inode());
  EXPECT_EQ(attr("/s3/a/..").inode(), kMountRoot.value);
  EXPECT_EQ(attr("/s3/..").inode(), kRootInode.value);
}

TEST_F(UnderPathTest, a_number_is_the_same_for_every_client_and_another_one_for_another_content) {
  store.put("a", "one");
  start();
  const uint64_t first = attr("/s3/a").inode();
  stop();
  start();
  EXPECT_EQ(attr("/s3/a").inode(), first);
  store.put("a", "two");
  world.run_for(seconds(2));
  EXPECT_NE(attr("/s3/a").inode(), first);
  auto gone = run(client->get_attr({}, InodeId{first}));
  ASSERT_FALSE(gone);
  EXPECT_TRUE(gone.error().is_errno(ESTALE));
}

TEST_F(UnderPathTest, lists_pages_of_which_each_goes_on_where_the_one_before_ended) {
  for (const char* key : {"d/a", "d/a-b", "d/b/x", "d/b-c", "d/b.d", "d/c", "d/e/y/z"}) store.put(key, "x");
  start();
  const InodeId directory{attr("/s3/d").inode()};
  const std::vector<std::string> expected{"a", "a-b", "b-c", "b.d", "b", "c", "e"};
  for (const uint32_t page : {1U, 2U, 3U, 100U}) EXPECT_EQ(names(directory, page), expected) << page;
  auto listed = run(client->read_dir({}, directory, "", 100, true));
  ASSERT_TRUE(listed);
  EXPECT_EQ(listed->parent, kMountRoot);
  EXPECT_EQ(listed->entries[0].inode(), attr("/s3/d/a").inode());
}

TEST_F(UnderPathTest, what_was_listed_is_not_asked_for_again_within_a_second) {
  store.put("d/a", "x");
  start();
  const InodeId directory{attr("/s3/d").inode()};
  names(directory);
  const int before = stats();
  EXPECT_TRUE(run(client->lookup({}, directory, "a")));
  EXPECT_EQ(stats(), before);
  world.run_for(seconds(2));
  EXPECT_TRUE(run(client->lookup({}, directory, "a")));
  EXPECT_EQ(stats(), before + 1);
}

TEST_F(UnderPathTest, says_how_many_keys_are_hidden) {
  store.put("a", "x");
  store.hidden = 3;
  start();
  auto listed = run(client->read_dir({}, kMountRoot, "", 100, true));
  ASSERT_TRUE(listed);
  EXPECT_EQ(hidden_keys(*client), 3U);
}

TEST_F(UnderPathTest, reads_any_range_from_several_workers) {
  const std::string content = pattern(33 * kMiB + 77, 1);
  store.put("big", content);
  start();
  const auto file = open_path("/s3/big");
  EXPECT_EQ(must_read(*file, 0, content.size() + 10), content);
  EXPECT_EQ(must_read(*file, kMiB - 3, 7), content.substr(kMiB - 3, 7));
  EXPECT_EQ(must_read(*file, content.size() - 1, 100), content.substr(content.size() - 1));
  EXPECT_EQ(must_read(*file, content.size(), 100), "");
  EXPECT_GT(worker(1).calls("read_under"), 0);
  EXPECT_GT(worker(2).calls("read_under"), 0);
}

TEST_F(UnderPathTest, another_worker_serves_when_one_does_not_answer) {
  const std::string content = pattern(9 * kMiB, 1);
  store.put("big", content);
  start();
  const auto file = open_path("/s3/big");
  workers[0]->process().crash();
  EXPECT_EQ(must_read(*file, 0, content.size()), content);
}

TEST_F(UnderPathTest, a_reader_gets_the_content_it_began_with_or_estale_and_a_new_open_the_new_one) {
  store.put("a", "old content");
  start();
  const auto old = open_path("/s3/a");
  store.put("a", "new content");
  auto read_old = read(*old, 0, 100);
  ASSERT_FALSE(read_old);
  EXPECT_EQ(to_errno(read_old.error()), ESTALE);
  // fstat still says what it was, without a name.
  world.run_for(seconds(2));
  auto attr_of_old = run(client->get_attr({}, old->inode()));
  ASSERT_TRUE(attr_of_old) << attr_of_old.error().to_string();
  EXPECT_EQ(attr_of_old->nlink(), 0U);
  EXPECT_EQ(must_read(*open_path("/s3/a"), 0, 100), "new content");
}

TEST_F(UnderPathTest, an_open_by_a_number_that_is_out_of_date_is_stale) {
  store.put("a", "old");
  start();
  const InodeId inode{attr("/s3/a").inode()};
  store.put("a", "new");
  auto opened = run(client->open({}, inode, {}));
  ASSERT_FALSE(opened);
  EXPECT_EQ(to_errno(opened.error()), ESTALE);
}

TEST_F(UnderPathTest, what_the_store_refuses_comes_back_at_once_and_what_it_cannot_now_after_a_while) {
  store.put("a", "x");
  start();
  const auto file = open_path("/s3/a");
  for (auto& fake : workers) fake->always("read_under", [] { return std::optional(rejected(EACCES, "AccessDenied").error()); });
  const os::Instant began = client_process->env().clock.now();
  auto refused = read(*file, 0, 1);
  ASSERT_FALSE(refused);
  EXPECT_EQ(to_errno(refused.error()), EACCES);
  EXPECT_LT(client_process->env().clock.now() - began, seconds(1));
  for (auto& fake : workers) fake->always("read_under", [] { return std::optional(busy("SlowDown").error()); });
  auto late = read(*file, 0, 1);
  ASSERT_FALSE(late);
  EXPECT_EQ(to_errno(late.error()), EIO);
  EXPECT_NE(late.error().message().find("SlowDown"), std::string::npos);
  EXPECT_LT(client_process->env().clock.now() - began, seconds(20));
  for (auto& fake : workers) fake->always("read_under", nullptr);
  EXPECT_EQ(must_read(*file, 0, 1), "x");
}

TEST_F(UnderPathTest, a_persisted_file_is_read_from_its_extents) {
  start();
  const auto written = create("f");
  ASSERT_OK(write(*written, 0, "persisted"));
  ASSERT_OK(run(written->close()));
  store.put("k/f", "persisted");
  master().stored["k/f"] = master().names["f"];
  master().stored_identity["k/f"] = store.identity("k/f");
  const auto file = open_path("/s3/k/f");
  EXPECT_EQ(must_read(*file, 0, 100), "persisted");
  EXPECT_EQ(must_read(*file, 3, 3), "sis");
  EXPECT_EQ(store.reads, 0);
  // The file goes on to another content: this reader stays with the object's.
  const auto again = open(InodeId{master().names["f"]}, {.read = true, .write = true});
  ASSERT_OK(write(*again, 0, "CHANGED"));
  EXPECT_EQ(must_read(*file, 0, 100), "persisted");
  EXPECT_EQ(store.reads, 1);
  ASSERT_OK(run(again->close()));
  ASSERT_OK(run(file->close()));
}

TEST_F(UnderPathTest, an_object_of_somebody_else_is_not_taken_for_the_persisted_file) {
  start();
  const auto written = create("f");
  ASSERT_OK(write(*written, 0, "persisted"));
  ASSERT_OK(run(written->close()));
  store.put("k/f", "persisted");
  master().stored["k/f"] = master().names["f"];
  master().stored_identity["k/f"] = store.identity("k/f");
  store.put("k/f", "theirs...");
  EXPECT_EQ(must_read(*open_path("/s3/k/f"), 0, 100), "theirs...");
}

TEST_F(UnderPathTest, permissions_are_those_that_are_shown) {
  store.put("d/a", "x");
  start();
  const Identity other{.uid = 1000, .gid = 1000, .groups = {}, .trace = {}};
  const Identity group{.uid = 1001, .gid = 1001, .groups = {8}, .trace = {}};
  EXPECT_EQ(run(client->resolve(other, "/s3/d/a", true)).error().error(), EACCES);
  auto found = run(client->resolve(group, "/s3/d/a", true));
  ASSERT_TRUE(found) << found.error().to_string();
  EXPECT_TRUE(run(client->open(group, InodeId{found->attr().inode()}, {})));
  EXPECT_EQ(run(client->open(other, InodeId{found->attr().inode()}, {})).error().error(), EACCES);
}

TEST_F(UnderPathTest, a_mount_that_is_gone_is_stale_and_one_that_is_added_is_found) {
  store.put("a", "x");
  const v1::MountPoint point = master().mount_points.front();
  master().mount_points.clear();
  start();
  EXPECT_TRUE(run(client->get_attr({}, kMountRoot)));
  master().mount_points.push_back(point);
  world.run_for(seconds(3));
  (void)run(client->lookup({}, kMountRoot, "a"));  // has the table asked for again
  world.run_for(seconds(1));
  auto found = run(client->lookup({}, kMountRoot, "a"));
  ASSERT_TRUE(found) << found.error().to_string();
  master().mount_points.clear();
  world.run_for(seconds(3));
  (void)run(client->lookup({}, kRootInode, "s3"));
  world.run_for(seconds(1));
  auto gone = run(client->get_attr({}, InodeId{found->inode()}));
  ASSERT_FALSE(gone);
  EXPECT_TRUE(gone.error().is_errno(ESTALE)) << gone.error().to_string();
}

}  // namespace
}  // namespace forebay::client
