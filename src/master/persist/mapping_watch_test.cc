#include <algorithm>

#include "forebay/v1/persist.rpc.h"
#include "master/master_fixture.h"

namespace forebay::master {
namespace {

namespace persists = v1::persist_service;

constexpr const char* kFile = "/map.json";
constexpr const char* kGood = R"({"cacheOnlyMountPoint": "/c", "asyncUploadPathMapping": {"/c": "/ufs/k"}})";

class RecordingLog final : public obs::Log {
 public:
  void write(obs::Level level, std::string_view message, std::initializer_list<obs::Field>) override {
    if (message.find("mapping file") != std::string_view::npos) lines.emplace_back(level, message);
  }
  size_t count(obs::Level level) const {
    return static_cast<size_t>(std::ranges::count(lines, level, &std::pair<obs::Level, std::string>::first));
  }
  std::vector<std::pair<obs::Level, std::string>> lines;
};

// A master with a mapping file on its host's disk.
class MappingWatchTest : public MasterTest {
 protected:
  MappingWatchTest() {
    config_.mapping.file = kFile;
    log_ = &log;
  }

  void write(const std::string& text) { ASSERT_TRUE(process_->env().files.write_whole(kFile, as_bytes(text))); }
  void begin(const std::string& text) {
    write(text);
    restart();
    open_session();
  }
  void mount() {
    v1::AddMountRequest request;
    request.set_path("/ufs");
    request.set_uri("memory://store");
    ASSERT_TRUE(change<persists::AddMount>(request));
  }
  RecordingLog log;

  v1::GetMappingReply mapping() { return call<persists::GetMapping>({}).value_or(v1::GetMappingReply{}); }
  bool comes_to(size_t mappings, bool has_problem) {
    for (int i = 0; i < 20; ++i) {
      const v1::GetMappingReply now = mapping();
      if (static_cast<size_t>(now.mappings_size()) == mappings && now.problem().empty() != has_problem) return true;
      world_.run_for(std::chrono::milliseconds(200));
    }
    return false;
  }
};

TEST_F(MappingWatchTest, waits_for_the_mount_and_is_in_force_without_being_told) {
  begin(kGood);
  EXPECT_NE(mapping().problem().find("mount add"), std::string::npos);
  EXPECT_EQ(mapping().file(), kFile);
  mount();
  EXPECT_TRUE(comes_to(1, false));
}

TEST_F(MappingWatchTest, a_new_cluster_whose_store_is_mounted_after_the_start_is_no_error) {
  begin(kGood);
  world_.run_for(std::chrono::seconds(5));
  EXPECT_EQ(log.count(obs::Level::kInfo), 1u) << "that it waits, once";
  mount();
  ASSERT_TRUE(comes_to(1, false));
  EXPECT_EQ(log.count(obs::Level::kInfo), 2u) << "that it is in force";
  EXPECT_EQ(log.count(obs::Level::kError), 0u);
}

TEST_F(MappingWatchTest, a_store_that_nobody_mounts_is_an_error_after_a_while_and_told_once) {
  begin(kGood);
  world_.run_for(std::chrono::seconds(29));
  EXPECT_EQ(log.count(obs::Level::kError), 0u);
  world_.run_for(std::chrono::minutes(1));
  EXPECT_EQ(log.count(obs::Level::kError), 1u);
  EXPECT_FALSE(mapping().problem().empty());
}

TEST_F(MappingWatchTest, where_a_mapping_has_been_in_force_a_missing_mount_is_an_error_at_once) {
  begin(kGood);
  mount();
  ASSERT_TRUE(comes_to(1, false));
  write(R"({"cacheOnlyMountPoint": "/c", "asyncUploadPathMapping": {"/c": "/elsewhere/k"}})");
  world_.run_for(std::chrono::seconds(3));
  EXPECT_EQ(log.count(obs::Level::kError), 1u);
}

TEST_F(MappingWatchTest, follows_the_file_and_keeps_the_old_one_when_it_is_bad) {
  begin(kGood);
  mount();
  ASSERT_TRUE(comes_to(1, false));
  write("{\n nonsense");
  EXPECT_TRUE(comes_to(1, true));
  EXPECT_NE(mapping().problem().find("map.json: line 2"), std::string::npos) << mapping().problem();
  auto refused = call<persists::ReloadMapping>({});
  ASSERT_FALSE(refused);
  EXPECT_TRUE(refused.error().is(Code::kInvalid));
  restart();  // it has been in force: the cluster goes on
  EXPECT_EQ(mapping().mappings_size(), 1);
  write(R"({"cacheOnlyMountPoint": "/c", "asyncUploadPathMapping": {"/c/a": "/ufs/k", "/c/b": "/ufs/l"}})");
  EXPECT_TRUE(comes_to(2, false));
}

TEST_F(MappingWatchTest, a_malformed_first_file_is_refused_at_the_start) {
  write("{");
  crash();
  Result<void> started = try_start();
  ASSERT_FALSE(started);
  EXPECT_TRUE(started.error().is(Code::kInvalid));
  EXPECT_NE(started.error().message().find("mapping file /map.json: line 1"), std::string::npos) << started.error().message();
}

TEST_F(MappingWatchTest, reloading_without_a_file_says_which_setting_is_missing) {
  config_.mapping.file = "";
  restart();
  auto refused = call<persists::ReloadMapping>({});
  ASSERT_FALSE(refused);
  EXPECT_NE(refused.error().message().find("forebay.persist.mapping_file"), std::string::npos);
  v1::RequestContext somebody;
  somebody.set_uid(5);
  EXPECT_EQ(call<persists::ReloadMapping>({}, somebody).error().error(), EPERM);
}

}  // namespace
}  // namespace forebay::master
