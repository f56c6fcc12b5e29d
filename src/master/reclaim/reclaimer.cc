#include "master/reclaim/reclaimer.h"

#include <vector>

#include "master/namespace/reclaim.h"
#include "master/reclaim/orphans.h"
#include "master/schema.h"

namespace forebay::master {
namespace {

constexpr size_t kDetachedAtOnce = 64;  // looked up at a time
constexpr Duration kFirstSweep = std::chrono::minutes(1);
constexpr Duration kPatience = std::chrono::seconds(30);  // of one step in the queue

}  // namespace

void Reclaimer::start() {
  scope_.spawn(reclaim(this, scope_.token()));
  scope_.spawn(look_again(this, scope_.token()));
  scope_.spawn(sweep(this, scope_.token()));
  work_.raise();
}

void Reclaimer::look(const kv::WriteBatch& committed) {
  for (const kv::WriteBatch::Change& change : committed.changes())
    if (change.key.front() == 'N' && change.value) {
      work_.raise();
      return;
    }
}

Task<void> Reclaimer::reclaim(Reclaimer* reclaimer, std::stop_token stop) {
  // Raised after the stop is visible: a signal raised before may have been taken by a round that did not see it yet.
  const std::stop_callback wake(stop, [reclaimer] { reclaimer->work_.raise(); });
  while (!stop.stop_requested()) {
    co_await reclaimer->work_.wait();
    bool progress = true;
    while (progress && !stop.stop_requested()) progress = co_await reclaimer->reclaim_all(stop);
  }
}

Task<void> Reclaimer::look_again(Reclaimer* reclaimer, std::stop_token stop) {
  while (co_await reclaimer->parts_.clock.sleep(reclaimer->config_.look_again, stop))
    if (reclaimer->waiting_.exchange(false)) reclaimer->work_.raise();
}

// One pass over everything that is detached, in the order of ids: what a directory leaves detached while it is taken apart is
// mostly younger, and is met by the same pass. True when something was done.
Task<bool> Reclaimer::reclaim_all(std::stop_token stop) {
  bool progress = false;
  size_t done = 0;
  for (InodeId after; !stop.stop_requested();) {
    const Result<std::vector<InodeId>> detached = next_detached(after);
    if (!detached) {
      tell(detached.error());
      co_return false;
    }
    if (detached->empty()) break;
    for (InodeId inode : *detached) {
      Task<Result<bool>> reclaiming = reclaim_inode(inode, stop);
      const Result<bool> gone = co_await std::move(reclaiming);
      if (!gone) {
        tell(gone.error());
        co_return false;
      }
      progress |= *gone;
      done += *gone ? 1 : 0;
    }
    after = detached->back();
  }
  if (done != 0) parts_.events.reclaimed(done);
  co_return progress;
}

// True: it is gone. False: somebody has it open.
Task<Result<bool>> Reclaimer::reclaim_inode(InodeId inode, std::stop_token stop) {
  auto step = [this, inode](kv::Txn& txn) {
    const Caller nobody;
    MutationContext context{txn, nobody, parts_.clock.wall_now(), parts_.placer, parts_.open_reads, parts_.persistence};
    return reclaim_step(context, inode, config_.objects_per_step);
  };
  while (!stop.stop_requested()) {
    CO_ASSIGN_OR_RETURN(const Reclaimed reclaimed,
                        co_await parts_.loop.run(step, Level::kAppended, parts_.clock.now() + kPatience));
    if (reclaimed == Reclaimed::kDone) co_return true;
    if (reclaimed == Reclaimed::kWaits) break;
  }
  waiting_ = true;
  co_return false;
}

// After 0: from the first one on.
Result<std::vector<InodeId>> Reclaimer::next_detached(InodeId after) {
  const ScanStarts::Mark mark = parts_.starts.mark({});
  const uint64_t from = after ? after.value + 1 : mark.from;
  std::vector<InodeId> found;
  TRY(parts_.store.scan(key::detached(InodeId{from}), kv::prefix_end("N"), [&](std::string_view key, std::string_view) {
    if (key.size() == 9) found.push_back(InodeId{read_big_endian(key.substr(1))});
    return found.size() < kDetachedAtOnce;
  }));
  if (!after) parts_.starts.nothing_before({}, mark, found.empty() ? UINT64_MAX : found.front().value);
  return found;
}

Task<void> Reclaimer::sweep(Reclaimer* reclaimer, std::stop_token stop) {
  Duration pause = kFirstSweep;
  while (co_await reclaimer->parts_.clock.sleep(pause, stop)) {
    Task<Result<size_t>> sweeping = reclaimer->sweep_orphans(stop);
    const Result<size_t> settled = co_await std::move(sweeping);
    if (!settled) reclaimer->tell(settled.error());
    if (settled && *settled != 0)
      reclaimer->parts_.log.warning("objects without a writer were given back", {{"objects", *settled}});
    pause = reclaimer->config_.orphans_every;
  }
}

Task<Result<size_t>> Reclaimer::sweep_orphans(std::stop_token stop) {
  size_t settled = 0;
  for (ObjectId from{1}; from && !stop.stop_requested();) {
    auto find = [this, from] { return find_orphans(*parts_.store.snapshot(), from, config_.orphans_per_slice); };
    CO_ASSIGN_OR_RETURN(const OrphanSlice slice, co_await async::run_blocking(parts_.blocking, find));
    for (ObjectId orphan : slice.orphans) {
      auto step = [this, orphan](kv::Txn& txn) {
        const Caller nobody;
        MutationContext context{txn, nobody, parts_.clock.wall_now(), parts_.placer, parts_.open_reads, parts_.persistence};
        return settle_orphan(context, orphan);
      };
      CO_ASSIGN_OR_RETURN(const bool was, co_await parts_.loop.run(step, Level::kAppended, parts_.clock.now() + kPatience));
      settled += was ? 1 : 0;
    }
    from = slice.next;
  }
  co_return settled;
}

void Reclaimer::tell(const Status& problem) {
  waiting_ = true;
  if (problem.is(Code::kCancelled) || problem.is(Code::kBusy)) return;
  if (problem.is(Code::kBroken)) waiting_ = false;  // the loop has said so, and it stays so
  parts_.log.warning("space of removed files could not be given back now", {{"error", problem.to_string()}});
}

}  // namespace forebay::master
