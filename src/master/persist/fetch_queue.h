// Blocks that somebody waits for.
#pragma once

#include "forebay/v1/persist.rpc.h"
#include "master/persist/due_queue.h"

namespace forebay::master {

// Answers NextFetches: with those that are due and that no operation fetches, at most 1,000.
class FetchQueue final : public DueQueue<v1::persist_service::NextFetches> {
 public:
  FetchQueue(const kv::Reader& store, os::Clock& clock);
};

}  // namespace forebay::master
