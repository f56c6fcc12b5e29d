#include "ufs/s3/client.h"

#include <algorithm>

#include "ufs/failure.h"
#include "ufs/s3/response_status.h"
#include "ufs/s3/sha256.h"

namespace forebay::ufs {
namespace {

constexpr size_t kHashPiece = 1 * kMiB;
// Bodies up to this are read once and sent as text: no pauses between the threads, and hashed where they are.
constexpr uint64_t kSmallBody = 64 * kKiB;
constexpr int kMostRightings = 3;  // clock, region and credentials may all be wrong

bool is_plain_name(std::string_view text) {
  return !text.empty() && text.size() <= 63 && std::ranges::all_of(text, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '.' || c == '_' || (c >= 'A' && c <= 'Z');
  });
}

}  // namespace

S3Client::S3Client(os::Env& env, S3ClientConfig config, Environment environment, obs::Log& log)
    : env_(env),
      config_(std::move(config)),
      log_(log),
      http_(config_.http),
      credentials_(env, config_.credentials, std::move(environment)),
      breaker_(env.clock, env.random, config_.breaker),
      region_(config_.region) {
  const size_t scheme = config_.endpoint.find("://");
  scheme_ = scheme == std::string::npos ? "https" : config_.endpoint.substr(0, scheme);
  if (scheme != std::string::npos) authority_ = config_.endpoint.substr(scheme + 3);
}

std::string S3Client::region() const {
  std::lock_guard lock(mutex_);
  return region_;
}

bool S3Client::is_virtual_host() const {
  if (config_.addressing != Addressing::kAuto) return config_.addressing == Addressing::kVirtualHost;
  // A dot in the name matches no wildcard certificate.
  return config_.endpoint.empty() && config_.bucket.find('.') == std::string::npos;
}

std::string S3Client::host_of(const std::string& region) const {
  const std::string host = authority_.empty() ? "s3." + region + ".amazonaws.com" : authority_;
  return is_virtual_host() ? config_.bucket + "." + host : host;
}

std::string S3Client::path_of(const std::string& key) const {
  std::string path = is_virtual_host() ? "/" : "/" + uri_encode(config_.bucket);
  if (!key.empty()) path += (path == "/" ? "" : "/") + uri_encode(key, true);
  return path;
}

Duration S3Client::pause(int attempt) {
  const Duration most = std::min(config_.first_pause * (int64_t{1} << std::min(attempt, 20)), config_.most_pause);
  return Duration(static_cast<int64_t>(env_.random.below(static_cast<uint64_t>(most.count()))) + 1);
}

// Over plain HTTP the signature is all that protects the bytes.
Task<Result<std::string>> S3Client::payload_hash(S3Request request, Call call) {
  if (!request.body) co_return sha256_hex(request.text);
  const bool is_unsigned =
      config_.payload == PayloadSigning::kNever || (config_.payload == PayloadSigning::kAuto && scheme_ == "https");
  if (is_unsigned) co_return std::string(kUnsignedPayload);
  auto hash = std::make_shared<Sha256>();
  std::string buffer(std::min<uint64_t>(kHashPiece, request.body->length()), '\0');
  for (uint64_t at = 0; at < request.body->length();) {
    if (call.stop.stop_requested()) co_return cancelled(request.doing);
    const MutableBytes piece =
        std::as_writable_bytes(std::span(buffer)).first(std::min<uint64_t>(buffer.size(), request.body->length() - at));
    CO_TRY(co_await request.body->examine(at, piece));
    auto update = [&hash, piece] {
      hash->update(piece);
      return true;
    };
    co_await async::run_blocking(env_.blocking, update);
    at += piece.size();
  }
  co_return hex(hash->finish());
}

Task<Result<HttpResponse>> S3Client::send(S3Request request, Call call) {
  if (call.deadline == os::Instant::max()) call.deadline = env_.clock.now() + config_.patience;
  if (call.stop.stop_requested()) co_return cancelled(request.doing);
  if (request.body && request.body->length() <= kSmallBody) {
    CO_ASSIGN_OR_RETURN(request.text, co_await read_all(request.body, kSmallBody));
    request.body = nullptr;
  }
  CO_ASSIGN_OR_RETURN(std::string hash, co_await payload_hash(request, call));
  int rightings = 0;
  for (int attempts = 1;; ++attempts) {
    if (env_.clock.now() >= call.deadline) co_return busy(request.doing + ": the deadline has passed");
    CO_TRY(breaker_.enter("s3://" + config_.bucket));
    Attempt made = co_await attempt(request, hash, call);
    tell_breaker(made);
    if (made.result) co_return std::move(made.result);
    if (made.again_at_once && made.delivered == 0 && ++rightings <= kMostRightings) {
      --attempts;
      continue;
    }
    const bool passes = failure_of(made.result.error()) == Failure::kRetryLater;
    if (request.writes || !passes || made.delivered > 0 || attempts >= config_.read_attempts) co_return std::move(made.result);
    const os::Instant next = env_.clock.now() + pause(attempts);
    if (next >= call.deadline) co_return std::move(made.result);
    const bool slept = co_await env_.clock.sleep_until(next, call.stop);
    if (!slept) co_return cancelled(request.doing);
  }
}

