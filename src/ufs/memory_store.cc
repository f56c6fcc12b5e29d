#include "ufs/memory_store.h"

#include <algorithm>

namespace forebay::ufs {
namespace {

Result<void> check_object(const std::string& key, const std::string& operation, const Limits& limits) {
  TRY(check_key(key, limits));
  return check_operation(operation);
}

}  // namespace

MemoryStore::MemoryStore(MemoryBucket& bucket, os::Clock& clock, Config config)
    : bucket_(bucket), clock_(clock), config_(std::move(config)), uri_("memory://" + config_.who) {}

MemoryBucket::Caller MemoryStore::caller() const { return {&config_.who, clock_.now(), os::unix_nanos(clock_.wall_now())}; }

Task<Result<void>> MemoryStore::travel(Call call, bool writes) {
  if (call.stop.stop_requested()) co_return cancelled("a call to " + uri_);
  const Duration half = config_.latency / 2;
  const bool is_late = call.deadline != os::Instant::max() && clock_.now() + half > call.deadline;
  if (half > Duration(0) || is_late) {
    const os::Instant until = is_late ? call.deadline : clock_.now() + half;
    const bool slept = co_await clock_.sleep_until(until, call.stop);
    if (!slept) co_return cancelled("a call to " + uri_);
  }
  if (!is_late) co_return Result<void>{};
  if (writes) co_return unknown_outcome("a call to " + uri_ + " took too long");
  co_return busy("a call to " + uri_ + " took too long");
}

Task<Result<Capabilities>> MemoryStore::probe(Call call) {
  CO_TRY(co_await travel(call, false));
  co_return capabilities();
}

Task<Result<ObjectStat>> MemoryStore::head(std::string key, Call call) {
  CO_TRY(check_key(key, limits()));
  CO_TRY(co_await travel(call, false));
  auto found = bucket_.head(caller(), key);
  CO_TRY(co_await travel(call, false));
  co_return found;
}

Task<Result<Place>> MemoryStore::look(std::string path, Call call) {
  if (!path.empty()) CO_TRY(check_key(path, limits()));
  CO_TRY(co_await travel(call, false));
  auto found = bucket_.look(caller(), path);
  CO_TRY(co_await travel(call, false));
  co_return found;
}

Task<Result<ObjectStat>> MemoryStore::get(std::string key, Range range, Condition condition, BodySink* sink, Call call) {
  CO_TRY(check_key(key, limits()));
  CO_TRY(co_await travel(call, false));
  CO_ASSIGN_OR_RETURN(MemoryBucket::Content content, bucket_.get(caller(), key, condition));
  CO_TRY(co_await travel(call, false));
  constexpr uint64_t kPiece = 256 * kKiB;  // several writes for anything large, as over a network
  uint64_t at = std::min<uint64_t>(range.offset, content.bytes->size());
  const uint64_t end = at + std::min<uint64_t>(range.length, content.bytes->size() - at);
  for (; at < end; at += std::min(kPiece, end - at)) {
    const Bytes piece = as_bytes(*content.bytes).subspan(at, std::min(kPiece, end - at));
    CO_TRY(co_await sink->write(piece));
  }
  co_return content.stat;
}

Task<Result<ListPage>> MemoryStore::list(ListRequest request, Call call) {
  CO_TRY(co_await travel(call, false));
  auto page = bucket_.list(caller(), request);
  CO_TRY(co_await travel(call, false));
  co_return page;
}

Task<Result<Identity>> MemoryStore::put(PutRequest request, BodySource* body, Call call) {
  CO_TRY(check_object(request.key, request.operation, limits()));
  if (body->length() > limits().put_bytes) co_return refused(EFBIG, "put " + quoted(request.key) + ": too large for one request");
  CO_ASSIGN_OR_RETURN(std::string text, co_await read_all(body, bucket_.config().body_bytes));
  CO_TRY(co_await travel(call, true));
  auto stored = bucket_.put(caller(), request, std::move(text));
  CO_TRY(co_await travel(call, true));
  co_return stored;
}

Task<Result<Upload>> MemoryStore::create_upload(UploadRequest request, Call call) {
  CO_TRY(check_object(request.key, request.operation, limits()));
  CO_TRY(co_await travel(call, true));
  auto upload = bucket_.create_upload(caller(), request);
  CO_TRY(co_await travel(call, true));
  co_return upload;
}

Task<Result<Part>> MemoryStore::put_part(Upload upload, uint32_t number, uint64_t offset, BodySource* body, Call call) {
  CO_TRY(check_part(number, offset, body->length(), limits()));
  CO_ASSIGN_OR_RETURN(std::string text, co_await read_all(body, bucket_.config().body_bytes));
  CO_TRY(co_await travel(call, true));
  auto part = bucket_.put_part(caller(), upload, number, offset, std::move(text));
  CO_TRY(co_await travel(call, true));
  co_return part;
}

Task<Result<std::vector<Part>>> MemoryStore::list_parts(Upload upload, Call call) {
  CO_TRY(co_await travel(call, false));
  auto parts = bucket_.list_parts(caller(), upload);
  CO_TRY(co_await travel(call, false));
  co_return parts;
}

Task<Result<Identity>> MemoryStore::complete_upload(Upload upload, std::vector<Part> parts, Condition condition, Call call) {
  CO_TRY(check_parts(parts));
  CO_TRY(co_await travel(call, true));
  auto stored = bucket_.complete_upload(caller(), upload, parts, condition);
  CO_TRY(co_await travel(call, true));
  co_return stored;
}

Task<Result<void>> MemoryStore::abort_upload(Upload upload, Call call) {
  CO_TRY(co_await travel(call, true));
  bucket_.abort_upload(caller(), upload);
  CO_TRY(co_await travel(call, true));
  co_return Result<void>{};
}

Task<Result<UploadsPage>> MemoryStore::list_uploads(std::string prefix, std::string cursor, Call call) {
  CO_TRY(co_await travel(call, false));
  auto page = bucket_.list_uploads(caller(), prefix, cursor);
  CO_TRY(co_await travel(call, false));
  co_return page;
}

Task<Result<Identity>> MemoryStore::copy(CopyRequest request, Call call) {
  CO_TRY(check_key(request.from, limits()));
  CO_TRY(check_object(request.to, request.operation, limits()));
  CO_TRY(co_await travel(call, true));
  auto stored = bucket_.copy(caller(), request);
  CO_TRY(co_await travel(call, true));
  co_return stored;
}

Task<Result<void>> MemoryStore::remove(std::string key, Condition condition, Call call) {
  CO_TRY(check_key(key, limits()));
  CO_TRY(co_await travel(call, true));
  auto removed = bucket_.remove(caller(), key, condition);
  CO_TRY(co_await travel(call, true));
  co_return removed;
}

Task<Result<void>> MemoryStore::rename(std::string from, Condition source, std::string to, Condition target, Call call) {
  CO_TRY(check_key(from, limits()));
  CO_TRY(check_key(to, limits()));
  CO_TRY(co_await travel(call, true));
  auto renamed = bucket_.rename(caller(), from, source, to, target);
  CO_TRY(co_await travel(call, true));
  co_return renamed;
}

Task<Result<void>> MemoryStore::rename_directory(std::string from, std::string to, Call call) {
  CO_TRY(check_key(from, limits()));
  CO_TRY(check_key(to, limits()));
  CO_TRY(co_await travel(call, true));
  auto renamed = bucket_.rename_directory(caller(), from, to);
  CO_TRY(co_await travel(call, true));
  co_return renamed;
}

Task<Result<void>> MemoryStore::make_directory(std::string path, Attributes attributes, Call call) {
  CO_TRY(check_key(path, limits()));
  CO_TRY(co_await travel(call, true));
  auto made = bucket_.make_directory(caller(), path, attributes);
  CO_TRY(co_await travel(call, true));
  co_return made;
}

Task<Result<void>> MemoryStore::remove_directory(std::string path, Call call) {
  CO_TRY(check_key(path, limits()));
  CO_TRY(co_await travel(call, true));
  auto removed = bucket_.remove_directory(caller(), path);
  CO_TRY(co_await travel(call, true));
  co_return removed;
}

Task<Result<Identity>> MemoryStore::set_attributes(std::string path, Attributes attributes, Call call) {
  CO_TRY(check_key(path, limits()));
  CO_TRY(co_await travel(call, true));
  auto set = bucket_.set_attributes(caller(), path, attributes);
  CO_TRY(co_await travel(call, true));
  co_return set;
}

}  // namespace forebay::ufs
