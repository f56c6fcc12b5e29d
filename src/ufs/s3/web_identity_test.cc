#include <gtest/gtest.h>

#include <atomic>

#include "async/loop.h"
#include "os/memory_file.h"
#include "ufs/failure.h"
#include "ufs/s3/credentials.h"
#include "ufs/s3/fake_http.h"

namespace forebay::ufs {
namespace {

class SetClock final : public os::Clock {
 public:
  os::Instant now() const override { return os::real_clock().now(); }
  os::WallTime wall_now() const override { return wall; }
  Task<bool> sleep_until(os::Instant when, std::stop_token stop) override { return os::real_clock().sleep_until(when, stop); }
  os::WallTime wall = os::from_unix_nanos(1'700'000'000'000'000'000);  // 2023-11-14T22:13:20Z
};

// A pod whose token lies in a file, and an STS that gives out keys until 04:00 of a day.
class WebIdentityTest : public testing::Test {
 protected:
  WebIdentityTest() {
    values_ = {{"AWS_ROLE_ARN", "arn:aws:iam::1:role/writer"},
               {"AWS_WEB_IDENTITY_TOKEN_FILE", "/run/token"},
               {"AWS_ENDPOINT_URL_STS", server_.endpoint() + "/"}};
    FOREBAY_CHECK(files_.make_directories("/run").has_value(), "a directory in memory");
    write_token("first+token\n");
  }
  ~WebIdentityTest() override { loop_.stop(); }
  void write_token(const std::string& text) {
    FOREBAY_CHECK(files_.write_whole("/run/token", as_bytes(text)).has_value(), "a file in memory");
  }
  Environment environment() {
    return [this](const std::string& name) -> std::optional<std::string> {
      auto found = values_.find(name);
      return found == values_.end() ? std::nullopt : std::optional(found->second);
    };
  }
  static CredentialsConfig config() { return {.use_metadata = false}; }
  Result<Credentials> get(CredentialsChain& chain) { return async::block_on(loop_.executor(), chain.get({})); }
  Result<Credentials> get() {
    CredentialsChain chain(env_, config(), environment());
    return get(chain);
  }
  static FakeResponse refusal(int status, const std::string& code) {
    return {.status = status,
            .body = "<ErrorResponse xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\"><Error><Type>Sender</Type><Code>" + code +
                    "</Code><Message>why</Message></Error><RequestId>1</RequestId></ErrorResponse>"};
  }

