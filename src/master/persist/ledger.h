// One step's changes of the records of persistence.
#pragma once

#include <map>
#include <string>
#include <utility>
#include <vector>

#include "master/operation.h"
#include "master/persist/target.h"

namespace forebay::master {

// Bindings and keys, each read once, changed in place and written by save(); and the queue of intents, of which each binding, key
// and directory has at most one waiting. Lives in one step of the commit loop. Pointers stay valid as long as it does, but for
// those to an erased binding. Not saved: only what the queue says has happened, so an error has to undo the whole step.
class Ledger {
 public:
  explicit Ledger(MutationContext& context) : context_(context) {}
  Ledger(const Ledger&) = delete;
  Ledger& operator=(const Ledger&) = delete;

  MutationContext& context() const { return context_; }
  kv::Txn& txn() const { return context_.txn; }
  int64_t now_ns() const { return os::unix_nanos(context_.now); }
  const PersistConfig& config() const { return context_.persistence.config; }
  const PersistRules& rules() const { return config().rules; }
  Result<const Mappings*> mappings();

  // -- records --
  Result<v1::BindingRecord*> binding(uint64_t id);  // null: no such binding
  Result<v1::KeyRecord*> key(uint64_t mount, std::string_view key);
  Result<std::vector<uint64_t>> bindings_of(InodeId inode);
  Result<uint64_t> add_binding(InodeId inode, InodeId directory, std::string_view name);
  Result<void> erase_binding(uint64_t id);  // with what refers to it, keys excepted
  Result<std::optional<Target>> target(const v1::BindingRecord& binding);

  // -- what they hold --
  Result<void> unbind(v1::BindingRecord& binding);  // the object stays, and is ours
  void end_conflict(uint64_t id, v1::BindingRecord& binding);
  Result<void> enter_turn(uint64_t id, v1::BindingRecord& binding);        // the last one in its directory
  Result<void> enter_turn_again(uint64_t id, v1::BindingRecord& binding);  // where it was before
  void leave_turn(uint64_t id, v1::BindingRecord& binding);

  // -- the queue --
  Result<void> want(uint64_t id, v1::IntentKind kind, Duration delay = {});
  Result<void> want_clear(uint64_t mount, std::string_view key, bool keeps = false);
  // keeps: of a directory that is there, nothing below is another's, from before.
  Result<void> want_directory(uint64_t mount, std::string_view key, bool keeps);
  Result<void> want_tree(InodeId directory);
  // After an operation was given up: what it may have begun at its key and nobody knows of is aborted, in a while.
  Result<void> want_sweep(uint64_t operation, const v1::OperationRecord& given_up);
  // Puts an intent of a binding or key back for later, in place of one that waits; `intent` says how often it has failed.
  Result<void> postpone(v1::IntentRecord intent, Duration delay);
  // It is not waiting any more.
  Result<void> take(const v1::IntentPlace& place, const v1::IntentRecord& intent);

  void save();

 private:
  template <class Record>
  struct Loaded {
    Record record;
    std::string stored;  // as it is in the transaction; empty: not there
  };
  Result<v1::IntentPlace> enqueue(const v1::IntentRecord& intent, int64_t due_ns);
  Result<v1::IntentPlace*> place_of(const v1::IntentRecord& intent);
  Result<void> make_persist(const v1::IntentPlace& place);

  MutationContext& context_;
  std::shared_ptr<const Mappings> mappings_;
  std::map<uint64_t, Loaded<v1::BindingRecord>> bindings_;
  std::map<std::pair<uint64_t, std::string>, Loaded<v1::KeyRecord>> keys_;
};

}  // namespace forebay::master
