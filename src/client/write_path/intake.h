// Writes wait here while the master says that writers are slowed.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <mutex>
#include <stop_token>

#include "client/client.h"
#include "obs/log.h"
#include "os/env.h"

namespace forebay::client {

// Bytes that this client writes to workers pass in turn, all files together, at the rate that the master told last: with a grant,
// or with the renewal of the session, which is then frequent. A write waits before anything is reserved for it and with no lock
// held, at most `longest_pause`; whoever is turned away by that limit goes on faster than told. The rate is forgotten when it is
// not told again for kForgottenAfter. Owned by Core. Any thread.
class Intake {
 public:
  static constexpr Duration kForgottenAfter = std::chrono::seconds(30);

  Intake(os::Env& env, obs::Log& log, const ClientConfig& config) : env_(env), log_(log), config_(config) {}

  void told(uint64_t bytes_per_second);  // 0: no longer slowed; who waits goes on
  bool is_on() const { return is_on_; }  // else there is nothing to pass
  bool slows() const;                    // it is on, and somebody has written lately
  uint64_t waited_ms() const;            // all writes together, since the start
  // Called with +1 when a call begins to wait, with -1 when it goes on. Set before the first write.
  void when_waiting(std::function<void(int)> changed) { changed_ = std::move(changed); }

  enum class Bytes : uint8_t { kToBeWritten, kWritten };
  // Before so many bytes are written; or after somebody else, who cannot be slowed, has written them: then their time is waited.
  Task<void> pass(uint64_t bytes, Bytes which = Bytes::kToBeWritten);
  void end();  // nobody waits any more

 private:
  Duration turn(uint64_t bytes, Bytes which, std::stop_token* until_changed);
  void tell_once();

  os::Env& env_;
  obs::Log& log_;
  const ClientConfig& config_;
  std::function<void(int)> changed_;

  std::atomic<bool> is_on_ = false;
  mutable std::mutex mutex_;
  // Under mutex_:
  uint64_t rate_ = 0;        // bytes a second; 0: not slowed
  bool has_waited_ = false;  // somebody, since it began; and that is logged
  bool ended_ = false;
  os::Instant told_at_{}, passed_at_{}, next_{};  // next_: when the next write may pass
  Duration waited_{}, waited_before_{};
  std::stop_source slowing_;  // its end wakes those who wait
};

}  // namespace forebay::client
