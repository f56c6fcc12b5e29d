#include "ufs/s3/credentials.h"

#include <algorithm>
#include <cstdlib>

namespace forebay::ufs {

Environment process_environment() {
  return [](const std::string& name) -> std::optional<std::string> {
    const char* value = std::getenv(name.c_str());
    if (!value || !*value) return std::nullopt;
    return value;
  };
}

namespace {

std::string file_path(const CredentialsConfig& config, const Environment& environment) {
  if (!config.file.empty()) return config.file;
  if (auto path = environment("AWS_SHARED_CREDENTIALS_FILE")) return *path;
  if (auto home = environment("HOME")) return *home + "/.aws/credentials";
  return "";
}

HttpConfig few_small_answers(HttpConfig config) {
  config.connections = 1;
  config.text_bytes = 64 * kKiB;
  return config;
}

HttpConfig metadata_http() {
  HttpConfig config = few_small_answers({});
  config.connect_timeout = std::chrono::seconds(1);  // outside EC2 nobody answers there
  config.stall_timeout = std::chrono::seconds(5);
  return config;
}

// Keys become parts of request headers, where a line break would begin another one.
Result<void> check_sendable(const Credentials& credentials) {
  constexpr size_t kLongest = 16 * kKiB;
  auto is_sendable = [](const std::string& text) {
    return text.size() <= kLongest && std::ranges::all_of(text, [](char each) { return each > ' ' && each < 0x7f; });
  };
  const bool all = is_sendable(credentials.access_key) && is_sendable(credentials.secret_key.reveal()) &&
                   is_sendable(credentials.session_token.reveal());
  if (all) return {};
  return invalid("keys of " + (credentials.origin.empty() ? "the mount's options" : credentials.origin) +
                 ": spaces, control characters or more than 16 KiB, which no key has");
}

}  // namespace

CredentialsChain::CredentialsChain(os::Env& env, CredentialsConfig config, Environment environment)
    : env_(env), config_(std::move(config)) {
  if (config_.anonymous || !config_.given.access_key.empty()) return;
  const bool names_file = !config_.file.empty() || !config_.profile.empty();
  if (!names_file) sources_.push_back(credentials_of_environment(environment));
  if (auto identity = names_file ? std::nullopt : web_identity_of(environment)) {
    auto http = std::make_shared<HttpClient>(few_small_answers(config_.sts_http));
    sources_.push_back(credentials_of_web_identity(env, *std::move(identity), std::move(http)));
  }
  const std::string path = file_path(config_, environment);
  const std::string profile = !config_.profile.empty() ? config_.profile : environment("AWS_PROFILE").value_or("default");
  if (!path.empty()) sources_.push_back(credentials_of_file(env, path, profile));
  const bool is_off = environment("AWS_EC2_METADATA_DISABLED").value_or("") == "true";
  if (names_file || !config_.use_metadata || is_off) return;
  const std::string endpoint = environment("AWS_EC2_METADATA_SERVICE_ENDPOINT").value_or(config_.metadata_endpoint);
  sources_.push_back(credentials_of_metadata(endpoint, std::make_shared<HttpClient>(metadata_http())));
}

bool CredentialsChain::is_fresh(const Credentials& credentials) const {
  return !credentials.expires || env_.clock.wall_now() + config_.refresh_before < *credentials.expires;
}
bool CredentialsChain::is_valid(const Credentials& credentials) const {
  return !credentials.expires || env_.clock.wall_now() < *credentials.expires;
}

void CredentialsChain::expire(const Credentials& refused) {
  std::lock_guard lock(mutex_);
  if (known_ && known_->access_key == refused.access_key && known_->session_token == refused.session_token) known_.reset();
}

Task<Result<Credentials>> CredentialsChain::get(Call call) {
  if (config_.anonymous) co_return Credentials{.origin = "anonymous"};
  if (!config_.given.access_key.empty()) {
    CO_TRY(check_sendable(config_.given));
    co_return config_.given;
  }
  {
    std::lock_guard lock(mutex_);
    if (known_ && is_fresh(*known_)) co_return *known_;
  }
  async::Mutex::Guard guard = co_await loading_.lock();
  {
    std::lock_guard lock(mutex_);
    if (known_ && is_fresh(*known_)) co_return *known_;  // by whoever held the lock before
  }
  Result<Credentials> loaded = co_await load(call);
  std::lock_guard lock(mutex_);
  if (loaded) {
    known_ = *loaded;
  } else if (known_ && is_valid(*known_)) {
    co_return *known_;
  }
  co_return loaded;
}

Task<Result<Credentials>> CredentialsChain::load(Call call) {
  for (const std::unique_ptr<CredentialsSource>& source : sources_) {
    CO_ASSIGN_OR_RETURN(std::optional<Credentials> found, co_await source->load(call));
    if (!found) continue;
    CO_TRY(check_sendable(*found));
    co_return *std::move(found);
  }
  co_return refused(
      EACCES,
      "no credentials: neither options of the mount (access-key, secret-key), nor AWS_ACCESS_KEY_ID and "
      "AWS_SECRET_ACCESS_KEY, nor AWS_ROLE_ARN and AWS_WEB_IDENTITY_TOKEN_FILE, nor a credentials file, nor instance "
      "metadata");
}

}  // namespace forebay::ufs
