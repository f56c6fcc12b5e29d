#include "master/persist/census.h"

namespace forebay::master {

void Census::start() {
  if (interval_ > Duration{}) scope_.spawn(run(this, scope_.token()));
}

Task<void> Census::run(Census* self, std::stop_token stop) {
  while (!stop.stop_requested()) {
    auto count = [self] { return self->count(); };
    Result<v1::PersistStatusReply> counted = co_await async::run_blocking(self->env_.blocking, count);
    if (counted)
      self->events_.persistence_counted(*counted, os::unix_nanos(self->env_.clock.wall_now()));
    else
      self->log_.error("what waits for the under store cannot be counted", {{"error", counted.error().to_string()}});
    Task<bool> sleeping = self->env_.clock.sleep(self->interval_, stop);
    co_await std::move(sleeping);
  }
}

Result<v1::PersistStatusReply> Census::count() const {
  const std::unique_ptr<kv::Reader> snapshot = store_.snapshot();
  v1::PersistStatusReply total;
  for (std::string cursor;;) {
    ASSIGN_OR_RETURN(v1::PersistStatusReply page, persist_status_page(*snapshot, cursor));
    cursor = page.cursor();
    total.set_waiting_persist(total.waiting_persist() + page.waiting_persist());
    total.set_waiting_settle(total.waiting_settle() + page.waiting_settle());
    total.set_waiting_clear(total.waiting_clear() + page.waiting_clear());
    total.set_waiting_trees(total.waiting_trees() + page.waiting_trees());
    total.set_waiting_directories(total.waiting_directories() + page.waiting_directories());
    total.set_waiting_sweeps(total.waiting_sweeps() + page.waiting_sweeps());
    total.set_writing(total.writing() + page.writing());
    total.set_running(total.running() + page.running());
    total.set_failing(total.failing() + page.failing());
    total.set_permanent(total.permanent() + page.permanent());
    total.set_lost(total.lost() + page.lost());
    total.set_conflicts(total.conflicts() + page.conflicts());
    total.set_bytes(total.bytes() + page.bytes());
    const int64_t oldest = page.oldest_dirty_ns();
    if (oldest != 0 && (total.oldest_dirty_ns() == 0 || oldest < total.oldest_dirty_ns())) total.set_oldest_dirty_ns(oldest);
    if (cursor.empty()) return total;
  }
}

}  // namespace forebay::master
