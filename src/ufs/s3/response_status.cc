#include "ufs/s3/response_status.h"

#include <algorithm>
#include <array>
#include <cctype>

#include "ufs/failure.h"

namespace forebay::ufs {
namespace {

enum class Meaning { kConflict, kBusy, kUnknown, kNotFound, kRefused };
struct Known {
  std::string_view code;
  Meaning meaning;
  int error = 0;  // of a refusal
};
// The codes that say more than their HTTP status.
constexpr std::array kKnown{
    Known{"PreconditionFailed", Meaning::kConflict},
    Known{"ConditionalRequestConflict", Meaning::kConflict},
    Known{"OperationAborted", Meaning::kConflict},
    Known{"NoSuchKey", Meaning::kNotFound},
    Known{"NoSuchUpload", Meaning::kNotFound},
    Known{"NoSuchVersion", Meaning::kNotFound},
    Known{"NoSuchBucket", Meaning::kRefused, ENXIO},
    Known{"SlowDown", Meaning::kBusy},
    Known{"ServiceUnavailable", Meaning::kBusy},
    Known{"RequestLimitExceeded", Meaning::kBusy},
    Known{"TooManyRequests", Meaning::kBusy},
    Known{"Throttling", Meaning::kBusy},
    Known{"RequestTimeout", Meaning::kBusy},  // the server gave up waiting for the body
    Known{"RequestTimeTooSkewed", Meaning::kBusy},
    Known{"ExpiredToken", Meaning::kBusy},
    Known{"BadDigest", Meaning::kBusy},  // bytes damaged on the way
    Known{"XAmzContentSHA256Mismatch", Meaning::kBusy},
    Known{"IncompleteBody", Meaning::kBusy},
    Known{"InvalidPart", Meaning::kBusy},  // not there, or with another ETag than we were told: sent again
    Known{"TemporaryRedirect", Meaning::kBusy},
    Known{"InternalError", Meaning::kUnknown},
    Known{"KeyTooLongError", Meaning::kRefused, ENAMETOOLONG},
    Known{"KeyTooLong", Meaning::kRefused, ENAMETOOLONG},
    Known{"EntityTooLarge", Meaning::kRefused, EFBIG},
    Known{"EntityTooSmall", Meaning::kRefused, EINVAL},
    Known{"InvalidBucketName", Meaning::kRefused, EINVAL},
    Known{"NotImplemented", Meaning::kRefused, EOPNOTSUPP},
    Known{"QuotaExceeded", Meaning::kRefused, EDQUOT},
    Known{"InvalidObjectState", Meaning::kRefused, EACCES},
};

Meaning by_http_status(int status, bool has_code) {
  if (status == 404) return Meaning::kNotFound;
  if (status == 412 || status == 409) return Meaning::kConflict;
  if (status == 429) return Meaning::kBusy;
  // Without a code it was a proxy that answered, not the store: who knows what became of the request.
  if (status == 503) return has_code ? Meaning::kBusy : Meaning::kUnknown;
  if (status == 408 || status == 307) return Meaning::kBusy;  // 307: a HEAD has no code that says TemporaryRedirect
  if (status >= 500) return status == 501 ? Meaning::kRefused : Meaning::kUnknown;
  return Meaning::kRefused;
}

// Whatever the letters' case.
bool begins_with(std::string_view text, std::string_view lower) {
  const bool is_long_enough = text.size() >= lower.size();
  return is_long_enough && std::ranges::equal(text.substr(0, lower.size()), lower, {},
                                              [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
}

int error_of(int status) {
  if (status == 401 || status == 403) return EACCES;
  if (status == 405 || status == 501) return EOPNOTSUPP;
  if (status == 413) return EFBIG;
  return EINVAL;
}

}  // namespace

Status status_of_response(const HttpResponse& response, const S3Error& error, const std::string& doing, bool writes) {
  std::string message = doing + ": HTTP " + std::to_string(response.status);
  if (!error.code.empty()) message += " " + error.code;
  if (!error.message.empty()) message += ": " + error.message;
  if (!error.request_id.empty()) message += " (request " + error.request_id + ")";
  const auto* known = std::ranges::find(kKnown, std::string_view(error.code), &Known::code);
  const bool is_known = known != kKnown.end();
  const Meaning meaning = is_known ? known->meaning : by_http_status(response.status, !error.code.empty());
  switch (meaning) {
    case Meaning::kConflict: return conflict(std::move(message)).error();
    case Meaning::kBusy: return busy(std::move(message)).error();
    case Meaning::kUnknown:
      return writes ? unknown_outcome(std::move(message), EREMOTEIO).error() : busy(std::move(message)).error();
    case Meaning::kNotFound: return not_found(std::move(message)).error();
    case Meaning::kRefused: break;
  }
  return refused(is_known && known->error != 0 ? known->error : error_of(response.status), std::move(message)).error();
}

bool is_of_a_stranger(const HttpResponse& response) {
  if (response.text.empty()) return false;
  std::string_view text = response.text;
  text.remove_prefix(std::min(text.find_first_not_of(" \t\r\n"), text.size()));
  if (begins_with(text, "<!doctype html") || begins_with(text, "<html")) return true;
  // What is missing a store names: a key, an upload, a bucket.
  return response.status == 404 && parse_error(response.text).code.empty();
}

Status status_of_stranger(const HttpResponse& response, const std::string& doing, bool writes) {
  std::string message = doing + ": HTTP " + std::to_string(response.status) +
                        ", but not from the store: a page of a proxy or a load balancer in between";
  return writes ? unknown_outcome(std::move(message)).error() : busy(std::move(message)).error();
}

bool has_request_id(const HttpResponse& response) {
  return std::ranges::any_of(response.headers, [](const auto& header) {
    return header.first.ends_with("-request-id") || header.first == "x-guploader-uploadid";
  });
}

Status status_of_trouble(const HttpOutcome& outcome, const std::string& doing, bool writes) {
  if (outcome.body_error) return Status(*outcome.body_error).with_context(doing);
  const std::string message = doing + ": " + outcome.message;
  if (outcome.trouble == HttpTrouble::kCancelled) return cancelled(message).error();
  if (outcome.trouble == HttpTrouble::kTls) return refused(EPROTO, message).error();
  if (writes && outcome.may_have_arrived) return unknown_outcome(message).error();
  if (outcome.trouble == HttpTrouble::kTruncated) return corrupt(message).error();
  if (outcome.trouble == HttpTrouble::kTooLarge) return corrupt(message).error();
  return busy(message).error();
}

}  // namespace forebay::ufs
