// What many pages of the state of persistence come to.
#pragma once

#include "forebay/v1/persist.pb.h"

namespace forebay::master {

// The earlier of two times, of which 0 says that there is none.
inline int64_t older(int64_t a, int64_t b) { return a == 0 || (b != 0 && b < a) ? b : a; }

// Counters and the oldest time. What is listed one by one stays its reader's.
inline void add_counts(v1::PersistStatusReply& total, const v1::PersistStatusReply& page) {
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
  total.set_oldest_dirty_ns(older(total.oldest_dirty_ns(), page.oldest_dirty_ns()));
}

}  // namespace forebay::master
