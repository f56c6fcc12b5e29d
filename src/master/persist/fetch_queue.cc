#include "master/persist/fetch_queue.h"

#include <algorithm>

#include "master/schema.h"

namespace forebay::master {
namespace {

constexpr uint32_t kMost = 1'000;  // in one answer

Result<FetchQueue::Due> find(const kv::Reader& reader, int64_t now_ns, const v1::NextFetchesRequest& request) {
  const int limit = static_cast<int>(request.limit() == 0 ? kMost : std::min(request.limit(), kMost));
  FetchQueue::Due due;
  std::optional<Status> failure;
  TRY(reader.scan("f", kv::prefix_end("f"), [&](std::string_view key, std::string_view value) {
    v1::FetchRecord fetch;
    if (!fetch.ParseFromArray(value.data(), static_cast<int>(value.size()))) {
      failure = corrupt_record(key);
      return false;
    }
    if (fetch.operation() != 0) return true;
    if (fetch.due_ns() > now_ns) {
      due.next_ns = due.next_ns == 0 ? fetch.due_ns() : std::min(due.next_ns, fetch.due_ns());
      return true;
    }
    due.reply.add_objects(read_big_endian(key.substr(1)));
    return due.reply.objects_size() < limit;
  }));
  if (failure) return std::unexpected(std::move(*failure));
  due.is_empty = due.reply.objects().empty();
  return due;
}

}  // namespace

FetchQueue::FetchQueue(const kv::Reader& store, os::Clock& clock) : DueQueue(store, clock, 'f', find) {}

}  // namespace forebay::master
