#include <algorithm>
#include <nlohmann/json.hpp>

#include "ufs/in_time.h"
#include "ufs/s3/credentials.h"
#include "ufs/s3/response_status.h"
#include "ufs/s3/sigv4.h"

namespace forebay::ufs {
namespace {

constexpr uint64_t kMostFile = kMiB;

std::string_view trim(std::string_view text) {
  const size_t first = text.find_first_not_of(" \t\r");
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(" \t\r") - first + 1);
}

class OfEnvironment final : public CredentialsSource {
 public:
  explicit OfEnvironment(Environment environment) : environment_(std::move(environment)) {}
  Task<Result<std::optional<Credentials>>> load(Call) override {
    const auto key = environment_("AWS_ACCESS_KEY_ID"), secret = environment_("AWS_SECRET_ACCESS_KEY");
    if (!key && !secret) co_return std::nullopt;
    if (!key || !secret) co_return invalid("of AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY only one is set");
    Credentials found{.access_key = *key, .secret_key = Secret(*secret), .origin = "environment"};
    if (auto token = environment_("AWS_SESSION_TOKEN")) found.session_token = Secret(*token);
    co_return found;
  }

 private:
  const Environment environment_;
};

class OfFile final : public CredentialsSource {
 public:
  OfFile(os::Env& env, std::string path, std::string profile)
      : env_(env), path_(std::move(path)), profile_(std::move(profile)), calls_(env.clock, env.blocking, 2) {}
  Task<Result<std::optional<Credentials>>> load(Call call) override {
    auto read = [files = &env_.files, path = path_] { return files->read_whole(path, kMostFile); };
    Result<std::string> text = co_await calls_.run(read, call, false, "read credentials file '" + path_ + "'");
    if (!text && text.error().is_errno(ENOENT)) co_return std::nullopt;
    CO_TRY(text);
    co_return parse_credentials_file(*text, profile_, path_);
  }

 private:
  os::Env& env_;
  const std::string path_, profile_;
  BlockingCalls calls_;
};

// IMDSv2: a token first, then the role's name, then its keys.
class OfMetadata final : public CredentialsSource {
 public:
  OfMetadata(std::string endpoint, std::shared_ptr<HttpClient> http) : endpoint_(std::move(endpoint)), http_(std::move(http)) {
    while (endpoint_.ends_with('/')) endpoint_.pop_back();
  }
  Task<Result<std::optional<Credentials>>> load(Call call) override {
    HttpRequest ask{.method = "PUT", .url = endpoint_ + "/latest/api/token", .sends_body = true};
    ask.headers.emplace_back("x-aws-ec2-metadata-token-ttl-seconds", "21600");
    HttpOutcome token = co_await http_->send(ask, nullptr, kPatience, call.stop);
    if (token.trouble == HttpTrouble::kCancelled) co_return cancelled("ask for instance metadata");
    if (token.trouble != HttpTrouble::kNone) co_return std::nullopt;  // no such service on this machine
    if (token.response.status != 200) co_return unusable("token", token.response.status);
    const std::string path = "/latest/meta-data/iam/security-credentials/";
    CO_ASSIGN_OR_RETURN(std::optional<std::string> roles, co_await fetch(path, token.response.text, call));
    if (!roles) co_return std::nullopt;  // an instance without a role
    const std::string role(trim(std::string_view(*roles).substr(0, roles->find('\n'))));
    if (role.empty()) co_return std::nullopt;
    CO_ASSIGN_OR_RETURN(std::optional<std::string> text, co_await fetch(path + uri_encode(role), token.response.text, call));
    if (!text) co_return unusable("role " + role, 404);
    co_return parse(*text);
  }

 private:
  static constexpr Duration kPatience = std::chrono::seconds(10);

