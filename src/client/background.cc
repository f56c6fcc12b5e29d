#include "client/background.h"

#include <algorithm>
#include <mutex>
#include <optional>

#include "base/check.h"

namespace forebay::client {

namespace {
// Tasks that are run together, and the coroutine that waits for the last.
struct Group {
  std::vector<Task<Result<void>>> tasks;
  std::vector<std::optional<Result<void>>> results;
  std::mutex mutex;
  size_t next = 0, running = 0;
  async::Event finished;
};

// Takes tasks until there are none. The last runner to end wakes the waiter.
Task<void> run_some(std::shared_ptr<Group> group) {
  for (;;) {
    size_t mine = 0;
    bool last = false;
    {
      std::lock_guard lock(group->mutex);
      mine = group->next;
      if (mine < group->tasks.size()) {
        ++group->next;
      } else {
        last = --group->running == 0;
      }
    }
    if (mine >= group->tasks.size()) {
      if (last) group->finished.set();
      co_return;
    }
    group->results[mine] = co_await std::move(group->tasks[mine]);
  }
}
}  // namespace

Background::Background(std::vector<async::Executor> executors) : executors_(std::move(executors)) {
  FOREBAY_CHECK(!executors_.empty(), "a client needs an executor");
  for (const async::Executor& executor : executors_) scopes_.push_back(std::make_unique<async::Scope>(executor));
}

size_t Background::index_of(const async::Executor& executor) const {
  auto found = std::ranges::find(executors_, executor);
  return found == executors_.end() ? 0 : static_cast<size_t>(found - executors_.begin());
}

bool Background::spawn(size_t index, Task<void> task) { return scopes_[index]->spawn(std::move(task)); }

Task<void> Background::stop() {
  for (auto& scope : scopes_) co_await scope->stop();
}

Task<std::vector<Result<void>>> Background::run_all(size_t index, std::vector<Task<Result<void>>> tasks, size_t at_once) {
  auto group = std::make_shared<Group>();
  const size_t count = tasks.size();
  group->tasks = std::move(tasks);
  group->results.resize(count);
  const size_t runners = std::min(count, std::max<size_t>(at_once, 1));
  group->running = 1;
  for (size_t i = 1; i < runners; ++i) {
    {
      std::lock_guard lock(group->mutex);
      ++group->running;
    }
    if (spawn(index, run_some(group))) continue;
    std::lock_guard lock(group->mutex);
    --group->running;  // stopping: the caller runs what is left itself
    break;
  }
  co_await run_some(group);
  co_await group->finished.wait();
  std::vector<Result<void>> results;
  results.reserve(count);
  for (std::optional<Result<void>>& result : group->results) results.push_back(std::move(*result));
  co_return results;
}

}  // namespace forebay::client
