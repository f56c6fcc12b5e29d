#include "master/namespace/entry.h"
#include "master/persist/hooks.h"
#include "master/persist/starting.h"

namespace forebay::master {
namespace {

struct Named {
  std::string name;
  v1::DentryRecord entry;
};

Result<std::vector<Named>> next_entries(const kv::Reader& reader, InodeId directory, std::string_view after, size_t limit) {
  std::vector<Named> entries;
  std::optional<Status> failure;
  const std::string prefix = key::dentries(directory);
  const std::string begin = after.empty() ? prefix : key::dentry(directory, after) + '\0';
  TRY(reader.scan(begin, kv::prefix_end(prefix), [&](std::string_view key, std::string_view value) {
    Named& named = entries.emplace_back();
    named.name = key.substr(prefix.size());
    if (!named.entry.ParseFromArray(value.data(), static_cast<int>(value.size()))) failure = corrupt_record(key);
    return !failure && entries.size() < limit;
  }));
  if (failure) return std::unexpected(std::move(*failure));
  return entries;
}

// A file that was there before its directory came into a mapping.
Result<void> bind(Ledger& ledger, InodeId directory, Named& named) {
  const InodeId inode{named.entry.inode()};
  ASSIGN_OR_RETURN(v1::InodeRecord record, load_inode(ledger.txn(), inode));
  ASSIGN_OR_RETURN(const uint64_t binding, bind_entry(ledger.context(), directory, named.name, inode, record));
  if (binding == 0) return {};
  save_inode(ledger.txn(), inode, record);
  named.entry.set_binding(binding);
  write_record(ledger.txn(), key::dentry(directory, named.name), named.entry);
  return {};
}

Result<void> settle_file(Ledger& ledger, InodeId directory, Named& named) {
  if (named.entry.binding() == 0) return bind(ledger, directory, named);
  const uint64_t id = named.entry.binding();
  ASSIGN_OR_RETURN(v1::BindingRecord * binding, ledger.binding(id));
  if (!binding) return std::unexpected(corrupt_record(key::dentry(directory, named.name)));
  ASSIGN_OR_RETURN(const v1::InodeRecord record, load_inode(ledger.txn(), InodeId{binding->inode()}));
  ASSIGN_OR_RETURN(const std::optional<Target> target, ledger.target(*binding));
  const bool newest = binding->has_bound() && binding->bound().version() == record.version();
  if (target && newest && target->is(binding->bound().mount(), binding->bound().key())) return {};
  const bool nothing_yet = target && record.version() == 0;
  if (nothing_yet) return {};
  const bool ordered = target && target->mapping->ordered();
  // What was sealed earlier comes to its new key earlier, whether it was at the old one or not.
  if (ordered) TRY(ledger.enter_turn_again(id, *binding));
  return ledger.want(id, newest ? v1::INTENT_SETTLE : v1::INTENT_PERSIST);
}

}  // namespace

Started settle_tree(Ledger& ledger, const Intent& intent) {
  const InodeId directory{intent.record.directory()};
  ASSIGN_OR_RETURN(const auto record, read_record<v1::InodeRecord>(ledger.txn(), key::inode(directory)));
  if (!record || !is_linked(*record)) return nothing_to_do(ledger, intent);
  if (intent.record.cursor().empty()) {
    ASSIGN_OR_RETURN(const Mappings* mappings, ledger.mappings());
    ASSIGN_OR_RETURN(const std::optional<Target> place, directory_target(ledger.txn(), *mappings, directory));
    if (place && place->mapping->has_directories && !place->key.empty())
      TRY(ledger.want_directory(place->mount(), place->key, true));
  }
  const size_t limit = ledger.config().tree_step;
  ASSIGN_OR_RETURN(std::vector<Named> entries, next_entries(ledger.txn(), directory, intent.record.cursor(), limit));
  for (Named& named : entries) {
    if (named.entry.type() == v1::FILE_TYPE_DIRECTORY) TRY(ledger.want_tree(InodeId{named.entry.inode()}));
    if (named.entry.type() == v1::FILE_TYPE_REGULAR) TRY(settle_file(ledger, directory, named));
  }
  if (entries.size() < limit) return nothing_to_do(ledger, intent);
  v1::IntentRecord rest = intent.record;
  rest.set_cursor(entries.back().name);
  write_record(ledger.txn(), key::intent(intent.place.due_ns(), intent.place.sequence()), rest);
  return again();
}

}  // namespace forebay::master
