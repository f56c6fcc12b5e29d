#include "worker/worker_events.h"

namespace forebay::worker {

WorkerEvents& no_worker_events() {
  static WorkerEvents events;
  return events;
}

}  // namespace forebay::worker
