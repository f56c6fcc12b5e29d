// The time of the simulation.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <utility>

#include "os/clock.h"

namespace forebay::os {

// A queue of what is to happen, and the present moment, which moves only when advance() is called. What is due at the same
// moment happens in the order in which it was asked for. One thread.
class VirtualTime {
 public:
  using Action = std::move_only_function<void()>;
  static constexpr Instant kStart{std::chrono::hours(1)};  // not 0: a role may look a little into the past

  Instant now() const { return now_; }
  uint64_t at(Instant when, Action action);  // the returned number cancels it
  bool cancel(uint64_t id);                  // false: it has happened, or was cancelled
  bool run_now(uint64_t id);                 // ahead of its time; false as with cancel()
  std::optional<Instant> next() const;
  bool advance();             // goes to the next action and runs it; false when there is none
  void stall(Duration time);  // everything stands still while time goes on; what was due happens late
  void clear();               // drops all actions, those included that dropping asks for

  // Resumes the caller at `when`, by an action.
  Task<void> wait_until(Instant when);

 private:
  Instant now_ = kStart;
  uint64_t next_id_ = 1;
  std::map<std::pair<Instant, uint64_t>, Action> queue_;
  std::map<uint64_t, Instant> when_;
};

}  // namespace forebay::os
