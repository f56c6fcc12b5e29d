#include <map>

#include "master/namespace/make_path.h"
#include "master/persist/ledger.h"
#include "master/persist/mapping_file.h"
#include "master/persist/mounts.h"
#include "master/persist/ops.h"

namespace forebay::master::ops {
namespace {

using Records = std::map<InodeId, v1::MappingRecord>;  // by directory

Result<Records> resolve(MutationContext& context, const std::string& file, const MappingFile& parsed) {
  ASSIGN_OR_RETURN(const std::vector<v1::Mount> mounts, load_mounts(context.txn));
  Records records;
  for (const MappingEntry& entry : parsed.entries) {
    const std::string where = "mapping file " + file + ": entry '" + entry.path + "'";
    const v1::Mount* mount = mount_of(mounts, entry.record.target());
    if (!mount) {
      return Error(Status(Code::kInvalid, kNotMounted,
                          where + ": no under store is mounted at or above '" + entry.record.target() +
                              "'; mount one first (mount add --path PATH --ufs-uri URI)"));
    }
    v1::MappingRecord record = entry.record;
    record.set_mount(mount->mount());
    const std::string_view below = std::string_view(entry.record.target()).substr(mount->record().path().size());
    record.set_prefix(std::string(below.starts_with('/') ? below.substr(1) : below));
    ASSIGN_OR_RETURN(const InodeId directory, make_path(context, entry.path, where));
    records.emplace(directory, std::move(record));
  }
  return records;
}

Result<void> count_change(MutationContext& context, uint64_t changes) {
  std::string value;
  append_big_endian(value, changes + 1);
  context.txn.put(key::mapping_changes(), std::move(value));
  context.persistence.mappings.changing();
  return {};
}

}  // namespace

// What leaves the mapping is left alone: neither its objects nor what is known of them changes.
Result<v1::ApplyMappingReply> apply_mapping(MutationContext& context, const v1::ApplyMappingRequest& request) {
  TRY(check_superuser(context.caller));
  ASSIGN_OR_RETURN(const MappingFile parsed, parse_mapping_file(request.file(), request.text()));
  ASSIGN_OR_RETURN(const Records records, resolve(context, request.file(), parsed));
  ASSIGN_OR_RETURN(const std::shared_ptr<const Mappings> before, context.persistence.mappings.in_force(context.txn));
  v1::ApplyMappingReply reply;
  Ledger ledger(context);
  for (const auto& [directory, record] : records) {
    const Mapping* old = before->of_directory(directory);
    if (old && old->record.SerializeAsString() == record.SerializeAsString()) continue;
    if (old)
      reply.set_changed(reply.changed() + 1);
    else
      reply.set_added(reply.added() + 1);
    write_record(context.txn, key::mapping(directory), record);
    TRY(ledger.want_tree(directory));
  }
  for (const Mapping& mapping : before->all()) {
    if (records.contains(mapping.directory)) continue;
    reply.set_removed(reply.removed() + 1);
    context.txn.erase(key::mapping(mapping.directory));
  }
  ledger.save();
  if (reply.added() + reply.changed() + reply.removed() != 0) TRY(count_change(context, before->changes()));
  return reply;
}

Result<v1::GetMappingReply> get_mapping(QueryContext& context, const v1::Empty&) {
  TRY(check_superuser(context.caller));
  ASSIGN_OR_RETURN(const Mappings mappings, Mappings::load(context.reader));
  v1::GetMappingReply reply;
  for (const Mapping& mapping : mappings.all()) *reply.add_mappings() = mapping.record;
  return reply;
}

}  // namespace forebay::master::ops
