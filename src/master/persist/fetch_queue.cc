#include "master/persist/fetch_queue.h"

#include <algorithm>

#include "forebay/v1/persist.rpc.h"
#include "master/schema.h"

namespace forebay::master {
namespace {

constexpr uint32_t kMost = 1'000;          // in one answer
constexpr uint32_t kLongestWait = 10'000;  // ms

}  // namespace

void FetchQueue::bind(rpc::Router& router) {
  router.handle<v1::persist_service::NextFetches>(
      [this](rpc::Call call, v1::NextFetchesRequest request) { return next(this, std::move(call), std::move(request)); });
}

void FetchQueue::look(const kv::WriteBatch& committed) {
  const bool is_news = std::ranges::any_of(
      committed.changes(), [](const kv::WriteBatch::Change& change) { return change.key.front() == 'f' && change.value; });
  if (is_news) news_.raise();
}

Result<FetchQueue::Found> FetchQueue::find(uint32_t limit) const {
  const int64_t now = os::unix_nanos(clock_.wall_now());
  Found found;
  std::optional<Status> failure;
  TRY(store_.scan("f", kv::prefix_end("f"), [&](std::string_view key, std::string_view value) {
    v1::FetchRecord fetch;
    if (!fetch.ParseFromArray(value.data(), static_cast<int>(value.size()))) {
      failure = corrupt_record(key);
      return false;
    }
    if (fetch.operation() != 0) return true;
    if (fetch.due_ns() > now) {
      found.next_due_ns = found.next_due_ns == 0 ? fetch.due_ns() : std::min(found.next_due_ns, fetch.due_ns());
      return true;
    }
    found.reply.add_objects(read_big_endian(key.substr(1)));
    return found.reply.objects_size() < static_cast<int>(limit);
  }));
  if (failure) return std::unexpected(std::move(*failure));
  return found;
}

Task<FetchQueue::Next> FetchQueue::next(FetchQueue* self, rpc::Call call, v1::NextFetchesRequest request) {
  if (call.context.uid() != 0) co_return rejected(EPERM, "persistence is the superuser's to control");
  const uint32_t limit = request.limit() == 0 ? kMost : std::min(request.limit(), kMost);
  const os::Instant until = self->clock_.now() + std::chrono::milliseconds(std::min(request.wait_ms(), kLongestWait));
  for (;;) {
    const std::stop_token changed = self->news_.changed();
    Result<Found> found = self->find(limit);
    if (!found) co_return std::unexpected(std::move(found).error());
    if (found->reply.objects_size() != 0) co_return std::move(found->reply);
    Task<bool> waiting = News::wait(&self->news_, changed, found->next_due_ns, until, call.abandoned);
    const bool again = co_await std::move(waiting);
    if (!again) co_return std::move(found->reply);
  }
}

}  // namespace forebay::master
