// Where a client's background work runs.
#pragma once

#include <memory>
#include <stop_token>
#include <vector>

#include "async/sync.h"
#include "async/task.h"
#include "base/status.h"

namespace forebay::client {

// One scope for each of the client's executors. Any thread. After stop() nothing new starts.
class Background {
 public:
  explicit Background(std::vector<async::Executor> executors);

  size_t size() const { return executors_.size(); }
  const async::Executor& executor(size_t index) const { return executors_[index]; }
  // Index of the executor that the caller runs on; 0 for a foreign one.
  size_t index_of(const async::Executor& executor) const;
  // False, and the task is dropped, after stop().
  bool spawn(size_t index, Task<void> task);
  std::stop_token token() const { return scopes_.front()->token(); }
  Task<void> stop();

  // Runs all of them, at most `at_once` at a time, on the executor given; resumes when all have ended. The results in their
  // order.
  Task<std::vector<Result<void>>> run_all(size_t index, std::vector<Task<Result<void>>> tasks, size_t at_once);

 private:
  std::vector<async::Executor> executors_;
  std::vector<std::unique_ptr<async::Scope>> scopes_;
};

}  // namespace forebay::client
