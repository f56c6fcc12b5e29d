#include "master/persist/fetches.h"

#include <algorithm>

#include "master/extents/objects.h"
#include "master/persist/finishing.h"
#include "master/persist/ops.h"
#include "master/persist/restored.h"
#include "master/persist/stored_content.h"

namespace forebay::master {
namespace {

constexpr Duration kAskedAgain = std::chrono::seconds(10);   // noted no more often than this
constexpr Duration kPatience = std::chrono::minutes(1);      // with what fails and nobody asks for
constexpr Duration kLongestPause = std::chrono::seconds(5);  // somebody waits

Result<std::optional<v1::FetchRecord>> find_fetch(const kv::Reader& reader, ObjectId object) {
  return read_record<v1::FetchRecord>(reader, key::fetch(object));
}

class FetchEnd {
 public:
  FetchEnd(Ledger& ledger, const LiveOperation& operation, v1::FetchRecord fetch)
      : ledger_(ledger), op_(operation.record), object_{op_.object()}, fetch_(std::move(fetch)) {}

  Result<std::string> done(const v1::Done& done);
  Result<std::string> again(const std::string& why);
  Result<std::string> looked(v1::Seen seen);

 private:
  Result<std::string> is_elsewhere(const v1::Seen& seen, v1::KeyRecord& at);
  Result<std::string> decide(const Target& target, v1::BindingRecord& binding, uint64_t id, const v1::Foreign& theirs);
  void forget() { ledger_.txn().erase(key::fetch(object_)); }

