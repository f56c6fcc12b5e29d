// Threads that run executors, and the two things the real operating system is waited for: time and descriptors.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <cstdint>
#include <memory>
#include <stop_token>

#include "async/task.h"
#include "base/bytes.h"
#include "base/units.h"

namespace forebay::async {

// An event loop with its threads. One thread makes every coroutine on it run alone (no locks needed between them); several make
// it a pool. A single one that has run out of work looks on for `busy_poll` before it sleeps, where that pays (BusyPoll). stop()
// drops what is queued and joins. Owned by main() or by a test.
class Loop {
 public:
  explicit Loop(const char* thread_name, int threads = 1, Duration busy_poll = {});
  ~Loop();
  Executor executor() const;
  void stop();  // idempotent; not from one of its own threads

 private:
  struct State;
  std::unique_ptr<State> state_;
};

// A loop without threads, for the simulation: runs what is ready, on the calling thread, one handler after the other in a fixed
// order.
class ManualLoop {
 public:
  ManualLoop();
  ~ManualLoop();
  Executor executor() const;
  // Until nothing is ready, or so many have run; the number of handlers run.
  size_t run_ready(size_t at_most = SIZE_MAX);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

// Sleeps in real time on the caller's executor. False when the token ended it early.
Task<bool> sleep_until(std::chrono::steady_clock::time_point when, std::stop_token stop);

// Waits for a non-blocking descriptor, which it does not own: release() before closing it. One reader and one writer at a time.
class Descriptor {
 public:
  Descriptor(const Executor& executor, int fd);
  ~Descriptor();
  int fd() const;
  Task<bool> readable();  // false: cancelled
  Task<bool> writable();
  // read(2), as soon as there is something: its result, or -errno; -ECANCELED when cancelled. 0 is the end.
  Task<ssize_t> read_some(MutableBytes into);
  void cancel();  // pending waits answer false, and so do all later ones
  void release();

 private:
  struct State;
  std::shared_ptr<State> state_;  // shared with pending waits, which may outlive this object by one turn of the loop
};

}  // namespace forebay::async
