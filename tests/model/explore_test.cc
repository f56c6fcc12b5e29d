// Every interleaving of small worlds around the production code, and for each rule that leaving it out is found.
#include <gtest/gtest.h>

#include "explore.h"

namespace forebay::model {
namespace {

constexpr size_t kMostStates = 400'000;

std::string text_of(const Explored& explored) {
  std::string text = explored.violation;
  for (const std::string& step : explored.trace) (text += "\n  ") += step;
  return text;
}

std::vector<Action> files(const std::vector<std::string>& names, bool links = false) {
  std::vector<Action> actions;
  for (const std::string& name : names) {
    for (Do what : {Do::kCreate, Do::kWrite, Do::kUnlink}) actions.push_back({what, name, {}});
    for (const std::string& other : names) {
      if (other == name) continue;
      actions.push_back({Do::kRename, name, other});
      if (links) actions.push_back({Do::kLink, name, other});
    }
  }
  return actions;
}

// Two names, as the model of the protocol has them.
WorldConfig two_names(int operations) {
  WorldConfig config;
  config.actions = files({"/c/a", "/c/b"});
  config.foreign_keys = {"a", "b"};
  config.operations = operations;
  return config;
}

Explored expect_right(const char* name, const WorldConfig& config) {
  SmallWorld world(config);
  const Explored explored = explore(world, kMostStates);
  EXPECT_EQ(explored.violation, "") << name << ": " << text_of(explored);
  EXPECT_TRUE(explored.violation.empty() == false || explored.complete) << name << ": more than " << kMostStates << " states";
  EXPECT_GT(explored.at_rest, 0u) << name;
  printf("%s: %zu states, %zu steps, %zu at rest, %zu outcomes\n", name, explored.states, explored.steps, explored.at_rest,
         explored.outcomes);
  return explored;
}

void expect_wrong(const char* name, const WorldConfig& config) {
  SmallWorld world(config);
  const Explored explored = explore(world, kMostStates);
  EXPECT_NE(explored.violation, "") << name << " was not missed in " << explored.states << " states";
  printf("%s: %s (%zu states)\n", name, explored.violation.c_str(), explored.states);
}

TEST(ExploreTest, files_are_created_written_renamed_and_removed) {
  WorldConfig config = two_names(4);
  config.foreign = 1;
  expect_right("delete", config);
}

// The numbers are those that persistence_model.py prints for the same worlds: --foreign 0 and --ops, --give-ups, --names.
TEST(ExploreTest, the_outcomes_are_those_of_the_model_of_the_protocol) {
  WorldConfig config = two_names(3);
  config.give_ups = 0;
  EXPECT_EQ(expect_right("3 operations", config).outcomes, 8u);
  config.give_ups = 1;
  EXPECT_EQ(expect_right("3 operations, 1 given up", config).outcomes, 8u);
  config = two_names(4);
  EXPECT_EQ(expect_right("4 operations, 1 given up", config).outcomes, 9u);
  config = two_names(3);
  config.actions = files({"/c/a", "/c/b", "/c/d"});
  config.give_ups = 0;
  EXPECT_EQ(expect_right("3 names", config).outcomes, 17u);
}

TEST(ExploreTest, removed_files_leave_their_objects_with_keep) {
  WorldConfig config = two_names(3);
  config.policies = R"("onDelete": "keep")";
  expect_right("keep", config);
}

TEST(ExploreTest, each_conflict_policy) {
  for (const char* policy : {"keep-both", "cache-wins", "ufs-wins"}) {
    WorldConfig config = two_names(2);
    config.foreign = 1;
    config.policies = R"("onDelete": "delete", "onConflict": ")" + std::string(policy) + "\"";
    config.cache_wins = policy == std::string("cache-wins");
    expect_right(policy, config);
  }
}

TEST(ExploreTest, several_names_of_one_file) {
  WorldConfig config;
  config.actions = files({"/c/a", "/c/b"}, true);
  config.before = {{Do::kCreate, "/c/a", {}}};
  config.operations = 3;
  config.most_files = 2;
  expect_right("links", config);
}

// What is in the store only is appended to, so that a later version shows bytes of an earlier one, is read, and moves meanwhile.
TEST(ExploreTest, what_has_left_the_cache_is_changed_and_read) {
  WorldConfig config;
  config.actions = {
      {Do::kAppend, "/c/a", {}}, {Do::kRename, "/c/a", "/c/b"}, {Do::kRename, "/c/b", "/c/a"}, {Do::kUnlink, "/c/a", {}}};
  config.before = {{Do::kCreate, "/c/a", {}}};
  config.operations = 3;
  config.most_versions = 3;
  config.evictions = 2;
  config.reads = 1;
  expect_right("appended", config);
  config.operations = 2;
  config.foreign_keys = {"a"};
  config.foreign = 1;
  expect_right("appended, and changed by somebody else", config);
}

TEST(ExploreTest, files_that_have_left_the_cache_swap_their_names_and_are_appended_to) {
  WorldConfig config;
  config.actions = {{Do::kExchange, "/c/a", "/c/b"}, {Do::kAppend, "/c/a", {}}};
  config.before = {{Do::kCreate, "/c/a", {}}, {Do::kCreate, "/c/b", {}}};
  config.operations = 2;
  config.evictions = 2;
  config.reads = 1;
  expect_right("swap, append", config);
}

TEST(ExploreTest, files_swap_their_names) {
  WorldConfig config;
  config.actions = {{Do::kExchange, "/c/a", "/c/b"}, {Do::kWrite, "/c/a", {}}, {Do::kUnlink, "/c/b", {}}};
  config.before = {{Do::kCreate, "/c/a", {}}, {Do::kCreate, "/c/b", {}}};
  config.operations = 2;
  config.evictions = 2;
  expect_right("swap", config);
}

TEST(ExploreTest, directories_are_renamed_and_removed) {
  WorldConfig config;
  config.directories = {"/c/d", "/out"};
  config.actions = {{Do::kRename, "/c/d", "/c/e"},   {Do::kRename, "/c/e", "/c/d"},   {Do::kCreate, "/c/d/a", {}},
                    {Do::kRename, "/c/d", "/out/d"}, {Do::kRename, "/out/d", "/c/d"}, {Do::kRename, "/c/e/a", "/c/d"},
                    {Do::kRename, "/c/d/a", "/c/a"}, {Do::kRemoveTree, "/c/e", {}},   {Do::kWrite, "/c/e/a", {}}};
  config.before = {{Do::kCreate, "/c/d/a", {}}};
  config.operations = 3;
  expect_right("directories", config);
}

TEST(ExploreTest, order_within_a_directory) {
  WorldConfig config;
  config.policies = R"("onDelete": "delete", "order": "directory")";
  config.actions = files({"/c/a", "/c/b"});
  config.before = {{Do::kCreate, "/c/a", {}}};
  config.operations = 3;
  config.foreign_keys = {"a"};
  config.foreign = 1;
  expect_right("order", config);
}

// Each rule left out: a world in which that is seen.
TEST(ExploreTest, every_rule_is_needed) {
  WorldConfig config = two_names(2);
  config.fences = false;
  expect_wrong("fence", config);

  config = two_names(1);
  config.foreign = 1;
  config.store_checks = false;
  expect_wrong("conditions", config);

  config = two_names(3);
  config.rules.one_at_a_time = false;
  expect_wrong("one at a time", config);

  config = two_names(2);
  config.rules.removed_is_cleared = false;
  expect_wrong("removed is cleared", config);

  config = two_names(2);
  config.rules.old_key_is_cleared = false;
  expect_wrong("old key is cleared", config);

  config = two_names(2);
  config.rules.pins_versions = false;
  expect_wrong("pins versions", config);

  config = two_names(3);
  config.foreign = 1;
  config.rules.parked_holds_nobody = false;
  expect_wrong("parked holds nobody", config);

  config = two_names(2);
  config.before = {{Do::kCreate, "/c/a", {}}, {Do::kCreate, "/c/b", {}}};
  config.actions = {{Do::kExchange, "/c/a", "/c/b"}};
  config.evictions = 2;
  config.rules.bring_back = false;
  expect_wrong("bring back", config);
  config.actions.push_back({Do::kAppend, "/c/a", {}});
  config.operations = 3;
  expect_wrong("bring back, appended", config);

  config = two_names(2);
  config.policies = R"("onDelete": "delete", "order": "directory")";
  config.asks_for_turn = false;
  expect_wrong("order", config);
}

// With keep an object goes only because its file moved.
TEST(ExploreTest, keep_is_needed_for_what_is_kept) {
  WorldConfig config;
  config.actions = {{Do::kUnlink, "/c/a", {}}};
  config.before = {{Do::kCreate, "/c/a", {}}};
  config.policies = R"("onDelete": "keep")";
  config.operations = 1;
  config.forbids_deletion = true;
  expect_right("keep", config);
  config.rules.keep_keeps = false;
  expect_wrong("keep", config);
}

}  // namespace
}  // namespace forebay::model
