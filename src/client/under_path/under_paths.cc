#include "client/under_path/under_paths.h"

#include <algorithm>

#include "client/under_path/under_writer.h"

namespace forebay::client {
namespace {

namespace rpcs = v1::under_service;

constexpr size_t kMostName = 255;
constexpr uint32_t kMostEntries = 1'000;
constexpr Duration kWarningPause = std::chrono::seconds(60);

std::string join(const std::string& directory, const std::string& name) {
  return directory.empty() ? name : directory + "/" + name;
}

Error no_entry(const std::string& name) { return rejected(ENOENT, "no such entry: '" + name + "'"); }

}  // namespace

bool may(const Identity& who, const v1::Attr& attr, uint32_t wanted) {
  if (who.uid == 0) return true;
  uint32_t bits = attr.mode() & 7;
  const bool is_of_group = who.gid == attr.gid() || std::ranges::find(who.groups, attr.gid()) != who.groups.end();
  if (who.uid == attr.uid()) {
    bits = attr.mode() >> 6 & 7;
  } else if (is_of_group) {
    bits = attr.mode() >> 3 & 7;
  }
  return (bits & wanted) == wanted;
}

// ---- what is known ----

UnderNode UnderPaths::node_of(const v1::MountPoint& point, std::string key, const v1::UnderEntry& entry) const {
  UnderNode node{.mount = point.mount(),
                 .key = std::move(key),
                 .is_directory = entry.is_directory(),
                 .identity = entry.identity(),
                 .stamp = entry.stamp(),
                 .attr = {},
                 .known = under_->core->env.clock.now()};
  v1::Attr& attr = node.attr;
  attr.set_type(entry.is_directory() ? v1::FILE_TYPE_DIRECTORY : v1::FILE_TYPE_REGULAR);
  attr.set_mode(entry.has_mode() ? entry.mode() : entry.is_directory() ? point.directory_mode() : point.file_mode());
  attr.set_uid(entry.has_uid() ? entry.uid() : point.uid());
  attr.set_gid(entry.has_gid() ? entry.gid() : point.gid());
  attr.set_nlink(1);  // of directories: nobody has counted
  attr.set_size(entry.length());
  attr.set_mtime_ns(entry.mtime_ns());
  attr.set_ctime_ns(entry.mtime_ns());
  attr.set_atime_ns(entry.mtime_ns());
  attr.set_birth_ns(entry.mtime_ns());
  attr.set_version(1);
  // The kernel's pages of another content are not this one's.
  attr.set_layout(hash64(entry.identity()));
  attr.set_stored_bytes(entry.length());
  attr.set_absent(!entry.is_directory());
  return node;
}

UnderNode UnderPaths::enter(UnderNode node) {
  const InodeId inode = under_->nodes.enter(node);
  node.attr.set_inode(inode.value);
  return node;
}

Task<Result<std::optional<UnderDirectory>>> UnderPaths::directory(InodeId inode) {
  CO_ASSIGN_OR_RETURN(const std::shared_ptr<const MountPoints> points, co_await under_->mounts.get());
  if (!is_under(inode)) {
    const v1::MountPoint* point = points->at(inode);
    if (point == nullptr) co_return std::optional<UnderDirectory>{};
    co_return UnderDirectory{*point, "", inode};
  }
  std::optional<UnderNode> node = under_->nodes.find(inode);
  if (!node) co_return rejected(ESTALE, "the inode is not remembered any more");
  const v1::MountPoint* point = points->of(node->mount);
  if (point == nullptr) co_return rejected(ESTALE, "the under store is not mounted any more");
  if (!node->is_directory) co_return rejected(ENOTDIR, "not a directory: '" + node->key + "'");
  co_return UnderDirectory{*point, std::move(node->key), inode};
}

Task<Result<void>> UnderPaths::check(Identity who, UnderDirectory directory, uint32_t wanted) {
  if (who.uid == 0) co_return Result<void>{};
  Result<v1::Attr> attr = v1::Attr();
  if (is_under(directory.inode)) {
    attr = co_await get_attr(who, directory.inode);
  } else {
    attr = co_await all_.get_attr(Identity{.trace = who.trace}, directory.inode);
  }
  if (!attr) co_return std::unexpected(std::move(attr).error());
  if (may(who, *attr, wanted)) co_return Result<void>{};
  co_return rejected(EACCES, "'" + directory.point.path() + "/" + directory.key + "'");
}

// ---- asking ----

Task<Result<UnderNode>> UnderPaths::ask(Identity who, v1::MountPoint point, std::string key) {
  v1::StatUnderRequest request;
  request.set_mount(point.mount());
  request.set_path(key);
  auto reply = co_await under_->workers.call<rpcs::StatUnder>(under_seed(point.mount(), key), std::move(request), std::move(who));
  if (!reply) {
    if (!reply.error().is_errno(ENOENT)) co_return std::unexpected(std::move(reply).error());
    under_->nodes.forget(point.mount(), key);
    if (!under_->nodes.was_made(point.mount(), key)) co_return std::unexpected(std::move(reply).error());
    v1::UnderEntry made;
    made.set_is_directory(true);
    co_return enter(node_of(point, std::move(key), made));
  }
  co_return enter(node_of(point, std::move(key), reply->message));
}

// An object that this client is writing, as it is so far.
UnderNode UnderPaths::written(const UnderWriter& writer) const {
  return {.mount = writer.mount(),
          .key = writer.key(),
          .is_directory = false,
          .identity = {},
          .stamp = {},
          .attr = writer.attr(),
          .known = under_->core->env.clock.now()};
}

Task<Result<UnderNode>> UnderPaths::lookup(Identity who, UnderDirectory directory, std::string name, bool fresh) {
  CO_TRY(co_await check(who, directory, kMayExecute));
  if (name.size() > kMostName) co_return rejected(ENAMETOOLONG, "a name of more than 255 bytes");
  std::string key = join(directory.key, name);
  const std::shared_ptr<UnderWriter> writer = under_->writers.find(directory.point.mount(), key);
  if (writer && writer->is_pending()) co_return written(*writer);
  std::optional<UnderNode> known = under_->nodes.find(directory.point.mount(), key);
  const bool is_fresh = known && under_->core->env.clock.now() - known->known < kUnderAttrTimeout;
  if (is_fresh && !fresh) co_return *std::move(known);
  Result<UnderNode> node = co_await ask(std::move(who), directory.point, std::move(key));
  // A name that no store could have is not there.
  if (!node && node.error().is_errno(EINVAL)) co_return no_entry(name);
  co_return node;
}

InodeId UnderPaths::number_for_new(const UnderDirectory& directory, const std::string& key) {
  v1::UnderEntry entry;
  entry.set_identity("new " + std::to_string(under_->core->env.random.next()));
  UnderNode node = node_of(directory.point, key, entry);
  node.known = {};
  return InodeId{enter(std::move(node)).attr.inode()};
}

Task<Result<UnderNode>> UnderPaths::at_key(Identity who, UnderNode node) {
  CO_ASSIGN_OR_RETURN(const std::shared_ptr<const MountPoints> points, co_await under_->mounts.get());
  const v1::MountPoint* point = points->of(node.mount);
  if (point == nullptr) co_return rejected(ESTALE, "the under store is not mounted any more");
  co_return co_await ask(std::move(who), *point, node.key);
}

Task<Result<UnderNode>> UnderPaths::current(Identity who, InodeId inode) {
  std::optional<UnderNode> node = under_->nodes.find(inode);
  if (!node) co_return rejected(ESTALE, "the inode is not remembered any more");
  CO_ASSIGN_OR_RETURN(const std::shared_ptr<const MountPoints> points, co_await under_->mounts.get());
  const v1::MountPoint* point = points->of(node->mount);
  if (point == nullptr) co_return rejected(ESTALE, "the under store is not mounted any more");
  Result<UnderNode> now = co_await ask(std::move(who), *point, node->key);
  if (!now && now.error().is_errno(ENOENT)) co_return rejected(ESTALE, "'" + node->key + "' is gone");
  if (!now) co_return now;
  if (now->attr.inode() != inode.value) co_return rejected(ESTALE, "'" + node->key + "' holds something else now");
  co_return now;
}

Task<Result<v1::Attr>> UnderPaths::get_attr(Identity who, InodeId inode) {
  if (const std::shared_ptr<UnderWriter> writer = under_->writers.find(inode)) co_return writer->attr();
  std::optional<UnderNode> node = under_->nodes.find(inode);
  std::optional<UnderNode> at_key = node ? under_->nodes.find(node->mount, node->key) : std::nullopt;
  const bool is_there = at_key && at_key->attr.inode() == inode.value;
  if (is_there && under_->core->env.clock.now() - node->known < kUnderAttrTimeout) co_return std::move(node->attr);
  Result<UnderNode> now = co_await current(std::move(who), inode);
  if (now) co_return std::move(now->attr);
  std::optional<v1::Attr> open = under_->nodes.open_attr(inode);
  if (!open || !now.error().is_errno(ESTALE)) co_return std::unexpected(std::move(now).error());
  open->set_nlink(0);  // as a file that was replaced and is still open
  co_return *std::move(open);
}

// ---- listings ----

// The store's order is that of keys, in which a directory's name ends in '/'.
Task<Result<std::string>> UnderPaths::after_key(Identity who, UnderDirectory directory, std::string after) {
  if (after.empty()) co_return after;
  const std::string key = join(directory.key, after);
  std::optional<UnderNode> known = under_->nodes.find(directory.point.mount(), key);
  if (!known) {
    Result<UnderNode> node = co_await ask(std::move(who), directory.point, key);
    if (node)
      known = *std::move(node);
    else if (!node.error().is_errno(ENOENT))
      co_return std::unexpected(std::move(node).error());
  }
  co_return known && known->is_directory ? after + "/" : after;
}

Task<Result<Listed>> UnderPaths::read_dir(Identity who, UnderDirectory directory, std::string after, uint32_t limit) {
  CO_TRY(co_await check(who, directory, kMayRead));
  CO_ASSIGN_OR_RETURN(const InodeId parent, co_await parent_of(who, directory.inode));
  v1::ListUnderRequest request;
  request.set_mount(directory.point.mount());
  request.set_directory(directory.key);
  request.set_limit(std::clamp(limit, 1U, kMostEntries));
  CO_ASSIGN_OR_RETURN(*request.mutable_after(), co_await after_key(who, directory, std::move(after)));
  const uint64_t seed = under_seed(directory.point.mount(), directory.key);
  auto reply = co_await under_->workers.call<rpcs::ListUnder>(seed, std::move(request), who);
  if (!reply) co_return std::unexpected(std::move(reply).error());
  Listed listed{.entries = {}, .end = reply->message.next().empty(), .parent = parent};
  listed.entries.reserve(static_cast<size_t>(reply->message.entries_size()));
  for (const v1::UnderEntry& entry : reply->message.entries()) {
    const UnderNode node = enter(node_of(directory.point, join(directory.key, entry.name()), entry));
    v1::DirEntry& made = listed.entries.emplace_back();
    made.set_name(entry.name());
    made.set_inode(node.attr.inode());
    made.set_type(node.attr.type());
    *made.mutable_attr() = node.attr;
  }
  tell_hidden(directory, reply->message.hidden());
  co_return listed;
}

void UnderPaths::tell_hidden(const UnderDirectory& directory, uint64_t hidden) {
  if (hidden == 0) return;
  under_->hidden += hidden;
  {
    std::lock_guard lock(mutex_);
    const os::Instant now = under_->core->env.clock.now();
    if (now < next_warning_) return;
    next_warning_ = now + kWarningPause;
  }
  under_->core->log.warning("keys of an under store cannot be shown as files (told at most once a minute)",
                            {{"mount", directory.point.path()}, {"directory", directory.key}, {"keys", hidden}});
}

Task<Result<InodeId>> UnderPaths::parent_of(Identity who, InodeId inode) {
  CO_ASSIGN_OR_RETURN(const std::shared_ptr<const MountPoints> points, co_await under_->mounts.get());
  if (!is_under(inode)) {
    const v1::MountPoint* point = points->at(inode);
    co_return point == nullptr ? inode : InodeId{point->parent()};
  }
  std::optional<UnderNode> node = under_->nodes.find(inode);
  const v1::MountPoint* point = node ? points->of(node->mount) : nullptr;
  if (point == nullptr) co_return rejected(ESTALE, "the inode is not remembered any more");
  const size_t slash = node->key.rfind('/');
  if (slash == std::string::npos) co_return InodeId{point->inode()};
  const std::string key = node->key.substr(0, slash);
  if (std::optional<UnderNode> known = under_->nodes.find(node->mount, key)) co_return InodeId{known->attr.inode()};
  CO_ASSIGN_OR_RETURN(const UnderNode above, co_await ask(std::move(who), *point, key));
  co_return InodeId{above.attr.inode()};
}

// ---- paths ----

struct UnderPaths::Walk {
  std::string rest;  // not walked yet
  v1::Attr attr;     // of what has been reached
  bool exists = true;
  InodeId parent;  // of that, and its name there
  std::string name;
  bool follow = false;
  int links = 0;
};

namespace {
constexpr int kMostLinks = 40;

// The next component of a path, and whether it is the last; empty: there is none.
std::string take_component(std::string& rest, bool& is_last, bool& wants_directory) {
  const size_t begin = rest.find_first_not_of('/');
  if (begin == std::string::npos) return rest.clear(), "";
  const size_t end = std::min(rest.find('/', begin), rest.size());
  std::string name = rest.substr(begin, end - begin);
  rest.erase(0, end);
  is_last = rest.find_first_not_of('/') == std::string::npos;
  wants_directory = is_last && !rest.empty();
  return name;
}
}  // namespace

Task<Result<void>> UnderPaths::step(Walk* walk, Identity who, std::string name, bool is_last) {
  if (walk->attr.type() != v1::FILE_TYPE_DIRECTORY) co_return rejected(ENOTDIR, "not a directory: '" + walk->name + "'");
  const InodeId at{walk->attr.inode()};
  if (name == ".") co_return Result<void>{};
  if (name == "..") {
    CO_ASSIGN_OR_RETURN(const std::optional<UnderDirectory> below, co_await directory(at));
    InodeId above = kRootInode;
    if (below) {
      CO_ASSIGN_OR_RETURN(above, co_await parent_of(who, at));
    } else {
      CO_ASSIGN_OR_RETURN(const Listed listed, co_await all_.read_dir(Identity{.trace = who.trace}, at, "", 1, false));
      if (listed.parent) above = listed.parent;
    }
    CO_ASSIGN_OR_RETURN(walk->attr, co_await all_.get_attr(who, above));
    walk->parent = above;
    walk->name.clear();
    co_return Result<void>{};
  }
  Result<v1::Attr> found = co_await all_.lookup(who, at, name);
  walk->parent = at;
  walk->name = name;
  walk->exists = found.has_value();
  if (!found && is_last && found.error().is_errno(ENOENT)) co_return Result<void>{};
  if (!found) co_return std::unexpected(std::move(found).error());
  const bool follows = found->type() == v1::FILE_TYPE_SYMLINK && (!is_last || walk->follow);
  if (!follows) {
    walk->attr = *std::move(found);
    co_return Result<void>{};
  }
  if (++walk->links > kMostLinks) co_return rejected(ELOOP, "too many symbolic links");
  walk->rest = found->target() + walk->rest;
  if (!found->target().starts_with('/')) co_return Result<void>{};
  CO_ASSIGN_OR_RETURN(walk->attr, co_await all_.get_attr(who, kRootInode));
  co_return Result<void>{};
}

// The directory that a key which is there lies in: it has a number, whether or not anybody has asked for it.
InodeId UnderPaths::directory_above(const v1::MountPoint& point, const std::string& key) {
  const size_t slash = key.rfind('/');
  if (slash == std::string::npos) return InodeId{point.inode()};
  std::string above = key.substr(0, slash);
  if (std::optional<UnderNode> known = under_->nodes.find(point.mount(), above)) return InodeId{known->attr.inode()};
  v1::UnderEntry entry;
  entry.set_is_directory(true);
  UnderNode node = node_of(point, std::move(above), entry);
  node.known = {};  // its attributes are asked for when somebody wants them
  return InodeId{enter(std::move(node)).attr.inode()};
}

// The superuser may search every directory: the rest of the path is one key, and one question instead of one for each directory.
// False: it is not that simple.
Task<Result<bool>> UnderPaths::leap(Walk* walk, Identity who) {
  if (who.uid != 0 || walk->attr.type() != v1::FILE_TYPE_DIRECTORY) co_return false;
  CO_ASSIGN_OR_RETURN(const std::optional<UnderDirectory> from, co_await directory(InodeId{walk->attr.inode()}));
  if (!from) co_return false;
  std::string rest = walk->rest, key = from->key, name;
  bool is_last = false, wants_directory = false;
  for (std::string next = take_component(rest, is_last, wants_directory); !next.empty();
       next = take_component(rest, is_last, wants_directory)) {
    if (next == "." || next == ".." || next.size() > kMostName) co_return false;
    key = join(key, next);
    name = std::move(next);
  }
  const std::shared_ptr<UnderWriter> writer = under_->writers.find(from->point.mount(), key);
  if (name.empty() || wants_directory || (writer && writer->is_pending())) co_return false;
  std::optional<UnderNode> known = under_->nodes.find(from->point.mount(), key);
  if (!known || under_->core->env.clock.now() - known->known >= kUnderAttrTimeout) {
    Result<UnderNode> node = co_await ask(who, from->point, key);
    if (!node && (node.error().is_errno(ENOENT) || node.error().is_errno(ENOTDIR) || node.error().is_errno(EINVAL)))
      co_return false;
    if (!node) co_return std::unexpected(std::move(node).error());
    known = *std::move(node);
  }
  walk->parent = directory_above(from->point, key);
  walk->attr = std::move(known->attr);
  walk->name = std::move(name);
  walk->rest.clear();
  co_return true;
}

Task<Result<v1::ResolveReply>> UnderPaths::resolve(Identity who, std::string path, bool follow) {
  Walk walk{.rest = std::move(path), .attr = {}, .parent = kRootInode, .name = {}, .follow = follow};
  CO_ASSIGN_OR_RETURN(walk.attr, co_await all_.get_attr(who, kRootInode));
  bool is_last = false, wants_directory = false;
  for (std::string name = take_component(walk.rest, is_last, wants_directory); !name.empty();
       name = take_component(walk.rest, is_last, wants_directory)) {
    CO_TRY(co_await step(&walk, who, std::move(name), is_last));
    if (!walk.exists) break;
    CO_ASSIGN_OR_RETURN(const bool is_there, co_await leap(&walk, who));
    if (is_there) break;
  }
  if (walk.exists && wants_directory && walk.attr.type() != v1::FILE_TYPE_DIRECTORY)
    co_return rejected(ENOTDIR, "not a directory");
  v1::ResolveReply reply;
  if (walk.exists) *reply.mutable_attr() = walk.attr;
  reply.set_parent(walk.parent.value);
  reply.set_name(walk.name);
  co_return reply;
}

}  // namespace forebay::client
