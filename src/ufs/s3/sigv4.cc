#include "ufs/s3/sigv4.h"

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <ctime>

#include "ufs/s3/sha256.h"

namespace forebay::ufs {
namespace {

constexpr std::string_view kAlgorithm = "AWS4-HMAC-SHA256";

bool is_unreserved(unsigned char c) {
  return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '.' || c == '_' ||
         c == '~';
}

// Outer spaces go, inner runs become one, as the rules ask.
std::string trimmed(std::string_view value) {
  std::string text;
  for (char c : value) {
    if (c == ' ' && (text.empty() || text.back() == ' ')) continue;
    text += c;
  }
  if (text.ends_with(' ')) text.pop_back();
  return text;
}

NamedValues sorted(NamedValues headers) {
  std::ranges::sort(headers);
  return headers;
}

std::string signed_names(const SignedParts& parts) {
  std::string names;
  for (const auto& [name, value] : sorted(parts.headers)) names += (names.empty() ? "" : ";") + name;
  return names;
}

std::string scope_of(std::string_view region, std::string_view date) {
  return std::string(date.substr(0, 8)) + "/" + std::string(region) + "/s3/aws4_request";
}

}  // namespace

std::string uri_encode(std::string_view text, bool keep_slash) {
  static constexpr char kDigits[] = "0123456789ABCDEF";
  std::string encoded;
  encoded.reserve(text.size() + 16);
  for (unsigned char c : text) {
    if (is_unreserved(c) || (c == '/' && keep_slash)) {
      encoded += static_cast<char>(c);
    } else {
      encoded += '%';
      encoded += kDigits[c >> 4];
      encoded += kDigits[c & 15];
    }
  }
  return encoded;
}

std::string canonical_query(NamedValues query) {
  for (auto& [name, value] : query) {
    name = uri_encode(name);
    value = uri_encode(value);
  }
  std::ranges::sort(query);
  std::string text;
  for (const auto& [name, value] : query) {
    if (!text.empty()) text += '&';
    text += name;
    text += '=';
    text += value;
  }
  return text;
}

std::string amz_date(os::WallTime now) {
  const std::time_t seconds = std::chrono::floor<std::chrono::seconds>(now).time_since_epoch().count();
  std::tm parts{};
  ::gmtime_r(&seconds, &parts);
  char text[32];
  std::snprintf(text, sizeof text, "%04d%02d%02dT%02d%02d%02dZ", parts.tm_year + 1900, parts.tm_mon + 1, parts.tm_mday,
                parts.tm_hour, parts.tm_min, parts.tm_sec);
  return text;
}

std::string canonical_request(const SignedParts& parts) {
  std::string text = parts.method + "\n" + parts.path + "\n" + canonical_query(parts.query) + "\n";
  for (const auto& [name, value] : sorted(parts.headers)) text += name + ":" + trimmed(value) + "\n";
  return text + "\n" + signed_names(parts) + "\n" + parts.payload_hash;
}

std::string string_to_sign(const SignedParts& parts, std::string_view region, std::string_view date) {
  std::string text(kAlgorithm);
  text += "\n";
  text += date;
  text += "\n" + scope_of(region, date) + "\n" + sha256_hex(canonical_request(parts));
  return text;
}

void sign(SignedParts& parts, const Credentials& credentials, std::string_view region, os::WallTime now) {
  parts.headers.emplace_back("x-amz-content-sha256", parts.payload_hash);
  if (credentials.access_key.empty()) return;
  const std::string date = amz_date(now);
  parts.headers.emplace_back("x-amz-date", date);
  if (!credentials.session_token.empty()) parts.headers.emplace_back("x-amz-security-token", credentials.session_token.reveal());
  std::string key = hmac_sha256("AWS4" + credentials.secret_key.reveal(), date.substr(0, 8));
  key = hmac_sha256(key, region);
  key = hmac_sha256(key, "s3");
  key = hmac_sha256(key, "aws4_request");
  const std::string signature = hex(hmac_sha256(key, string_to_sign(parts, region, date)));
  std::string authorization(kAlgorithm);
  authorization += " Credential=" + credentials.access_key + "/" + scope_of(region, date) +
                   ",SignedHeaders=" + signed_names(parts) + ",Signature=" + signature;
  parts.headers.emplace_back("authorization", std::move(authorization));
}

}  // namespace forebay::ufs
