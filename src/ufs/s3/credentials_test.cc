#include "ufs/s3/credentials.h"

#include <gtest/gtest.h>

#include <atomic>

#include "async/loop.h"
#include "os/memory_file.h"
#include "ufs/s3/fake_http.h"

namespace forebay::ufs {
namespace {

Environment of(std::map<std::string, std::string> values) {
  return [values](const std::string& name) -> std::optional<std::string> {
    auto found = values.find(name);
    return found == values.end() ? std::nullopt : std::optional(found->second);
  };
}

class SetClock final : public os::Clock {
 public:
  os::Instant now() const override { return os::real_clock().now(); }
  os::WallTime wall_now() const override { return wall; }
  Task<bool> sleep_until(os::Instant when, std::stop_token stop) override { return os::real_clock().sleep_until(when, stop); }
  os::WallTime wall = os::from_unix_nanos(1'700'000'000'000'000'000);  // 2023-11-14T22:13:20Z
};

class CredentialsTest : public testing::Test {
 protected:
  ~CredentialsTest() override { loop_.stop(); }
  void write(const std::string& path, const std::string& text) {
    ASSERT_TRUE(files_.make_directories(path.substr(0, path.rfind('/'))));
    ASSERT_TRUE(files_.write_whole(path, as_bytes(text)));
  }
  Result<Credentials> get(CredentialsChain& chain) { return async::block_on(loop_.executor(), chain.get({})); }
  Result<Credentials> get(CredentialsConfig config, Environment environment) {
    config.use_metadata = false;
    CredentialsChain chain(env_, std::move(config), std::move(environment));
    return get(chain);
  }