  static Error unusable(const std::string& what, int status) {
    return busy("instance metadata: no answer for the " + what + ": HTTP " + std::to_string(status));
  }
  Task<Result<std::optional<std::string>>> fetch(std::string path, std::string token, Call call) {
    HttpRequest request{.method = "GET", .url = endpoint_ + path};
    request.headers.emplace_back("x-aws-ec2-metadata-token", std::move(token));
    HttpOutcome outcome = co_await http_->send(request, nullptr, kPatience, call.stop);
    if (outcome.trouble != HttpTrouble::kNone) co_return std::unexpected(status_of_trouble(outcome, "instance metadata", false));
    if (outcome.response.status == 404) co_return std::nullopt;
    if (outcome.response.status != 200) co_return unusable(path, outcome.response.status);
    co_return std::move(outcome.response.text);
  }
  static Result<std::optional<Credentials>> parse(const std::string& text) {
    const nlohmann::json json = nlohmann::json::parse(text, nullptr, false);
    auto value = [&](const char* name) {
      if (!json.is_object()) return std::string();
      auto found = json.find(name);
      return found != json.end() && found->is_string() ? found->get<std::string>() : std::string();
    };
    Credentials found{.access_key = value("AccessKeyId"),
                      .secret_key = Secret(value("SecretAccessKey")),
                      .session_token = Secret(value("Token")),
                      .origin = "instance metadata"};
    const int64_t expires = parse_iso_time(value("Expiration"));
    if (found.access_key.empty() || found.secret_key.empty() || expires == 0) return corrupt("instance metadata: no usable keys");
    found.expires = os::from_unix_nanos(expires);
    return found;
  }

  std::string endpoint_;
  const std::shared_ptr<HttpClient> http_;
};

}  // namespace

Result<std::optional<Credentials>> parse_credentials_file(std::string_view text, std::string_view profile,
                                                          const std::string& path) {
  Credentials found{.origin = "file '" + path + "', profile " + std::string(profile)};
  bool is_ours = false, was_there = false;
  int number = 0;
  for (size_t at = 0; at < text.size();) {
    const size_t end = std::min(text.find('\n', at), text.size());
    const std::string_view line = trim(text.substr(at, end - at));
    at = end + 1;
    ++number;
    if (line.empty() || line.front() == '#' || line.front() == ';') continue;
    if (line.front() == '[') {
      if (line.back() != ']') return invalid(path + ":" + std::to_string(number) + ": a section without ']'");
      is_ours = trim(line.substr(1, line.size() - 2)) == profile;
      was_there = was_there || is_ours;
      continue;
    }
    const size_t equals = line.find('=');
    // The line itself may hold a secret: it is not repeated.
    if (equals == std::string_view::npos) return invalid(path + ":" + std::to_string(number) + ": a line without '='");
    if (!is_ours) continue;
    const std::string_view name = trim(line.substr(0, equals));
    const std::string value(trim(line.substr(equals + 1)));
    if (name == "aws_access_key_id") found.access_key = value;
    if (name == "aws_secret_access_key") found.secret_key = Secret(value);
    if (name == "aws_session_token") found.session_token = Secret(value);
  }
  if (!was_there) return std::nullopt;
  if (found.access_key.empty() || found.secret_key.empty()) {
    return invalid(path + ": profile " + std::string(profile) + " lacks aws_access_key_id or aws_secret_access_key");
  }
  return found;
}

std::unique_ptr<CredentialsSource> credentials_of_environment(Environment environment) {
  return std::make_unique<OfEnvironment>(std::move(environment));
}
std::unique_ptr<CredentialsSource> credentials_of_file(os::Env& env, std::string path, std::string profile) {
  return std::make_unique<OfFile>(env, std::move(path), std::move(profile));
}
std::unique_ptr<CredentialsSource> credentials_of_metadata(std::string endpoint, std::shared_ptr<HttpClient> http) {
  return std::make_unique<OfMetadata>(std::move(endpoint), std::move(http));
}

}  // namespace forebay::ufs
