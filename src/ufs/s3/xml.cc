#include "ufs/s3/xml.h"

#include <algorithm>
#include <charconv>
#include <cstdio>
#include <ctime>
#include <pugixml.hpp>

namespace forebay::ufs {
namespace {

constexpr size_t kMostBytes = 8 << 20;
constexpr int kMostDepth = 16;
constexpr size_t kMostItems = 10'000;

// Before there is a tree, which takes many times the memory of its text. Comments and quotes can hide tags from it.
bool looks_too_deep(std::string_view text) {
  int depth = 0;
  for (size_t at = text.find('<'); at != std::string_view::npos && at + 1 < text.size(); at = text.find('<', at + 1)) {
    const char next = text[at + 1];
    if (next == '?' || next == '!') continue;
    if (next == '/') {
      --depth;
      continue;
    }
    const size_t end = text.find('>', at);
    if (end == std::string_view::npos) return false;  // malformed: the parser says so
    if (text[end - 1] != '/' && ++depth > kMostDepth) return true;
  }
  return false;
}

// Stops at the first node that is too deep.
class DepthCheck final : public pugi::xml_tree_walker {
 public:
  bool for_each(pugi::xml_node&) override { return depth() < kMostDepth; }
};

Result<void> load(pugi::xml_document& document, std::string_view text) {
  if (text.size() > kMostBytes) return corrupt("an XML answer of " + std::to_string(text.size()) + " bytes");
  if (looks_too_deep(text)) return corrupt("an XML answer nested too deeply");
  const pugi::xml_parse_result parsed = document.load_buffer(text.data(), text.size(), pugi::parse_default, pugi::encoding_utf8);
  if (!parsed) return corrupt(std::string("an answer that is no XML: ") + parsed.description());
  DepthCheck check;
  if (!document.traverse(check)) return corrupt("an XML answer nested too deeply");
  return {};
}

Result<pugi::xml_node> root_of(pugi::xml_document& document, std::string_view text, const char* name) {
  TRY(load(document, text));
  pugi::xml_node root = document.child(name);
  if (!root) return corrupt(std::string("an XML answer without ") + name + ": " + document.document_element().name());
  return root;
}

std::string printable(std::string_view text) {
  std::string clean;
  for (unsigned char c : text.substr(0, 512)) clean += c < 0x20 || c == 0x7f ? ' ' : static_cast<char>(c);
  return clean;
}

template <class T>
T number(const char* text) {
  const std::string_view digits(text);
  T value = 0;
  std::from_chars(digits.data(), digits.data() + digits.size(), value);
  return value;
}

bool is_usable(const std::string& upload_id) { return !upload_id.empty() && upload_id.size() <= 1024; }
bool is_true(pugi::xml_node node) { return std::string_view(node.child_value()) == "true"; }

}  // namespace

bool is_error_document(std::string_view text) {
  pugi::xml_document document;
  return load(document, text) && (document.child("Error") || document.child("ErrorResponse").child("Error"));
}

S3Error parse_error(std::string_view text) {
  pugi::xml_document document;
  if (!load(document, text)) return {};
  const pugi::xml_node wrapped = document.child("ErrorResponse").child("Error");
  const pugi::xml_node root = wrapped ? wrapped : document.child("Error");
  auto value = [&](const char* name) { return printable(root.child_value(name)); };
  return {value("Code"), value("Message"), value("RequestId"), value("Region"), value("Endpoint")};
}

Result<S3Listing> parse_listing(std::string_view text) {
  pugi::xml_document document;
  ASSIGN_OR_RETURN(pugi::xml_node root, root_of(document, text, "ListBucketResult"));
  const bool is_encoded = std::string_view(root.child_value("EncodingType")) == "url";
  auto name = [&](const char* value) { return is_encoded ? url_decoded(value) : std::string(value); };
  S3Listing listing;
  for (pugi::xml_node item : root.children("Contents")) {
    listing.entries.push_back({.key = name(item.child_value("Key")),
                               .is_directory = false,
                               .length = number<uint64_t>(item.child_value("Size")),
                               .mtime_ns = parse_iso_time(item.child_value("LastModified")),
                               .identity = {unquoted(item.child_value("ETag"))}});
    if (listing.entries.size() > kMostItems) return corrupt("a listing of too many keys");
  }
  for (pugi::xml_node item : root.children("CommonPrefixes")) {
    listing.entries.push_back({.key = name(item.child_value("Prefix")), .is_directory = true});
    if (!listing.entries.back().key.ends_with('/')) return corrupt("a listing with a directory that does not end in '/'");
    if (listing.entries.size() > kMostItems) return corrupt("a listing of too many keys");
  }
  listing.is_truncated = is_true(root.child("IsTruncated"));
  listing.token = root.child_value("NextContinuationToken");
  if (listing.is_truncated && listing.token.empty()) return corrupt("a listing that goes on without saying where");
  return listing;
}

Result<S3Uploads> parse_uploads(std::string_view text) {
  pugi::xml_document document;
  ASSIGN_OR_RETURN(pugi::xml_node root, root_of(document, text, "ListMultipartUploadsResult"));
  const bool is_encoded = std::string_view(root.child_value("EncodingType")) == "url";
  auto name = [&](const char* value) { return is_encoded ? url_decoded(value) : std::string(value); };
  S3Uploads page;
  for (pugi::xml_node item : root.children("Upload")) {
    page.uploads.push_back(
        {name(item.child_value("Key")), item.child_value("UploadId"), parse_iso_time(item.child_value("Initiated"))});
    if (page.uploads.size() > kMostItems) return corrupt("a listing of too many uploads");
    if (!is_usable(page.uploads.back().id)) return corrupt("a listing with an upload without a usable id");
  }
  page.is_truncated = is_true(root.child("IsTruncated"));
  page.key_marker = name(root.child_value("NextKeyMarker"));
  page.id_marker = root.child_value("NextUploadIdMarker");
  if (page.is_truncated && page.key_marker.empty()) return corrupt("a listing that goes on without saying where");
  return page;
}

Result<S3Parts> parse_parts(std::string_view text) {
  pugi::xml_document document;
  ASSIGN_OR_RETURN(pugi::xml_node root, root_of(document, text, "ListPartsResult"));
  S3Parts page;
  for (pugi::xml_node item : root.children("Part")) {
    page.parts.push_back({number<uint32_t>(item.child_value("PartNumber")), 0, number<uint64_t>(item.child_value("Size")),
                          unquoted(item.child_value("ETag"))});
    if (page.parts.size() > kMostItems) return corrupt("a listing of too many parts");
  }
  page.is_truncated = is_true(root.child("IsTruncated"));
  page.marker = number<uint32_t>(root.child_value("NextPartNumberMarker"));
  if (page.is_truncated && page.marker == 0) return corrupt("a listing that goes on without saying where");
  return page;
}

Result<Credentials> parse_assumed_role(std::string_view text) {
  pugi::xml_document document;
  ASSIGN_OR_RETURN(const pugi::xml_node root, root_of(document, text, "AssumeRoleWithWebIdentityResponse"));
  const pugi::xml_node keys = root.child("AssumeRoleWithWebIdentityResult").child("Credentials");
  Credentials found{.access_key = printable(keys.child_value("AccessKeyId")),
                    .secret_key = Secret(keys.child_value("SecretAccessKey")),
                    .session_token = Secret(keys.child_value("SessionToken"))};
  const int64_t expires = parse_iso_time(keys.child_value("Expiration"));
  if (found.access_key.empty() || found.secret_key.empty() || found.session_token.empty() || expires == 0)
    return corrupt("an assumed role without usable keys");
  found.expires = os::from_unix_nanos(expires);
  return found;
}

Result<std::string> parse_upload_id(std::string_view text) {
  pugi::xml_document document;
  ASSIGN_OR_RETURN(pugi::xml_node root, root_of(document, text, "InitiateMultipartUploadResult"));
  std::string id = root.child_value("UploadId");
  if (!is_usable(id)) return corrupt("an upload without a usable id");
  return id;
}

Result<std::string> parse_etag(std::string_view text) {
  pugi::xml_document document;
  TRY(load(document, text));
  const std::string_view root = document.document_element().name();
  if (!root.ends_with("Result")) return corrupt("an answer that is no result: " + printable(root));
  std::string etag = unquoted(document.document_element().child_value("ETag"));
  if (etag.size() > 256) return corrupt("an answer without a usable ETag");
  return etag;
}

std::string complete_document(const std::vector<Part>& parts) {
  std::string text = "<CompleteMultipartUpload>";
  for (const Part& part : parts) {
    std::string tag;
    for (char c : part.tag) tag += c == '<' ? "&lt;" : c == '&' ? "&amp;" : std::string(1, c);
    text += "<Part><PartNumber>" + std::to_string(part.number) + "</PartNumber><ETag>\"" + tag + "\"</ETag></Part>";
  }
  return text + "</CompleteMultipartUpload>";
}

std::string unquoted(std::string_view etag) {
  if (etag.starts_with("W/")) etag.remove_prefix(2);
  if (etag.size() >= 2 && etag.front() == '"' && etag.back() == '"') etag = etag.substr(1, etag.size() - 2);
  return std::string(etag);
}

std::string url_decoded(std::string_view text) {
  std::string decoded;
  for (size_t i = 0; i < text.size(); ++i) {
    unsigned value = 0;
    const bool is_escape = text[i] == '%' && i + 2 < text.size() &&
                           std::from_chars(text.data() + i + 1, text.data() + i + 3, value, 16).ptr == text.data() + i + 3;
    if (is_escape) {
      decoded += static_cast<char>(value);
      i += 2;
    } else {
      decoded += text[i] == '+' ? ' ' : text[i];
    }
  }
  return decoded;
}

namespace {

// 0 for what nanoseconds since 1970 cannot say: before 1970, after 2261.
int64_t nanoseconds_of(std::tm parts, int64_t fraction) {
  constexpr int64_t kMostSeconds = 9'000'000'000;
  const int64_t seconds = ::timegm(&parts);
  return seconds < 0 || seconds > kMostSeconds ? 0 : seconds * 1'000'000'000 + fraction;
}

}  // namespace

int64_t parse_iso_time(std::string_view text) {
  std::tm parts{};
  const std::string copy(text.substr(0, 64));
  const char* rest = ::strptime(copy.c_str(), "%Y-%m-%dT%H:%M:%S", &parts);
  if (!rest) return 0;
  int64_t nanos = 0;
  if (*rest == '.') {
    int64_t scale = 100'000'000;
    for (++rest; *rest >= '0' && *rest <= '9'; ++rest, scale /= 10) nanos += (*rest - '0') * scale;
  }
  return nanoseconds_of(parts, nanos);
}

int64_t parse_http_time(std::string_view text) {
  std::tm parts{};
  const std::string copy(text.substr(0, 64));
  if (!::strptime(copy.c_str(), "%a, %d %b %Y %H:%M:%S GMT", &parts)) return 0;
  return nanoseconds_of(parts, 0);
}

}  // namespace forebay::ufs
