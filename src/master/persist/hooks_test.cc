#include "master/persist/check.h"
#include "master/persist/persist_world.h"

namespace forebay::master {
namespace {

class HooksTest : public PersistWorld {};

TEST_F(HooksTest, without_a_mapping_nothing_is_recorded) {
  mkdir("/c");
  write_file("/c/a", 10);
  ASSERT_TRUE(rename("/c/a", "/c/b"));
  ASSERT_TRUE(link("/c/b", "/c/d"));
  ASSERT_TRUE(chmod("/c/b", 0600));
  ASSERT_TRUE(unlink("/c/b"));
  for (const char tag : kPersistTags) EXPECT_EQ(count(std::string(1, tag)), 0u) << tag;
}

// Reads of the store while an operation runs.
class CountingReader : public kv::Reader {
 public:
  explicit CountingReader(const kv::Reader& base) : base_(base) {}
  Result<std::optional<std::string>> get(std::string_view key) const override {
    ++reads;
    return base_.get(key);
  }
  Result<void> scan(std::string_view begin, std::string_view end,
                    const std::function<bool(std::string_view, std::string_view)>& each) const override {
    ++reads;
    return base_.scan(begin, end, each);
  }
  mutable size_t reads = 0;

 private:
  const kv::Reader& base_;
};

TEST_F(HooksTest, without_a_mapping_an_operation_reads_nothing_more) {
  mkdir("/c");
  write_file("/c/warm", 10);  // the absence of a mapping is known from here on
  CountingReader counting(*store_);
  kv::Txn txn(counting);
  MutationContext context{txn, as, now, placer, reads, persistence, &names_};
  v1::CreateRequest request;
  request.set_parent(inode_of("/c").value);
  request.set_name("a");
  request.set_access(v1::ACCESS_WRITE);
  request.set_mode(0644);
  ASSERT_TRUE(ops::create(context, request));
  // The directory, its entry, the number of inodes, and the counters of inodes and handles.
  EXPECT_EQ(counting.reads, 5u);
}

TEST_F(HooksTest, a_sealed_version_is_to_be_persisted_once_however_often_it_is_written) {
  start_mapped();
  write_file("/c/a", 10);
  EXPECT_EQ(intents(), Texts{"persist a"});
  rewrite("/c/a", 20);
  ASSERT_TRUE(truncate("/c/a", 5));
  EXPECT_EQ(intents(), Texts{"persist a"});
  EXPECT_EQ(run_all(), Texts{"upload k/a"});
  EXPECT_TRUE(is_clean("/c/a"));
  EXPECT_EQ(intents(), Texts{});
}

TEST_F(HooksTest, a_file_that_is_being_written_is_not_persisted_before_it_is_closed) {
  start_mapped();
  Writing writing = start("/c/a");
  EXPECT_EQ(intents(), Texts{});
  ASSERT_TRUE(close(writing.handle));
  EXPECT_EQ(intents(), Texts{"persist a"});
}

TEST_F(HooksTest, written_and_renamed_is_one_upload_under_the_final_name) {
  start_mapped();
  write_file("/c/x.tmp", 10);
  ASSERT_TRUE(rename("/c/x.tmp", "/c/x"));
  EXPECT_EQ(run_all(), Texts{"upload k/x"});
}

TEST_F(HooksTest, written_and_removed_is_no_upload) {
  start_mapped();
  write_file("/c/a", 10);
  ASSERT_TRUE(unlink("/c/a"));
  EXPECT_EQ(intents(), Texts{});
  EXPECT_EQ(count("B") + count("b"), 0u);
}

TEST_F(HooksTest, a_removed_file_leaves_a_duty_to_clear_its_key_or_its_object) {
  start_mapped();
  write_file("/c/a", 10);
  run_all();
  ASSERT_TRUE(unlink("/c/a"));
  EXPECT_EQ(run_all(), Texts{"delete k/a"});
  EXPECT_EQ(count("K"), 0u);
  ASSERT_TRUE(map(R"("onDelete": "keep")"));
  run_all();
  write_file("/c/b", 10);
  run_all();
  ASSERT_TRUE(unlink("/c/b"));
  EXPECT_EQ(run_all(), Texts{});
  EXPECT_EQ(count("K"), 1u);  // ours, and replaceable
}

TEST_F(HooksTest, a_renamed_file_moves_its_object) {
  start_mapped("");
  write_file("/c/a", 10);
  run_all();
  ASSERT_TRUE(rename("/c/a", "/c/b"));
  EXPECT_EQ(run_all(), (Texts{"move k/a k/b", "delete k/a"}));
  EXPECT_EQ(bound_key("/c/b"), "k/b");
}

TEST_F(HooksTest, a_replaced_file_is_overwritten_in_place) {
  start_mapped();
  write_file("/c/a", 10);
  write_file("/c/b", 10);
  run_all();
  ASSERT_TRUE(rename("/c/a", "/c/b"));
  EXPECT_EQ(run_all(), (Texts{"move k/a k/b", "delete k/a"}));
}

TEST_F(HooksTest, two_files_that_swap_names_swap_their_objects) {
  start_mapped();
  write_file("/c/a", 10);
  write_file("/c/b", 10);
  run_all();
  ASSERT_TRUE(exchange("/c/a", "/c/b"));
  run_all();
  EXPECT_EQ(bound_key("/c/a"), "k/a");
  EXPECT_EQ(bound_key("/c/b"), "k/b");
  EXPECT_TRUE(is_clean("/c/a") && is_clean("/c/b"));
}

TEST_F(HooksTest, each_name_of_a_file_is_persisted) {
  start_mapped();
  write_file("/c/a", 10);
  run_all();
  ASSERT_TRUE(link("/c/a", "/c/b"));
  EXPECT_EQ(run_all(), Texts{"upload k/b"});
  rewrite("/c/a", 20);
  EXPECT_EQ(intents(), (Texts{"persist a", "persist b"}));
  run_all();
  ASSERT_TRUE(unlink("/c/a"));
  EXPECT_EQ(run_all(), Texts{"delete k/a"});
  EXPECT_TRUE(is_clean("/c/b"));
}

TEST_F(HooksTest, a_black_listed_name_is_not_persisted_until_it_has_another) {
  ASSERT_TRUE(add_mount("/ufs"));
  ASSERT_TRUE(map("", R"(".tmp")"));
  run_all();
  write_file("/c/x.tmp", 10);
  EXPECT_EQ(intents(), Texts{});
  ASSERT_TRUE(rename("/c/x.tmp", "/c/x"));
  EXPECT_EQ(run_all(), Texts{"upload k/x"});
}

TEST_F(HooksTest, an_excluded_directory_keeps_what_is_below_it) {
  start_mapped(R"("exclude": ["_*"])");
  mkdir("/c/_work");
  write_file("/c/_work/a", 10);
  EXPECT_EQ(intents(), Texts{});
  ASSERT_TRUE(rename("/c/_work", "/c/done"));
  EXPECT_EQ(run_all(), Texts{"upload k/done/a"});
}

TEST_F(HooksTest, a_file_that_leaves_the_mapping_is_treated_as_removed_and_one_that_enters_as_new) {
  start_mapped();
  mkdir("/out");
  write_file("/c/a", 10);
  run_all();
  ASSERT_TRUE(rename("/c/a", "/out/a"));
  EXPECT_EQ(run_all(), Texts{"delete k/a"});
  EXPECT_EQ(binding_of("/out/a"), 0u);
  EXPECT_EQ(get_attr(inode_of("/out/a"))->version(), 1u);
  ASSERT_TRUE(rename("/out/a", "/c/b"));
  EXPECT_EQ(run_all(), Texts{"upload k/b"});
}

TEST_F(HooksTest, a_renamed_directory_is_one_intent_and_its_files_follow) {
  start_mapped();
  mkdir("/c/d");
  mkdir("/c/d/e");
  write_file("/c/d/a", 10);
  write_file("/c/d/e/b", 10);
  run_all();
  ASSERT_TRUE(rename("/c/d", "/c/f"));
  EXPECT_EQ(intents().size(), 1u);
  run_all();
  EXPECT_EQ(bound_key("/c/f/a"), "k/f/a");
  EXPECT_EQ(bound_key("/c/f/e/b"), "k/f/e/b");
  EXPECT_EQ(intents(), Texts{});
}

TEST_F(HooksTest, a_directory_that_comes_into_the_mapping_is_persisted_whole) {
  start_mapped();
  mkdir("/out");
  mkdir("/out/d");
  write_file("/out/d/a", 10);
  write_file("/out/b", 10);
  ASSERT_TRUE(rename("/out", "/c/in"));
  Texts done = run_all();
  std::ranges::sort(done);
  EXPECT_EQ(done, (Texts{"upload k/in/b", "upload k/in/d/a"}));
  ASSERT_TRUE(rename("/c/in", "/again"));
  done = run_all();
  std::ranges::sort(done);
  EXPECT_EQ(done, (Texts{"delete k/in/b", "delete k/in/d/a"}));
  EXPECT_EQ(count("B"), 0u);
}

TEST_F(HooksTest, a_removed_tree_clears_its_keys_as_it_is_taken_apart) {
  start_mapped();
  mkdir("/c/d");
  write_file("/c/d/a", 10);
  write_file("/c/d/b", 10);
  run_all();
  ASSERT_TRUE(remove_tree("/c/d"));
  EXPECT_EQ(run_all(), Texts{});
  reclaim(1);
  Texts done = run_all();
  std::ranges::sort(done);
  EXPECT_EQ(done, (Texts{"delete k/d/a", "delete k/d/b"}));
}

TEST_F(HooksTest, a_mapped_directory_stays_where_it_is) {
  start_mapped();
  mkdir("/x");
  EXPECT_EQ(error_of(rename("/c", "/d")), EBUSY);
  EXPECT_EQ(error_of(rename("/x", "/c")), EBUSY);
  EXPECT_EQ(error_of(exchange("/x", "/c")), EBUSY);
  EXPECT_EQ(error_of(rmdir("/c")), EBUSY);
  EXPECT_EQ(error_of(remove_tree("/c")), EBUSY);
}

TEST_F(HooksTest, the_store_with_directories_gets_directories_and_attributes) {
  start_mapped(R"("onDelete": "delete")", true);
  mkdir("/c/d");
  EXPECT_EQ(run_all(), Texts{"mkdir k/d"});
  write_file("/c/d/a", 10);
  run_all();
  ASSERT_TRUE(chmod("/c/d/a", 0600));
  EXPECT_EQ(run_all(), Texts{"attributes k/d/a"});
  ASSERT_TRUE(chmod("/c/d", 0700));
  EXPECT_EQ(run_all(), Texts{"mkdir k/d"});
  ASSERT_TRUE(unlink("/c/d/a"));
  ASSERT_TRUE(rmdir("/c/d"));
  EXPECT_EQ(run_all(), (Texts{"delete k/d/a", "rmdir k/d"}));
}

TEST_F(HooksTest, on_an_object_store_attributes_wait_for_the_next_upload) {
  start_mapped();
  write_file("/c/a", 10);
  run_all();
  ASSERT_TRUE(chmod("/c/a", 0600));
  mkdir("/c/d");
  EXPECT_EQ(intents(), Texts{});
}

TEST_F(HooksTest, a_settling_delay_lets_several_versions_become_one_upload) {
  start_mapped(R"("settle": "1h")");
  write_file("/c/a", 10);
  EXPECT_EQ(intents(), Texts{});
  now += std::chrono::hours(1);
  rewrite("/c/a", 20);
  EXPECT_EQ(intents(), Texts{"persist a"});
}

TEST_F(HooksTest, other_files_than_regular_ones_are_not_persisted) {
  start_mapped();
  ASSERT_TRUE(symlink("a", "/c/l"));
  ASSERT_TRUE(mknod("/c/f", v1::FILE_TYPE_FIFO));
  EXPECT_EQ(count("B"), 0u);
  ASSERT_TRUE(mknod("/c/r", v1::FILE_TYPE_REGULAR));
  EXPECT_EQ(run_all(), Texts{"upload k/r"});
}

}  // namespace
}  // namespace forebay::master
