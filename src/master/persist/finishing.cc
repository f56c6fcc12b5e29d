#include "master/persist/finishing.h"

#include <algorithm>

#include "master/extents/objects.h"
#include "master/namespace/inode.h"
#include "master/persist/fetches.h"
#include "master/persist/restored.h"

namespace forebay::master {
namespace {

using Request = v1::FinishOperationRequest;

class Finish {
 public:
  Finish(Ledger& ledger, const LiveOperation& operation, const Request& request)
      : ledger_(ledger), operation_(operation), op_(operation.record), request_(request) {}
  Result<std::string> run();
  // Directories that came by themselves above keys where nothing of ours is any more, and that the namespace does not have, go
  // too.
  Result<void> tidy(const std::string& key);

 private:
  bool gave_up() const { return request_.has_gave_up(); }
  bool is_sweep() const { return op_.kind() == v1::OPERATION_SWEEP; }
  bool is_directory() const { return op_.kind() == v1::OPERATION_MAKE_DIRECTORY || op_.kind() == v1::OPERATION_REMOVE_DIRECTORY; }
  v1::OwnContent content(const std::string& identity) const;
  bool is_accepted(const v1::Seen& seen) const;
  Result<bool> clears_removed();

  Result<std::string> run_done(const v1::Done& done);
  Result<std::string> run_failed(const v1::Failed& failed);
  Result<std::string> run_seen(const v1::Refused& looked);
  Result<std::string> run_restore();
  Result<std::string> run_attributes();
  Result<std::string> run_pruned();
  Result<std::string> stored(const std::string& identity, bool source_gone);
  Result<std::string> foreign(const v1::Foreign& theirs);
  Result<std::string> decide(const Target& target, const v1::Foreign& theirs);
  Result<std::string> look_again(const v1::Seen& here);
  Result<void> clear_litter();
  Result<void> check_source();
  Result<bool> ends_turn();
  Result<void> want_attributes();
  Result<void> retry(Duration delay, const std::string& error, bool permanent, bool counts);

