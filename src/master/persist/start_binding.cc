#include <set>

#include "master/namespace/inode.h"
#include "master/persist/starting.h"
#include "master/persist/stored_content.h"

namespace forebay::master {
namespace {

// One start of a persist or settle. Decides in this order: is there anything to do, may it run now, is the key another's, is the
// content at hand, would the only copy of something be overwritten.
class BindingStart {
 public:
  BindingStart(Ledger& ledger, const Intent& intent) : ledger_(ledger), intent_(intent), id_(intent.record.binding()) {}
  Started run();

 private:
  bool is_clean() const { return binding_->has_bound() && binding_->bound().version() == record_.version(); }
  bool is_here() const { return binding_->has_bound() && target_->is(binding_->bound().mount(), binding_->bound().key()); }
  bool is_move() const { return is_clean() && !is_here() && !takes_over_ && binding_->bound().mount() == target_->mount(); }
  // The key has this very version, from when the file had the name before: it is bound after a look at it, and not sent again.
  bool is_there() const {
    const v1::OwnContent& ours = at_->ours();
    return !is_clean() && at_->binding() == 0 && !ours.identity().empty() && ours.inode() == binding_->inode() &&
           ours.version() == record_.version();
  }
  bool stays() const { return (is_clean() && is_here()) || is_there(); }
  InodeId inode() const { return InodeId{binding_->inode()}; }

  Result<std::optional<std::string>> busy();
  Result<std::optional<uint64_t>> occupant(uint64_t binding, const Target& target);
  Started run_occupied(uint64_t other);
  Result<bool> is_ring(uint64_t other);
  Started displace(uint64_t other, v1::BindingRecord& leaving);
  Started take_over(uint64_t other, bool parked);
  Result<std::optional<v1::StartIntentReply>> fetch(uint64_t who);
  Started lose(uint64_t who);
  Started run_with_content();
  Started begin();

