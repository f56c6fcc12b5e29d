#include "master/persist/mounts.h"

#include <algorithm>
#include <cctype>
#include <optional>

#include "master/namespace/entry.h"
#include "master/namespace/make_path.h"
#include "master/persist/mount_points.h"
#include "master/persist/ops.h"
#include "master/schema.h"

namespace forebay::master {
namespace {

constexpr int kMaxOptions = 256;
constexpr size_t kMaxUri = 4'096;
constexpr std::string_view kHidden = "******";

Result<void> check_path(std::string_view path) {
  const std::string closed = std::string(path) + "/";
  const bool plain = path.starts_with('/') && path.size() > 1 && path.size() <= kMaxPath && !path.ends_with('/') &&
                     !closed.contains("//") && !closed.contains("/./") && !closed.contains("/../") && !closed.contains('\0');
  if (plain) return {};
  return invalid("mount path '" + std::string(path) + "': write it from '/' on, without '.', '..' and '/' at the end");
}

Result<void> check_uri(std::string_view uri) {
  const size_t scheme = uri.find("://");
  if (scheme != std::string_view::npos && scheme != 0 && uri.size() > scheme + 3 && uri.size() <= kMaxUri) return {};
  return invalid("the under store's URI has to have the form scheme://place, such as s3://bucket/prefix or file:///directory");
}

// Is anything recorded of this mount?
Result<bool> in_use(const kv::Reader& reader, uint64_t mount) {
  bool found = false;
  const std::string prefix = key::stored_key(mount, "");
  TRY(reader.scan(prefix, kv::prefix_end(prefix), [&](std::string_view, std::string_view) {
    found = true;
    return false;
  }));
  if (found) return true;
  ASSIGN_OR_RETURN(const Mappings mappings, Mappings::load(reader));
  return std::ranges::any_of(mappings.all(), [&](const Mapping& mapping) { return mapping.record.mount() == mount; });
}

}  // namespace

bool is_secret(std::string_view option) {
  std::string name;
  for (char letter : option) name += static_cast<char>(std::tolower(static_cast<unsigned char>(letter)));
  constexpr std::string_view kMarks[] = {"secret",     "password",  "passwd",     "token",
                                         "credential", "accesskey", "access.key", "access_key"};
  return std::ranges::any_of(kMarks, [&](std::string_view mark) { return name.contains(mark); });
}

Result<std::vector<v1::Mount>> load_mounts(const kv::Reader& reader) {
  std::vector<v1::Mount> mounts;
  std::optional<Status> failure;
  TRY(reader.scan("U", kv::prefix_end("U"), [&](std::string_view key, std::string_view value) {
    v1::Mount& mount = mounts.emplace_back();
    mount.set_mount(read_big_endian(key.substr(1)));
    if (!mount.mutable_record()->ParseFromArray(value.data(), static_cast<int>(value.size()))) failure = corrupt_record(key);
    return !failure;
  }));
  if (failure) return std::unexpected(std::move(*failure));
  return mounts;
}

const v1::Mount* mount_of(const std::vector<v1::Mount>& mounts, std::string_view path) {
  auto found = std::ranges::find_if(mounts, [&](const v1::Mount& mount) { return is_at_or_below(path, mount.record().path()); });
  return found != mounts.end() ? &*found : nullptr;
}

namespace ops {
namespace {

// The directory that the mount covers. What it held would be hidden, and could not even be removed.
Result<void> cover(MutationContext& context, const std::string& path, bool may_hide) {
  ASSIGN_OR_RETURN(const InodeId directory, make_path(context, path, "mount path '" + path + "'"));
  ASSIGN_OR_RETURN(const v1::InodeRecord record, load_inode(context.txn, directory));
  if (record.size() == 0 || may_hide) return {};
  return rejected(ENOTEMPTY, "'" + path + "' is a directory with " + std::to_string(record.size()) +
                                 " entries, which the mount would hide; mount at another path, or move them away");
}

}  // namespace

Result<v1::AddMountReply> add_mount(MutationContext& context, const v1::AddMountRequest& request) {
  TRY(check_superuser(context.caller));
  TRY(check_path(request.path()));
  TRY(check_uri(request.uri()));
  if (request.options_size() > kMaxOptions) return invalid("more than 256 mount options");
  ASSIGN_OR_RETURN(const std::vector<v1::Mount> mounts, load_mounts(context.txn));
  if (mounts.size() >= kMaxMounts) return rejected(ENOSPC, "there are 1000 mounts already");
  for (const v1::Mount& mount : mounts) {
    const std::string& path = mount.record().path();
    if (is_at_or_below(path, request.path()) || is_at_or_below(request.path(), path)) {
      return rejected(EEXIST, "'" + request.path() + "' overlaps with the mount at '" + path + "'");
    }
  }
  TRY(cover(context, request.path(), false));
  v1::AddMountReply reply;
  ASSIGN_OR_RETURN(const uint64_t id, context.next_id("mount"));
  v1::MountRecord record;
  record.set_path(request.path());
  record.set_uri(request.uri());
  *record.mutable_options() = request.options();
  record.set_has_directories(request.has_directories());
  record.set_has_rename(request.has_rename());
  write_record(context.txn, key::mount(id), record);
  reply.set_mount(id);
  return reply;
}

Result<v1::Empty> update_mount(MutationContext& context, const v1::UpdateMountRequest& request) {
  TRY(check_superuser(context.caller));
  if (request.options_size() > kMaxOptions) return invalid("more than 256 mount options");
  ASSIGN_OR_RETURN(std::vector<v1::Mount> mounts, load_mounts(context.txn));
  auto found = std::ranges::find(mounts, request.path(), [](const v1::Mount& mount) { return mount.record().path(); });
  if (found == mounts.end()) return rejected(ENOENT, "nothing is mounted at '" + request.path() + "'");
  TRY(cover(context, request.path(), true));  // a mount of an earlier version may have none
  *found->mutable_record()->mutable_options() = request.options();
  write_record(context.txn, key::mount(found->mount()), found->record());
  return v1::Empty{};
}

Result<v1::Empty> remove_mount(MutationContext& context, const v1::RemoveMountRequest& request) {
  TRY(check_superuser(context.caller));
  ASSIGN_OR_RETURN(const std::vector<v1::Mount> mounts, load_mounts(context.txn));
  auto found = std::ranges::find(mounts, request.path(), [](const v1::Mount& mount) { return mount.record().path(); });
  if (found == mounts.end()) return rejected(ENOENT, "nothing is mounted at '" + request.path() + "'");
  ASSIGN_OR_RETURN(const bool used, in_use(context.txn, found->mount()));
  if (used) return rejected(EBUSY, "a mapping, or objects of mapped files, are in the mount at '" + request.path() + "'");
  context.txn.erase(key::mount(found->mount()));
  return v1::Empty{};
}

Result<v1::ListMountsReply> list_mounts(QueryContext& context, const v1::Empty&) {
  TRY(check_superuser(context.caller));
  ASSIGN_OR_RETURN(std::vector<v1::Mount> mounts, load_mounts(context.reader));
  v1::ListMountsReply reply;
  for (v1::Mount& mount : mounts) {
    for (v1::MountOption& option : *mount.mutable_record()->mutable_options()) {
      if (is_secret(option.name())) option.set_value(std::string(kHidden));
    }
    *reply.add_mounts() = std::move(mount);
  }
  return reply;
}

Result<v1::Mount> get_mount(QueryContext& context, const v1::GetMountRequest& request) {
  TRY(check_superuser(context.caller));
  ASSIGN_OR_RETURN(std::vector<v1::Mount> mounts, load_mounts(context.reader));
  for (v1::Mount& mount : mounts) {
    if (mount.mount() == request.mount()) return std::move(mount);
  }
  return rejected(ENOENT, "mount " + std::to_string(request.mount()));
}

}  // namespace ops
}  // namespace forebay::master