  Ledger& ledger_;
  const LiveOperation& operation_;
  const v1::OperationRecord& op_;
  const Request& request_;
  v1::BindingRecord* binding_ = nullptr;  // null: the entry is gone
  v1::KeyRecord* at_ = nullptr;
};

v1::OwnContent Finish::content(const std::string& identity) const {
  v1::OwnContent content;
  content.set_inode(op_.inode());
  content.set_version(op_.version());
  content.set_identity(identity);
  return content;
}

bool Finish::is_accepted(const v1::Seen& seen) const {
  if (op_.kind() == v1::OPERATION_DELETE) return seen.has_nothing();
  const bool publishes = op_.kind() == v1::OPERATION_UPLOAD || op_.kind() == v1::OPERATION_MOVE;
  return publishes && seen.has_ours() && seen.ours().inode() == op_.inode() && seen.ours().version() == op_.version();
}

// Is what a removed entry has left at this key to be deleted?
Result<bool> Finish::clears_removed() {
  ASSIGN_OR_RETURN(const Mappings* mappings, ledger_.mappings());
  const Mapping* mapping = mappings->of_key(op_.mount(), op_.key());
  return mapping && (mapping->deletes() || !ledger_.rules().keep_keeps) && ledger_.rules().removed_is_cleared;
}

Result<std::string> Finish::run() {
  TRY(end_operation(ledger_, operation_));
  ASSIGN_OR_RETURN(binding_, ledger_.binding(op_.binding()));
  ASSIGN_OR_RETURN(at_, ledger_.key(op_.mount(), op_.key()));
  switch (request_.outcome_case()) {
    case Request::kDone: return run_done(request_.done());
    case Request::kFailed: return run_failed(request_.failed());
    case Request::kRefused: return run_seen(request_.refused());
    case Request::kGaveUp:
      if (op_.kind() == v1::OPERATION_UPLOAD || op_.kind() == v1::OPERATION_MOVE) TRY(ledger_.want_sweep(operation_.id, op_));
      return run_seen(request_.gave_up());
    default: return invalid("an operation ends with an outcome");
  }
}

Result<std::string> Finish::run_done(const v1::Done& done) {
  switch (op_.kind()) {
    case v1::OPERATION_UPLOAD:
    case v1::OPERATION_MOVE: return stored(done.identity(), done.source_gone());
    case v1::OPERATION_DELETE: at_->clear_ours(); return std::string("cleared");
    case v1::OPERATION_RESTORE: return run_restore();
    case v1::OPERATION_ATTRIBUTES: return run_attributes();
    case v1::OPERATION_REMOVE_DIRECTORY: return run_pruned();
    default: return std::string("done");
  }
}

Result<std::string> Finish::run_restore() {
  TRY(take_restored(ledger_, InodeId{op_.inode()}, Version{op_.version()}, request_.done().restored()));
  ASSIGN_OR_RETURN(const std::vector<uint64_t> ids, ledger_.bindings_of(InodeId{op_.inode()}));
  for (const uint64_t id : ids) TRY(forget_lost(ledger_, id));
  return std::string("restored");
}

// The directory that has the name now, if there is one, and what is below it, may have gone with what was left of another.
Result<std::string> Finish::run_pruned() {
  if (op_.inode() == 0) return std::string("done");
  TRY(ledger_.want_directory(op_.mount(), op_.key(), true));
  TRY(ledger_.want_tree(InodeId{op_.inode()}));
  return std::string("pruned");
}

Result<std::string> Finish::run_attributes() {
  const bool same = binding_ && binding_->bound().mount() == op_.mount() && binding_->bound().key() == op_.key() &&
                    binding_->bound().version() == op_.version();
  if (!same) return stored(request_.done().identity(), false);  // it was nobody's, or is nobody's by now
  // A directory that got another name and its old one back has given turns to what never left.
  ASSIGN_OR_RETURN(const bool ends, ends_turn());
  if (ends) ledger_.leave_turn(op_.binding(), *binding_);
  binding_->mutable_bound()->set_identity(request_.done().identity());
  *at_->mutable_ours() = content(request_.done().identity());
  return std::string("written");
}

// The key has the binding's newest version, it belongs there, and nothing was sealed since.
Result<bool> Finish::ends_turn() {
  ASSIGN_OR_RETURN(const v1::InodeRecord record, load_inode(ledger_.txn(), InodeId{op_.inode()}));
  ASSIGN_OR_RETURN(const std::optional<Target> target, ledger_.target(*binding_));
  return record.version() == op_.version() && target && target->is(op_.mount(), op_.key()) && binding_->order() <= op_.order();
}

// The key holds this version. What follows from that depends on where the entry is by now.
Result<std::string> Finish::stored(const std::string& identity, bool source_gone) {
  *at_->mutable_ours() = content(identity);
  at_->clear_replaceable();
  if (!binding_) {
    ASSIGN_OR_RETURN(const bool clears, clears_removed());
    if (clears) TRY(ledger_.want_clear(op_.mount(), op_.key()));
    return std::string("stored, and the entry is gone");
  }
  if (binding_->has_bound() && !(binding_->bound().mount() == op_.mount() && binding_->bound().key() == op_.key())) {
    const v1::BoundKey old = binding_->bound();
    TRY(ledger_.unbind(*binding_));
    ASSIGN_OR_RETURN(v1::KeyRecord * left, ledger_.key(old.mount(), old.key()));
    ASSIGN_OR_RETURN(const Mappings* mappings, ledger_.mappings());
    const bool covered = mappings->of_key(old.mount(), old.key()) != nullptr;
    if (source_gone)
      left->clear_ours();
    else if (covered && ledger_.rules().old_key_is_cleared)
      TRY(ledger_.want_clear(old.mount(), old.key()));
  }
  v1::BoundKey& bound = *binding_->mutable_bound();
  bound.set_mount(op_.mount());
  bound.set_key(op_.key());
  bound.set_version(op_.version());
  bound.set_identity(identity);
  at_->set_binding(op_.binding());
  ASSIGN_OR_RETURN(const bool ends, ends_turn());
  if (ends) ledger_.leave_turn(op_.binding(), *binding_);
  ASSIGN_OR_RETURN(const v1::InodeRecord record, load_inode(ledger_.txn(), InodeId{op_.inode()}));
  ASSIGN_OR_RETURN(const std::optional<Target> target, ledger_.target(*binding_));
  const bool newest = record.version() == op_.version();
  const bool there = target && target->is(op_.mount(), op_.key());
  if (!newest)
    TRY(ledger_.want(op_.binding(), v1::INTENT_PERSIST));
  else if (!there || binding_->attributes())
    TRY(ledger_.want(op_.binding(), v1::INTENT_SETTLE));
  return std::string("stored");
}

Result<std::string> Finish::run_seen(const v1::Refused& looked) {
  if (is_sweep()) {
    TRY(retry({}, {}, false, false));
    return std::string("again");
  }
  if (is_directory()) {
    TRY(retry(retry_delay(ledger_.config(), op_.attempts() + 1, false, operation_.id), "the directory could not be changed",
              false, true));
    return std::string("again");
  }
  const v1::Seen here = as_seen(looked.key(), op_.expected());
  if (here.what_case() == v1::Seen::WHAT_NOT_SET) return invalid("what is at the key has to be said");
  if (is_accepted(here) && op_.kind() == v1::OPERATION_DELETE) {
    at_->clear_ours();
    return std::string("cleared");
  }
  if (is_accepted(here)) {
    // Whether the attributes followed is not to be seen.
    if (op_.kind() == v1::OPERATION_MOVE && binding_) TRY(want_attributes());
    return stored(here.ours().identity(), false);
  }
  if (here.has_foreign()) return foreign(here.foreign());
  return look_again(here);
}

// Not ours: never learned as ours, and never deleted.
Result<std::string> Finish::foreign(const v1::Foreign& theirs) {
  at_->clear_ours();
  if (at_->replaceable() != theirs.identity()) at_->clear_replaceable();  // which is not there any more
  ASSIGN_OR_RETURN(v1::BindingRecord * held, ledger_.binding(at_->binding()));
  const uint64_t holder = at_->binding();
  if (held) {
    TRY(ledger_.unbind(*held));
    if (held != binding_) TRY(ledger_.want(holder, v1::INTENT_PERSIST));
  }
  if (!binding_) return std::string("foreign, left alone");
  TRY(check_source());
  ASSIGN_OR_RETURN(const std::optional<Target> target, ledger_.target(*binding_));
  const bool still = target && target->is(op_.mount(), op_.key());
  if (still && !gave_up()) return decide(*target, theirs);
  TRY(retry({}, {}, false, false));
  return std::string("foreign, and the entry has moved on");
}

Result<std::string> Finish::decide(const Target& target, const v1::Foreign& theirs) {
  const uint64_t id = op_.binding();
  switch (target.mapping->record.on_conflict()) {
    case v1::ON_CONFLICT_KEEP_BOTH: {
      TRY(set_aside(ledger_, *binding_, op_.version()));
      TRY(retry({}, {}, false, false));
      return std::string("conflict: both are kept");
    }
    case v1::ON_CONFLICT_CACHE_WINS: {
      at_->set_replaceable(theirs.identity());
      TRY(retry({}, {}, false, false));
      return std::string("conflict: theirs will be replaced");
    }
    case v1::ON_CONFLICT_UFS_WINS: {
      Result<void> adopted = adopt(ledger_, id, target, theirs);
      if (adopted) return std::string("conflict: theirs is the newest version now");
      if (!adopted.error().is(Code::kBusy)) return std::unexpected(std::move(adopted).error());
      TRY(retry(ledger_.config().first_retry, adopted.error().message(), false, true));
      return std::string("conflict: waits for the writer");
    }
    default: park(ledger_, id, *binding_, target, theirs); return std::string("conflict");
  }
}

// Nothing, or another version of ours: now we know, and try again.
Result<std::string> Finish::look_again(const v1::Seen& here) {
  at_->clear_replaceable();  // theirs has gone
  if (here.has_ours())
    *at_->mutable_ours() = here.ours();
  else
    at_->clear_ours();
  ASSIGN_OR_RETURN(v1::BindingRecord * held, ledger_.binding(at_->binding()));
  const uint64_t holder = at_->binding();
  const bool holds =
      held && here.has_ours() && here.ours().inode() == held->inode() && here.ours().version() == held->bound().version();
  if (held && holds) held->mutable_bound()->set_identity(here.ours().identity());
  if (held && !holds) {
    TRY(ledger_.unbind(*held));
    TRY(ledger_.want(holder, v1::INTENT_PERSIST));
  }
  if (op_.kind() == v1::OPERATION_RESTORE) return std::string("it is not there any more");
  TRY(check_source());
  if (binding_ || op_.kind() == v1::OPERATION_DELETE) TRY(retry({}, {}, false, false));
  TRY(clear_litter());
  return std::string("again");
}

// What is ours and no binding's stays only where an entry that was removed may leave it.
Result<void> Finish::clear_litter() {
  if (!at_->has_ours() || at_->binding() != 0) return {};
  if (binding_ && !gave_up()) return {};
  ASSIGN_OR_RETURN(const bool clears, clears_removed());
  return clears ? ledger_.want_clear(op_.mount(), op_.key()) : Result<void>{};
}

// A store that renames gets the attributes in a request of their own.
Result<void> Finish::want_attributes() {
  ASSIGN_OR_RETURN(const Mappings* mappings, ledger_.mappings());
  const Mapping* mapping = mappings->of_key(op_.mount(), op_.key());
  if (mapping && mapping->has_directories) binding_->set_attributes(true);
  return {};
}

// The source of a move was replaced by somebody; or it is the same, and attributes that came late have made it another identity.
Result<void> Finish::check_source() {
  if (op_.kind() != v1::OPERATION_MOVE || !binding_) return {};
  const v1::Seen seen = as_seen(request_.has_refused() ? request_.refused().source() : request_.gave_up().source(), op_.source());
  if (seen.what_case() == v1::Seen::WHAT_NOT_SET) return {};
  const bool same = seen.has_ours() && seen.ours().inode() == op_.inode() && seen.ours().version() == op_.version();
  if (binding_->bound().key() != op_.source_key()) return {};
  ASSIGN_OR_RETURN(v1::KeyRecord * source, ledger_.key(op_.mount(), op_.source_key()));
  if (same) binding_->mutable_bound()->set_identity(seen.ours().identity());
  if (seen.has_ours())
    *source->mutable_ours() = seen.ours();
  else
    source->clear_ours();
  return same ? Result<void>{} : ledger_.unbind(*binding_);
}

Result<std::string> Finish::run_failed(const v1::Failed& failed) {
  Duration delay = retry_delay(ledger_.config(), op_.attempts() + 1, failed.permanent(), operation_.id);
  if (failed.again_ms() != 0) delay = std::min<Duration>(delay, std::chrono::milliseconds(failed.again_ms()));
  if (op_.kind() == v1::OPERATION_RESTORE) {
    TRY(delay_waiting(ledger_, InodeId{op_.inode()}, op_.mount(), op_.key(), delay, failed));
    return std::string("failed");
  }
  TRY(retry(delay, failed.error(), failed.permanent(), true));
  return std::string("failed");
}

// Back into the queue, whatever it was.
Result<void> Finish::retry(Duration delay, const std::string& error, bool permanent, bool counts) {
  v1::IntentRecord intent;
  intent.set_attempts(op_.attempts() + (counts ? 1 : 0));
  intent.set_since_ns(op_.since_ns());
  intent.set_last_error(error);
  intent.set_permanent(permanent);
  if (op_.binding() != 0) {
    if (!binding_) return {};
    if (op_.kind() == v1::OPERATION_ATTRIBUTES) binding_->set_attributes(true);
    if (binding_->has_intent() && delay == Duration{}) return {};
    intent.set_kind(op_.kind() == v1::OPERATION_UPLOAD ? v1::INTENT_PERSIST : v1::INTENT_SETTLE);
    intent.set_binding(op_.binding());
    return ledger_.postpone(intent, delay);
  }
  if (op_.kind() == v1::OPERATION_RESTORE) return {};  // what wanted it is still waiting
  intent.set_kind(is_directory() ? v1::INTENT_DIRECTORY : is_sweep() ? v1::INTENT_SWEEP : v1::INTENT_CLEAR);
  intent.set_mount(op_.mount());
  intent.set_key(op_.key());
  intent.set_keeps(op_.kind() == v1::OPERATION_MAKE_DIRECTORY);
  intent.set_begun_from_ns(op_.begun_from_ns());
  intent.set_begun_until_ns(op_.begun_until_ns());
  *intent.mutable_given_up() = op_.given_up();
  return ledger_.postpone(intent, delay);
}

Result<void> Finish::tidy(const std::string& key) {
  ASSIGN_OR_RETURN(const Mappings* mappings, ledger_.mappings());
  const Mapping* mapping = mappings->of_key(op_.mount(), key);
  const size_t slash = key.rfind('/');
  if (!mapping || !mapping->has_directories || slash == std::string::npos || slash <= mapping->record.prefix().size()) return {};
  ASSIGN_OR_RETURN(const v1::KeyRecord* at, ledger_.key(op_.mount(), key));
  if (at->has_ours() || at->operation() != 0) return {};
  const std::string above = key.substr(0, slash);
  ASSIGN_OR_RETURN(const auto entry, entry_at(ledger_.txn(), *mappings, op_.mount(), above));
  if (entry && entry->type() == v1::FILE_TYPE_DIRECTORY) return {};
  return ledger_.want_directory(op_.mount(), above, false);
}

}  // namespace

Result<std::string> finish(Ledger& ledger, const LiveOperation& operation, const v1::FinishOperationRequest& request) {
  if (operation.is_fetch()) return finish_fetch(ledger, operation, request);
  Finish end(ledger, operation, request);
  ASSIGN_OR_RETURN(std::string result, end.run());
  TRY(end.tidy(operation.record.key()));
  if (operation.record.kind() == v1::OPERATION_MOVE) TRY(end.tidy(operation.record.source_key()));
  return result;
}

}  // namespace forebay::master
