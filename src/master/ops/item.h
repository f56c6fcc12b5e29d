// One item of a call that does many things at once.
#pragma once

#include <utility>

#include "master/operation.h"
#include "rpc/error_detail.h"

namespace forebay::master::ops {

// Runs `act`, Result<T>(MutationContext&), over what the call has changed so far: a refused item leaves nothing behind. What is
// no answer to the item (a damaged record, a failed store) is the call's failure.
template <class Act>
auto apply_item(MutationContext& context, Act act) {
  kv::Txn txn = kv::Txn::over(context.txn);
  MutationContext inner{txn, context.caller, context.now, context.placer, context.open_reads, context.persistence, context.names};
  inner.sequence = context.sequence;
  auto done = act(inner);
  if (done) std::move(txn).merge_into(context.txn);
  return done;
}

inline bool is_items_own(const Status& status) { return status.is(Code::kRejected) || status.is(Code::kInvalid); }

}  // namespace forebay::master::ops
