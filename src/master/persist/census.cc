#include "master/persist/census.h"

#include "master/persist/status_total.h"

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
    ASSIGN_OR_RETURN(const v1::PersistStatusReply page, persist_status_page(*snapshot, cursor));
    cursor = page.cursor();
    add_counts(total, page);
    if (cursor.empty()) return total;
  }
}

}  // namespace forebay::master
