// Tells the coordinator at once when somebody waits for a block.
#pragma once

#include "forebay/v1/persist.pb.h"
#include "kv/store.h"
#include "master/persist/news.h"
#include "rpc/server.h"

namespace forebay::master {

// Answers NextFetches. A call that finds nothing waits until a batch with a fetch is committed, one is due, or its time is over;
// it holds nothing meanwhile. Owned by the Master; store and clock outlive it. Any thread. stop() ends all waits, before the
// server stops.
class FetchQueue {
 public:
  FetchQueue(const kv::Reader& store, os::Clock& clock) : store_(store), clock_(clock), news_(clock) {}

  void bind(rpc::Router& router);
  void look(const kv::WriteBatch& committed);  // on the commit loop
  void stop() { news_.stop(); }

 private:
  using Next = Result<rpc::Answer<v1::NextFetchesReply>>;
  struct Found {
    v1::NextFetchesReply reply;
    int64_t next_due_ns = 0;  // of those that are not due yet; 0: none
  };
  static Task<Next> next(FetchQueue* self, rpc::Call call, v1::NextFetchesRequest request);
  Result<Found> find(uint32_t limit) const;

  const kv::Reader& store_;
  os::Clock& clock_;
  News news_;
};

}  // namespace forebay::master
