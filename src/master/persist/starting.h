// From an intent to an operation: one function for each kind. Each runs in one step of the commit loop, decides by what is
// recorded now, and leaves the intent in the queue when it has to wait.
#pragma once

#include "master/persist/operations.h"

namespace forebay::master {

struct Intent {
  v1::IntentPlace place;
  v1::IntentRecord record;
  Duration lease;
};
using Started = Result<v1::StartIntentReply>;

// persist and settle: the binding's key is to hold the newest sealed version, by an upload, or by a move of what is clean.
Started start_binding(Ledger& ledger, const Intent& intent);
// The key is to hold nothing of ours, unless a binding is bound to it.
Started start_clear(Ledger& ledger, const Intent& intent);
// The key is to be a directory, if the namespace has one there.
Started start_directory(Ledger& ledger, const Intent& intent);
// Uploads that operations given up may have left at the key are aborted.
Started start_sweep(Ledger& ledger, const Intent& intent);
// The next entries of a directory whose place, or mapping, has changed.
Started settle_tree(Ledger& ledger, const Intent& intent);

// The entry has no target any more: what its key holds is given up, once it is not the only copy.
Started start_untargeted(Ledger& ledger, const Intent& intent, v1::BindingRecord& binding);

// -- what they answer --
Started nothing_to_do(Ledger& ledger, const Intent& intent);  // and the intent goes
Started again();
Started waits(std::string for_what);
// Brings back what is at a key first; waits while the key is busy.
Started bring_back(Ledger& ledger, const Intent& intent, uint64_t mount, const std::string& key, const v1::OwnContent& content);

// Takes the binding from an entry that is in no mapping.
Result<void> release(Ledger& ledger, uint64_t id);

}  // namespace forebay::master
