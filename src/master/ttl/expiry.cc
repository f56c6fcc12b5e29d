#include "master/ttl/expiry.h"

#include "master/ttl/ttl.h"

namespace forebay::master {
namespace {

constexpr Duration kPatience = std::chrono::seconds(30);  // of one step in the queue

// An entry that may not be removed keeps its place, and its time to live ends.
Result<void> give_up(kv::Txn& txn, const DueTtl& due) {
  txn.erase(key::ttl(due.due_ns, due.inode));
  ASSIGN_OR_RETURN(auto record, read_record<v1::InodeRecord>(txn, key::inode(due.inode)));
  if (!record || record->ttl_due_ns() != due.due_ns) return {};
  record->clear_ttl_due_ns();
  save_inode(txn, due.inode, *record);
  return {};
}

}  // namespace

Task<void> Expiry::watch(Expiry* self, std::stop_token stop) {
  while (co_await self->parts_.clock.sleep(self->config_.interval, stop)) {
    for (size_t done = self->config_.at_once; done == self->config_.at_once && !stop.stop_requested();) {
      Task<Result<size_t>> expiring = self->expire_some(stop);
      Result<size_t> expired = co_await std::move(expiring);
      done = expired.value_or(0);
      const bool is_news = !expired && !expired.error().is(Code::kCancelled) && !expired.error().is(Code::kBusy);
      if (is_news)
        self->parts_.log.warning("what has expired could not be removed, and is tried again",
                                 {{"error", expired.error().to_string()}});
    }
  }
}

Task<Result<size_t>> Expiry::expire_some(std::stop_token stop) {
  CO_ASSIGN_OR_RETURN(const std::vector<DueTtl> due,
                      due_ttls(parts_.store, os::unix_nanos(parts_.clock.wall_now()), config_.at_once));
  for (const DueTtl& each : due) {
    if (stop.stop_requested()) co_return cancelled("the master stops");
    auto step = [this, each](kv::Txn& txn) {
      const Caller nobody;
      MutationContext context{txn,          nobody, parts_.clock.wall_now(), parts_.placer, parts_.open_reads, parts_.persistence,
                              &parts_.names};
      return expire(context, each);
    };
    Result<void> expired = co_await parts_.loop.run(step, Level::kAppended, parts_.clock.now() + kPatience);
    if (expired) continue;
    if (!expired.error().is(Code::kRejected)) co_return std::unexpected(std::move(expired).error());
    parts_.log.warning("what has expired may not be removed",
                       {{"inode", each.inode.value}, {"error", expired.error().to_string()}});
    auto leave = [each](kv::Txn& txn) { return give_up(txn, each); };
    CO_TRY(co_await parts_.loop.run(leave, Level::kAppended, parts_.clock.now() + kPatience));
  }
  co_return due.size();
}

}  // namespace forebay::master
