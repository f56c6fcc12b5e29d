#include "master/persist/ops.h"
#include "master/persist/starting.h"

namespace forebay::master::ops {

Result<v1::NextIntentsReply> next_intents(QueryContext& context, const v1::NextIntentsRequest& request) {
  TRY(check_superuser(context.caller));
  constexpr uint32_t kMost = 1'000;
  const int limit = static_cast<int>(request.limit() == 0 ? kMost : std::min(request.limit(), kMost));
  const int64_t now = os::unix_nanos(context.now);
  const std::string begin = request.has_after() ? key::intent(request.after().due_ns(), request.after().sequence()) + '\0' : "Q";
  v1::NextIntentsReply reply;
  std::optional<Status> failure;
  TRY(context.reader.scan(begin, kv::prefix_end("Q"), [&](std::string_view key, std::string_view value) {
    const auto due = static_cast<int64_t>(read_big_endian(key.substr(1, 8)));
    if (due > now) {
      reply.set_next_due_ns(due);
      return false;
    }
    v1::WaitingIntent& waiting = *reply.add_intents();
    waiting.mutable_place()->set_due_ns(due);
    waiting.mutable_place()->set_sequence(read_big_endian(key.substr(9, 8)));
    if (!waiting.mutable_intent()->ParseFromArray(value.data(), static_cast<int>(value.size()))) failure = corrupt_record(key);
    return !failure && reply.intents_size() < limit;
  }));
  if (failure) return std::unexpected(std::move(*failure));
  return reply;
}

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