  Ledger& ledger_;
  const Intent& intent_;
  const uint64_t id_;
  v1::BindingRecord* binding_ = nullptr;
  v1::InodeRecord record_;
  std::optional<Target> target_;
  v1::KeyRecord* at_ = nullptr;
  bool takes_over_ = false;
};

Started BindingStart::run() {
  ASSIGN_OR_RETURN(binding_, ledger_.binding(id_));
  if (!binding_) return nothing_to_do(ledger_, intent_);
  ASSIGN_OR_RETURN(record_, load_inode(ledger_.txn(), inode()));
  ASSIGN_OR_RETURN(target_, ledger_.target(*binding_));
  if (!target_) return start_untargeted(ledger_, intent_, *binding_);
  if (record_.version() == 0) return nothing_to_do(ledger_, intent_);
  if (binding_->has_conflict()) {
    // Where the policy decides, the file was parked because it had no content to decide for.
    const bool is_for_people = target_->mapping->record.on_conflict() == v1::ON_CONFLICT_FAIL;
    const bool parked = target_->is(binding_->conflict().mount(), binding_->conflict().key());
    if (parked && is_for_people) {
      ledger_.leave_turn(id_, *binding_);
      return nothing_to_do(ledger_, intent_);
    }
    ledger_.end_conflict(id_, *binding_);
  }
  if (is_clean() && is_here() && !binding_->attributes()) {
    ledger_.leave_turn(id_, *binding_);
    return nothing_to_do(ledger_, intent_);
  }
  ASSIGN_OR_RETURN(at_, ledger_.key(target_->mount(), target_->key));
  ASSIGN_OR_RETURN(std::optional<std::string> holder, busy());
  if (holder) return waits(*std::move(holder));
  if (is_move() && binding_->order() != 0) {  // it would keep its old key busy while it waits
    ASSIGN_OR_RETURN(const bool turn, is_its_turn(ledger_.txn(), id_, InodeId{binding_->directory()}, binding_->order()));
    if (!turn) return waits("its turn in the directory");
  }
  ASSIGN_OR_RETURN(const std::optional<uint64_t> other, occupant(id_, *target_));
  if (other) return run_occupied(*other);
  return run_with_content();
}

Result<std::optional<std::string>> BindingStart::busy() {
  if (!ledger_.rules().one_at_a_time) return std::optional<std::string>{};
  uint64_t operation = at_->operation() != 0 ? at_->operation() : binding_->operation();
  if (operation == 0 && is_move()) {
    ASSIGN_OR_RETURN(const v1::KeyRecord* source, ledger_.key(target_->mount(), binding_->bound().key()));
    operation = source->operation();
  }
  if (operation == 0) return std::optional<std::string>{};
  return "operation " + std::to_string(operation);
}

// Another binding whose object is at the target.
Result<std::optional<uint64_t>> BindingStart::occupant(uint64_t binding, const Target& target) {
  ASSIGN_OR_RETURN(const v1::KeyRecord* at, ledger_.key(target.mount(), target.key));
  if (at->binding() == 0 || at->binding() == binding) return std::optional<uint64_t>{};
  return at->binding();
}

// Does the occupant, directly or through others, wait for a key that is already in the chain?
Result<bool> BindingStart::is_ring(uint64_t other) {
  std::set<uint64_t> seen{id_};
  for (std::optional<uint64_t> next = other; next;) {
    if (!seen.insert(*next).second) return true;
    ASSIGN_OR_RETURN(const v1::BindingRecord* binding, ledger_.binding(*next));
    if (!binding) return false;
    ASSIGN_OR_RETURN(const std::optional<Target> target, ledger_.target(*binding));
    if (!target) return false;
    ASSIGN_OR_RETURN(next, occupant(*next, *target));
  }
  return false;
}

Started BindingStart::run_occupied(uint64_t other) {
  ASSIGN_OR_RETURN(v1::BindingRecord * occupying, ledger_.binding(other));
  if (!occupying) return corrupt("key '" + target_->key + "' is held by a binding that does not exist");
  ASSIGN_OR_RETURN(const std::optional<Target> theirs, ledger_.target(*occupying));
  if (!theirs) return displace(other, *occupying);
  if (theirs->is(target_->mount(), target_->key)) {
    // One of the two has this key as the one beside its own: it looks for another.
    v1::BindingRecord* aside = occupying->has_aside() ? occupying : binding_;
    aside->clear_aside();
    TRY(ledger_.want(aside == occupying ? other : id_, v1::INTENT_SETTLE));
    return again();
  }
  const bool parked = occupying->has_conflict() && ledger_.rules().parked_holds_nobody &&
                      theirs->is(occupying->conflict().mount(), occupying->conflict().key());
  ASSIGN_OR_RETURN(const bool ring, is_ring(other));
  // Who waits for a turn may be waiting for ours, in this directory or through others: it gives up its key rather than be waited
  // for.
  const bool has_turn_to_wait_for = occupying->order() != 0 && theirs->mapping->ordered();
  const bool gives_way = has_turn_to_wait_for || ((ring || parked) && occupying->operation() == 0);
  if (!gives_way) return waits("binding " + std::to_string(other) + ", which is there");
  return take_over(other, parked);
}

// The occupant's entry is outside of every mapping, or excluded, and it has not been looked at since.
Started BindingStart::displace(uint64_t other, v1::BindingRecord& leaving) {
  if (leaving.operation() != 0) return waits("binding " + std::to_string(other) + ", which is there");
  ASSIGN_OR_RETURN(const bool only, is_only_copy(ledger_, target_->mount(), target_->key, at_->ours()));
  if (only && ledger_.rules().bring_back) return bring_back(ledger_, intent_, target_->mount(), target_->key, at_->ours());
  TRY(ledger_.unbind(leaving));
  if (target_->mapping->deletes()) TRY(ledger_.want_clear(target_->mount(), target_->key));  // unless ours comes to be there
  return run_with_content();
}

// Both contents come to the cache first; then ours goes over the occupant's object, and the occupant is dirty again. Should ours
// turn to another key instead, the object is cleared.
Started BindingStart::take_over(uint64_t other, bool parked) {
  if (ledger_.rules().bring_back) {
    for (const uint64_t who : {other, id_}) {
      ASSIGN_OR_RETURN(std::optional<v1::StartIntentReply> first, fetch(who));
      if (first) return *std::move(first);
    }
  }
  ASSIGN_OR_RETURN(v1::BindingRecord * occupying, ledger_.binding(other));
  TRY(ledger_.unbind(*occupying));
  TRY(ledger_.want_clear(target_->mount(), target_->key));
  if (!parked) TRY(ledger_.want(other, v1::INTENT_PERSIST));
  takes_over_ = true;
  return run_with_content();
}

// Nothing: the content of the binding's file is in the cache.
Result<std::optional<v1::StartIntentReply>> BindingStart::fetch(uint64_t who) {
  ASSIGN_OR_RETURN(const v1::BindingRecord* binding, ledger_.binding(who));
  const InodeId inode{binding->inode()};
  ASSIGN_OR_RETURN(const v1::InodeRecord record, load_inode(ledger_.txn(), inode));
  const Version version{record.version()};
  ASSIGN_OR_RETURN(const bool cached, is_cached(ledger_.txn(), inode, version));
  if (cached) return std::optional<v1::StartIntentReply>{};
  ASSIGN_OR_RETURN(const std::optional<HeldAt> held, source_of_missing(ledger_, inode));
  if (!held) return lose(who);
  return bring_back(ledger_, intent_, held->mount, held->key, held->content);
}

// No copy is left. It is looked at now and then: a worker may come back with one. Nobody waits for it.
Started BindingStart::lose(uint64_t who) {
  ASSIGN_OR_RETURN(v1::BindingRecord * binding, ledger_.binding(who));
  TRY(ledger_.unbind(*binding));
  ledger_.leave_turn(who, *binding);
  v1::IntentRecord intent;
  if (who == id_) intent = intent_.record;
  intent.set_kind(v1::INTENT_PERSIST);
  intent.set_binding(who);
  intent.set_attempts(intent.attempts() + 1);
  intent.set_lost(true);
  intent.set_permanent(true);
  intent.set_last_error("no copy of the content is left");
  if (intent.since_ns() == 0) intent.set_since_ns(ledger_.now_ns());
  TRY(ledger_.postpone(intent, retry_delay(ledger_.config(), intent.attempts(), true, who)));
  return again();
}

Started BindingStart::run_with_content() {
  const bool uploads = !is_move() && !stays();
  if (uploads) {
    ASSIGN_OR_RETURN(std::optional<v1::StartIntentReply> first, fetch(id_));
    if (first) return *std::move(first);
  }
  const bool replaces = at_->has_ours() && !stays();
  if (replaces && ledger_.rules().bring_back) {
    ASSIGN_OR_RETURN(const bool only, is_only_copy(ledger_, target_->mount(), target_->key, at_->ours()));
    if (only) return bring_back(ledger_, intent_, target_->mount(), target_->key, at_->ours());
  }
  return begin();
}

Started BindingStart::begin() {
  v1::OperationRecord operation;
  operation.set_kind(v1::OPERATION_UPLOAD);
  if (stays()) operation.set_kind(v1::OPERATION_ATTRIBUTES);
  if (is_move()) {
    operation.set_kind(v1::OPERATION_MOVE);
    operation.set_source_key(binding_->bound().key());
    v1::OwnContent& source = *operation.mutable_source();
    source.set_inode(binding_->inode());
    source.set_version(binding_->bound().version());
    source.set_identity(binding_->bound().identity());
  }
  operation.set_binding(id_);
  operation.set_inode(binding_->inode());
  operation.set_version(record_.version());
  operation.set_size(record_.size());
  operation.set_mount(target_->mount());
  operation.set_key(target_->key);
  if (at_->has_ours()) *operation.mutable_expected() = at_->ours();
  operation.set_expected_foreign(at_->replaceable());
  if (binding_->order() != 0) {
    operation.set_directory(binding_->directory());
    operation.set_order(binding_->order());
  }
  operation.set_attempts(intent_.record.attempts());
  operation.set_since_ns(intent_.record.since_ns());
  binding_->set_attributes(false);  // they are carried along; a change from now on sets it again
  TRY(ledger_.take(intent_.place, intent_.record));
  v1::StartIntentReply reply;
  ASSIGN_OR_RETURN(*reply.mutable_started(), begin_operation(ledger_, std::move(operation), intent_.lease));
  return reply;
}

}  // namespace

Started start_binding(Ledger& ledger, const Intent& intent) { return BindingStart(ledger, intent).run(); }

}  // namespace forebay::master
