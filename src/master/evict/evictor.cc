#include "master/evict/evictor.h"

#include <algorithm>

#include "master/namespace/inode.h"
#include "master/persist/blocks.h"
#include "master/persist/pinned.h"

namespace forebay::master {
namespace {

constexpr Duration kPatience = std::chrono::seconds(30);  // of one step in the queue

}  // namespace

Task<void> Evictor::watch(Evictor* self, std::stop_token stop) {
  while (co_await self->parts_.clock.sleep(self->config_.interval, stop)) {
    std::map<WorkerId, uint64_t> wanted = self->wanted();
    if (wanted.empty()) continue;
    Task<Result<void>> going = self->round(std::move(wanted), stop);
    Result<void> gone = co_await std::move(going);
    const bool is_news = !gone && !gone.error().is(Code::kCancelled) && !gone.error().is(Code::kBusy);
    if (is_news) self->parts_.log.warning("no room could be made on workers", {{"error", gone.error().to_string()}});
  }
}

std::map<WorkerId, uint64_t> Evictor::wanted() {
  std::map<WorkerId, uint64_t> wanted = parts_.workers.surplus();
  const os::Instant now = parts_.clock.now();
  std::erase_if(given_at_, [&](const auto& given) { return now - given.second >= config_.pause; });
  std::erase_if(wanted, [&](const auto& worker) { return given_at_.contains(worker.first); });
  return wanted;
}

Task<Result<std::set<Candidate>>> Evictor::collect(std::map<WorkerId, uint64_t> wanted, std::stop_token stop) {
  std::set<Candidate> kept;
  const uint64_t began = next_;
  bool wrapped = false;
  for (size_t looked = 0; looked < config_.looked_at && !stop.stop_requested();) {
    auto find = [&] { return find_candidates(*parts_.store.snapshot(), parts_.accesses, wanted, next_, config_.slice); };
    CO_ASSIGN_OR_RETURN(CandidateSlice slice, co_await async::run_blocking(parts_.blocking, find));
    for (Candidate& candidate : slice.found) {
      kept.insert(std::move(candidate));
      if (kept.size() > config_.kept) kept.erase(std::prev(kept.end()));
    }
    looked += slice.looked_at;
    next_ = slice.next;
    const bool is_all = next_ == 0 ? began == 0 || wrapped : wrapped && next_ >= began;
    if (is_all) break;
    wrapped = wrapped || next_ == 0;
  }
  co_return kept;
}

Task<Result<void>> Evictor::round(std::map<WorkerId, uint64_t> wanted, std::stop_token stop) {
  Task<Result<std::set<Candidate>>> collecting = collect(wanted, stop);
  CO_ASSIGN_OR_RETURN(const std::set<Candidate> candidates, co_await std::move(collecting));
  uint64_t evicted = 0;
  for (const Candidate& candidate : candidates) {
    const bool helps = std::ranges::any_of(candidate.bytes, [&](const auto& at) { return wanted.contains(at.first); });
    if (wanted.empty() || stop.stop_requested()) break;
    if (!helps) continue;
    Task<Result<uint64_t>> evicting = evict_file(candidate.inode, stop);
    CO_ASSIGN_OR_RETURN(const uint64_t bytes, co_await std::move(evicting));
    evicted += bytes;
    if (bytes == 0) continue;
    for (const auto& [worker, at_worker] : candidate.bytes) {
      auto still = wanted.find(worker);
      if (still == wanted.end()) continue;
      given_at_[worker] = parts_.clock.now();
      if (still->second <= at_worker)
        wanted.erase(still);
      else
        still->second -= at_worker;
    }
  }
  if (evicted != 0) parts_.log.info("clean content left the cache", {{"bytes", evicted}});
  co_return Result<void>{};
}

// 0: not now.
Task<Result<uint64_t>> Evictor::evict_file(InodeId inode, std::stop_token stop) {
  auto step = [this, inode](kv::Txn& txn) -> Result<Evicted> {
    const Caller nobody;
    MutationContext context{txn, nobody, parts_.clock.wall_now(), parts_.workers, parts_.open_reads, parts_.persistence};
    if (parts_.open_reads.is_open(inode)) return Evicted{};
    ASSIGN_OR_RETURN(const auto record, read_record<v1::InodeRecord>(txn, key::inode(inode)));
    if (!record) return Evicted{};
    ASSIGN_OR_RETURN(const bool pinned, is_pinned_file(txn, inode, *record));
    return pinned ? Evicted{} : evict(context, inode);
  };
  uint64_t bytes = 0;
  for (bool more = true; more && !stop.stop_requested();) {
    CO_ASSIGN_OR_RETURN(const Evicted evicted, co_await parts_.loop.run(step, Level::kAppended, parts_.clock.now() + kPatience));
    bytes += evicted.bytes;
    more = evicted.more;
  }
  if (bytes != 0) parts_.events.evicted(bytes);
  co_return bytes;
}

}  // namespace forebay::master
