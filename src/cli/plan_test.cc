#include "cli/local/plan.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <set>

namespace forebay::cli {
namespace {

using testing::Contains;
using testing::HasSubstr;

class PlanTest : public testing::Test {
 protected:
  PlanTest() {
    std::string name = testing::TempDir() + "forebay-plan-XXXXXX";
    directory_.path = mkdtemp(name.data());
    std::filesystem::create_directories(directory_.run());
  }
  ~PlanTest() override { std::filesystem::remove_all(directory_.path); }

  Result<config::Settings> settle(const std::vector<std::string>& defines = {}) {
    PortChooser ports;
    return cli::settle(directory_, options_, defines, ports);
  }
  Plan plan() {
    Result<config::Settings> settings = settle();
    EXPECT_TRUE(settings) << settings.error().message();
    return make_plan(directory_, *settings).value();
  }
  static std::vector<std::string> names(const Plan& plan) {
    std::vector<std::string> names;
    for (const RolePlan& role : plan.roles) names.push_back(role.name);
    return names;
  }

  Directory directory_;
  LocalOptions options_;
};

TEST_F(PlanTest, is_a_master_two_workers_and_a_mount) {
  options_.mount = "/mnt/somewhere";
  Plan plan = this->plan();
  EXPECT_THAT(names(plan), testing::ElementsAre("master", "worker-1", "worker-2", "coordinator", "fuse"));
  EXPECT_EQ(plan.roles[0].rpc_port, 19998);
  EXPECT_EQ(plan.roles[1].rpc_port, 29999);
  EXPECT_EQ(plan.roles[2].web_port, 30002);
  EXPECT_THAT(plan.roles[4].arguments, Contains("/mnt/somewhere"));
  EXPECT_THAT(plan.roles[2].arguments, Contains(HasSubstr(directory_.default_data() + "/worker-2:")));
  EXPECT_THAT(plan.roles[2].arguments, Contains("forebay.worker.socket=" + directory_.run() + "/worker-2.sock"));
  for (const size_t worker : {1, 2})
    EXPECT_THAT(plan.roles[worker].arguments, Contains("forebay.worker.host_file=" + directory_.run() + "/writers"));
}

TEST_F(PlanTest, remembers_what_an_earlier_start_was_told) {
  options_.workers = 3;
  options_.tiers = {"SSD:/data/a:1GB", "HDD:/data/b:2GB"};
  ASSERT_TRUE(settle({"forebay.log.level=debug"}));
  options_ = {};
  Result<config::Settings> settings = settle();
  ASSERT_TRUE(settings);
  EXPECT_EQ(settings->count("forebay.local.workers"), 3u);
  EXPECT_EQ(settings->text("forebay.log.level"), "debug");
  Plan plan = make_plan(directory_, *settings).value();
  EXPECT_THAT(names(plan), testing::ElementsAre("master", "worker-1", "worker-2", "worker-3", "coordinator"));
  EXPECT_THAT(plan.roles[1].arguments,
              Contains(HasSubstr("SSD:/data/a/worker-1:1073741824:0.95:0.7,HDD:/data/b/worker-1:2147483648")));
}

TEST_F(PlanTest, takes_changes_made_by_hand_and_names_those_that_are_wrong) {
  ASSERT_TRUE(settle());
  std::ofstream(directory_.conf(), std::ios::app) << "forebay.client.retry_for = '5s'\n";
  EXPECT_EQ(settle()->duration("forebay.client.retry_for"), std::chrono::seconds(5));
  std::ofstream(directory_.conf(), std::ios::app) << "forebay.client.retry_fr = '5s'\n";
  Result<config::Settings> wrong = settle();
  ASSERT_FALSE(wrong);
  EXPECT_THAT(wrong.error().message(),
              testing::AllOf(HasSubstr("forebay.toml:"), HasSubstr("did you mean 'forebay.client.retry_for'")));
}

TEST_F(PlanTest, chooses_free_ports_once_and_keeps_them) {
  options_.ports = "auto";
  options_.mount = "/mnt/x";
  Plan first = plan();
  std::set<uint16_t> ports;
  for (const RolePlan& role : first.roles) {
    if (role.name != "fuse") EXPECT_TRUE(ports.insert(role.rpc_port).second);
    EXPECT_TRUE(ports.insert(role.web_port).second);
  }
  EXPECT_FALSE(ports.contains(19998));
  options_ = {};
  Plan second = plan();
  for (size_t i = 0; i < first.roles.size(); ++i) {
    EXPECT_EQ(second.roles[i].rpc_port, first.roles[i].rpc_port);
    EXPECT_EQ(second.roles[i].web_port, first.roles[i].web_port);
  }
}

TEST_F(PlanTest, refuses_more_copies_than_there_can_be_and_tiers_that_are_wrong) {
  options_.replication = 2;
  EXPECT_THAT(settle().error().message(), testing::AllOf(HasSubstr("--replication"), HasSubstr("2 is not supported; only 1 is")));
  options_ = {};
  options_.tiers = {"SSD:/data:1MB"};
  EXPECT_THAT(settle().error().message(), testing::AllOf(HasSubstr("--tier"), HasSubstr("quota is too small")));
  options_ = {};
  EXPECT_THAT(settle({"forebay.nothing=1"}).error().message(), HasSubstr("no setting 'forebay.nothing'"));
}

TEST_F(PlanTest, quotes_paths_so_that_they_are_read_back) {
  options_.mount = "/mnt/with \"quotes\" and \\ and ü";
  Result<config::Settings> settings = settle();
  ASSERT_TRUE(settings) << settings.error().message();
  EXPECT_EQ(settings->text("forebay.local.mount"), *options_.mount);
}

TEST_F(PlanTest, says_when_there_is_no_cluster) {
  Result<config::Settings> settings = settled(directory_);
  ASSERT_FALSE(settings);
  EXPECT_THAT(settings.error().message(), HasSubstr("no local cluster in " + directory_.path));
}

}  // namespace
}  // namespace forebay::cli
