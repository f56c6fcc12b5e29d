#include "master/namespace/inode.h"
#include "master/persist/finishing.h"
#include "master/persist/ops.h"

namespace forebay::master::ops {
namespace {

constexpr int kMostFailures = 100;          // in one reply
constexpr size_t kStep = 10'000;            // records in one reply
constexpr uint32_t kMostConflicts = 1'000;  // conflicts in one reply

// Adds up records of intents, operations and conflicts.
class StatusCount {
 public:
  explicit StatusCount(v1::PersistStatusReply& reply) : reply_(reply) {}
  Result<void> add(std::string_view key, std::string_view value);

 private:
  void add_intent(std::string_view key, const v1::IntentRecord& intent);
  void add_age(int64_t since_ns);

  v1::PersistStatusReply& reply_;
};

void StatusCount::add_age(int64_t since_ns) {
  if (since_ns != 0 && (reply_.oldest_dirty_ns() == 0 || since_ns < reply_.oldest_dirty_ns()))
    reply_.set_oldest_dirty_ns(since_ns);
}

void StatusCount::add_intent(std::string_view key, const v1::IntentRecord& intent) {
  switch (intent.kind()) {
    case v1::INTENT_PERSIST: reply_.set_waiting_persist(reply_.waiting_persist() + 1); break;
    case v1::INTENT_SETTLE: reply_.set_waiting_settle(reply_.waiting_settle() + 1); break;
    case v1::INTENT_CLEAR: reply_.set_waiting_clear(reply_.waiting_clear() + 1); break;
    case v1::INTENT_SETTLE_TREE: reply_.set_waiting_trees(reply_.waiting_trees() + 1); break;
    default: reply_.set_waiting_directories(reply_.waiting_directories() + 1); break;
  }
  add_age(intent.since_ns());
  if (intent.last_error().empty()) return;
  reply_.set_failing(reply_.failing() + 1);
  if (intent.permanent()) reply_.set_permanent(reply_.permanent() + 1);
  if (intent.lost()) reply_.set_lost(reply_.lost() + 1);
  if (reply_.failures_size() >= kMostFailures) return;
  v1::PersistFailure& failure = *reply_.add_failures();
  failure.set_binding(intent.binding());
  failure.set_mount(intent.mount());
  failure.set_key(intent.key());
  failure.set_error(intent.last_error());
  failure.set_permanent(intent.permanent());
  failure.set_attempts(intent.attempts());
  failure.set_next_ns(static_cast<int64_t>(read_big_endian(key.substr(1, 8))));
}

Result<void> StatusCount::add(std::string_view key, std::string_view value) {
  const int size = static_cast<int>(value.size());
  v1::IntentRecord intent;
  v1::OperationRecord operation;
  switch (key[0]) {
    case 'Q':
      if (!intent.ParseFromArray(value.data(), size)) return std::unexpected(corrupt_record(key));
      add_intent(key, intent);
      return {};
    case 'E':
      if (!operation.ParseFromArray(value.data(), size)) return std::unexpected(corrupt_record(key));
      reply_.set_running(reply_.running() + 1);
      add_age(operation.since_ns());
      return {};
    default: reply_.set_conflicts(reply_.conflicts() + 1); return {};
  }
}

}  // namespace

Result<v1::PersistStatusReply> persist_status(QueryContext& context, const v1::PersistStatusRequest& request) {
  TRY(check_superuser(context.caller));
  v1::PersistStatusReply reply;
  StatusCount count(reply);
  std::string begin = request.cursor().empty() ? "E" : request.cursor();
  size_t left = kStep;
  for (const char tag : std::string_view("EQc")) {  // in key order
    if (tag < begin[0]) continue;
    if (tag != begin[0]) begin = std::string(1, tag);
    Result<void> added;
    std::string last;
    TRY(context.reader.scan(begin, kv::prefix_end(std::string(1, tag)), [&](std::string_view key, std::string_view value) {
      added = count.add(key, value);
      if (--left == 0) last = key;
      return added.has_value() && left != 0;
    }));
    TRY(added);
    if (left != 0) continue;
    reply.set_cursor(last + '\0');
    break;
  }
  return reply;
}

Result<v1::ListConflictsReply> list_conflicts(QueryContext& context, const v1::ListConflictsRequest& request) {
  TRY(check_superuser(context.caller));
  const int limit = static_cast<int>(request.limit() == 0 ? kMostConflicts : std::min(request.limit(), kMostConflicts));
  std::vector<uint64_t> ids;
  v1::ListConflictsReply reply;
  TRY(context.reader.scan(key::conflict(request.after() + 1), kv::prefix_end("c"), [&](std::string_view key, std::string_view) {
    reply.set_more(static_cast<int>(ids.size()) == limit);
    if (!reply.more()) ids.push_back(read_big_endian(key.substr(1)));
    return !reply.more();
  }));
  for (const uint64_t id : ids) {
    ASSIGN_OR_RETURN(const auto record, read_record<v1::BindingRecord>(context.reader, key::binding(id)));
    if (!record) return std::unexpected(corrupt_record(key::conflict(id)));
    v1::Conflict& conflict = *reply.add_conflicts();
    conflict.set_binding(id);
    *conflict.mutable_record() = *record;
  }
  return reply;
}

Result<v1::Empty> resolve_conflict(MutationContext& context, const v1::ResolveConflictRequest& request) {
  TRY(check_superuser(context.caller));
  Ledger ledger(context);
  ASSIGN_OR_RETURN(v1::BindingRecord * binding, ledger.binding(request.binding()));
  if (!binding || !binding->has_conflict()) {
    return rejected(ENOENT, "binding " + std::to_string(request.binding()) + " is in no conflict");
  }
  const v1::ConflictRecord conflict = binding->conflict();
  ASSIGN_OR_RETURN(const std::optional<Target> target, ledger.target(*binding));
  ledger.end_conflict(request.binding(), *binding);
  const bool still = target && target->is(conflict.mount(), conflict.key());
  ASSIGN_OR_RETURN(v1::KeyRecord * at, ledger.key(conflict.mount(), conflict.key()));
  if (still && at->operation() != 0) return rejected(EBUSY, "an operation on '" + conflict.key() + "' is in flight; try again");
  if (still && request.by() == v1::ON_CONFLICT_UFS_WINS) {
    v1::Foreign theirs;
    theirs.set_identity(conflict.theirs());
    theirs.set_length(conflict.theirs_length());
    TRY(adopt(ledger, request.binding(), *target, theirs));
    return v1::Empty{};
  }
  if (still && request.by() == v1::ON_CONFLICT_CACHE_WINS) at->set_replaceable(conflict.theirs());
  if (still && request.by() == v1::ON_CONFLICT_KEEP_BOTH) {
    ASSIGN_OR_RETURN(const v1::InodeRecord record, load_inode(context.txn, InodeId{binding->inode()}));
    TRY(set_aside(ledger, *binding, record.version()));
  }
  TRY(ledger.want(request.binding(), v1::INTENT_PERSIST));
  ledger.save();
  return v1::Empty{};
}

}  // namespace forebay::master::ops
