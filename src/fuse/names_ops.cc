#include <linux/fs.h>

#include "fuse/convert.h"
#include "fuse/ops.h"

namespace forebay::fuse {

namespace {

// Answers a request that made or found a name.
void reply_entry(Request request, Result<v1::Attr> made) {
  if (!made) return request.fail(made.error());
  request.entry(request.volume().with_local_changes(std::move(*made)));
}

// The name that `name` stands for at the root, or nothing.
std::optional<std::string> alias_target(const MountConfig& config, InodeId parent, const std::string& name) {
  if (parent != kRootInode) return std::nullopt;
  for (const auto& [alias, target] : config.root_aliases)
    if (alias == name) return target;
  return std::nullopt;
}

// What it finds stays open for a moment: it may be replaced before the kernel opens it. One that is already is looked for again.
Task<Result<v1::Attr>> look_and_hold(Volume* volume, client::Identity who, InodeId parent, std::string name) {
  constexpr int kLooks = 8;
  client::Client* client = &volume->client();
  auto found = co_await client->lookup(who, parent, name);
  for (int i = 1; i < kLooks && found && found->type() == v1::FILE_TYPE_REGULAR; ++i) {
    auto file = co_await client->open(client::Identity{}, InodeId{found->inode()}, {.read = true});
    if (file) volume->second_look().hold(volume->executor(), std::move(*file));
    if (file || !file.error().is_errno(ENOENT)) break;
    found = co_await client->lookup(who, parent, name);
  }
  co_return found;
}

Task<void> lookup(Request request, client::Identity who, InodeId parent, std::string name) {
  Volume& volume = request.volume();
  Result<v1::Attr> found = v1::Attr();
  if (volume.second_look().is_on())
    found = co_await look_and_hold(&volume, who, parent, name);
  else
    found = co_await request.client().lookup(who, parent, name);
  if (!found && found.error().is_errno(ENOENT)) {
    if (auto target = alias_target(request.volume().config(), parent, name))
      found = co_await request.client().lookup(who, parent, std::move(*target));
  }
  if (!found && found.error().is(Code::kRejected) && found.error().is_errno(ENOENT)) {
    request.no_entry();
    co_return;
  }
  reply_entry(std::move(request), std::move(found));
}

// An inode itself, or the directory above it: what the kernel asks for when a file handle (open_by_handle_at(2)) is all it has.
Task<Result<v1::Attr>> find_by_handle(client::Client* client, InodeId inode, bool above) {
  if (above) {
    CO_ASSIGN_OR_RETURN(const client::Listed listed, co_await client->read_dir(client::Identity{}, inode, "", 1, false));
    inode = listed.parent;
  }
  CO_ASSIGN_OR_RETURN(v1::Attr attr, co_await client->get_attr(client::Identity{}, inode));
  if (attr.nlink() == 0) co_return rejected(ESTALE, "removed");
  co_return attr;
}

Task<void> lookup_by_handle(Request request, InodeId inode, bool above) {
  auto found = co_await find_by_handle(&request.client(), inode, above);
  if (!found && found.error().is_errno(ENOENT)) found = rejected(ESTALE, "removed");
  reply_entry(std::move(request), std::move(found));
}

Task<void> mknod(Request request, client::Identity who, v1::MakeNodeRequest node) {
  auto made = co_await request.client().make_node(std::move(who), std::move(node));
  request.volume().inodes().changed();
  reply_entry(std::move(request), std::move(made));
}

Task<void> mkdir(Request request, client::Identity who, InodeId parent, std::string name, uint32_t mode) {
  auto made = co_await request.client().make_dir(std::move(who), parent, std::move(name), mode);
  request.volume().inodes().changed();
  reply_entry(std::move(request), std::move(made));
}

Task<void> symlink(Request request, client::Identity who, InodeId parent, std::string name, std::string target) {
  auto made = co_await request.client().make_symlink(std::move(who), parent, std::move(name), std::move(target));
  request.volume().inodes().changed();
  reply_entry(std::move(request), std::move(made));
}

Task<void> link(Request request, client::Identity who, InodeId inode, InodeId parent, std::string name) {
  auto made = co_await request.client().link(std::move(who), inode, parent, std::move(name));
  request.volume().inodes().changed();
  reply_entry(std::move(request), std::move(made));
}

Task<void> unlink(Request request, client::Identity who, InodeId parent, std::string name) {
  auto removed = co_await request.client().unlink(std::move(who), parent, std::move(name));
  request.volume().inodes().changed();
  request.finish(removed);
}

Task<void> rmdir(Request request, client::Identity who, InodeId parent, std::string name) {
  auto removed = co_await request.client().remove_dir(std::move(who), parent, std::move(name));
  request.volume().inodes().changed();
  request.finish(removed);
}

Task<void> rename(Request request, client::Identity who, v1::RenameRequest change) {
  auto renamed = co_await request.client().rename(std::move(who), std::move(change));
  request.volume().inodes().changed();
  request.finish(renamed);
}

}  // namespace

void op_lookup(fuse_req_t raw, fuse_ino_t parent, const char* name) {
  Volume& volume = volume_of(raw);
  Request request(volume, raw, "lookup");
  const std::string_view wanted = name;
  if (wanted == "." || wanted == "..") return volume.serve(lookup_by_handle(std::move(request), InodeId{parent}, wanted == ".."));
  volume.serve(lookup(std::move(request), identity_of(raw), InodeId{parent}, name));
}

// Lookups are not counted (inode_table.h), so there is nothing to forget.
void op_forget(fuse_req_t raw, fuse_ino_t, uint64_t) { fuse_reply_none(raw); }
void op_forget_multi(fuse_req_t raw, size_t, fuse_forget_data*) { fuse_reply_none(raw); }

void op_mknod(fuse_req_t raw, fuse_ino_t parent, const char* name, mode_t mode, dev_t device) {
  Volume& volume = volume_of(raw);
  v1::MakeNodeRequest node;
  node.set_parent(parent);
  node.set_name(name);
  node.set_mode(mode & 07777);
  node.set_type((mode & S_IFMT) == 0 ? v1::FILE_TYPE_REGULAR : from_type_bits(mode));
  node.set_rdev(static_cast<uint32_t>(device));
  volume.serve(mknod(Request(volume, raw, "mknod"), identity_of(raw), std::move(node)));
}

void op_mkdir(fuse_req_t raw, fuse_ino_t parent, const char* name, mode_t mode) {
  Volume& volume = volume_of(raw);
  volume.serve(mkdir(Request(volume, raw, "mkdir"), identity_of(raw), InodeId{parent}, name, mode & 07777));
}

void op_symlink(fuse_req_t raw, const char* target, fuse_ino_t parent, const char* name) {
  Volume& volume = volume_of(raw);
  volume.serve(symlink(Request(volume, raw, "symlink"), identity_of(raw), InodeId{parent}, name, target));
}

void op_link(fuse_req_t raw, fuse_ino_t inode, fuse_ino_t parent, const char* name) {
  Volume& volume = volume_of(raw);
  volume.serve(link(Request(volume, raw, "link"), identity_of(raw), InodeId{inode}, InodeId{parent}, name));
}

void op_unlink(fuse_req_t raw, fuse_ino_t parent, const char* name) {
  Volume& volume = volume_of(raw);
  volume.serve(unlink(Request(volume, raw, "unlink"), identity_of(raw), InodeId{parent}, name));
}

void op_rmdir(fuse_req_t raw, fuse_ino_t parent, const char* name) {
  Volume& volume = volume_of(raw);
  volume.serve(rmdir(Request(volume, raw, "rmdir"), identity_of(raw), InodeId{parent}, name));
}

void op_rename(fuse_req_t raw, fuse_ino_t parent, const char* name, fuse_ino_t new_parent, const char* new_name, unsigned flags) {
  Volume& volume = volume_of(raw);
  Request request(volume, raw, "rename");
  // RENAME_WHITEOUT and what may come after it.
  if (flags & ~unsigned{RENAME_NOREPLACE | RENAME_EXCHANGE}) return request.fail(EINVAL);
  v1::RenameRequest change;
  change.set_parent(parent);
  change.set_name(name);
  change.set_new_parent(new_parent);
  change.set_new_name(new_name);
  change.set_no_replace(flags & RENAME_NOREPLACE);
  change.set_exchange(flags & RENAME_EXCHANGE);
  volume.serve(rename(std::move(request), identity_of(raw), std::move(change)));
}

}  // namespace forebay::fuse
