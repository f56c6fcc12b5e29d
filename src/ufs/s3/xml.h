// The XML that S3 speaks. What comes from the network is bounded and never trusted.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"
#include "ufs/s3/secret.h"
#include "ufs/under_store.h"

namespace forebay::ufs {

// All of these answer `corrupt` for text that is no XML of the kind expected, is nested deeper than 16, or larger than 8 MiB.
// Entities that a document defines itself are not expanded; document types are passed over.
struct S3Error {
  std::string code, message, request_id, region, endpoint;  // empty where missing; printable, cut at 512 bytes each
};
// Whatever the body is: empty for what is no error document, of S3 or of STS (ErrorResponse).
S3Error parse_error(std::string_view text);
bool is_error_document(std::string_view text);

struct S3Listing {
  std::vector<ListEntry> entries;  // full keys, in the order of the answer; directories end in '/'
  std::string token;
  bool is_truncated = false;
};
Result<S3Listing> parse_listing(std::string_view text);

struct S3Uploads {
  std::vector<Upload> uploads;  // full keys
  std::string key_marker, id_marker;
  bool is_truncated = false;
};
Result<S3Uploads> parse_uploads(std::string_view text);

struct S3Parts {
  std::vector<Part> parts;  // without offsets
  uint32_t marker = 0;
  bool is_truncated = false;
};
Result<S3Parts> parse_parts(std::string_view text);

// The keys of an AssumeRoleWithWebIdentityResponse; without an origin.
Result<Credentials> parse_assumed_role(std::string_view text);
Result<std::string> parse_upload_id(std::string_view text);
// Of CompleteMultipartUploadResult, CopyObjectResult and CopyPartResult, without quotes; empty where the store leaves it out.
Result<std::string> parse_etag(std::string_view text);

std::string complete_document(const std::vector<Part>& parts);
std::string unquoted(std::string_view etag);
std::string url_decoded(std::string_view text);  // '+' is a space
// "2024-05-06T07:08:09.123Z", and the Date header's "Mon, 06 May 2024 07:08:09 GMT". 0 for anything else.
int64_t parse_iso_time(std::string_view text);
int64_t parse_http_time(std::string_view text);

}  // namespace forebay::ufs
