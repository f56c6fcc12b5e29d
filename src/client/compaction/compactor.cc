#include "client/compaction/compactor.h"

#include <algorithm>

#include "client/compaction/compaction.h"
#include "client/core.h"

namespace forebay::client {

void Compactor::ask(Core& core, CompactionRequest request) {
  {
    std::lock_guard lock(mutex_);
    auto known = std::ranges::find(waiting_, request.inode, &CompactionRequest::inode);
    if (known != waiting_.end()) {
      known->dead_space |= request.dead_space;
      return;
    }
    if (waiting_.size() >= kMaxWaiting) return;
    waiting_.push_back(request);
    if (working_) return;
    working_ = true;
  }
  if (core.background.spawn(0, work(&core))) return;
  std::lock_guard lock(mutex_);
  working_ = false;
}

std::optional<CompactionRequest> Compactor::take() {
  std::lock_guard lock(mutex_);
  if (waiting_.empty()) {
    working_ = false;
    return std::nullopt;
  }
  const CompactionRequest request = waiting_.front();
  waiting_.pop_front();
  return request;
}

Task<void> Compactor::work(Core* core) {
  while (std::optional<CompactionRequest> request = core->compactor.take()) {
    if (core->background.token().stop_requested()) continue;  // until none is left
    Compaction compaction(*core, *request);
    Result<void> done = co_await compaction.run();
    const CompactionOutcome& outcome = compaction.outcome();
    if (!done) {
      // Nothing is lost: what was not rewritten is where it was.
      core->log.info("a compaction ended early", {{"inode", request->inode.value}, {"error", done.error().to_string()}});
    }
    if (outcome.rewritten_bytes == 0) continue;
    core->log.info("a fragmented file was compacted", {{"inode", request->inode.value},
                                                       {"extents_before", outcome.extents_before},
                                                       {"extents_after", outcome.extents_after},
                                                       {"bytes", outcome.rewritten_bytes}});
  }
}

}  // namespace forebay::client
