// For tests of a cluster that persists.
#pragma once

#include <gtest/gtest.h>

#include "base/crc32c.h"
#include "base/test_pattern.h"
#include "persist_cluster.h"

namespace forebay::cluster {

class PersistTest : public testing::Test {
 protected:
  void start(PersistClusterConfig config = {}) {
    cluster = std::make_unique<PersistCluster>(std::move(config));
    Result<void> started = cluster->start();
    ASSERT_TRUE(started) << started.error().to_string();
  }
  void TearDown() override {
    if (cluster) cluster->stop();
  }
  // Nothing is left to do, and the store holds exactly these.
  void expect_store(const std::map<std::string, std::string>& expected) {
    ASSERT_TRUE(cluster->settle()) << "there is always something to do";
    std::map<std::string, std::string> found;
    for (const std::string& key : cluster->bucket().keys()) found[key] = *cluster->bucket().content(key);
    ASSERT_EQ(names(found), names(expected));
    for (const auto& [key, content] : expected) {
      EXPECT_TRUE(found[key] == content) << key << " holds other bytes, " << found[key].size() << " of them";
      const std::optional<ufs::ObjectState> state = cluster->bucket().state(key);
      ASSERT_TRUE(state && state->stamp) << key << " has no stamp";
      EXPECT_EQ(state->stamp->length, content.size());
      EXPECT_EQ(state->stamp->crc32c, crc32c(as_bytes(content))) << key;
    }
    EXPECT_TRUE(cluster->bucket().open_uploads().empty()) << "an upload is left in the store";
  }
  static std::vector<std::string> names(const std::map<std::string, std::string>& objects) {
    std::vector<std::string> names;
    for (const auto& [key, content] : objects) names.push_back(key);
    return names;
  }
  void must(Result<void> done) { EXPECT_TRUE(done) << done.error().to_string(); }

  std::unique_ptr<PersistCluster> cluster;
};

}  // namespace forebay::cluster
