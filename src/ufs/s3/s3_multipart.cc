// Uploads in parts, and copies, which may be that too.
#include <algorithm>

#include "ufs/s3/response_status.h"
#include "ufs/s3/s3_store.h"

namespace forebay::ufs {
namespace {

// A 200 to a completion or a copy may carry an error: it was sent before the work was done.
Result<std::string> etag_or_error(const HttpResponse& response, const std::string& doing) {
  if (!is_error_document(response.text)) {
    Result<std::string> etag = parse_etag(response.text);
    if (etag) return etag;
    return unknown_outcome(doing + ": " + etag.error().message());  // cut off: it may have been done
  }
  HttpResponse failed;
  failed.status = 500;
  return std::unexpected(status_of_response(failed, parse_error(response.text), doing, true));
}

// Refusals of a completion that leave it open whether the upload is gone: some stores answer 500 for one that has been aborted,
// and with If-Match 404 may mean that the key is missing. Asking for the upload tells.
bool is_about_upload(const Status& status, const Condition& condition) {
  if (failure_of(status) == Failure::kNotFound) return condition.wants_identity();
  return status.is(Code::kUnknown) && status.is_errno(EREMOTEIO);
}

}  // namespace

Task<Result<Upload>> S3Store::create_upload(UploadRequest request, Call call) {
  CO_TRY(check(request.key));
  CO_TRY(check_operation(request.operation));
  S3Request ask{.method = "POST",
                .key = full(request.key),
                .query = {{"uploads", ""}},
                .sends_body = true,
                .writes = true,
                .doing = "begin an upload of " + quoted(request.key)};
  ask.headers.emplace_back(kStampHeader, request.stamp.to_text());
  CO_ASSIGN_OR_RETURN(HttpResponse response, co_await client_.send(ask, call));
  Result<std::string> id = parse_upload_id(response.text);
  if (!id) co_return unknown_outcome(ask.doing + ": " + id.error().message());
  co_return Upload{request.key, *std::move(id), os::unix_nanos(env_.clock.wall_now())};
}

Task<Result<Part>> S3Store::put_part(Upload upload, uint32_t number, uint64_t offset, BodySource* body, Call call) {
  CO_TRY(check_part(number, offset, body->length(), limits_));
  S3Request ask{.method = "PUT",
                .key = full(upload.key),
                .query = {{"partNumber", std::to_string(number)}, {"uploadId", upload.id}},
                .body = body,
                .sends_body = true,
                .writes = true,
                .doing = "put part " + std::to_string(number) + " of " + quoted(upload.key)};
  CO_ASSIGN_OR_RETURN(HttpResponse response, co_await client_.send(ask, call));
  std::string etag = unquoted(response.header("etag"));
  if (etag.empty() || etag.size() > 256) co_return unknown_outcome(ask.doing + ": an answer without a usable ETag");
  co_return Part{number, offset, body->length(), std::move(etag)};
}

Task<Result<std::vector<Part>>> S3Store::list_parts(Upload upload, Call call) {
  std::vector<Part> parts;
  uint64_t offset = 0;
  uint32_t marker = 0;
  for (;;) {
    S3Request ask{.method = "GET",
                  .key = full(upload.key),
                  .query = {{"uploadId", upload.id}, {"max-parts", "1000"}},
                  .doing = "list the parts of " + quoted(upload.key)};
    if (marker != 0) ask.query.emplace_back("part-number-marker", std::to_string(marker));
    CO_ASSIGN_OR_RETURN(HttpResponse response, co_await client_.send(ask, call));
    CO_ASSIGN_OR_RETURN(S3Parts page, parse_parts(response.text));
    for (Part& part : page.parts) {
      // Behind a gap it is not known where a part begins: those are left out, and sent again.
      if (part.number != parts.size() + 1) co_return parts;
      part.offset = offset;
      offset += part.length;
      parts.push_back(std::move(part));
    }
    if (!page.is_truncated) co_return parts;
    if (page.marker <= marker) co_return corrupt(ask.doing + ": a listing that does not go on");
    marker = page.marker;
  }
}

Task<Result<Identity>> S3Store::complete_upload(Upload upload, std::vector<Part> parts, Condition condition, Call call) {
  CO_TRY(check_parts(parts));
  if (parts.size() > limits_.parts) co_return refused(E2BIG, "an upload of " + std::to_string(parts.size()) + " parts");
  S3Request ask{.method = "POST",
                .key = full(upload.key),
                .query = {{"uploadId", upload.id}},
                .text = complete_document(parts),
                .sends_body = true,
                .writes = true,
                .doing = "complete the upload of " + quoted(upload.key)};
  add_condition(ask.headers, condition);
  Result<HttpResponse> response = co_await client_.send(ask, call);
  if (!response && is_about_upload(response.error(), condition)) {
    Result<std::vector<Part>> there = co_await list_parts(upload, call);
    const bool is_gone = !there && failure_of(there.error()) == Failure::kNotFound;
    if (is_gone) co_return not_found(response.error().message());
    if (there && failure_of(response.error()) == Failure::kNotFound) co_return conflict(response.error().message());
  }
  CO_TRY(response);
  CO_ASSIGN_OR_RETURN(std::string etag, etag_or_error(*response, ask.doing));
  co_return co_await identity_of_result(etag, upload.key, parts.back().offset + parts.back().length, call);
}

// Some gateways complete without saying under which identity.
Task<Result<Identity>> S3Store::identity_of_result(std::string etag, std::string key, uint64_t length, Call call) {
  if (!etag.empty()) co_return Identity{std::move(etag)};
  Result<ObjectStat> stat = co_await head(key, call);
  if (!stat) co_return unknown_outcome("look at what was written to " + quoted(key) + ": " + stat.error().message());
  if (stat->length != length) co_return unknown_outcome(quoted(key) + " was written again at once, by someone else");
  co_return stat->identity;
}

Task<Result<void>> S3Store::abort_upload(Upload upload, Call call) {
  S3Request ask{.method = "DELETE",
                .key = full(upload.key),
                .query = {{"uploadId", upload.id}},
                .writes = true,
                .doing = "abort the upload of " + quoted(upload.key)};
  Result<HttpResponse> response = co_await client_.send(ask, call);
  if (!response && failure_of(response.error()) == Failure::kNotFound) co_return Result<void>{};
  CO_TRY(response);
  co_return Result<void>{};
}

Task<Result<UploadsPage>> S3Store::list_uploads(std::string prefix, std::string cursor, Call call) {
  S3Request ask{.method = "GET",
                .query = {{"uploads", ""}, {"encoding-type", "url"}, {"max-uploads", "1000"}},
                .doing = "list uploads of " + quoted(prefix)};
  if (!full(prefix).empty()) ask.query.emplace_back("prefix", full(prefix));
  std::string after_key;
  if (const size_t zero = cursor.find('\0'); zero != std::string::npos) {
    after_key = cursor.substr(0, zero);
    ask.query.emplace_back("key-marker", after_key);
    ask.query.emplace_back("upload-id-marker", cursor.substr(zero + 1));
  }
  CO_ASSIGN_OR_RETURN(HttpResponse response, co_await client_.send(ask, call));
  CO_ASSIGN_OR_RETURN(S3Uploads found, parse_uploads(response.text));
  UploadsPage page;
  for (Upload& upload : found.uploads) {
    if (!upload.key.starts_with(full(prefix))) continue;
    upload.key.erase(0, config_.prefix.size());
    page.uploads.push_back(std::move(upload));
  }
  if (found.is_truncated) page.cursor = found.key_marker + '\0' + found.id_marker;
  const bool is_stuck = found.is_truncated && (found.key_marker < after_key || page.cursor == cursor);
  if (is_stuck) co_return corrupt(ask.doing + ": the store's listing does not go on after " + quoted(after_key));
  co_return page;
}

// Copies.

std::string S3Store::copy_source(const std::string& key) const {
  return "/" + uri_encode(config_.client.bucket) + "/" + uri_encode(full(key), true);
}

Task<Result<Identity>> S3Store::copy(CopyRequest request, Call call) {
  CO_TRY(check(request.from));
  CO_TRY(check(request.to));
  CO_TRY(check_operation(request.operation));
  CO_ASSIGN_OR_RETURN(ObjectStat source, co_await head(request.from, call));
  if (!request.source.holds(&source.identity)) co_return conflict("copy " + quoted(request.from) + ": it holds something else");
  if (source.length <= config_.copy_bytes) co_return co_await copy_at_once(request, source.length, call);
  co_return co_await copy_in_parts(request, source, call);
}

Task<Result<Identity>> S3Store::copy_at_once(CopyRequest request, uint64_t length, Call call) {
  S3Request ask{.method = "PUT",
                .key = full(request.to),
                .sends_body = true,
                .writes = true,
                .doing = "copy " + quoted(request.from) + " to " + quoted(request.to)};
  ask.headers.emplace_back("x-amz-copy-source", copy_source(request.from));
  if (request.source.wants_identity()) {
    ask.headers.emplace_back("x-amz-copy-source-if-match", "\"" + request.source.identity().text + "\"");
  }
  ask.headers.emplace_back("x-amz-metadata-directive", request.stamp ? "REPLACE" : "COPY");
  if (request.stamp) ask.headers.emplace_back(kStampHeader, request.stamp->to_text());
  add_condition(ask.headers, request.target);
  Result<HttpResponse> response = co_await client_.send(ask, call);
  // The source was there a moment ago: what is missing is the target, or the source has changed.
  if (!response && failure_of(response.error()) == Failure::kNotFound) co_return conflict(response.error().message());
  CO_TRY(response);
  CO_ASSIGN_OR_RETURN(std::string etag, etag_or_error(*response, ask.doing));
  co_return co_await identity_of_result(etag, request.to, length, call);
}

Task<Result<Part>> S3Store::copy_part(Upload upload, Part part, CopyRequest request, Identity source, Call call) {
  S3Request ask{.method = "PUT",
                .key = full(upload.key),
                .query = {{"partNumber", std::to_string(part.number)}, {"uploadId", upload.id}},
                .sends_body = true,
                .writes = true,
                .doing = "copy part " + std::to_string(part.number) + " of " + quoted(request.from)};
  ask.headers.emplace_back("x-amz-copy-source", copy_source(request.from));
  ask.headers.emplace_back("x-amz-copy-source-if-match", "\"" + source.text + "\"");
  ask.headers.emplace_back("x-amz-copy-source-range",
                           "bytes=" + std::to_string(part.offset) + "-" + std::to_string(part.offset + part.length - 1));
  CO_ASSIGN_OR_RETURN(HttpResponse response, co_await client_.send(ask, call));
  CO_ASSIGN_OR_RETURN(part.tag, etag_or_error(response, ask.doing));
  if (part.tag.empty()) co_return unknown_outcome(ask.doing + ": an answer without a usable ETag");
  co_return part;
}

// All parts are of the identity that was looked at, whatever was asked for: a copy of two versions is no copy.
Task<Result<Identity>> S3Store::copy_in_parts(CopyRequest request, ObjectStat source, Call call) {
  S3Request begin{.method = "POST",
                  .key = full(request.to),
                  .query = {{"uploads", ""}},
                  .sends_body = true,
                  .writes = true,
                  .doing = "begin a copy of " + quoted(request.from)};
  const std::optional<Stamp> stamp = request.stamp ? request.stamp : source.stamp;
  if (stamp) begin.headers.emplace_back(kStampHeader, stamp->to_text());
  CO_ASSIGN_OR_RETURN(HttpResponse response, co_await client_.send(begin, call));
  CO_ASSIGN_OR_RETURN(std::string id, parse_upload_id(response.text));
  const Upload upload{request.to, std::move(id), 0};
  const uint64_t size = limits_.part_size(source.length, config_.copy_part_bytes);
  std::vector<Part> parts;
  Result<Identity> copied = Identity{};
  for (uint64_t at = 0; at < source.length && copied; at += size) {
    Part part{static_cast<uint32_t>(parts.size() + 1), at, std::min(size, source.length - at), ""};
    Result<Part> made = co_await copy_part(upload, part, request, source.identity, call);
    if (made) {
      parts.push_back(*std::move(made));
    } else {
      copied = std::unexpected(std::move(made).error());
    }
  }
  if (copied) copied = co_await complete_upload(upload, parts, request.target, call);
  if (!copied && failure_of(copied.error()) != Failure::kUnknown) {
    (void)co_await abort_upload(upload, {.deadline = env_.clock.now() + std::chrono::seconds(10)});
  }
  co_return copied;
}

}  // namespace forebay::ufs
