// Making due what waits: after failures, or for its delay.
#include "master/namespace/entry.h"
#include "master/persist/describe.h"
#include "master/persist/ledger.h"
#include "master/persist/ops.h"

namespace forebay::master::ops {
namespace {

constexpr int kMostNames = 1'000;
constexpr size_t kStep = 1'000;  // intents looked at in one call

struct Waiting {
  v1::IntentPlace place;
  v1::IntentRecord intent;
};

// One page of the queue, from the cursor on; `next` is where the following one begins, empty at the end.
Result<std::vector<Waiting>> page_of_queue(const kv::Reader& reader, const std::string& cursor, std::string& next) {
  std::vector<Waiting> page;
  std::optional<Status> failure;
  TRY(reader.scan(cursor.empty() ? "Q" : cursor, kv::prefix_end("Q"), [&](std::string_view key, std::string_view value) {
    if (page.size() == kStep) {
      next = key;
      return false;
    }
    Waiting& waiting = page.emplace_back();
    waiting.place.set_due_ns(static_cast<int64_t>(read_big_endian(key.substr(1, 8))));
    waiting.place.set_sequence(read_big_endian(key.substr(9, 8)));
    if (!waiting.intent.ParseFromArray(value.data(), static_cast<int>(value.size()))) failure = corrupt_record(key);
    return !failure;
  }));
  if (failure) return std::unexpected(std::move(*failure));
  return page;
}

// 0: not known before it is begun.
Result<uint64_t> mount_of(Ledger& ledger, const v1::IntentRecord& intent) {
  if (intent.binding() == 0) return intent.mount();
  ASSIGN_OR_RETURN(const v1::BindingRecord* binding, ledger.binding(intent.binding()));
  return binding ? binding->bound().mount() : 0;
}

// Due now, and tried as if it had not failed before: the error stays until it is known better.
Result<void> make_due(Ledger& ledger, v1::IntentRecord intent) {
  intent.set_attempts(0);
  intent.set_permanent(false);
  return ledger.postpone(std::move(intent), {});
}

}  // namespace

Result<v1::RetryIntentsReply> retry_intents(MutationContext& context, const v1::RetryIntentsRequest& request) {
  TRY(check_superuser(context.caller));
  if (!request.cursor().empty() && request.cursor()[0] != 'Q') return invalid("not a cursor of this call");
  v1::RetryIntentsReply reply;
  std::string next;
  ASSIGN_OR_RETURN(std::vector<Waiting> page, page_of_queue(context.txn, request.cursor(), next));
  Ledger ledger(context);
  for (Waiting& waiting : page) {
    const bool has_place = waiting.intent.kind() != v1::INTENT_SETTLE_TREE;  // a tree begins by itself
    const bool waits = waiting.place.due_ns() > ledger.now_ns();
    if (!has_place || !waits || waiting.intent.last_error().empty()) continue;
    if (request.mount() != 0) {
      ASSIGN_OR_RETURN(const uint64_t mount, mount_of(ledger, waiting.intent));
      if ((mount != 0 && mount != request.mount()) || waiting.intent.permanent()) continue;
    }
    TRY(make_due(ledger, std::move(waiting.intent)));
    reply.set_retried(reply.retried() + 1);
  }
  ledger.save();
  reply.set_cursor(next);
  return reply;
}

Result<v1::PersistEntriesReply> persist_entries(MutationContext& context, const v1::PersistEntriesRequest& request) {
  if (request.names_size() > kMostNames) return invalid("more than 1000 names in one call");
  const InodeId directory{request.directory()};
  TRY(load_directory(context.txn, context.caller, directory));
  std::vector<std::pair<std::string, Entry>> files;
  Ledger ledger(context);
  for (const std::string& name : request.names()) {
    ASSIGN_OR_RETURN(const std::optional<Entry> entry, find_entry(context.txn, directory, name));
    if (!entry || entry->type != v1::FILE_TYPE_REGULAR) continue;
    ASSIGN_OR_RETURN(const v1::InodeRecord inode, load_inode(context.txn, entry->inode));
    TRY(check_access(context.caller, inode, kMayWrite));
    files.emplace_back(name, *entry);
    ASSIGN_OR_RETURN(const v1::BindingRecord* binding, ledger.binding(entry->binding));
    if (!binding || !binding->has_intent() || binding->intent().due_ns() <= ledger.now_ns()) continue;
    const std::string place = key::intent(binding->intent().due_ns(), binding->intent().sequence());
    ASSIGN_OR_RETURN(auto intent, read_record<v1::IntentRecord>(context.txn, place));
    if (!intent) return std::unexpected(corrupt_record(place));
    TRY(make_due(ledger, std::move(*intent)));
  }
  ledger.save();
  ASSIGN_OR_RETURN(const Mappings* mappings, ledger.mappings());
  v1::PersistEntriesReply reply;
  for (const auto& [name, entry] : files) {
    ASSIGN_OR_RETURN(*reply.add_entries(), describe_entry(context.txn, *mappings, directory, name, entry));
  }
  return reply;
}

}  // namespace forebay::master::ops
