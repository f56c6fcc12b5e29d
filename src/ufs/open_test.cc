#include "ufs/open.h"

#include <gtest/gtest.h>

#include "async/loop.h"
#include "os/memory_file.h"

namespace forebay::ufs {
namespace {

class OpenTest : public testing::Test {
 protected:
  ~OpenTest() override { loop_.stop(); }
  Result<std::unique_ptr<UnderStore>> open(const std::string& uri, const StoreOptions& options = {}) {
    return open_under_store(uri, options, env_, obs::null_log(), [](const std::string&) { return std::nullopt; });
  }
  std::string error(const std::string& uri, const StoreOptions& options = {}) {
    auto opened = open(uri, options);
    if (opened) return "opened";
    EXPECT_EQ(opened.error().code(), Code::kInvalid) << opened.error().to_string();
    return opened.error().message();
  }
  static bool has(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

  async::Loop loop_{"open"};
  os::MemoryDisk disk_;
  os::MemoryFileSystem files_{disk_};
  os::Env env_{os::real_clock(), os::real_random(), files_, os::real_network(), loop_.executor(), "test"};
};

TEST_F(OpenTest, opens_both_kinds) {
  auto directory = open("file:///mnt/nas/", {{"stamp", "side-file"}, {"calls", "4"}});
  ASSERT_TRUE(directory) << directory.error().to_string();
  EXPECT_EQ((*directory)->uri(), "file:///mnt/nas");
  EXPECT_EQ((*directory)->limits().segment_bytes, 255u);
  auto bucket = open("s3://bucket/a/b/", {{"endpoint", "http://localhost:9000"},
                                          {"access-key", "k"},
                                          {"secret-key", "s"},
                                          {"capabilities", "put-if-absent"},
                                          {"ca-file", "/ca.pem"},
                                          {"verify-tls", "false"}});
  ASSERT_TRUE(bucket) << bucket.error().to_string();
  EXPECT_EQ((*bucket)->uri(), "s3://bucket/a/b");
  EXPECT_TRUE((*bucket)->capabilities().has(Feature::kPutIfAbsent));
  EXPECT_FALSE((*bucket)->capabilities().has(Feature::kRemoveIfIdentity));
}

TEST_F(OpenTest, names_the_nearest_option) {
  EXPECT_TRUE(has(error("s3://bucket", {{"endpiont", "x"}}), "'endpoint'"));
  EXPECT_TRUE(has(error("s3://bucket", {{"secretkey", "hush"}}), "'secret-key'"));
  EXPECT_FALSE(has(error("s3://bucket", {{"secretkey", "hush"}}), "hush"));
  EXPECT_TRUE(has(error("file:///d", {{"stamps", "auto"}}), "'stamp'"));
}

TEST_F(OpenTest, refuses_values_that_mean_nothing) {
  EXPECT_TRUE(has(error("s3://bucket", {{"addressing", "host"}}), "virtual-host"));
  EXPECT_TRUE(has(error("s3://bucket", {{"verify-tls", "yes"}}), "verify-tls"));
  EXPECT_TRUE(has(error("s3://bucket", {{"connections", "0"}}), "1 to 1024"));
  EXPECT_TRUE(has(error("s3://bucket", {{"stall-timeout", "soon"}}), "stall-timeout"));
  EXPECT_TRUE(has(error("s3://bucket", {{"capabilities", "fly"}}), "fly"));
  EXPECT_TRUE(has(error("s3://bucket", {{"access-key", "k"}}), "only one"));
  EXPECT_TRUE(has(error("s3://bucket", {{"endpoint", "localhost"}}), "http://"));
  EXPECT_TRUE(has(error("s3://bucket", {{"endpoint", "http://h/path"}}), "without a path"));
  EXPECT_TRUE(has(error("s3://bucket", {{"endpoint", "http://u:hush@h"}}), "user"));
  EXPECT_FALSE(has(error("s3://bucket", {{"endpoint", "http://u:hush@h"}}), "hush"));
  EXPECT_TRUE(has(error("s3://bucket", {{"region", "a\nb"}}), "line end"));
  EXPECT_TRUE(has(error("file:///d", {{"calls", "many"}}), "calls"));
}

TEST_F(OpenTest, refuses_uris_that_name_no_store) {
  for (const char* uri : {"", "s3:/b", "gs://bucket", "file://relative", "file:///", "file:///a/../b", "s3://", "s3://ab",
                          "s3://-bad", "s3://bucket/a//b", "s3://bucket/../x", "s3://buck et"}) {
    EXPECT_NE(error(uri), "opened") << uri;
  }
  EXPECT_FALSE(has(error("s3://key:hush@bucket"), "hush"));
  EXPECT_FALSE(has(error("http://key:hush@host"), "hush"));
}

TEST_F(OpenTest, shows_no_secrets) {
  const StoreOptions shown =
      redacted({{"secret-key", "hush"}, {"session-token", "hush"}, {"secretkey", "hush"}, {"access-key", "AK"}});
  EXPECT_EQ(shown.at("secret-key"), "******");
  EXPECT_EQ(shown.at("session-token"), "******");
  EXPECT_EQ(shown.at("secretkey"), "******");
  EXPECT_EQ(shown.at("access-key"), "AK");
}

}  // namespace
}  // namespace forebay::ufs