Task<S3Client::Attempt> S3Client::attempt(S3Request request, std::string payload_hash, Call call) {
  Attempt made{.result = HttpResponse{}};
  const Duration left = std::max<Duration>(call.deadline - env_.clock.now(), std::chrono::milliseconds(1));
  Result<Credentials> credentials = co_await credentials_.get(call);
  if (!credentials) {
    made.result = std::unexpected(std::move(credentials).error().with_context(request.doing));
    co_return made;
  }
  const std::string region = this->region(), host = host_of(region);
  SignedParts parts{request.method, path_of(request.key), request.query, request.headers, std::move(payload_hash)};
  parts.headers.emplace_back("host", host);
  sign(parts, *credentials, region, env_.clock.wall_now() + Duration(clock_offset_ns_.load()));
  const std::string query = canonical_query(parts.query);
  HttpRequest http{.method = request.method,
                   .url = scheme_ + "://" + host + parts.path + (query.empty() ? "" : "?" + query),
                   .headers = std::move(parts.headers),
                   .body = request.body,
                   .text = request.text,
                   .sends_body = request.sends_body,
                   .sink = request.sink,
                   .once = request.writes};
  HttpOutcome outcome =
      co_await http_.send(std::move(http), request.accept, std::min<Duration>(left, std::chrono::hours(24)), call.stop);
  made.delivered = outcome.delivered;
  if (outcome.trouble != HttpTrouble::kNone) {
    made.result = std::unexpected(status_of_trouble(outcome, request.doing, request.writes));
    co_return made;
  }
  const int status = outcome.response.status;
  const bool is_head = request.method == "HEAD";
  if (!is_head && is_of_a_stranger(outcome.response)) {
    made.result = std::unexpected(status_of_stranger(outcome.response, request.doing, request.writes));
    co_return made;
  }
  if ((status >= 200 && status < 300) || status == 304 || status == 416 || (is_head && status == 404)) {
    made.is_doubtful = is_head && !has_request_id(outcome.response);
    made.result = std::move(outcome.response);
    co_return made;
  }
  const S3Error error = parse_error(outcome.response.text);
  made.again_at_once = set_right(outcome.response, error, *credentials);
  made.result = std::unexpected(status_of_response(outcome.response, error, request.doing, request.writes));
  co_return made;
}

bool S3Client::set_right(const HttpResponse& response, const S3Error& error, const Credentials& used) {
  if (error.code == "ExpiredToken" || error.code == "InvalidToken") {
    credentials_.expire(used);
    return used.expires.has_value();
  }
  // A HEAD has no body: 403 may mean the clock there.
  const bool is_skew = error.code == "RequestTimeTooSkewed" || (response.status == 403 && error.code.empty());
  const int64_t theirs = parse_http_time(response.header("date"));
  if (is_skew && theirs != 0) {
    const int64_t before = clock_offset_ns_.load(), now = theirs - os::unix_nanos(env_.clock.wall_now());
    if (std::abs(now - before) > 60'000'000'000) {
      clock_offset_ns_ = now;
      log_.warning("the clocks of this machine and the under store differ; the store's is used to sign",
                   {{"bucket", config_.bucket}, {"seconds", now / 1'000'000'000}});
      return true;
    }
  }
  std::string region = error.region.empty() ? response.header("x-amz-bucket-region") : error.region;
  const bool is_elsewhere = response.status == 301 || response.status == 307 || response.status == 400 || response.status == 403;
  if (!is_elsewhere || !is_plain_name(region)) return false;
  std::lock_guard lock(mutex_);
  if (region == region_) return false;
  region_ = std::move(region);
  return true;
}

void S3Client::tell_breaker(const Attempt& attempt) {
  if (attempt.is_doubtful) return breaker_.left();
  if (attempt.result) return breaker_.succeeded();
  switch (failure_of(attempt.result.error())) {
    case Failure::kCancelled: return breaker_.left();
    case Failure::kRetryLater:
    case Failure::kUnknown: return attempt.again_at_once ? breaker_.left() : breaker_.failed(attempt.result.error().message());
    default: return breaker_.succeeded();
  }
}

}  // namespace forebay::ufs
