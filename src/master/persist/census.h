// How much waits for the under store, counted now and then for metrics.
#pragma once

#include "async/sync.h"
#include "forebay/v1/persist.pb.h"
#include "kv/store.h"
#include "master/events.h"
#include "obs/log.h"
#include "os/env.h"

namespace forebay::master {

// A page of it, from a cursor on (PersistStatus in persist.proto).
Result<v1::PersistStatusReply> persist_status_page(const kv::Reader& reader, const std::string& cursor);

// Counts over one snapshot after another, on the blocking executor, and tells the events. Owned by the Master; what it is given
// outlives it. On one executor.
class Census {
 public:
  Census(os::Env& env, kv::Store& store, MasterEvents& events, obs::Log& log, Duration interval, async::Executor executor)
      : env_(env), store_(store), events_(events), log_(log), interval_(interval), scope_(std::move(executor)) {}

  void start();  // without an interval it counts nothing
  Task<void> stop() { return scope_.stop(); }

 private:
  static Task<void> run(Census* self, std::stop_token stop);
  Result<v1::PersistStatusReply> count() const;

  os::Env& env_;
  kv::Store& store_;
  MasterEvents& events_;
  obs::Log& log_;
  const Duration interval_;
  async::Scope scope_;
};

}  // namespace forebay::master
