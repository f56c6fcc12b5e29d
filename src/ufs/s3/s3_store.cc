#include "ufs/s3/s3_store.h"

#include <algorithm>
#include <charconv>
#include <optional>

#include "ufs/s3/response_status.h"

namespace forebay::ufs {
namespace {

std::optional<uint64_t> number(std::string_view text) {
  uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

struct SentRange {
  uint64_t first = 0, last = 0, whole = 0;
};
// "bytes 100-149/9000".
std::optional<SentRange> content_range(std::string_view text) {
  if (!text.starts_with("bytes ")) return std::nullopt;
  text.remove_prefix(6);
  const size_t dash = text.find('-'), slash = text.find('/');
  if (dash == std::string_view::npos || slash == std::string_view::npos || dash > slash) return std::nullopt;
  const auto first = number(text.substr(0, dash)), last = number(text.substr(dash + 1, slash - dash - 1)),
             whole = number(text.substr(slash + 1));
  if (!first || !last || !whole || *first > *last || *last >= *whole) return std::nullopt;
  return SentRange{*first, *last, *whole};
}

// All that the object has of the range, and nothing else.
bool is_answer_to(const Range& range, const HttpResponse& response) {
  const auto sent = content_range(response.header("content-range"));
  if (response.status != 206 || !sent || sent->first != range.offset) return false;
  const bool is_cut = range.length < sent->whole - sent->first;
  if (sent->last - sent->first + 1 != (is_cut ? range.length : sent->whole - sent->first)) return false;
  const std::string& length = response.header("content-length");  // none where the body comes in chunks
  return length.empty() || number(length) == sent->last - sent->first + 1;
}

// Where a listing goes on, and what shows that it does: a store, or who is in between, may give the same page for ever.
struct Continuation {
  std::string token;
  uint64_t empty_pages = 0;  // in a row
  std::string last;          // full key; of all pages so far

  static Continuation parse(std::string_view cursor) {
    const size_t first = cursor.find('\0'), second = cursor.find('\0', first + 1);
    if (first == std::string_view::npos || second == std::string_view::npos) return {std::string(cursor), 0, {}};
    return {std::string(cursor.substr(0, first)), number(cursor.substr(first + 1, second - first - 1)).value_or(0),
            std::string(cursor.substr(second + 1))};
  }
  std::string text() const { return token + '\0' + std::to_string(empty_pages) + '\0' + last; }
};
constexpr uint64_t kMostEmptyPages = 10'000;  // stores pass over what was removed: some a thousand names a page

Result<Continuation> continue_after(const Continuation& before, const S3Listing& page, const std::string& doing) {
  Continuation after{page.token, page.entries.empty() ? before.empty_pages + 1 : 0, before.last};
  for (const ListEntry& entry : page.entries) after.last = std::max(after.last, entry.key);
  const bool is_stuck = page.entries.empty() ? after.token == before.token || after.empty_pages > kMostEmptyPages
                                             : !before.token.empty() && after.last == before.last;
  if (is_stuck) return corrupt(doing + ": the store's listing does not go on after " + quoted(after.last));
  return after;
}

std::string range_header(const Range& range) {
  std::string text = "bytes=" + std::to_string(range.offset) + "-";
  if (range.length < UINT64_MAX - range.offset) text += std::to_string(range.offset + range.length - 1);
  return text;
}

}  // namespace

void add_condition(NamedValues& headers, const Condition& condition) {
  if (condition.wants_absent()) headers.emplace_back("if-none-match", "*");
  if (condition.wants_identity()) headers.emplace_back("if-match", "\"" + condition.identity().text + "\"");
}

Result<ObjectStat> stat_of(const HttpResponse& response, const std::string& doing) {
  ObjectStat stat;
  stat.identity.text = unquoted(response.header("etag"));
  if (stat.identity.text.empty() || stat.identity.text.size() > 256) return corrupt(doing + ": an answer without a usable ETag");
  if (response.status == 206) {
    const auto range = content_range(response.header("content-range"));
    if (!range) return corrupt(doing + ": an answer with a part but without Content-Range");
    stat.length = range->whole;
  } else {
    const auto length = number(response.header("content-length"));
    if (!length) return corrupt(doing + ": an answer without Content-Length");
    stat.length = *length;
  }
  stat.mtime_ns = parse_http_time(response.header("last-modified"));
  if (Result<Stamp> stamp = Stamp::parse(response.header(kStampHeader))) stat.stamp = *stamp;
  return stat;
}

S3Store::S3Store(os::Env& env, S3StoreConfig config, Environment environment, obs::Log& log)
    : env_(env),
      config_(std::move(config)),
      uri_("s3://" + config_.client.bucket +
           (config_.prefix.empty() ? "" : "/" + config_.prefix.substr(0, config_.prefix.size() - 1))),
      client_(env, config_.client, std::move(environment), log) {}

Task<Result<Capabilities>> S3Store::probe(Call call) {
  CO_TRY(co_await list({.most = 1}, call));
  co_return Capabilities{};
}

// A HEAD is answered without a reason: a missing bucket would look like so many removed objects.
Task<Result<void>> S3Store::check_bucket(Call call) {
  {
    std::lock_guard lock(mutex_);
    if (bucket_seen_ != os::Instant{} && env_.clock.now() - bucket_seen_ < std::chrono::seconds(10)) co_return Result<void>{};
  }
  S3Request request{
      .method = "GET", .query = {{"list-type", "2"}, {"max-keys", "1"}, {"prefix", config_.prefix}}, .doing = "look for " + uri_};
  CO_ASSIGN_OR_RETURN(const HttpResponse response, co_await client_.send(request, call));
  Result<S3Listing> listing = parse_listing(response.text);
  if (!listing) co_return std::unexpected(std::move(listing).error().with_context(request.doing));
  std::lock_guard lock(mutex_);
  bucket_seen_ = env_.clock.now();
  co_return Result<void>{};
}

// What a HEAD without the store's mark has said: nothing, or an object so long. Somebody in between says the same of every key.
Task<Result<void>> S3Store::confirm(std::string key, std::optional<uint64_t> length, Call call) {
  S3Request request{.method = "GET",
                    .query = {{"list-type", "2"}, {"encoding-type", "url"}, {"max-keys", "1"}, {"prefix", full(key)}},
                    .doing = "head " + quoted(key)};
  CO_ASSIGN_OR_RETURN(const HttpResponse response, co_await client_.send(request, call));
  Result<S3Listing> listing = parse_listing(response.text);
  if (!listing) co_return std::unexpected(std::move(listing).error().with_context(request.doing));
  std::optional<uint64_t> listed;
  for (const ListEntry& entry : listing->entries) {
    if (!entry.is_directory && entry.key == full(key)) listed = entry.length;
  }
  if (listed == length) co_return Result<void>{};
  co_return busy(request.doing + ": the answer and the bucket's listing differ: a proxy or a load balancer in between?");
}

Task<Result<ObjectStat>> S3Store::head(std::string key, Call call) {
  CO_TRY(check(key));
  S3Request request{.method = "HEAD", .key = full(key), .doing = "head " + quoted(key)};
  CO_ASSIGN_OR_RETURN(const HttpResponse response, co_await client_.send(request, call));
  const bool is_doubtful = !has_request_id(response);
  if (response.status == 404) {
    Task<Result<void>> checking = is_doubtful ? confirm(key, std::nullopt, call) : check_bucket(call);
    CO_TRY(co_await std::move(checking));
    co_return not_found(request.doing + ": HTTP 404");
  }
  CO_ASSIGN_OR_RETURN(ObjectStat stat, stat_of(response, request.doing));
  // A page may have an ETag: it would be somebody else's object. It has no stamp.
  if (is_doubtful && !stat.stamp) CO_TRY(co_await confirm(key, stat.length, call));
  co_return stat;
}

Task<Result<Place>> S3Store::look(std::string path, Call call) {
  if (path.empty()) {
    CO_TRY(co_await check_bucket(call));
    co_return Place{.is_directory = true, .object = {}, .attributes = {}};
  }
  Result<ObjectStat> object = co_await head(path, call);
  if (object) co_return Place{.is_directory = false, .object = *std::move(object), .attributes = {}};
  if (failure_of(object.error()) != Failure::kNotFound) co_return std::unexpected(std::move(object).error());
  S3Request request{.method = "GET",
                    .query = {{"list-type", "2"}, {"encoding-type", "url"}, {"max-keys", "1"}},
                    .doing = "look for a directory " + quoted(path)};
  request.query.emplace_back("prefix", full(path) + "/");
  CO_ASSIGN_OR_RETURN(HttpResponse response, co_await client_.send(request, call));
  CO_ASSIGN_OR_RETURN(S3Listing listing, parse_listing(response.text));
  if (listing.entries.empty()) co_return std::unexpected(std::move(object).error());
  co_return Place{.is_directory = true, .object = {}, .attributes = {}};
}

Task<Result<ObjectStat>> S3Store::get(std::string key, Range range, Condition condition, BodySink* sink, Call call) {
  CO_TRY(check(key));
  const std::string doing = "get " + quoted(key);
  const bool is_whole = range.offset == 0 && range.length == UINT64_MAX;
  S3Request request{.method = "GET", .key = full(key), .sink = sink, .doing = doing};
  add_condition(request.headers, condition);
  if (!is_whole) request.headers.emplace_back("range", range_header(range));
  request.headers.emplace_back("accept-encoding", "identity");  // to who is in between: the bytes as they are
  // Before the first byte is delivered: that these are the bytes asked for, whatever the store makes of our headers.
  request.accept = [doing, range, is_whole, condition](const HttpResponse& response) -> Result<void> {
    ASSIGN_OR_RETURN(ObjectStat stat, stat_of(response, doing));
    if (!condition.holds(&stat.identity)) return conflict(doing + ": it holds something else: " + stat.identity.text);
    if (is_whole ? response.status == 200 : is_answer_to(range, response)) return {};
    return corrupt(doing + ": the store sent another range than was asked for");
  };
  if (range.length > 0) {
    CO_ASSIGN_OR_RETURN(HttpResponse response, co_await client_.send(request, call));
    if (response.status == 200 || response.status == 206) co_return stat_of(response, doing);
    if (response.status != 416)
      co_return corrupt(doing + ": HTTP " + std::to_string(response.status) + ", which brings no bytes");
  }
  CO_ASSIGN_OR_RETURN(ObjectStat stat, co_await head(key, call));  // a range behind the end, or of nothing
  if (!condition.holds(&stat.identity)) co_return conflict(doing + ": it holds something else: " + stat.identity.text);
  co_return stat;
}

Task<Result<ListPage>> S3Store::list(ListRequest request, Call call) {
  S3Request ask{
      .method = "GET", .query = {{"list-type", "2"}, {"encoding-type", "url"}}, .doing = "list " + quoted(request.prefix)};
  ask.query.emplace_back("prefix", full(request.prefix));
  ask.query.emplace_back("max-keys", std::to_string(std::clamp(request.most, 1u, 1000u)));
  if (request.by_directory) ask.query.emplace_back("delimiter", "/");
  if (!request.start_after.empty() && request.cursor.empty()) ask.query.emplace_back("start-after", full(request.start_after));
  const Continuation before =
      request.cursor.empty() ? Continuation{"", 0, full(request.start_after)} : Continuation::parse(request.cursor);
  if (!before.token.empty()) ask.query.emplace_back("continuation-token", before.token);
  CO_ASSIGN_OR_RETURN(HttpResponse response, co_await client_.send(ask, call));
  CO_ASSIGN_OR_RETURN(S3Listing listing, parse_listing(response.text));
  ListPage page;
  if (listing.is_truncated) {
    CO_ASSIGN_OR_RETURN(const Continuation after, continue_after(before, listing, ask.doing));
    page.cursor = after.text();
  }
  for (ListEntry& entry : listing.entries) {
    if (!entry.key.starts_with(full(request.prefix))) continue;
    entry.key.erase(0, config_.prefix.size());
    // A directory is given again by some stores when what was listed last is that directory.
    if (request.by_directory && request.cursor.empty() && entry.key <= request.start_after) continue;
    const bool is_marker = !entry.is_directory && (entry.key.ends_with('/') || entry.key.empty());
    if (is_marker || is_reserved(entry.key)) continue;
    page.entries.push_back(std::move(entry));
  }
  std::ranges::sort(page.entries, {}, &ListEntry::key);  // keys and directories come apart
  co_return page;
}

Task<Result<Identity>> S3Store::identity_after(HttpResponse response, std::string key, std::optional<Stamp> stamp, Call call) {
  std::string etag = unquoted(response.header("etag"));
  if (!etag.empty() && etag.size() <= 256) co_return Identity{std::move(etag)};
  // Written, but not told under which identity; or somebody in between has answered, and what was there still is.
  Result<ObjectStat> stat = co_await head(key, call);
  if (!stat) co_return unknown_outcome("put " + quoted(key) + ": " + stat.error().message());
  if (stat->stamp != stamp) co_return unknown_outcome("put " + quoted(key) + ": the key holds something else than was put");
  co_return stat->identity;
}

Task<Result<Identity>> S3Store::put(PutRequest request, BodySource* body, Call call) {
  CO_TRY(check(request.key));
  CO_TRY(check_operation(request.operation));
  if (body->length() > limits_.put_bytes) co_return refused(EFBIG, "put " + quoted(request.key) + ": too large for one request");
  S3Request ask{.method = "PUT",
                .key = full(request.key),
                .body = body,
                .sends_body = true,
                .writes = true,
                .doing = "put " + quoted(request.key)};
  ask.headers.emplace_back(kStampHeader, request.stamp.to_text());
  add_condition(ask.headers, request.condition);
  Result<HttpResponse> response = co_await client_.send(ask, call);
  // Only is() can meet a missing key here.
  if (!response && failure_of(response.error()) == Failure::kNotFound) co_return conflict(response.error().message());
  CO_TRY(response);
  co_return co_await identity_after(*std::move(response), request.key, request.stamp, call);
}

Task<Result<Identity>> S3Store::put_plain(std::string key, std::string content, Call call) {
  S3Request ask{.method = "PUT",
                .key = full(key),
                .text = std::move(content),
                .sends_body = true,
                .writes = true,
                .doing = "put " + quoted(key)};
  CO_ASSIGN_OR_RETURN(HttpResponse response, co_await client_.send(ask, call));
  co_return co_await identity_after(std::move(response), key, std::nullopt, call);
}

Task<Result<void>> S3Store::remove(std::string key, Condition condition, Call call) {
  CO_TRY(check(key));
  S3Request request{.method = "DELETE", .key = full(key), .writes = true, .doing = "remove " + quoted(key)};
  add_condition(request.headers, condition);
  Result<HttpResponse> response = co_await client_.send(request, call);
  if (!response && failure_of(response.error()) == Failure::kNotFound) co_return Result<void>{};
  if (!response && failure_of(response.error()) == Failure::kConflict) {
    Result<ObjectStat> there = co_await head(key, call);  // a condition on nothing fails at some stores
    if (!there && failure_of(there.error()) == Failure::kNotFound) co_return Result<void>{};
  }
  CO_TRY(response);
  co_return Result<void>{};
}

Task<Result<void>> S3Store::rename(std::string, Condition, std::string, Condition, Call) {
  co_return refused(EOPNOTSUPP, uri_ + " cannot rename");
}
Task<Result<void>> S3Store::rename_directory(std::string, std::string, Call) {
  co_return refused(EOPNOTSUPP, uri_ + " cannot rename");
}
Task<Result<Identity>> S3Store::set_attributes(std::string, Attributes, Call) {
  co_return refused(EOPNOTSUPP, uri_ + " keeps no attributes");
}

Task<Result<void>> S3Store::make_directory(std::string path, Attributes, Call call) {
  CO_TRY(check(path));
  if (!config_.directory_markers) co_return Result<void>{};
  S3Request request{
      .method = "PUT", .key = full(path) + "/", .sends_body = true, .writes = true, .doing = "make directory " + quoted(path)};
  CO_TRY(co_await client_.send(request, call));
  co_return Result<void>{};
}

// Anything but the marker itself.
Task<Result<bool>> S3Store::has_entries(std::string path, Call call) {
  S3Request request{.method = "GET",
                    .query = {{"list-type", "2"}, {"encoding-type", "url"}, {"max-keys", "2"}},
                    .doing = "list " + quoted(path)};
  request.query.emplace_back("prefix", full(path) + "/");
  CO_ASSIGN_OR_RETURN(HttpResponse response, co_await client_.send(request, call));
  CO_ASSIGN_OR_RETURN(S3Listing listing, parse_listing(response.text));
  for (const ListEntry& entry : listing.entries) {
    if (entry.key != full(path) + "/") co_return true;
  }
  co_return false;
}

Task<Result<void>> S3Store::remove_directory(std::string path, Call call) {
  CO_TRY(check(path));
  if (!config_.directory_markers) co_return Result<void>{};
  CO_ASSIGN_OR_RETURN(bool is_used, co_await has_entries(path, call));
  if (is_used) co_return refused(ENOTEMPTY, quoted(path) + " is not empty");
  S3Request request{.method = "DELETE", .key = full(path) + "/", .writes = true, .doing = "remove directory " + quoted(path)};
  Result<HttpResponse> response = co_await client_.send(request, call);
  if (!response && failure_of(response.error()) == Failure::kNotFound) co_return Result<void>{};
  CO_TRY(response);
  co_return Result<void>{};
}

}  // namespace forebay::ufs
