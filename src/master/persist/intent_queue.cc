#include "master/persist/intent_queue.h"

#include <algorithm>

#include "master/schema.h"

namespace forebay::master {
namespace {

constexpr uint32_t kMost = 1'000;  // in one answer

Result<IntentQueue::Due> find(const kv::Reader& reader, int64_t now_ns, const v1::NextIntentsRequest& request) {
  IntentQueue::Due due;
  ASSIGN_OR_RETURN(due.reply, due_intents(reader, now_ns, request));
  due.is_empty = due.reply.intents().empty();
  due.next_ns = due.reply.next_due_ns();
  return due;
}

}  // namespace

Result<v1::NextIntentsReply> due_intents(const kv::Reader& reader, int64_t now_ns, const v1::NextIntentsRequest& request) {
  const int limit = static_cast<int>(request.limit() == 0 ? kMost : std::min(request.limit(), kMost));
  const std::string begin = request.has_after() ? key::intent(request.after().due_ns(), request.after().sequence()) + '\0' : "Q";
  v1::NextIntentsReply reply;
  std::optional<Status> failure;
  TRY(reader.scan(begin, kv::prefix_end("Q"), [&](std::string_view key, std::string_view value) {
    const auto due = static_cast<int64_t>(read_big_endian(key.substr(1, 8)));
    if (due > now_ns) {
      reply.set_next_due_ns(due);
      return false;
    }
    v1::WaitingIntent& waiting = *reply.add_intents();
    waiting.mutable_place()->set_due_ns(due);
    waiting.mutable_place()->set_sequence(read_big_endian(key.substr(9, 8)));
    if (!waiting.mutable_intent()->ParseFromArray(value.data(), static_cast<int>(value.size()))) failure = corrupt_record(key);
    return !failure && reply.intents_size() < limit;
  }));
  if (failure) return std::unexpected(std::move(*failure));
  return reply;
}

IntentQueue::IntentQueue(const kv::Reader& store, os::Clock& clock) : DueQueue(store, clock, 'Q', find) {}

}  // namespace forebay::master
