// What persistence knows of a file's entry, for people.
#include "master/namespace/entry.h"
#include "master/persist/describe.h"
#include "master/persist/ops.h"

namespace forebay::master {
namespace {

constexpr int kMostNames = 1'000;

v1::PersistState state_of(const v1::InodeRecord& inode, const v1::BindingRecord& binding, const std::optional<Target>& target) {
  const v1::BoundKey& bound = binding.bound();
  const bool holds_newest = binding.has_bound() && bound.version() == inode.version() && !inode.dirty();
  if (holds_newest && (!target || target->is(bound.mount(), bound.key()))) return v1::PERSIST_STATE_PERSISTED;
  return target ? v1::PERSIST_STATE_TO_BE_PERSISTED : v1::PERSIST_STATE_NOT_PERSISTED;
}

// What waits or runs for a binding.
Result<void> add_work(const kv::Reader& reader, const v1::BindingRecord& binding, v1::EntryPersistence& entry) {
  if (binding.has_intent()) {
    const v1::IntentPlace& place = binding.intent();
    ASSIGN_OR_RETURN(const auto intent, read_record<v1::IntentRecord>(reader, key::intent(place.due_ns(), place.sequence())));
    if (!intent) return std::unexpected(corrupt_record(key::intent(place.due_ns(), place.sequence())));
    entry.set_dirty_since_ns(intent->since_ns());
    entry.set_error(intent->last_error());
    entry.set_permanent(intent->permanent());
    entry.set_attempts(intent->attempts());
    entry.set_next_ns(place.due_ns());
  }
  if (binding.operation() != 0) {
    ASSIGN_OR_RETURN(const auto running, read_record<v1::OperationRecord>(reader, key::operation(binding.operation())));
    if (!running) return std::unexpected(corrupt_record(key::operation(binding.operation())));
    entry.set_operation(binding.operation());
    const bool is_older = entry.dirty_since_ns() == 0 || running->since_ns() < entry.dirty_since_ns();
    if (running->since_ns() != 0 && is_older) entry.set_dirty_since_ns(running->since_ns());
    entry.set_attempts(std::max(entry.attempts(), running->attempts()));
  }
  return {};
}

}  // namespace

Result<v1::EntryPersistence> describe_entry(const kv::Reader& reader, const Mappings& mappings, InodeId directory,
                                            std::string_view name, const Entry& found) {
  v1::EntryPersistence entry;
  entry.set_name(std::string(name));
  ASSIGN_OR_RETURN(const v1::InodeRecord inode, load_inode(reader, found.inode));
  entry.set_version(inode.version());
  ASSIGN_OR_RETURN(auto binding, read_record<v1::BindingRecord>(reader, key::binding(found.binding)));
  if (found.binding == 0 || !binding) binding.emplace();
  std::optional<Target> target;
  if (found.binding != 0) {
    ASSIGN_OR_RETURN(target, binding_target(reader, mappings, *binding));
  } else {
    ASSIGN_OR_RETURN(target, entry_target(reader, mappings, directory, name));
  }
  entry.set_state(state_of(inode, *binding, target));
  if (target) {
    entry.set_target_mount(target->mount());
    entry.set_target(target->key);
  }
  if (found.binding == 0) return entry;
  entry.set_binding(found.binding);
  if (binding->has_bound()) *entry.mutable_bound() = binding->bound();
  if (binding->has_conflict()) {
    *entry.mutable_conflict() = binding->conflict();
    entry.set_dirty_since_ns(binding->conflict().since_ns());
  }
  TRY(add_work(reader, *binding, entry));
  return entry;
}

namespace ops {

Result<v1::DescribeEntriesReply> describe_entries(QueryContext& context, const v1::DescribeEntriesRequest& request) {
  if (request.names_size() > kMostNames) return invalid("more than 1000 names in one call");
  const InodeId directory{request.directory()};
  TRY(load_directory(context.reader, context.caller, directory));
  ASSIGN_OR_RETURN(const Mappings mappings, Mappings::load(context.reader));
  v1::DescribeEntriesReply reply;
  for (const std::string& name : request.names()) {
    ASSIGN_OR_RETURN(const std::optional<Entry> entry, find_entry(context.reader, directory, name));
    if (!entry || entry->type != v1::FILE_TYPE_REGULAR) continue;
    ASSIGN_OR_RETURN(*reply.add_entries(), describe_entry(context.reader, mappings, directory, name, *entry));
  }
  return reply;
}

}  // namespace ops
}  // namespace forebay::master
