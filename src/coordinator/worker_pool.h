// The workers that tasks can be given to.
#pragma once

#include <list>
#include <map>
#include <memory>
#include <optional>
#include <vector>

#include "base/ids.h"
#include "coordinator/config.h"
#include "coordinator/master_session.h"
#include "forebay/v1/tasks.rpc.h"

namespace forebay::coordinator {

// Knows from the master where workers are and which of them live, and how many tasks this coordinator has at each. Owned by the
// coordinator. On one executor.
class WorkerPool {
 public:
  WorkerPool(os::Env& env, const CoordinatorConfig& config, MasterSession& master, async::Executor executor)
      : env_(env), config_(config), master_(master), executor_(std::move(executor)) {}

  // Looks at the master's table every so often until the token ends it.
  static Task<void> keep_fresh(WorkerPool* pool, std::stop_token stop);
  Task<void> refresh(std::stop_token stop);
  v1::GetWorkersReply table() const;

  struct Search {
    std::map<WorkerId, uint64_t> bytes;  // of what it is about, at each worker; more than 0 also for what is empty
    size_t most_tasks = 0;               // a worker that has so many takes no more
    os::Instant give_up;
  };
  static std::map<WorkerId, uint64_t> bytes_of(const v1::Layout& layout);
  // A place, taken until release(), at the worker that holds most of the bytes, else at the one with the fewest tasks; never at
  // one that is dead or avoided. A place that is released wakes whoever waits longest of those who may have it; who is woken and
  // does not take it any more wakes the next one. Nothing: it is time to give up, or one of the tokens has ended it.
  static Task<std::optional<WorkerId>> find_place(WorkerPool* pool, Search search, std::stop_token stop,
                                                  std::stop_token unwanted);
  void take(WorkerId worker) { ++places_[worker].tasks; }
  void release(WorkerId worker);
  void tell_bandwidth(WorkerId worker, uint64_t bytes_per_second) { places_[worker].bandwidth = bytes_per_second; }
  uint64_t bandwidth() const;  // of all that live together; 0: one at least has no cap, or has not said
  void avoid(WorkerId worker) { places_[worker].avoided_until = env_.clock.now() + config_.avoid_worker; }

  // One attempt. `elsewhere` when its address is not known. `trace`: of the operation that it is for.
  template <class M>
  Task<Result<typename M::Reply>> call(WorkerId worker, typename M::Request request, std::stop_token stop, TraceId trace = {}) {
    rpc::Channel* channel = places_[worker].channel.get();
    if (channel == nullptr) co_return elsewhere("where worker " + to_string(worker) + " is, is not known");
    rpc::CallOptions options{.context = rpc::traced(trace)};
    options.stop = std::move(stop);
    Task<Result<rpc::Received<typename M::Reply>>> calling = channel->call<M>(std::move(request), std::move(options));
    Result<rpc::Received<typename M::Reply>> reply = co_await std::move(calling);
    if (!reply) co_return std::unexpected(std::move(reply).error());
    co_return std::move(reply->message);
  }
  Task<void> stop();

 private:
  struct Place {
    v1::WorkerAddress address;
    std::unique_ptr<rpc::Channel> channel;
    size_t tasks = 0;
    uint64_t bandwidth = 0;
    os::Instant avoided_until{};
  };
  // In find_place(), listed while it sleeps there or could.
  struct Waiter {
    WorkerPool& pool;
    const size_t most_tasks;
    std::stop_source woken;
    bool is_listed = false, was_woken = false;

    void enlist();
    void leave();
    ~Waiter() { leave(); }
  };
  bool is_usable(const Place& place) const;
  std::optional<WorkerId> pick(const Search& search);
  void wake_next();
  static Task<void> wait_for_place(WorkerPool* pool, Waiter* waiter, Duration most, std::stop_token stop);

  os::Env& env_;
  const CoordinatorConfig& config_;
  MasterSession& master_;
  const async::Executor executor_;
  std::map<WorkerId, Place> places_;
  std::list<Waiter*> waiting_;                          // longest first; each lives in its coroutine
  std::vector<std::unique_ptr<rpc::Channel>> retired_;  // of workers that have moved: calls may still use them
};

}  // namespace forebay::coordinator
