// Any bytes as the answer of an S3 store. Whatever is read from them is bounded and printable where it is shown.
#include <cstdint>
#include <string_view>

#include "base/check.h"
#include "ufs/s3/xml.h"

namespace forebay::ufs {
namespace {

void look_at_error(std::string_view text) {
  const S3Error error = parse_error(text);
  for (const std::string& part : {error.code, error.message, error.request_id, error.region, error.endpoint}) {
    FOREBAY_CHECK(part.size() <= 512, "cut");
    for (const char each : part) FOREBAY_CHECK(static_cast<unsigned char>(each) >= 0x20, "printable");
  }
  if (!error.code.empty()) FOREBAY_CHECK(is_error_document(text), "what has a code is an error");
}

void look_at_pages(std::string_view text) {
  if (Result<S3Listing> listing = parse_listing(text)) {
    FOREBAY_CHECK(listing->entries.size() <= 20'000, "a page has an end");
    FOREBAY_CHECK(!listing->is_truncated || !listing->token.empty(), "a cut page says where to go on");
    for (const ListEntry& entry : listing->entries)
      FOREBAY_CHECK(!entry.is_directory || entry.key.ends_with('/'), "a directory's key");
  }
  if (Result<S3Uploads> uploads = parse_uploads(text)) {
    FOREBAY_CHECK(uploads->uploads.size() <= 10'000, "a page has an end");
    for (const Upload& upload : uploads->uploads) FOREBAY_CHECK(!upload.id.empty(), "an upload has an id");
  }
  if (Result<S3Parts> parts = parse_parts(text)) FOREBAY_CHECK(parts->parts.size() <= 10'000, "a page has an end");
}

}  // namespace
}  // namespace forebay::ufs

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace forebay::ufs;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  look_at_error(text);
  look_at_pages(text);
  if (forebay::Result<std::string> id = parse_upload_id(text)) FOREBAY_CHECK(!id->empty(), "an upload has an id");
  if (forebay::Result<Credentials> role = parse_assumed_role(text))
    FOREBAY_CHECK(!role->access_key.empty() && !role->secret_key.empty() && role->expires, "keys of a role are whole and expire");
  if (forebay::Result<std::string> etag = parse_etag(text)) FOREBAY_CHECK(etag->size() <= 256, "bounded");
  FOREBAY_CHECK(url_decoded(text).size() <= size, "decoding does not grow");
  (void)parse_iso_time(text);
  (void)parse_http_time(text);
  return 0;
}
