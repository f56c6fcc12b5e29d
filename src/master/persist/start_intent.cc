#include "master/persist/ops.h"
#include "master/persist/starting.h"

namespace forebay::master::ops {

Result<v1::StartIntentReply> start_intent(MutationContext& context, const v1::StartIntentRequest& request) {
  TRY(check_superuser(context.caller));
  const v1::IntentPlace& place = request.place();
  ASSIGN_OR_RETURN(auto record, read_record<v1::IntentRecord>(context.txn, key::intent(place.due_ns(), place.sequence())));
  if (!record) {
    v1::StartIntentReply reply;
    reply.mutable_nothing();
    return reply;
  }
  Ledger ledger(context);
  const Intent intent{place, std::move(*record), lease_of(ledger.config(), request.lease_ms())};
  Started started = again();
  switch (intent.record.kind()) {
    case v1::INTENT_PERSIST:
    case v1::INTENT_SETTLE: started = start_binding(ledger, intent); break;
    case v1::INTENT_SETTLE_TREE: started = settle_tree(ledger, intent); break;
    case v1::INTENT_CLEAR: started = start_clear(ledger, intent); break;
    case v1::INTENT_SWEEP: started = start_sweep(ledger, intent); break;
    case v1::INTENT_DIRECTORY: started = start_directory(ledger, intent); break;
    default: return std::unexpected(corrupt_record(key::intent(place.due_ns(), place.sequence())));
  }
  if (started) ledger.save();
  return started;
}

}  // namespace forebay::master::ops
