#include "client/under_path/under_changes.h"

namespace forebay::client {
namespace {

namespace rpcs = v1::under_service;

constexpr uint32_t kPage = 1'000;
constexpr int kDeepest = 1'000;  // keys have 4,096 bytes at most

std::string join(const std::string& directory, const std::string& name) {
  return directory.empty() ? name : directory + "/" + name;
}

}  // namespace

Task<Result<void>> UnderChanges::may_change(Identity who, UnderDirectory directory) {
  if (directory.point.read_only()) co_return rejected(EROFS, "the mount at " + directory.point.path() + " is for reading");
  co_return co_await paths_.check(std::move(who), std::move(directory), kMayWrite | kMayExecute);
}

// ---- content ----

std::unique_ptr<File> UnderChanges::begin(Identity who, UnderBeginning beginning, InodeId inode) {
  auto writer = std::make_shared<UnderWriter>(under_, std::move(who), std::move(beginning), inode);
  return make_writing_file(under_, std::move(writer));
}

Task<Result<std::unique_ptr<File>>> UnderChanges::open(Identity who, UnderNode node, OpenFlags flags) {
  CO_ASSIGN_OR_RETURN(const std::shared_ptr<const MountPoints> points, co_await under_->mounts.get());
  const v1::MountPoint* point = points->of(node.mount);
  if (point == nullptr) co_return rejected(ESTALE, "the under store is not mounted any more");
  if (point->read_only()) co_return rejected(EROFS, "the mount at " + point->path() + " is for reading");
  if (node.is_directory) co_return rejected(EISDIR, "'" + node.key + "' is a directory");
  if (!may(who, node.attr, kMayWrite)) co_return rejected(EACCES, "'" + node.key + "'");
  const InodeId inode{node.attr.inode()};
  const std::shared_ptr<UnderWriter> writer = under_->writers.find(node.mount, node.key);
  if (writer && writer->is_pending()) co_return rejected(ETXTBSY, "'" + node.key + "' is being written");
  UnderBeginning beginning{.point = *point, .key = node.key, .was = node, .empties = flags.truncate};
  co_return begin(std::move(who), std::move(beginning), inode);
}

Task<Result<Created>> UnderChanges::create(Identity who, UnderDirectory directory, std::string name, uint32_t mode,
                                           OpenFlags flags, bool exclusive) {
  Result<UnderNode> node = co_await paths_.lookup(who, directory, name, true);
  if (!node && !node.error().is_errno(ENOENT)) co_return std::unexpected(std::move(node).error());
  if (node && exclusive) co_return rejected(EEXIST, "'" + node->key + "'");
  if (node) {
    v1::Attr attr = node->attr;
    CO_ASSIGN_OR_RETURN(std::unique_ptr<File> file, co_await open(std::move(who), *std::move(node), flags));
    if (flags.truncate) attr.set_size(0);
    co_return Created{std::move(file), std::move(attr), false};
  }
  CO_TRY(co_await may_change(who, directory));
  UnderBeginning beginning{.point = directory.point,
                           .key = join(directory.key, name),
                           .mode = mode & 0777,
                           .uid = who.uid,
                           .gid = who.gid,
                           .exclusive = exclusive,
                           .was = {},
                           .empties = true};
  const InodeId inode = paths_.number_for_new(directory, beginning.key);
  std::unique_ptr<File> file = begin(std::move(who), std::move(beginning), inode);
  CO_ASSIGN_OR_RETURN(v1::Attr attr, co_await file->attr());
  co_return Created{std::move(file), std::move(attr), true};
}

Task<Result<v1::Attr>> UnderChanges::make_file(Identity who, UnderDirectory directory, std::string name, uint32_t mode) {
  CO_ASSIGN_OR_RETURN(Created made, co_await create(who, directory, name, mode, {.read = false, .write = true}, true));
  CO_TRY(co_await made.file->close());
  CO_ASSIGN_OR_RETURN(UnderNode node, co_await paths_.lookup(std::move(who), std::move(directory), std::move(name), true));
  co_return std::move(node.attr);
}

// ---- attributes ----

Task<Result<v1::Attr>> UnderChanges::set_attr(Identity who, v1::SetAttrRequest change) {
  const InodeId inode{change.inode()};
  if (std::shared_ptr<UnderWriter> writer = under_->writers.find(inode)) {
    if (change.has_size()) CO_TRY(co_await writer->truncate(change.size()));
    CO_TRY(co_await writer->set_attributes(std::move(change)));
    co_return writer->attr();
  }
  CO_ASSIGN_OR_RETURN(UnderNode node, co_await paths_.current(who, inode));
  const bool only_now =
      !change.has_mode() && !change.has_uid() && !change.has_gid() && !change.has_atime_ns() && !change.has_mtime_ns();
  const bool owns = who.uid == 0 || who.uid == node.attr.uid();
  if (!owns && !(only_now && may(who, node.attr, kMayWrite))) co_return rejected(EPERM, "'" + node.key + "' is another owner's");
  if (change.has_uid() && who.uid != 0 && change.uid() != node.attr.uid())
    co_return rejected(EPERM, "only the superuser gives files away");
  if (change.has_size() && change.size() != node.attr.size()) {
    CO_ASSIGN_OR_RETURN(const std::unique_ptr<File> file,
                        co_await open(who, node, {.write = true, .truncate = change.size() == 0}));
    const Result<void> cut = co_await file->truncate(change.size());
    const Result<void> closed = co_await file->close();
    CO_TRY(cut);
    CO_TRY(closed);
  }
  v1::SetUnderAttributesRequest request;
  request.set_mount(node.mount);
  request.set_path(node.key);
  if (change.has_mode()) request.set_mode(change.mode() & 0777);
  if (change.has_uid()) request.set_uid(change.uid());
  if (change.has_gid()) request.set_gid(change.gid());
  if (change.has_mtime_ns()) request.set_mtime_ns(change.mtime_ns());
  if (change.mtime_now()) request.set_mtime_ns(os::unix_nanos(under_->core->env.clock.wall_now()));
  const bool changes = request.has_mode() || request.has_uid() || request.has_gid() || request.has_mtime_ns();
  if (changes) {
    auto set =
        co_await under_->workers.change<rpcs::SetUnderAttributes>(under_seed(node.mount, node.key), std::move(request), who);
    if (!set) co_return std::unexpected(std::move(set).error());
  }
  under_->nodes.forget(node.mount, node.key);
  // The object may have got another identity, and so another number: the kernel asks for it by name.
  CO_ASSIGN_OR_RETURN(UnderNode now, co_await paths_.at_key(std::move(who), node));
  now.attr.set_inode(inode.value);
  co_return std::move(now.attr);
}

// ---- names ----

Task<Result<v1::Attr>> UnderChanges::make_dir(Identity who, UnderDirectory directory, std::string name, uint32_t mode) {
  CO_TRY(co_await may_change(who, directory));
  Result<UnderNode> there = co_await paths_.lookup(who, directory, name, true);
  if (there) co_return rejected(EEXIST, "'" + there->key + "'");
  if (!there.error().is_errno(ENOENT)) co_return std::unexpected(std::move(there).error());
  v1::MakeUnderDirectoryRequest request;
  request.set_mount(directory.point.mount());
  request.set_path(join(directory.key, name));
  request.set_mode(mode & 0777);
  request.set_uid(who.uid);
  request.set_gid(who.gid);
  const std::string key = request.path();
  auto made = co_await under_->workers.change<rpcs::MakeUnderDirectory>(under_seed(directory.point.mount(), key), request, who);
  if (!made) co_return std::unexpected(std::move(made).error());
  // Where a directory is only what keys lie below, this client remembers that there is an empty one.
  if (!directory.point.has_directories()) under_->nodes.made_directory(directory.point.mount(), key);
  CO_ASSIGN_OR_RETURN(UnderNode node, co_await paths_.lookup(std::move(who), std::move(directory), std::move(name), true));
  co_return std::move(node.attr);
}

Task<Result<void>> UnderChanges::remove(Identity who, UnderDirectory directory, UnderNode node) {
  v1::RemoveUnderRequest request;
  request.set_mount(node.mount);
  request.set_path(node.key);
  request.set_is_directory(node.is_directory);
  auto removed =
      co_await under_->workers.change<rpcs::RemoveUnder>(under_seed(node.mount, node.key), std::move(request), std::move(who));
  under_->nodes.forget(node.mount, node.key);
  if (!removed) co_return std::unexpected(std::move(removed).error());
  if (node.is_directory) under_->nodes.removed_directory(node.mount, node.key);
  co_return Result<void>{};
}

Task<Result<void>> UnderChanges::unlink(Identity who, UnderDirectory directory, std::string name) {
  CO_TRY(co_await may_change(who, directory));
  CO_ASSIGN_OR_RETURN(UnderNode node, co_await paths_.lookup(who, directory, std::move(name), true));
  if (node.is_directory) co_return rejected(EISDIR, "'" + node.key + "' is a directory");
  co_return co_await remove(std::move(who), std::move(directory), std::move(node));
}

Task<Result<void>> UnderChanges::remove_dir(Identity who, UnderDirectory directory, std::string name) {
  CO_TRY(co_await may_change(who, directory));
  CO_ASSIGN_OR_RETURN(UnderNode node, co_await paths_.lookup(who, directory, std::move(name), true));
  if (!node.is_directory) co_return rejected(ENOTDIR, "'" + node.key + "' is no directory");
  co_return co_await remove(std::move(who), std::move(directory), std::move(node));
}

Task<Result<void>> UnderChanges::remove_tree(Identity who, UnderDirectory directory, std::string name) {
  CO_TRY(co_await may_change(who, directory));
  CO_ASSIGN_OR_RETURN(UnderNode top, co_await paths_.lookup(who, directory, name, true));
  if (!top.is_directory) co_return co_await remove(std::move(who), std::move(directory), std::move(top));
  // From the deepest on, without recursion: each directory on the way, with what is to be removed before it.
  std::vector<UnderDirectory> way{{directory.point, top.key, InodeId{top.attr.inode()}}};
  while (!way.empty()) {
    if (way.size() > kDeepest) co_return rejected(ELOOP, "'" + top.key + "': too deep");
    const UnderDirectory at = way.back();
    CO_TRY(co_await may_change(who, at));
    CO_ASSIGN_OR_RETURN(const Listed listed, co_await paths_.read_dir(who, at, "", kPage));
    bool deeper = false;
    for (const v1::DirEntry& entry : listed.entries) {
      UnderNode node{.mount = at.point.mount(),
                     .key = join(at.key, entry.name()),
                     .is_directory = entry.type() == v1::FILE_TYPE_DIRECTORY,
                     .identity = {},
                     .stamp = {},
                     .attr = entry.attr(),
                     .known = {}};
      if (node.is_directory) {
        way.push_back({at.point, node.key, InodeId{entry.inode()}});
        deeper = true;
        break;
      }
      CO_TRY(co_await remove(who, at, std::move(node)));
    }
    if (deeper || !listed.end) continue;
    // Keys that no file system can show keep it from being empty, and that is said.
    UnderNode node = top;
    node.key = at.key;
    CO_TRY(co_await remove(who, at, std::move(node)));
    way.pop_back();
  }
  co_return Result<void>{};
}

Task<Result<void>> UnderChanges::rename(Identity who, UnderDirectory from, std::string name, UnderDirectory to,
                                        v1::RenameRequest request) {
  if (from.point.mount() != to.point.mount()) co_return rejected(EXDEV, "from one under store to another: copied, not renamed");
  if (request.exchange()) co_return rejected(EINVAL, "under stores cannot exchange two names");
  CO_TRY(co_await may_change(who, from));
  CO_TRY(co_await may_change(who, to));
  CO_ASSIGN_OR_RETURN(const UnderNode source, co_await paths_.lookup(who, from, std::move(name), true));
  Result<UnderNode> target = co_await paths_.lookup(who, to, request.new_name(), true);
  if (!target && !target.error().is_errno(ENOENT)) co_return std::unexpected(std::move(target).error());
  if (target && request.no_replace()) co_return rejected(EEXIST, "'" + target->key + "'");
  if (target && target->key == source.key) co_return Result<void>{};
  if (target && source.is_directory && !target->is_directory)
    co_return rejected(ENOTDIR, "'" + target->key + "' is no directory");
  if (target && !source.is_directory && target->is_directory) co_return rejected(EISDIR, "'" + target->key + "' is a directory");
  // A directory of keys would be moved one by one: whoever moves it copies.
  if (source.is_directory && !from.point.has_rename()) co_return rejected(EXDEV, "this store cannot rename directories");
  const std::string key = join(to.key, request.new_name());
  if (source.is_directory && (key + "/").starts_with(source.key + "/")) co_return rejected(EINVAL, "into itself");
  v1::RenameUnderRequest change;
  change.set_mount(source.mount);
  change.set_from(source.key);
  change.set_to(key);
  change.set_is_directory(source.is_directory);
  change.set_no_replace(request.no_replace());
  auto renamed = co_await under_->workers.change<rpcs::RenameUnder>(under_seed(source.mount, source.key), std::move(change), who);
  under_->nodes.forget(source.mount, source.key);
  under_->nodes.forget(source.mount, key);
  if (!renamed) co_return std::unexpected(std::move(renamed).error());
  co_return Result<void>{};
}

}  // namespace forebay::client
