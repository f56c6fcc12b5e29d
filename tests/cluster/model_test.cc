#include <gtest/gtest.h>

#include "model_tree.h"
#include "scenario.h"

namespace forebay::cluster {
namespace {

TEST(ModelContent, allows_what_lies_between_the_committed_and_the_current_bytes) {
  ModelContent content;
  content.write(0, "aaaa", 1);
  content.commit(1);
  content.write(2, "bbbb", 1);
  EXPECT_EQ(content.current(), "aabbbb");
  EXPECT_EQ(content.committed(), "aaaa");
  for (const char* fine : {"aaaa", "aabbbb", "aaba", "aabb", "aaabbb"}) EXPECT_EQ(content.why_not(fine), "") << fine;
  for (const char* bad : {"", "aaa", "aacc", "aabbbbb", "babb"}) EXPECT_NE(content.why_not(bad), "") << bad;
  content.adopt("aabb");
  EXPECT_TRUE(content.is_clean());
  EXPECT_EQ(content.why_not("aabb"), "");
  EXPECT_NE(content.why_not("aaaa"), "");
}

TEST(ModelContent, allows_zeros_only_where_there_may_be_a_gap) {
  ModelContent content;
  content.write(0, "aaaa", 1);
  content.commit(1);
  EXPECT_NE(content.why_not(std::string_view("a\0aa", 4)), "");
  content.truncate(2, 1);
  content.truncate(4, 1);
  EXPECT_EQ(content.why_not(std::string_view("aa\0\0", 4)), "");
  EXPECT_EQ(content.why_not("aaaa"), "");
  EXPECT_EQ(content.why_not("aa"), "");
}

TEST(ModelContent, a_commit_leaves_open_what_failed) {
  ModelContent content;
  content.write(0, "aaaa", 1);
  content.write(2, "bbbb", 1, false);
  content.commit(1);
  EXPECT_EQ(content.committed(), "aaaa");
  EXPECT_FALSE(content.is_clean());
  EXPECT_EQ(content.why_not("aaaa"), "");
  EXPECT_EQ(content.why_not("aabbbb"), "");
}

TEST(ModelContent, a_handle_commits_its_own_changes_only) {
  ModelContent content;
  content.write(0, "aaaa", 1);
  content.write(4, "bbbb", 2);
  content.doubt(1);
  content.commit(2);
  EXPECT_EQ(content.why_not("aaaabbbb"), "");
  EXPECT_EQ(content.why_not(std::string_view("\0\0\0\0bbbb", 8)), "");
  EXPECT_NE(content.why_not("aaaa"), "");
  content.truncate(1, 0);
  EXPECT_EQ(content.committed().size(), 1u);
}

TEST(ModelContent, names_where_bytes_differ) {
  EXPECT_EQ(difference("abc", "abc"), "");
  EXPECT_EQ(difference("abcdef", "abXdeX"), "bytes 2 to 5 differ");
  EXPECT_EQ(difference("abc", std::string_view("a\0c", 3)), "bytes 1 to 1 differ (zeros were read)");
  EXPECT_EQ(difference("abc", "ab"), "2 bytes instead of 3; the common part is equal");
}

TEST(ModelTree, refuses_as_linux_does) {
  ModelTree tree;
  EXPECT_EQ(tree.make_dir({"d"}, 0755), 0);
  EXPECT_EQ(tree.make_dir({"d"}, 0755), EEXIST);
  EXPECT_EQ(tree.make_dir({"d", "e"}, 0755), 0);
  EXPECT_EQ(tree.create({"f"}, 0644, true), 0);
  EXPECT_EQ(tree.create({"f"}, 0644, true), EEXIST);
  EXPECT_EQ(tree.create({"f"}, 0644, false), 0);
  EXPECT_EQ(tree.create({"d"}, 0644, false), EISDIR);
  EXPECT_EQ(tree.unlink({"d"}), EISDIR);
  EXPECT_EQ(tree.remove_dir({"d"}), ENOTEMPTY);
  EXPECT_EQ(tree.remove_dir({"f"}), ENOTDIR);
  EXPECT_EQ(tree.rename({"d"}, {"d", "e", "x"}, false, false), EINVAL);
  EXPECT_EQ(tree.rename({"d", "e"}, {"d"}, false, false), ENOTEMPTY);
  EXPECT_EQ(tree.rename({"d"}, {"f"}, false, false), ENOTDIR);
  EXPECT_EQ(tree.rename({"f"}, {"d"}, false, false), EISDIR);
  EXPECT_EQ(tree.rename({"f"}, {"d"}, true, false), EEXIST);
  EXPECT_EQ(tree.rename({"f"}, {"x"}, false, true), ENOENT);
  EXPECT_EQ(tree.rename({"f"}, {"d"}, false, true), 0);
  EXPECT_TRUE(tree.find({"d"})->is_file());
  EXPECT_EQ(tree.remove_tree({"f"}), 0);
  EXPECT_EQ(tree.names().size(), 1u);
}

TEST(ModelTree, counts_links) {
  ModelTree tree;
  ASSERT_EQ(tree.create({"f"}, 0644, true), 0);
  ModelTree::Node file = tree.find({"f"});
  ASSERT_EQ(tree.link(file, {"g"}), 0);
  EXPECT_EQ(tree.link(file, {"g"}), EEXIST);
  EXPECT_EQ(file->links, 2u);
  EXPECT_EQ(tree.rename({"f"}, {"g"}, false, false), 0);  // the same file: nothing happens
  EXPECT_EQ(tree.names().size(), 2u);
  ASSERT_EQ(tree.make_dir({"d"}, 0755), 0);
  ASSERT_EQ(tree.rename({"g"}, {"d", "g"}, false, false), 0);
  ASSERT_EQ(tree.remove_tree({"d"}), 0);
  EXPECT_EQ(file->links, 1u);
  ASSERT_EQ(tree.unlink({"f"}), 0);
  EXPECT_EQ(file->links, 0u);
}

TEST(Scenario, reads_every_part) {
  auto scenario = parse_scenario(R"(
name = "x"
[cluster]
workers = 3
worker_capacity = "64MB"
[workload]
operations = 5
think = "20ms"
durability = "fsync"
mix = { write = 3, read = 1 }
[links]
delay_most = "1ms"
lose_one_in = 9
[[disturbance]]
kind = "power_cut"
target = "worker"
every = "2s"
lasting = "1s"
)",
                                 "s.toml");
  ASSERT_TRUE(scenario) << scenario.error().to_string();
  EXPECT_EQ(scenario->workers, 3u);
  EXPECT_EQ(scenario->worker_capacity, 64 * kMiB);
  EXPECT_EQ(scenario->durability, v1::DURABILITY_FSYNC);
  EXPECT_EQ(scenario->mix.at("write"), 3u);
  EXPECT_EQ(scenario->links.lose_one_in, 9u);
  ASSERT_EQ(scenario->disturbances.size(), 1u);
  EXPECT_TRUE(scenario->disturbs(Disturbance::Kind::kPowerCut));
  EXPECT_FALSE(scenario->disturbs(Disturbance::Kind::kKill));
}

TEST(Scenario, names_file_line_and_key_of_what_it_does_not_know) {
  struct Case {
    const char *text, *expected;
  };
  for (auto [text, expected] : {Case{"[cluster]\nworker = 3", "s.toml:2: 'worker': unknown key"},
                                Case{"[workload]\nmix = { jump = 1 }", "'jump': unknown key"},
                                Case{"[[disturbance]]\nkind = 'quake'", "unknown word 'quake'"},
                                Case{"[[disturbance]]\nkind = 'kill'\ntarget = 'moon'", "has to be master, worker or client"},
                                Case{"[workload]\nthink = 'soon'", "'think'"},
                                Case{"[cluster]\nworkers = -1", "has to be a number"}, Case{"[cluster", "s.toml:1"}}) {
    auto scenario = parse_scenario(text, "s.toml");
    ASSERT_FALSE(scenario) << text;
    EXPECT_EQ(scenario.error().code(), Code::kInvalid);
    EXPECT_NE(scenario.error().message().find(expected), std::string::npos) << scenario.error().message();
  }
}

}  // namespace
}  // namespace forebay::cluster