  Ledger& ledger_;
  const v1::OperationRecord& op_;
  const ObjectId object_;
  v1::FetchRecord fetch_;
};

Result<std::string> FetchEnd::done(const v1::Done& done) {
  Restored outcome = Restored::kLeaves;
  for (const v1::RestoredObject& restored : done.restored()) {
    if (restored.object() != object_.value) continue;
    ASSIGN_OR_RETURN(outcome, add_copies(ledger_.txn(), object_, restored));
  }
  if (outcome == Restored::kOtherBytes) return again("the under store has other bytes than were stored there");
  if (outcome == Restored::kLeaves) return again("a worker still has to delete an earlier copy");
  forget();
  if (outcome == Restored::kUnwanted) return std::string("nobody needs it any more");
  const InodeId inode{op_.inode()};
  TRY(note_present(ledger_.txn(), inode));
  ASSIGN_OR_RETURN(const std::vector<uint64_t> ids, ledger_.bindings_of(inode));
  for (const uint64_t id : ids) TRY(forget_lost(ledger_, id));
  return std::string("restored");
}

Result<std::string> FetchEnd::again(const std::string& why) {
  const int64_t now = ledger_.now_ns();
  if (now - fetch_.asked_ns() >= kPatience.count()) {
    forget();
    return std::string("given up");
  }
  fetch_.clear_operation();
  fetch_.set_attempts(fetch_.attempts() + 1);
  fetch_.set_last_error(why);
  const Duration delay = std::min(kLongestPause, retry_delay(ledger_.config(), fetch_.attempts(), false, object_.value));
  fetch_.set_due_ns(now + delay.count());
  write_record(ledger_.txn(), key::fetch(object_), fetch_);
  return std::string("failed");
}

Result<std::string> FetchEnd::looked(v1::Seen seen) {
  seen = as_seen(std::move(seen), op_.expected());
  if (seen.what_case() == v1::Seen::WHAT_NOT_SET) return invalid("what is at the key has to be said");
  ASSIGN_OR_RETURN(v1::KeyRecord * at, ledger_.key(op_.mount(), op_.key()));
  // Whoever works on the key finds out by itself.
  if (at->operation() != 0) return again("operation " + std::to_string(at->operation()) + " is changing the key");
  const bool is_same = seen.has_ours() && seen.ours().inode() == op_.inode() && seen.ours().version() == op_.expected().version();
  if (!is_same) return is_elsewhere(seen, *at);
  *at->mutable_ours() = seen.ours();
  ASSIGN_OR_RETURN(v1::BindingRecord * held, ledger_.binding(at->binding()));
  const bool holds = held && held->inode() == op_.inode() && held->bound().version() == op_.expected().version();
  if (holds) held->mutable_bound()->set_identity(seen.ours().identity());
  return again("the worker that fetched it has gone, or what is at the key was written anew");
}

Result<std::string> FetchEnd::is_elsewhere(const v1::Seen& seen, v1::KeyRecord& at) {
  const uint64_t id = at.binding();
  ASSIGN_OR_RETURN(v1::BindingRecord * held, ledger_.binding(id));
  const bool holds = held && held->inode() == op_.inode() && held->bound().version() == op_.expected().version() &&
                     held->bound().identity() == op_.expected().identity();
  if (!holds) return again("the file has moved in the under store");
  if (seen.has_ours())
    *at.mutable_ours() = seen.ours();
  else
    at.clear_ours();
  TRY(ledger_.unbind(*held));
  forget();
  ASSIGN_OR_RETURN(const std::optional<Target> target, ledger_.target(*held));
  const bool is_conflict = seen.has_foreign() && target && target->is(op_.mount(), op_.key());
  if (is_conflict) return decide(*target, *held, id, seen.foreign());
  TRY(ledger_.want(id, v1::INTENT_PERSIST));  // which finds another copy, or that there is none
  return std::string("it is not there any more");
}

// Where another name of the file holds the content, the policy is applied when that has come to the cache. Else under each policy
// but one there is nothing to be done: the only copy of ours is gone.
Result<std::string> FetchEnd::decide(const Target& target, v1::BindingRecord& binding, uint64_t id, const v1::Foreign& theirs) {
  if (target.mapping->record.on_conflict() == v1::ON_CONFLICT_UFS_WINS) {
    Result<void> adopted = adopt(ledger_, id, target, theirs);
    if (adopted) return std::string("conflict: theirs is the newest version now");
    if (!adopted.error().is(Code::kBusy)) return std::unexpected(std::move(adopted).error());
    TRY(ledger_.want(id, v1::INTENT_PERSIST));
    return std::string("conflict: waits for the writer");
  }
  ASSIGN_OR_RETURN(const auto other, held_at(ledger_, InodeId{op_.inode()}, Version{op_.expected().version()}));
  if (other && target.mapping->record.on_conflict() != v1::ON_CONFLICT_FAIL) {
    TRY(ledger_.want(id, v1::INTENT_PERSIST));
    return std::string("conflict: another name has the content");
  }
  park(ledger_, id, binding, target, theirs);
  return std::string("conflict");
}

}  // namespace

v1::Seen as_seen(v1::Seen seen, const v1::OwnContent& expected) {
  const bool is_expected = seen.has_foreign() && !expected.identity().empty() && seen.foreign().identity() == expected.identity();
  if (is_expected) *seen.mutable_ours() = expected;
  return seen;
}

Result<void> want_fetch(MutationContext& context, ObjectId block, std::string& problem) {
  const int64_t now = os::unix_nanos(context.now);
  ASSIGN_OR_RETURN(std::optional<v1::FetchRecord> fetch, find_fetch(context.txn, block));
  if (fetch && !fetch->last_error().empty()) problem = fetch->last_error();
  if (fetch && now - fetch->asked_ns() < kAskedAgain.count()) return {};
  if (!fetch) {
    fetch.emplace();
    fetch->set_due_ns(now);
  }
  fetch->set_asked_ns(now);
  write_record(context.txn, key::fetch(block), *fetch);
  return {};
}

Result<std::string> finish_fetch(Ledger& ledger, const LiveOperation& operation, const v1::FinishOperationRequest& request) {
  ledger.txn().erase(key::operation(operation.id));
  const ObjectId object{operation.record.object()};
  ASSIGN_OR_RETURN(std::optional<v1::FetchRecord> fetch, find_fetch(ledger.txn(), object));
  if (!fetch) {  // the block is gone, and with it whoever waited
    for (const v1::RestoredObject& restored : request.done().restored()) {
      if (restored.object() == object.value) TRY(add_copies(ledger.txn(), object, restored));
    }
    return std::string("nobody needs it any more");
  }
  FetchEnd end(ledger, operation, *std::move(fetch));
  switch (request.outcome_case()) {
    case v1::FinishOperationRequest::kDone: return end.done(request.done());
    case v1::FinishOperationRequest::kFailed: return end.again(request.failed().error());
    case v1::FinishOperationRequest::kRefused: return end.looked(request.refused().key());
    case v1::FinishOperationRequest::kGaveUp: return end.looked(request.gave_up().key());
    default: return invalid("an operation ends with an outcome");
  }
}

namespace ops {

Result<v1::StartIntentReply> start_fetch(MutationContext& context, const v1::StartFetchRequest& request) {
  TRY(check_superuser(context.caller));
  const ObjectId object{request.object()};
  v1::StartIntentReply reply;
  reply.mutable_nothing();
  ASSIGN_OR_RETURN(std::optional<v1::FetchRecord> fetch, find_fetch(context.txn, object));
  if (!fetch || fetch->operation() != 0) return reply;
  ASSIGN_OR_RETURN(const std::optional<v1::ObjectRecord> block, load_object(context.txn, object));
  Ledger ledger(context);
  std::optional<HeldAt> held;
  const bool is_missing = block && block->workers().empty();
  if (is_missing) {
    ASSIGN_OR_RETURN(held, held_block(ledger, *block));
  }
  if (!held) {  // it is back, or nowhere: whoever asks again hears it
    context.txn.erase(key::fetch(object));
    return reply;
  }
  ASSIGN_OR_RETURN(const uint64_t id, context.next_id("operation"));
  LiveOperation operation{id, {}};
  v1::OperationRecord& record = operation.record;
  record.set_kind(v1::OPERATION_RESTORE);
  record.set_epoch(1);
  record.set_object(object.value);
  record.set_inode(block->inode());
  record.set_version(block->stored_version());
  record.set_size(block->length());
  record.set_mount(held->mount);
  record.set_key(held->key);
  *record.mutable_expected() = held->content;
  record.set_attempts(fetch->attempts());
  record.set_started_ns(ledger.now_ns());
  record.set_lease_ns(ledger.now_ns() + lease_of(ledger.config(), request.lease_ms()).count());
  save_operation(context.txn, operation);
  fetch->set_operation(id);
  write_record(context.txn, key::fetch(object), *fetch);
  ASSIGN_OR_RETURN(*reply.mutable_started(), describe(context.txn, operation));
  return reply;
}

}  // namespace ops
}  // namespace forebay::master
