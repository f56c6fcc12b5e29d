// Tells the coordinator at once when there is something to be done.
#pragma once

#include <algorithm>
#include <cerrno>
#include <utility>

#include "kv/store.h"
#include "master/persist/news.h"
#include "rpc/server.h"

namespace forebay::master {

// Answers one method, by which the superuser asks for records under `tag`. A call that finds nothing that is due waits until one
// is written or due, or its time is over; it holds nothing meanwhile. Owned by the Master; store and clock outlive it. Any
// thread. stop() ends all waits, before the server stops. Limit: a call waits 10 s at most.
template <class Method>
class DueQueue {
 public:
  using Request = typename Method::Request;
  using Reply = typename Method::Reply;
  struct Due {
    Reply reply;
    bool is_empty = true;
    int64_t next_ns = 0;  // unix: when the first of those is due that are not; 0: there are none
  };
  using Find = Result<Due> (*)(const kv::Reader& reader, int64_t now_ns, const Request& request);

  DueQueue(const kv::Reader& store, os::Clock& clock, char tag, Find find)
      : store_(store), clock_(clock), tag_(tag), find_(find), news_(clock) {}

  void bind(rpc::Router& router) {
    router.handle<Method>([this](rpc::Call call, Request request) { return next(this, std::move(call), std::move(request)); });
  }
  // On the commit loop.
  void look(const kv::WriteBatch& committed) {
    const auto is_new = [this](const kv::WriteBatch::Change& change) { return change.key.front() == tag_ && change.value; };
    if (std::ranges::any_of(committed.changes(), is_new)) news_.raise();
  }
  void stop() { news_.stop(); }

 private:
  static Task<Result<rpc::Answer<Reply>>> next(DueQueue* self, rpc::Call call, Request request) {
    constexpr uint32_t kLongestWaitMs = 10'000;
    if (call.context.uid() != 0) co_return rejected(EPERM, "persistence is the superuser's to control");
    const os::Instant until = self->clock_.now() + std::chrono::milliseconds(std::min(request.wait_ms(), kLongestWaitMs));
    for (;;) {
      const std::stop_token changed = self->news_.changed();
      CO_ASSIGN_OR_RETURN(Due due, self->find_(self->store_, os::unix_nanos(self->clock_.wall_now()), request));
      if (!due.is_empty) co_return std::move(due.reply);
      Task<bool> waiting = News::wait(&self->news_, changed, due.next_ns, until, call.abandoned);
      const bool again = co_await std::move(waiting);
      if (!again) co_return std::move(due.reply);
    }
  }

  const kv::Reader& store_;
  os::Clock& clock_;
  const char tag_;
  const Find find_;
  News news_;
};

}  // namespace forebay::master