  async::Loop loop_{"credentials"};
  SetClock clock_;
  os::MemoryDisk disk_;
  os::MemoryFileSystem files_{disk_};
  os::Env env_{clock_, os::real_random(), files_, os::real_network(), loop_.executor(), "test"};
};

constexpr const char* kFile =
    "# mine\n[default]\naws_access_key_id = AK-default\naws_secret_access_key=S1\n\n[ other ]\n"
    "aws_access_key_id=AK-other\naws_secret_access_key = a/b+c=\naws_session_token=T\nregion=x\n";

TEST_F(CredentialsTest, are_looked_for_in_options_then_environment_then_file) {
  write("/home/me/.aws/credentials", kFile);
  const std::map<std::string, std::string> home{{"HOME", "/home/me"}};
  std::map<std::string, std::string> full = home;
  full["AWS_ACCESS_KEY_ID"] = "AK-environment";
  full["AWS_SECRET_ACCESS_KEY"] = "S2";
  full["AWS_SESSION_TOKEN"] = "T2";
  CredentialsConfig given{.given = {.access_key = "AK-option", .secret_key = Secret("S3")}};
  EXPECT_EQ(get(given, of(full))->access_key, "AK-option");
  Result<Credentials> found = get({}, of(full));
  EXPECT_EQ(found->access_key, "AK-environment");
  EXPECT_EQ(found->session_token, Secret("T2"));
  found = get({}, of(home));
  EXPECT_EQ(found->access_key, "AK-default");
  EXPECT_EQ(found->secret_key, Secret("S1"));
  // A profile that is named is meant, whatever the environment says.
  found = get({.profile = "other"}, of(full));
  EXPECT_EQ(found->access_key, "AK-other");
  EXPECT_EQ(found->secret_key, Secret("a/b+c="));
  EXPECT_EQ(found->session_token, Secret("T"));
  full.erase("AWS_ACCESS_KEY_ID");
  EXPECT_EQ(get({}, of(full)).error().code(), Code::kInvalid);  // half a pair
  EXPECT_EQ(get({}, of({})).error().error(), EACCES);
  EXPECT_EQ(get({.profile = "none"}, of(home)).error().error(), EACCES);
  EXPECT_EQ(get({.anonymous = true}, of({}))->access_key, "");
}

TEST_F(CredentialsTest, that_would_break_a_header_are_refused_and_not_shown) {
  Result<Credentials> found = get({}, of({{"AWS_ACCESS_KEY_ID", "AK"}, {"AWS_SECRET_ACCESS_KEY", "hush\r\nx-amz-acl: public"}}));
  ASSERT_FALSE(found);
  EXPECT_EQ(found.error().code(), Code::kInvalid);
  EXPECT_NE(found.error().to_string().find("environment"), std::string::npos);
  EXPECT_EQ(found.error().to_string().find("hush"), std::string::npos);
  CredentialsConfig given{.given = {.access_key = "AK", .secret_key = Secret("S"), .session_token = Secret("a b")}};
  EXPECT_EQ(get(given, of({})).error().code(), Code::kInvalid);
  given.given.session_token = Secret(std::string(20'000, 'x'));
  EXPECT_EQ(get(given, of({})).error().code(), Code::kInvalid);
}

TEST_F(CredentialsTest, name_the_line_of_a_bad_file_but_not_its_content) {
  for (const std::string& text : {"[default]\nthe-secret\n", "[default\naws_secret_access_key=the-secret",
                                  "[default]\naws_secret_access_key=the-secret\n"}) {
    write("/f/credentials", text);
    Result<Credentials> found = get({.file = "/f/credentials"}, of({}));
    ASSERT_FALSE(found) << text;
    EXPECT_EQ(found.error().code(), Code::kInvalid);
    EXPECT_NE(found.error().message().find("/f/credentials"), std::string::npos);
    EXPECT_EQ(found.error().message().find("the-secret"), std::string::npos);
  }
}

class MetadataTest : public CredentialsTest {
 protected:
  std::atomic<int> day_ = 15;  // of the expiry
  std::atomic<int> asked_ = 0;
  std::atomic<bool> fail_ = false;
  FakeHttp server_{[this](const FakeRequest& request) -> FakeResponse {
    if (request.method == "PUT" && request.target == "/latest/api/token") {
      return {.status = request.headers.contains("x-aws-ec2-metadata-token-ttl-seconds") ? 200 : 400, .body = "imds-token"};
    }
    if (request.headers.count("x-aws-ec2-metadata-token") == 0) return {.status = 401};
    if (request.target.ends_with("/security-credentials/")) return {.body = "my-role"};
    if (!request.target.ends_with("/security-credentials/my-role")) return {.status = 404};
    const int n = ++asked_;
    if (fail_) return {.status = 500};
    return {.body = R"({"Code":"Success","AccessKeyId":"AK)" + std::to_string(n) +
                    R"(","SecretAccessKey":"S","Token":"T","Expiration":"2023-11-)" + std::to_string(day_) + R"(T04:00:00Z"})"};
  }};
  CredentialsConfig config() { return {.metadata_endpoint = server_.endpoint()}; }
};

TEST_F(MetadataTest, are_kept_until_shortly_before_they_expire) {
  CredentialsChain chain(env_, config(), of({}));
  Result<Credentials> first = get(chain);
  ASSERT_TRUE(first) << first.error().to_string();
  EXPECT_EQ(first->access_key, "AK1");
  EXPECT_EQ(first->session_token, Secret("T"));
  EXPECT_EQ(get(chain)->access_key, "AK1");
  clock_.wall = os::from_unix_nanos(1'700'020'800'000'000'000) - std::chrono::minutes(4);  // 03:56
  fail_ = true;
  EXPECT_EQ(get(chain)->access_key, "AK1");  // still valid, though no newer ones are to be had
  fail_ = false;
  day_ = 16;
  EXPECT_EQ(get(chain)->access_key, "AK3");
  chain.expire(*get(chain));  // the store does not take them
  EXPECT_EQ(get(chain)->access_key, "AK4");
}

TEST_F(MetadataTest, an_expired_key_is_not_handed_out) {
  CredentialsChain chain(env_, config(), of({}));
  ASSERT_TRUE(get(chain));
  clock_.wall += std::chrono::hours(24);
  fail_ = true;
  Result<Credentials> none = get(chain);
  ASSERT_FALSE(none);
  EXPECT_EQ(none.error().code(), Code::kBusy);
}

TEST_F(MetadataTest, are_not_asked_for_when_switched_off) {
  CredentialsChain chain(env_, config(), of({{"AWS_EC2_METADATA_DISABLED", "true"}}));
  EXPECT_EQ(get(chain).error().error(), EACCES);
  EXPECT_TRUE(server_.requests().empty());
}

}  // namespace
}  // namespace forebay::ufs
