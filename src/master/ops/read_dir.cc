#include "master/namespace/entry.h"
#include "master/ops/ops.h"

namespace forebay::master::ops {
namespace {

constexpr uint32_t kMaxEntries = 4096;
constexpr size_t kMaxBytes = kMaxEntries * 256;  // of names and link targets in one page; one entry always fits

Result<void> read_entries(QueryContext& context, const v1::ReadDirRequest& request, v1::ReadDirReply& reply) {
  InodeId directory{request.inode()};
  int limit = static_cast<int>(request.limit() == 0 ? kMaxEntries : std::min(request.limit(), kMaxEntries));
  std::string prefix = key::dentries(directory);
  std::string begin = prefix + request.after();
  if (!request.after().empty()) begin.push_back('\0');  // the first key after that name's
  std::optional<Status> failure;
  reply.set_end(true);
  TRY(context.reader.scan(begin, kv::prefix_end(prefix), [&](std::string_view key, std::string_view value) {
    if (reply.entries_size() == limit) {
      reply.set_end(false);
      return false;
    }
    v1::DentryRecord record;
    if (!record.ParseFromArray(value.data(), static_cast<int>(value.size()))) {
      failure = corrupt_record(key);
      return false;
    }
    v1::DirEntry& entry = *reply.add_entries();
    entry.set_name(std::string(key.substr(prefix.size())));
    entry.set_inode(record.inode());
    entry.set_type(record.type());
    return true;
  }));
  if (failure) return std::unexpected(std::move(*failure));
  return {};
}

// Links with long targets could make a page of 16 MiB: what is beyond the limit is left to the next one.
Result<void> add_attributes(QueryContext& context, v1::ReadDirReply& reply) {
  size_t bytes = 0;
  for (int i = 0; i < reply.entries_size(); ++i) {
    v1::DirEntry& entry = *reply.mutable_entries(i);
    InodeId inode{entry.inode()};
    ASSIGN_OR_RETURN(std::optional<v1::InodeRecord> record, read_record<v1::InodeRecord>(context.reader, key::inode(inode)));
    if (!record) continue;  // damage that fsck reports; the other entries can still be listed
    bytes += entry.name().size() + record->target().size();
    if (bytes > kMaxBytes && i > 0) {
      reply.mutable_entries()->DeleteSubrange(i, reply.entries_size() - i);
      reply.set_end(false);
      return {};
    }
    *entry.mutable_attr() = attr_of(inode, *record);
  }
  return {};
}

}  // namespace

// Attributes are shown to those who may search the directory, as lookup() would.
Result<v1::ReadDirReply> read_dir(QueryContext& context, const v1::ReadDirRequest& request) {
  if (request.after().size() > kMaxName) return rejected(ENAMETOOLONG, "cursor");
  ASSIGN_OR_RETURN(v1::InodeRecord record, load_inode(context.reader, InodeId{request.inode()}));
  if (record.type() != v1::FILE_TYPE_DIRECTORY) return rejected(ENOTDIR, "not a directory");
  TRY(check_access(context.caller, record, kMayRead));
  v1::ReadDirReply reply;
  reply.set_parent(record.parent());
  if (!is_linked(record)) {
    reply.set_end(true);  // removed and still open: what is left of it is not to be seen
    return reply;
  }
  TRY(read_entries(context, request, reply));
  if (request.attributes() && may(context.caller, record, kMayExecute)) TRY(add_attributes(context, reply));
  return reply;
}

}  // namespace forebay::master::ops
