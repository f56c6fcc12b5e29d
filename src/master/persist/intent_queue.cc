#include "master/persist/intent_queue.h"

#include <algorithm>
#include <cerrno>

#include "forebay/v1/persist.rpc.h"
#include "master/schema.h"

namespace forebay::master {
namespace {

constexpr uint32_t kMost = 1'000;          // in one answer
constexpr uint32_t kLongestWait = 10'000;  // ms

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

void IntentQueue::bind(rpc::Router& router) {
  router.handle<v1::persist_service::NextIntents>(
      [this](rpc::Call call, v1::NextIntentsRequest request) { return next(this, std::move(call), std::move(request)); });
}

void IntentQueue::look(const kv::WriteBatch& committed) {
  const bool is_news = std::ranges::any_of(
      committed.changes(), [](const kv::WriteBatch::Change& change) { return change.key.front() == 'Q' && change.value; });
  if (is_news) news_.raise();
}

Task<IntentQueue::Next> IntentQueue::next(IntentQueue* self, rpc::Call call, v1::NextIntentsRequest request) {
  if (call.context.uid() != 0) co_return rejected(EPERM, "persistence is the superuser's to control");
  const os::Instant until = self->clock_.now() + std::chrono::milliseconds(std::min(request.wait_ms(), kLongestWait));
  for (;;) {
    const std::stop_token changed = self->news_.changed();
    Result<v1::NextIntentsReply> due = due_intents(self->store_, os::unix_nanos(self->clock_.wall_now()), request);
    if (!due || due->intents_size() != 0) co_return std::move(due);
    Task<bool> waiting = News::wait(&self->news_, changed, due->next_due_ns(), until, call.abandoned);
    const bool again = co_await std::move(waiting);
    if (!again) co_return std::move(due);
  }
}

}  // namespace forebay::master
