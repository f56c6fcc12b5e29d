// Keys of a role for the token of a workload, as Kubernetes clusters of AWS hand them out (IRSA).
#include "ufs/in_time.h"
#include "ufs/s3/credentials.h"
#include "ufs/s3/response_status.h"
#include "ufs/s3/sigv4.h"

namespace forebay::ufs {
namespace {

constexpr uint64_t kMostToken = 64 * kKiB;
constexpr Duration kPatience = std::chrono::seconds(20);

std::string without_spaces_around(std::string_view text) {
  const size_t first = text.find_first_not_of(" \t\r\n");
  if (first == std::string_view::npos) return {};
  return std::string(text.substr(first, text.find_last_not_of(" \t\r\n") - first + 1));
}

class OfWebIdentity final : public CredentialsSource {
 public:
  OfWebIdentity(os::Env& env, WebIdentity identity, std::shared_ptr<HttpClient> http)
      : env_(env), identity_(std::move(identity)), http_(std::move(http)), calls_(env.clock, env.blocking, 2) {}

  Task<Result<std::optional<Credentials>>> load(Call call) override {
    if (identity_.role.empty() || identity_.token_file.empty())
      co_return invalid("of AWS_ROLE_ARN and AWS_WEB_IDENTITY_TOKEN_FILE only one is set");
    // Read each time: whoever keeps the file writes a new token before the old one expires.
    auto read = [files = &env_.files, path = identity_.token_file] { return files->read_whole(path, kMostToken); };
    const std::string doing = "read web identity token '" + identity_.token_file + "'";
    CO_ASSIGN_OR_RETURN(const std::string text, co_await calls_.run(read, call, false, doing));
    const Secret token(without_spaces_around(text));
    if (token.empty()) co_return invalid("the web identity token file '" + identity_.token_file + "' is empty");
    HttpOutcome outcome = co_await http_->send(request(token), nullptr, kPatience, call.stop);
    if (outcome.trouble != HttpTrouble::kNone) co_return std::unexpected(status_of_trouble(outcome, doing_, false));
    if (outcome.response.status != 200) co_return std::unexpected(refusal(outcome.response));
    CO_ASSIGN_OR_RETURN(Credentials found, parse_assumed_role(outcome.response.text));
    found.origin = "web identity, role " + identity_.role;
    co_return found;
  }

 private:
  // In the body: a query stands in the logs of whoever passes it on.
  HttpRequest request(const Secret& token) const {
    HttpRequest made{.method = "POST", .url = identity_.endpoint + "/", .sends_body = true};
    made.headers.emplace_back("content-type", "application/x-www-form-urlencoded");
    made.text = "Action=AssumeRoleWithWebIdentity&Version=2011-06-15&RoleArn=" + uri_encode(identity_.role) +
                "&RoleSessionName=" + uri_encode(identity_.session) + "&WebIdentityToken=" + uri_encode(token.reveal());
    return made;
  }
  // What passes by itself is asked again soon, with the token that the file then has.
  Status refusal(const HttpResponse& response) const {
    const S3Error error = parse_error(response.text);
    const std::string why = doing_ + ": " + (error.code.empty() ? "HTTP " + std::to_string(response.status) : error.code) +
                            (error.message.empty() ? "" : ": " + error.message);
    const bool passes = response.status >= 500 || response.status == 429 || error.code == "Throttling" ||
                        error.code == "IDPCommunicationError" || error.code == "ExpiredTokenException";
    return passes ? busy(why).error() : refused(EACCES, why).error();
  }

  os::Env& env_;
  const WebIdentity identity_;
  const std::string doing_ = "assume role " + identity_.role + " by web identity";
  const std::shared_ptr<HttpClient> http_;
  BlockingCalls calls_;
};

}  // namespace

std::optional<WebIdentity> web_identity_of(const Environment& environment) {
  const auto role = environment("AWS_ROLE_ARN"), file = environment("AWS_WEB_IDENTITY_TOKEN_FILE");
  if (!role && !file) return std::nullopt;
  WebIdentity identity{.role = role.value_or(""),
                       .token_file = file.value_or(""),
                       .session = environment("AWS_ROLE_SESSION_NAME").value_or("forebay"),
                       .endpoint = "https://sts.amazonaws.com"};
  for (const char* name : {"AWS_REGION", "AWS_DEFAULT_REGION"}) {
    const auto region = environment(name);
    if (!region) continue;
    identity.endpoint = "https://sts." + *region + ".amazonaws.com" + (region->starts_with("cn-") ? ".cn" : "");
    break;
  }
  if (auto endpoint = environment("AWS_ENDPOINT_URL_STS")) identity.endpoint = *endpoint;
  while (identity.endpoint.ends_with('/')) identity.endpoint.pop_back();
  return identity;
}

std::unique_ptr<CredentialsSource> credentials_of_web_identity(os::Env& env, WebIdentity identity,
                                                               std::shared_ptr<HttpClient> http) {
  return std::make_unique<OfWebIdentity>(env, std::move(identity), std::move(http));
}

}  // namespace forebay::ufs
