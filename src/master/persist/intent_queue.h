// Tells the coordinator at once when there is something to be done.
#pragma once

#include "forebay/v1/persist.pb.h"
#include "kv/store.h"
#include "master/persist/news.h"
#include "rpc/server.h"

namespace forebay::master {

// Answers NextIntents. A call that finds nothing that is due after the place it names waits until an intent is committed, one is
// due, or its time is over; it holds nothing meanwhile. Owned by the Master; store and clock outlive it. Any thread. stop() ends
// all waits, before the server stops.
class IntentQueue {
 public:
  IntentQueue(const kv::Reader& store, os::Clock& clock) : store_(store), clock_(clock), news_(clock) {}

  void bind(rpc::Router& router);
  void look(const kv::WriteBatch& committed);  // on the commit loop
  void stop() { news_.stop(); }

 private:
  using Next = Result<rpc::Answer<v1::NextIntentsReply>>;
  static Task<Next> next(IntentQueue* self, rpc::Call call, v1::NextIntentsRequest request);

  const kv::Reader& store_;
  os::Clock& clock_;
  News news_;
};

// A page of what is due at `now`, without waiting.
Result<v1::NextIntentsReply> due_intents(const kv::Reader& reader, int64_t now_ns, const v1::NextIntentsRequest& request);

}  // namespace forebay::master
