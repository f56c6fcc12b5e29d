// Where the keys of an S3 mount come from.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "async/sync.h"
#include "os/env.h"
#include "ufs/s3/http.h"
#include "ufs/s3/secret.h"

namespace forebay::ufs {

using Environment = std::function<std::optional<std::string>(const std::string& name)>;
Environment process_environment();

struct CredentialsConfig {
  Credentials given;                                         // from the mount's options; used when it has an access key
  bool anonymous = false;                                    // sign nothing
  std::string file;                                          // empty: AWS_SHARED_CREDENTIALS_FILE, or ~/.aws/credentials
  std::string profile;                                       // empty: AWS_PROFILE, or "default"
  bool use_metadata = true;                                  // unless AWS_EC2_METADATA_DISABLED is true
  std::string metadata_endpoint = "http://169.254.169.254";  // or AWS_EC2_METADATA_SERVICE_ENDPOINT
  Duration refresh_before = std::chrono::minutes(5);         // of the expiry
  HttpConfig sts_http;                                       // how the service that gives out keys of roles is reached
};

// One source of credentials.
class CredentialsSource {
 public:
  virtual ~CredentialsSource() = default;
  // Nothing: this source has none; an error: it should have, but cannot tell them.
  virtual Task<Result<std::optional<Credentials>>> load(Call call) = 0;
};
std::unique_ptr<CredentialsSource> credentials_of_environment(Environment environment);
std::unique_ptr<CredentialsSource> credentials_of_file(os::Env& env, std::string path, std::string profile);
// A role that a workload takes on with a token from a file, which somebody renews.
struct WebIdentity {
  std::string role, token_file;  // either may be empty: then the other one is not enough
  std::string session;           // its name in the logs of AWS
  std::string endpoint;          // of STS, without a '/' at its end
};
// AWS_ROLE_ARN and AWS_WEB_IDENTITY_TOKEN_FILE. Nothing: neither is set.
std::optional<WebIdentity> web_identity_of(const Environment& environment);
std::unique_ptr<CredentialsSource> credentials_of_web_identity(os::Env& env, WebIdentity identity,
                                                               std::shared_ptr<HttpClient> http);
std::unique_ptr<CredentialsSource> credentials_of_metadata(std::string endpoint, std::shared_ptr<HttpClient> http);

// The first source that has some, in the order: the mount's options, environment, web identity, file, instance metadata. Kept
// until shortly before they expire; then, or after the store refused them, the same order is asked again, by one caller while the
// others wait. While the old ones are still valid, a failed refresh changes nothing. `env` outlives it. Any executor.
class CredentialsChain {
 public:
  CredentialsChain(os::Env& env, CredentialsConfig config, Environment environment);
  Task<Result<Credentials>> get(Call call);
  void expire(const Credentials& refused);  // the store does not take these any more

 private:
  bool is_fresh(const Credentials& credentials) const;
  bool is_valid(const Credentials& credentials) const;
  Task<Result<Credentials>> load(Call call);

  os::Env& env_;
  const CredentialsConfig config_;
  std::vector<std::unique_ptr<CredentialsSource>> sources_;
  async::Mutex loading_;
  mutable std::mutex mutex_;
  std::optional<Credentials> known_;
};

// The section [profile] of a credentials file. `invalid` with the line for what cannot be read; nothing when it has no such
// section.
Result<std::optional<Credentials>> parse_credentials_file(std::string_view text, std::string_view profile,
                                                          const std::string& path);

}  // namespace forebay::ufs
