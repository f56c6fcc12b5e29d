#include "obs/call_log.h"

#include <algorithm>
#include <utility>

namespace forebay::obs {
namespace {

bool is_answer(const Status& status) {
  switch (status.code()) {
    case Code::kRejected: return !status.is_errno(EIO);
    case Code::kStale:
    case Code::kBusy:
    case Code::kCancelled: return true;
    case Code::kInvalid:
    case Code::kElsewhere:
    case Code::kUnknown:
    case Code::kCorrupt:
    case Code::kBroken: return false;
  }
  return false;
}

}  // namespace

void CallLog::call_finished(const rpc::Method& method, Duration took, const Status* error, TraceId trace) {
  if (next_ != nullptr) next_->call_finished(method, took, error, trace);
  const bool failed = error != nullptr && !is_answer(*error);
  if (!failed && (took < config_.slow || std::ranges::find(config_.waits, method.number) != config_.waits.end())) return;
  uint64_t suppressed = 0;
  if (!may_write(&suppressed)) return;
  const std::string name(method.name), id = trace ? to_string(trace) : "";
  const int64_t took_ms = std::chrono::duration_cast<std::chrono::milliseconds>(took).count();
  if (failed)
    log_.warning(
        "a call failed",
        {{"method", name}, {"trace", id}, {"took_ms", took_ms}, {"suppressed", suppressed}, {"error", error->to_string()}});
  else
    log_.warning("a call took long", {{"method", name}, {"trace", id}, {"took_ms", took_ms}, {"suppressed", suppressed}});
}

bool CallLog::may_write(uint64_t* suppressed) {
  const os::Instant now = clock_.now();
  std::lock_guard lock(mutex_);
  if (now - second_began_ >= std::chrono::seconds(1)) {
    second_began_ = now;
    lines_ = 0;
  }
  if (lines_ >= config_.lines_per_second) {
    ++suppressed_;
    return false;
  }
  ++lines_;
  *suppressed = std::exchange(suppressed_, 0);
  return true;
}

void CallLog::connections_changed(int delta) {
  if (next_ != nullptr) next_->connections_changed(delta);
}

void CallLog::connection_refused() {
  if (next_ != nullptr) next_->connection_refused();
}

void CallLog::connection_failed(const std::string& peer, const Status& why) {
  if (next_ != nullptr) next_->connection_failed(peer, why);
}

}  // namespace forebay::obs
