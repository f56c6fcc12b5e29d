// What the master tells its metrics.
#pragma once

#include <cstddef>
#include <cstdint>

#include "base/units.h"
#include "forebay/v1/persist.pb.h"
#include "rpc/server.h"

namespace forebay::master {

// One sink for everything that happens in a master; beside these, one call_finished for each call. Any thread; must not block.
class MasterEvents : public rpc::ServerEvents {
 public:
  virtual void batch_committed(size_t steps, size_t bytes, Duration took) = 0;
  virtual void journal_synced(Duration took) = 0;
  virtual void call_repeated() = 0;  // answered from a stored outcome
  virtual void became_broken() = 0;
  virtual void sessions_changed(size_t live) = 0;
  virtual void session_expired() = 0;
  virtual void workers_changed(size_t live, size_t lost) = 0;
  virtual void reclaimed(size_t inodes) = 0;
  virtual void persistence_counted(const v1::PersistStatusReply& total, int64_t now_ns) = 0;
  virtual void evicted(uint64_t /*bytes*/) {}         // clean content that left the cache, by itself or freed by somebody
  virtual void inline_changed(uint64_t /*bytes*/) {}  // content that is kept with the metadata, now
  virtual void intake_changed(bool /*slowed*/, uint64_t /*bytes_per_second*/) {}  // of all writers, looked at now and then
  virtual void writers_waited(Duration /*more*/) {}                               // because they are slowed, as clients tell
  virtual void compacted(uint64_t bytes) = 0;  // of a fragmented file, swapped for the same in fewer extents
};

MasterEvents& no_events();  // for tests

}  // namespace forebay::master
