// AWS Signature Version 4 for S3. Every name is encoded once, by us, and sent exactly as it was signed.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "os/clock.h"
#include "ufs/s3/secret.h"

namespace forebay::ufs {

using NamedValues = std::vector<std::pair<std::string, std::string>>;

inline constexpr std::string_view kUnsignedPayload = "UNSIGNED-PAYLOAD";

// What is signed. `path` is encoded already (uri_encode, '/' kept), `query` is not and may be in any order; `headers` have
// lower-case names, among them "host" as it will be sent, and all are signed.
struct SignedParts {
  std::string method, path;
  NamedValues query, headers;
  std::string payload_hash;  // hex, or kUnsignedPayload
};

// Unreserved characters (letters, digits, "-._~") stay, all others become %XX; '/' as asked.
std::string uri_encode(std::string_view text, bool keep_slash = false);
std::string canonical_query(NamedValues query);  // sorted and encoded; it is also what is sent
std::string amz_date(os::WallTime now);          // "20130524T000000Z"

// The steps by themselves, for tests with the published examples.
std::string canonical_request(const SignedParts& parts);
std::string string_to_sign(const SignedParts& parts, std::string_view region, std::string_view date);

// Adds x-amz-date, x-amz-content-sha256, x-amz-security-token (if there is one) and authorization to parts.headers. Without an
// access key (anonymous) nothing but the hash.
void sign(SignedParts& parts, const Credentials& credentials, std::string_view region, os::WallTime now);

}  // namespace forebay::ufs
