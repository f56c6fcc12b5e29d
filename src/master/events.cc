#include "master/events.h"

namespace forebay::master {
namespace {

class NoEvents : public MasterEvents {
 public:
  void call_finished(const rpc::Method&, Duration, const Status*, TraceId) override {}
  void connections_changed(int) override {}
  void batch_committed(size_t, size_t, Duration) override {}
  void journal_synced(Duration) override {}
  void call_repeated() override {}
  void became_broken() override {}
  void sessions_changed(size_t) override {}
  void session_expired() override {}
  void workers_changed(size_t, size_t) override {}
  void reclaimed(size_t) override {}
  void persistence_counted(const v1::PersistStatusReply&, int64_t) override {}
  void compacted(uint64_t) override {}
};

}  // namespace

MasterEvents& no_events() {
  static NoEvents events;
  return events;
}

}  // namespace forebay::master
