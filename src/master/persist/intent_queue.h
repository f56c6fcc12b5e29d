// Intents that are due.
#pragma once

#include "forebay/v1/persist.rpc.h"
#include "master/persist/due_queue.h"

namespace forebay::master {

// Answers NextIntents: with those that are due after the place that it names, at most 1,000.
class IntentQueue final : public DueQueue<v1::persist_service::NextIntents> {
 public:
  IntentQueue(const kv::Reader& store, os::Clock& clock);
};

// A page of what is due at `now`, without waiting.
Result<v1::NextIntentsReply> due_intents(const kv::Reader& reader, int64_t now_ns, const v1::NextIntentsRequest& request);

}  // namespace forebay::master
