#include "master/persist/mount_points.h"

#include <string>

#include "forebay/v1/under.rpc.h"
#include "master/namespace/entry.h"
#include "master/persist/mounts.h"
#include "master/schema.h"

namespace forebay::master {
namespace {

// Calls for each directory on the way, the last one included, until it returns false. False: the way ends before.
template <class Each>
Result<bool> go_along(const kv::Reader& reader, std::string_view path, Each each) {
  InodeId at = kRootInode;
  for (size_t begin = 1; begin < path.size();) {
    const size_t end = std::min(path.find('/', begin), path.size());
    ASSIGN_OR_RETURN(const std::optional<Entry> entry, find_entry(reader, at, path.substr(begin, end - begin)));
    if (!entry || entry->type != v1::FILE_TYPE_DIRECTORY) return false;
    if (!each(at, entry->inode)) return true;
    at = entry->inode;
    begin = end + 1;
  }
  return true;
}

const std::string* option(const v1::MountRecord& record, std::string_view name) {
  for (const v1::MountOption& option : record.options())
    if (option.name() == name) return &option.value();
  return nullptr;
}

// Options were checked when the mount was made: what does not parse is what nobody could have given.
uint32_t number(const v1::MountRecord& record, std::string_view name, int base, uint32_t otherwise) {
  const std::string* value = option(record, name);
  if (value == nullptr || value->empty() || value->size() > 10) return otherwise;
  for (const char c : *value)
    if (c < '0' || c >= '0' + base) return otherwise;
  const unsigned long long parsed = std::stoull(*value, nullptr, base);
  return parsed <= UINT32_MAX ? static_cast<uint32_t>(parsed) : otherwise;
}

v1::MountPoint shown(const v1::Mount& mount, const CoveredDirectory& covered) {
  const v1::MountRecord& record = mount.record();
  v1::MountPoint point;
  point.set_mount(mount.mount());
  point.set_path(record.path());
  point.set_inode(covered.inode.value);
  point.set_parent(covered.parent.value);
  point.set_file_mode(number(record, "file-mode", 8, 0644) & 0777);
  point.set_directory_mode(number(record, "directory-mode", 8, 0755) & 0777);
  point.set_uid(number(record, "uid", 10, 0));
  point.set_gid(number(record, "gid", 10, 0));
  const std::string* read_only = option(record, "read-only");
  point.set_read_only(read_only != nullptr && *read_only == "true");
  point.set_has_directories(record.has_directories());
  point.set_has_rename(record.has_rename());
  return point;
}

}  // namespace

Result<CoveredDirectory> covered_directory(const kv::Reader& reader, std::string_view path) {
  CoveredDirectory covered;
  ASSIGN_OR_RETURN(const bool there, go_along(reader, path, [&](InodeId parent, InodeId inode) {
                     covered = {parent, inode};
                     return true;
                   }));
  return there ? covered : CoveredDirectory{};
}

Result<void> check_holds_no_mount(const kv::Reader& reader, InodeId directory) {
  ASSIGN_OR_RETURN(const std::vector<v1::Mount> mounts, load_mounts(reader));
  for (const v1::Mount& mount : mounts) {
    bool is_on_the_way = false;
    TRY(go_along(reader, mount.record().path(), [&](InodeId, InodeId inode) {
      is_on_the_way = is_on_the_way || inode == directory;
      return !is_on_the_way;
    }));
    if (is_on_the_way) return rejected(EBUSY, "an under store is mounted at " + mount.record().path());
  }
  return {};
}

namespace ops {

Result<v1::ListMountPointsReply> list_mount_points(QueryContext& context, const v1::Empty&) {
  ASSIGN_OR_RETURN(const std::vector<v1::Mount> mounts, load_mounts(context.reader));
  v1::ListMountPointsReply reply;
  for (const v1::Mount& mount : mounts) {
    ASSIGN_OR_RETURN(const CoveredDirectory covered, covered_directory(context.reader, mount.record().path()));
    *reply.add_points() = shown(mount, covered);
  }
  return reply;
}

// Only what is whole at the key and nowhere newer: then the file's bytes are the object's, as long as its layout stays.
Result<v1::FindStoredReply> find_stored(QueryContext& context, const v1::FindStoredRequest& request) {
  v1::FindStoredReply none;
  ASSIGN_OR_RETURN(const std::optional<v1::KeyRecord> key,
                   read_record<v1::KeyRecord>(context.reader, key::stored_key(request.mount(), request.key())));
  if (!key || key->binding() == 0) return none;
  ASSIGN_OR_RETURN(const std::optional<v1::BindingRecord> binding,
                   read_record<v1::BindingRecord>(context.reader, key::binding(key->binding())));
  if (!binding || !binding->has_bound() || binding->has_conflict()) return none;
  const v1::BoundKey& bound = binding->bound();
  if (bound.mount() != request.mount() || bound.key() != request.key()) return none;
  ASSIGN_OR_RETURN(const std::optional<v1::InodeRecord> inode,
                   read_record<v1::InodeRecord>(context.reader, key::inode(InodeId{binding->inode()})));
  const bool is_clean = inode && !inode->dirty() && inode->writers() == 0 && inode->version() == bound.version();
  if (!is_clean) return none;
  v1::FindStoredReply reply;
  reply.set_inode(binding->inode());
  reply.set_version(bound.version());
  reply.set_identity(bound.identity());
  reply.set_layout(inode->layout());
  return reply;
}

}  // namespace ops

void bind_mount_points(Driver& driver) {
  driver.query<v1::mount_point_service::ListMountPoints>(ops::list_mount_points);
  driver.query<v1::mount_point_service::FindStored>(ops::find_stored);
  driver.mutation<v1::mount_point_service::ImportEntries>(ops::import_entries);
}

}  // namespace forebay::master