  std::atomic<int> day_ = 15;  // of the expiry
  std::atomic<int> asked_ = 0;
  std::function<std::optional<FakeResponse>()> instead_;
  FakeHttp server_{[this](const FakeRequest&) -> FakeResponse {
    const int n = ++asked_;
    if (instead_) {
      if (std::optional<FakeResponse> other = instead_()) return *other;
    }
    return {.body =
                "<AssumeRoleWithWebIdentityResponse xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\">"
                "<AssumeRoleWithWebIdentityResult><Credentials><AccessKeyId>AK" +
                std::to_string(n) +
                "</AccessKeyId><SecretAccessKey>s/e+c=</SecretAccessKey><SessionToken>T=</SessionToken><Expiration>2023-11-" +
                std::to_string(day_) +
                "T04:00:00Z</Expiration></Credentials></AssumeRoleWithWebIdentityResult></AssumeRoleWithWebIdentityResponse>"};
  }};
  async::Loop loop_{"web identity"};
  SetClock clock_;
  os::MemoryDisk disk_;
  os::MemoryFileSystem files_{disk_};
  os::Env env_{clock_, os::real_random(), files_, os::real_network(), loop_.executor(), "test"};
  std::map<std::string, std::string> values_;
};

TEST_F(WebIdentityTest, a_token_is_exchanged_for_the_keys_of_the_role) {
  Result<Credentials> found = get();
  ASSERT_TRUE(found) << found.error().to_string();
  EXPECT_EQ(found->access_key, "AK1");
  EXPECT_EQ(found->secret_key, Secret("s/e+c="));
  EXPECT_EQ(found->session_token, Secret("T="));
  EXPECT_EQ(found->origin, "web identity, role arn:aws:iam::1:role/writer");
  const FakeRequest asked = server_.requests().at(0);
  EXPECT_EQ(asked.method, "POST");
  EXPECT_EQ(asked.target, "/") << "a token is in no query";
  EXPECT_EQ(asked.headers.at("content-type"), "application/x-www-form-urlencoded");
  EXPECT_FALSE(asked.headers.contains("authorization"));
  EXPECT_EQ(asked.body,
            "Action=AssumeRoleWithWebIdentity&Version=2011-06-15&RoleArn=arn%3Aaws%3Aiam%3A%3A1%3Arole%2Fwriter"
            "&RoleSessionName=forebay&WebIdentityToken=first%2Btoken");
}

TEST_F(WebIdentityTest, keys_are_renewed_before_they_expire_with_the_token_that_the_file_then_has) {
  CredentialsChain chain(env_, config(), environment());
  ASSERT_TRUE(get(chain));
  EXPECT_EQ(get(chain)->access_key, "AK1") << "kept";
  write_token("second-token");
  clock_.wall = os::from_unix_nanos(1'700'020'800'000'000'000) - std::chrono::minutes(4);  // 03:56
  instead_ = [] { return refusal(503, "ServiceUnavailable"); };
  EXPECT_EQ(get(chain)->access_key, "AK1") << "still valid, though no newer ones are to be had";
  instead_ = nullptr;
  day_ = 16;
  EXPECT_EQ(get(chain)->access_key, "AK3");
  EXPECT_TRUE(server_.requests().back().body.ends_with("WebIdentityToken=second-token"));
  chain.expire(*get(chain));  // the store does not take them
  EXPECT_EQ(get(chain)->access_key, "AK4");
}

TEST_F(WebIdentityTest, a_refusal_is_said_with_its_code_and_without_the_token) {
  instead_ = [] { return refusal(403, "AccessDenied"); };
  Result<Credentials> refused = get();
  ASSERT_FALSE(refused);
  EXPECT_EQ(failure_of(refused.error()), Failure::kPermanent);
  EXPECT_NE(refused.error().to_string().find("role/writer by web identity: AccessDenied: why"), std::string::npos)
      << refused.error().to_string();
  EXPECT_EQ(refused.error().to_string().find("first"), std::string::npos);
}

TEST_F(WebIdentityTest, what_passes_by_itself_is_tried_again) {
  for (const FakeResponse& answer :
       {refusal(400, "IDPCommunicationError"), refusal(400, "ExpiredTokenException"), refusal(400, "Throttling"),
        FakeResponse{.status = 502, .body = "<html>Bad gateway</html>"}}) {
    instead_ = [answer] { return answer; };
    Result<Credentials> none = get();
    ASSERT_FALSE(none);
    EXPECT_EQ(failure_of(none.error()), Failure::kRetryLater) << none.error().to_string();
  }
}

TEST_F(WebIdentityTest, an_answer_without_usable_keys_is_corrupt) {
  instead_ = [] { return FakeResponse{.body = "<AssumeRoleWithWebIdentityResponse/>"}; };
  EXPECT_EQ(get().error().code(), Code::kCorrupt);
}

TEST_F(WebIdentityTest, it_comes_after_keys_in_the_environment_and_before_files) {
  ASSERT_TRUE(
      files_.write_whole("/run/credentials", as_bytes("[default]\naws_access_key_id=AK-file\naws_secret_access_key=S\n")));
  values_["AWS_SHARED_CREDENTIALS_FILE"] = "/run/credentials";
  EXPECT_EQ(get()->access_key, "AK1");
  values_["AWS_ACCESS_KEY_ID"] = "AK-environment";
  values_["AWS_SECRET_ACCESS_KEY"] = "S";
  EXPECT_EQ(get()->access_key, "AK-environment");
  CredentialsConfig named = config();
  named.file = "/run/credentials";
  CredentialsChain chain(env_, named, environment());
  EXPECT_EQ(get(chain)->access_key, "AK-file") << "a file that is named is meant";
}

TEST_F(WebIdentityTest, half_of_it_and_a_token_that_is_not_there_are_errors) {
  write_token(" \n");
  EXPECT_EQ(get().error().code(), Code::kInvalid);
  ASSERT_TRUE(files_.remove("/run/token"));
  EXPECT_NE(get().error().to_string().find("/run/token"), std::string::npos);
  values_.erase("AWS_WEB_IDENTITY_TOKEN_FILE");
  EXPECT_EQ(get().error().code(), Code::kInvalid);
  EXPECT_TRUE(server_.requests().empty());
}

TEST_F(WebIdentityTest, the_service_is_the_one_of_the_region) {
  values_.erase("AWS_ENDPOINT_URL_STS");
  EXPECT_EQ(web_identity_of(environment())->endpoint, "https://sts.amazonaws.com");
  values_["AWS_DEFAULT_REGION"] = "cn-north-1";
  EXPECT_EQ(web_identity_of(environment())->endpoint, "https://sts.cn-north-1.amazonaws.com.cn");
  values_["AWS_REGION"] = "eu-west-1";
  EXPECT_EQ(web_identity_of(environment())->endpoint, "https://sts.eu-west-1.amazonaws.com");
}

}  // namespace
}  // namespace forebay::ufs
