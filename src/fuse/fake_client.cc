#include "fuse/fake_client.h"

#include <sys/stat.h>

#include <algorithm>
#include <chrono>
#include <cstring>

namespace forebay::fuse {

using client::Identity;

namespace {

constexpr size_t kLongestName = 255;
constexpr uint32_t kMostLinks = 65000;

int64_t wall_nanos() {
  return std::chrono::duration_cast<std::chrono::nanoseconds>(std::chrono::system_clock::now().time_since_epoch()).count();
}

bool is_directory(const v1::Attr& attr) { return attr.type() == v1::FILE_TYPE_DIRECTORY; }

}  // namespace

// One open file of the fake.
class FakeFile : public client::File {
 public:
  FakeFile(FakeClient* client, InodeId inode, Identity who) : client_(client), inode_(inode), who_(std::move(who)) {}
  ~FakeFile() override { end(); }

  InodeId inode() const override { return inode_; }

  Task<Result<size_t>> pread(MutableBytes into, uint64_t offset) override {
    std::lock_guard lock(client_->mutex_);
    const std::string& content = client_->nodes_.at(inode_).content;
    if (offset >= content.size()) co_return size_t{0};
    const size_t size = std::min<size_t>(into.size(), content.size() - offset);
    std::memcpy(into.data(), content.data() + offset, size);
    co_return size;
  }
  Task<Result<void>> pwrite(Bytes data, uint64_t offset) override {
    std::lock_guard lock(client_->mutex_);
    co_return put(data, offset);
  }
  Task<Result<void>> append(Bytes data) override {
    std::lock_guard lock(client_->mutex_);
    co_return put(data, client_->nodes_.at(inode_).content.size());
  }
  Task<Result<void>> truncate(uint64_t size) override {
    std::lock_guard lock(client_->mutex_);
    if (size > FakeClient::kMaxFileBytes) co_return rejected(EFBIG, "too large for the fake");
    auto& node = client_->nodes_.at(inode_);
    client_->drop_privilege(&node, who_);
    client_->resize(&node, size);
    co_return Result<void>{};
  }
  Task<Result<void>> fallocate(uint64_t offset, uint64_t length, client::FallocateMode mode) override {
    std::lock_guard lock(client_->mutex_);
    if (offset + length > FakeClient::kMaxFileBytes) co_return rejected(EFBIG, "too large for the fake");
    auto& node = client_->nodes_.at(inode_);
    client_->drop_privilege(&node, who_);
    const size_t end = offset + length;
    if (!mode.keep_size && end > node.content.size()) client_->resize(&node, end);
    for (size_t at = offset; mode.zero && at < std::min(end, node.content.size()); ++at) node.content[at] = 0;
    client_->modified(&node);
    co_return Result<void>{};
  }
  Task<Result<void>> fsync(v1::Durability) override { return flush(); }
  Task<Result<void>> flush() override {
    std::lock_guard lock(client_->mutex_);
    ++client_->calls_["flush"];
    if (const int error = std::exchange(client_->fail_next_flush_, 0); error != 0)
      co_return rejected(error, "flush fails as told");
    co_return Result<void>{};
  }
  Task<Result<void>> close() override {
    end();
    co_return Result<void>{};
  }
  Task<Result<void>> release() override { return close(); }
  Task<Result<v1::Attr>> attr() override {
    std::lock_guard lock(client_->mutex_);
    co_return client_->nodes_.at(inode_).attr;
  }
  v1::Attr opened_attr() const override {
    std::lock_guard lock(client_->mutex_);
    return client_->nodes_.at(inode_).attr;
  }

 private:
  Result<void> put(Bytes data, uint64_t offset) {
    if (offset + data.size() > FakeClient::kMaxFileBytes) return rejected(EFBIG, "too large for the fake");
    auto& node = client_->nodes_.at(inode_);
    client_->drop_privilege(&node, who_);
    if (offset + data.size() > node.content.size()) client_->resize(&node, offset + data.size());
    std::memcpy(node.content.data() + offset, data.data(), data.size());
    client_->modified(&node);
    return {};
  }
  void end() {
    if (std::exchange(closed_, true)) return;
    std::lock_guard lock(client_->mutex_);
    --client_->nodes_.at(inode_).opens;
    client_->drop_if_unused(inode_);
  }

  FakeClient* client_;
  InodeId inode_;
  Identity who_;
  bool closed_ = false;
};

FakeClient::FakeClient() {
  Node& root = nodes_[kRootInode];
  root.parent = kRootInode;
  root.attr.set_inode(kRootInode.value);
  root.attr.set_type(v1::FILE_TYPE_DIRECTORY);
  root.attr.set_mode(0755);
  root.attr.set_nlink(2);
  modified(&root);
}

FakeClient::~FakeClient() = default;

void FakeClient::fail_next_flush(int error) {
  std::lock_guard lock(mutex_);
  fail_next_flush_ = error;
}

size_t FakeClient::open_files() const {
  std::lock_guard lock(mutex_);
  size_t count = 0;
  for (const auto& [inode, node] : nodes_) count += node.opens;
  return count;
}

uint64_t FakeClient::calls(const std::string& operation) const {
  std::lock_guard lock(mutex_);
  auto found = calls_.find(operation);
  return found == calls_.end() ? 0 : found->second;
}

void FakeClient::write_elsewhere(const std::string& path, std::string content) {
  std::lock_guard lock(mutex_);
  Node* node = *walk(path);
  node->content = std::move(content);
  resize(node, node->content.size());
}

void FakeClient::replace_before_opens(const std::string& path, int opens) {
  std::lock_guard lock(mutex_);
  replaced_path_ = path;
  replacements_ = opens;
}

void FakeClient::replace() {
  if (replacements_ == 0) return;
  --replacements_;
  Node& root = nodes_.at(kRootInode);
  const Node old = nodes_.at(root.children.at(replaced_path_));
  detach(&root, replaced_path_);
  Node* made = *add(Identity{}, kRootInode, replaced_path_, v1::FILE_TYPE_REGULAR, old.attr.mode());
  made->content = old.content;
  resize(made, old.content.size());
}

Result<std::string> FakeClient::content(const std::string& path) const {
  std::lock_guard lock(mutex_);
  ASSIGN_OR_RETURN(Node * node, const_cast<FakeClient*>(this)->walk(path));
  return node->content;
}

Result<FakeClient::Node*> FakeClient::node(InodeId inode) {
  auto found = nodes_.find(inode);
  if (found == nodes_.end()) return rejected(ENOENT, "no such inode");
  return &found->second;
}

Result<FakeClient::Node*> FakeClient::directory(InodeId inode) {
  ASSIGN_OR_RETURN(Node * found, node(inode));
  if (!is_directory(found->attr)) return rejected(ENOTDIR, "not a directory");
  return found;
}

Result<FakeClient::Node*> FakeClient::child(InodeId parent, const std::string& name) {
  if (name.size() > kLongestName) return rejected(ENAMETOOLONG, "name too long");
  ASSIGN_OR_RETURN(Node * folder, directory(parent));
  auto found = folder->children.find(name);
  if (found == folder->children.end()) return rejected(ENOENT, "no such name");
  return node(found->second);
}

Result<FakeClient::Node*> FakeClient::walk(const std::string& path) {
  InodeId at = kRootInode;
  for (size_t begin = 0; begin < path.size();) {
    const size_t end = std::min(path.find('/', begin), path.size());
    if (end > begin) {
      ASSIGN_OR_RETURN(Node * next, child(at, path.substr(begin, end - begin)));
      at = InodeId{next->attr.inode()};
    }
    begin = end + 1;
  }
  return node(at);
}

int64_t FakeClient::next_time() { return last_time_ = std::max(last_time_ + 1, wall_nanos()); }

void FakeClient::modified(Node* node) {
  next_time();
  node->attr.set_mtime_ns(last_time_);
  node->attr.set_ctime_ns(last_time_);
  if (!is_directory(node->attr)) node->attr.set_layout(node->attr.layout() + 1);
  if (node->attr.atime_ns() == 0) node->attr.set_atime_ns(last_time_);
}

void FakeClient::resize(Node* node, uint64_t size) {
  node->content.resize(size);
  node->attr.set_size(size);
  node->attr.set_stored_bytes(size);
  modified(node);
}

// What writing does to set-user-id and set-group-id when the writer is not privileged.
void FakeClient::drop_privilege(Node* node, const Identity& who) {
  if (is_directory(node->attr)) return;
  if (node->xattrs.erase("security.capability") != 0) node->attr.set_capability(false);
  if (who.uid == 0) return;
  uint32_t mode = node->attr.mode() & ~uint32_t{S_ISUID};
  if (mode & S_IXGRP) mode &= ~uint32_t{S_ISGID};
  node->attr.set_mode(mode);
}

Result<FakeClient::Node*> FakeClient::add(const Identity& who, InodeId parent, const std::string& name, v1::FileType type,
                                          uint32_t mode) {
  if (name.size() > kLongestName) return rejected(ENAMETOOLONG, "name too long");
  ASSIGN_OR_RETURN(Node * folder, directory(parent));
  if (folder->attr.nlink() == 0) return rejected(ENOENT, "the directory was removed");
  if (folder->children.contains(name)) return rejected(EEXIST, "the name exists");
  const bool inherits_group = folder->attr.mode() & S_ISGID;
  const uint32_t gid = inherits_group ? folder->attr.gid() : who.gid;
  const InodeId inode{next_inode_++};
  folder->children[name] = inode;
  folder->attr.set_size(folder->children.size());
  if (type == v1::FILE_TYPE_DIRECTORY) {
    folder->attr.set_nlink(folder->attr.nlink() + 1);
    if (inherits_group) mode |= S_ISGID;
  }
  modified(folder);
  Node& made = nodes_[inode];
  made.parent = parent;
  made.attr.set_inode(inode.value);
  made.attr.set_type(type);
  made.attr.set_mode(mode);
  made.attr.set_uid(who.uid);
  made.attr.set_gid(gid);
  made.attr.set_nlink(type == v1::FILE_TYPE_DIRECTORY ? 2 : 1);
  modified(&made);
  return &made;
}

void FakeClient::drop_if_unused(InodeId inode) {
  auto found = nodes_.find(inode);
  if (found != nodes_.end() && found->second.attr.nlink() == 0 && found->second.opens == 0) nodes_.erase(found);
}

void FakeClient::detach(Node* parent, const std::string& name) {
  const InodeId inode = parent->children.at(name);
  Node& gone = nodes_.at(inode);
  parent->children.erase(name);
  parent->attr.set_size(parent->children.size());
  modified(parent);
  if (is_directory(gone.attr)) {
    parent->attr.set_nlink(parent->attr.nlink() - 1);
    gone.attr.set_nlink(0);
  } else {
    gone.attr.set_nlink(gone.attr.nlink() - 1);
    gone.attr.set_ctime_ns(parent->attr.ctime_ns());
  }
  drop_if_unused(inode);
}

Task<Result<v1::Attr>> FakeClient::lookup(Identity, InodeId parent, std::string name) {
  std::lock_guard lock(mutex_);
  ++calls_["lookup"];
  CO_ASSIGN_OR_RETURN(Node * found, child(parent, name));
  co_return found->attr;
}

Task<Result<v1::Attr>> FakeClient::get_attr(Identity, InodeId inode) {
  std::lock_guard lock(mutex_);
  ++calls_["get_attr"];
  CO_ASSIGN_OR_RETURN(Node * found, node(inode));
  co_return found->attr;
}

Task<Result<v1::Attr>> FakeClient::set_attr(Identity who, v1::SetAttrRequest change, client::File*) {
  std::lock_guard lock(mutex_);
  CO_ASSIGN_OR_RETURN(Node * found, node(InodeId{change.inode()}));
  v1::Attr& attr = found->attr;
  if (change.has_size()) {
    if (is_directory(attr)) co_return rejected(EISDIR, "a directory has no content");
    if (change.size() > kMaxFileBytes) co_return rejected(EFBIG, "too large for the fake");
    drop_privilege(found, who);
    resize(found, change.size());
  }
  if (change.has_uid()) attr.set_uid(change.uid());
  if (change.has_gid()) attr.set_gid(change.gid());
  if (change.has_uid() || change.has_gid()) drop_privilege(found, Identity{.uid = 1});
  if (change.has_mode()) attr.set_mode(change.mode());
  next_time();
  if (change.atime_now()) attr.set_atime_ns(last_time_);
  if (change.mtime_now()) attr.set_mtime_ns(last_time_);
  if (change.has_atime_ns()) attr.set_atime_ns(change.atime_ns());
  if (change.has_mtime_ns()) attr.set_mtime_ns(change.mtime_ns());
  attr.set_ctime_ns(last_time_);
  co_return attr;
}

Task<Result<client::Listed>> FakeClient::read_dir(Identity, InodeId inode, std::string after, uint32_t limit, bool attributes) {
  std::lock_guard lock(mutex_);
  ++calls_["read_dir"];
  CO_ASSIGN_OR_RETURN(Node * folder, directory(inode));
  client::Listed listed{.entries = {}, .end = false, .parent = folder->parent};
  auto at = after.empty() ? folder->children.begin() : folder->children.upper_bound(after);
  for (; at != folder->children.end() && listed.entries.size() < limit; ++at) {
    v1::DirEntry& entry = listed.entries.emplace_back();
    const v1::Attr& attr = nodes_.at(at->second).attr;
    entry.set_name(at->first);
    entry.set_inode(at->second.value);
    entry.set_type(attr.type());
    if (attributes) *entry.mutable_attr() = attr;
  }
  listed.end = at == folder->children.end();
  co_return listed;
}

Task<Result<v1::Attr>> FakeClient::make_dir(Identity who, InodeId parent, std::string name, uint32_t mode) {
  std::lock_guard lock(mutex_);
  CO_ASSIGN_OR_RETURN(Node * made, add(who, parent, name, v1::FILE_TYPE_DIRECTORY, mode));
  co_return made->attr;
}

Task<Result<v1::Attr>> FakeClient::make_node(Identity who, v1::MakeNodeRequest request) {
  std::lock_guard lock(mutex_);
  CO_ASSIGN_OR_RETURN(Node * made, add(who, InodeId{request.parent()}, request.name(), request.type(), request.mode()));
  made->attr.set_rdev(request.rdev());
  co_return made->attr;
}

Task<Result<v1::Attr>> FakeClient::make_symlink(Identity who, InodeId parent, std::string name, std::string target) {
  std::lock_guard lock(mutex_);
  CO_ASSIGN_OR_RETURN(Node * made, add(who, parent, name, v1::FILE_TYPE_SYMLINK, 0777));
  made->attr.set_size(target.size());
  made->attr.set_target(target);
  co_return made->attr;
}

Task<Result<v1::Attr>> FakeClient::link(Identity, InodeId inode, InodeId parent, std::string name) {
  std::lock_guard lock(mutex_);
  if (name.size() > kLongestName) co_return rejected(ENAMETOOLONG, "name too long");
  CO_ASSIGN_OR_RETURN(Node * target, node(inode));
  CO_ASSIGN_OR_RETURN(Node * folder, directory(parent));
  if (is_directory(target->attr)) co_return rejected(EPERM, "a directory has one name");
  if (folder->attr.nlink() == 0) co_return rejected(ENOENT, "the directory was removed");
  if (target->attr.nlink() == 0 && !std::exchange(target->linkable, false)) co_return rejected(ENOENT, "it was removed");
  if (folder->children.contains(name)) co_return rejected(EEXIST, "the name exists");
  if (target->attr.nlink() >= kMostLinks) co_return rejected(EMLINK, "too many links");
  folder->children[name] = inode;
  folder->attr.set_size(folder->children.size());
  modified(folder);
  target->attr.set_nlink(target->attr.nlink() + 1);
  target->attr.set_ctime_ns(folder->attr.ctime_ns());
  co_return target->attr;
}

Task<Result<void>> FakeClient::unlink(Identity, InodeId parent, std::string name) {
  std::lock_guard lock(mutex_);
  CO_ASSIGN_OR_RETURN(Node * target, child(parent, name));
  if (is_directory(target->attr)) co_return rejected(EISDIR, "a directory");
  detach(&nodes_.at(parent), name);
  co_return Result<void>{};
}

Task<Result<void>> FakeClient::remove_dir(Identity, InodeId parent, std::string name) {
  std::lock_guard lock(mutex_);
  CO_ASSIGN_OR_RETURN(Node * target, child(parent, name));
  if (!is_directory(target->attr)) co_return rejected(ENOTDIR, "not a directory");
  if (!target->children.empty()) co_return rejected(ENOTEMPTY, "not empty");
  detach(&nodes_.at(parent), name);
  co_return Result<void>{};
}

Task<Result<void>> FakeClient::remove_tree(Identity, InodeId, std::string) { co_return rejected(ENOSYS, "the mount never asks"); }

Result<void> FakeClient::may_replace(Node* moved, InodeId new_parent, Node* target) {
  if (is_directory(moved->attr)) {
    for (InodeId above = new_parent; above != kRootInode; above = nodes_.at(above).parent)
      if (above == InodeId{moved->attr.inode()}) return rejected(EINVAL, "into itself");
  }
  if (target == nullptr) return {};
  if (is_directory(moved->attr) && !is_directory(target->attr)) return rejected(ENOTDIR, "a directory over a file");
  if (!is_directory(moved->attr) && is_directory(target->attr)) return rejected(EISDIR, "a file over a directory");
  if (!target->children.empty()) return rejected(ENOTEMPTY, "not empty");
  return {};
}

Task<Result<void>> FakeClient::rename(Identity, v1::RenameRequest request) {
  std::lock_guard lock(mutex_);
  if (request.new_name().size() > kLongestName) co_return rejected(ENAMETOOLONG, "name too long");
  const InodeId from_id{request.parent()}, to_id{request.new_parent()};
  CO_ASSIGN_OR_RETURN(Node * moved, child(from_id, request.name()));
  CO_ASSIGN_OR_RETURN(Node * from, directory(from_id));
  CO_ASSIGN_OR_RETURN(Node * to, directory(to_id));
  auto existing = child(to_id, request.new_name());
  Node* target = existing ? *existing : nullptr;
  if (to->attr.nlink() == 0) co_return rejected(ENOENT, "the directory was removed");
  if (request.no_replace() && target != nullptr) co_return rejected(EEXIST, "the name exists");
  if (request.exchange() && target == nullptr) co_return rejected(ENOENT, "nothing to exchange with");
  if (moved == target) co_return Result<void>{};
  CO_TRY(may_replace(moved, to_id, request.exchange() ? nullptr : target));
  if (request.exchange()) CO_TRY(may_replace(target, from_id, nullptr));

  if (request.exchange())
    exchange(from, request.name(), to, request.new_name());
  else
    move(from, request.name(), to, request.new_name());
  co_return Result<void>{};
}

void FakeClient::move(Node* from, const std::string& name, Node* to, const std::string& new_name) {
  const InodeId inode = from->children.at(name);
  if (to->children.contains(new_name)) detach(to, new_name);
  from->children.erase(name);
  to->children[new_name] = inode;
  arrived(&nodes_.at(inode), from, to);
  from->attr.set_size(from->children.size());
  to->attr.set_size(to->children.size());
  modified(from);
  modified(to);
}

void FakeClient::exchange(Node* from, const std::string& name, Node* to, const std::string& new_name) {
  std::swap(from->children.at(name), to->children.at(new_name));
  arrived(&nodes_.at(to->children.at(new_name)), from, to);
  arrived(&nodes_.at(from->children.at(name)), to, from);
  modified(from);
  modified(to);
}

void FakeClient::arrived(Node* moved, Node* from, Node* to) {
  next_time();
  moved->attr.set_ctime_ns(last_time_);
  if (!is_directory(moved->attr)) return;
  moved->parent = InodeId{to->attr.inode()};
  from->attr.set_nlink(from->attr.nlink() - 1);
  to->attr.set_nlink(to->attr.nlink() + 1);
}

Task<Result<v1::StatFsReply>> FakeClient::stat_fs() {
  std::lock_guard lock(mutex_);
  v1::StatFsReply space;
  space.set_total_bytes(64 * kGiB);
  space.set_free_bytes(32 * kGiB);
  space.set_files(nodes_.size());
  co_return space;
}

std::unique_ptr<client::File> FakeClient::open_node(const Identity& who, Node* node, client::OpenFlags flags) {
  if (flags.truncate) {
    drop_privilege(node, who);
    resize(node, 0);
  }
  ++node->opens;
  return std::make_unique<FakeFile>(this, InodeId{node->attr.inode()}, who);
}

Task<Result<client::Created>> FakeClient::create(Identity who, InodeId parent, std::string name, uint32_t mode,
                                                 client::OpenFlags flags, bool exclusive) {
  std::lock_guard lock(mutex_);
  if (flags.truncate && !flags.write) co_return rejected(EINVAL, "truncating needs write access");
  auto existing = child(parent, name);
  if (existing && exclusive) co_return rejected(EEXIST, "the name exists");
  if (existing && is_directory((*existing)->attr)) co_return rejected(EISDIR, "a directory");
  Node* made = existing ? *existing : nullptr;
  if (made == nullptr) {
    CO_ASSIGN_OR_RETURN(made, add(who, parent, name, v1::FILE_TYPE_REGULAR, mode));
  }
  if (!existing) flags.truncate = false;
  auto file = open_node(who, made, flags);
  co_return client::Created{.file = std::move(file), .attr = made->attr, .created = !existing};
}

Task<Result<std::unique_ptr<client::File>>> FakeClient::open(Identity who, InodeId inode, client::OpenFlags flags) {
  std::lock_guard lock(mutex_);
  ++calls_["open"];
  if (flags.truncate && !flags.write) co_return rejected(EINVAL, "truncating needs write access");
  replace();
  CO_ASSIGN_OR_RETURN(Node * found, node(inode));
  if (is_directory(found->attr)) co_return rejected(EISDIR, "a directory");
  co_return open_node(who, found, flags);
}

v1::Attr FakeClient::with_local_changes(v1::Attr attr) {
  std::lock_guard lock(mutex_);
  const auto found = nodes_.find(InodeId{attr.inode()});
  return found == nodes_.end() ? attr : found->second.attr;
}

std::optional<v1::Attr> FakeClient::changed_directory(InodeId, Duration) const { return std::nullopt; }

Task<Result<v1::Attr>> FakeClient::put(Identity, client::NewFile) { co_return rejected(ENOSYS, "the mount never asks"); }
Task<Result<std::vector<Result<v1::Attr>>>> FakeClient::put_many(Identity, std::vector<client::NewFile>) {
  co_return rejected(ENOSYS, "the mount never asks");
}
Task<Result<std::vector<Result<v1::Attr>>>> FakeClient::lookup_many(Identity, std::vector<client::EntryName>) {
  co_return rejected(ENOSYS, "the mount never asks");
}
Task<Result<std::vector<Result<void>>>> FakeClient::unlink_many(Identity, std::vector<client::EntryName>) {
  co_return rejected(ENOSYS, "the mount never asks");
}

Task<Result<client::Created>> FakeClient::create_unnamed(Identity who, InodeId parent, uint32_t mode, client::OpenFlags flags,
                                                         bool linkable) {
  std::lock_guard lock(mutex_);
  ++calls_["create_unnamed"];
  CO_ASSIGN_OR_RETURN(Node * made, add(who, parent, "an unnamed file", v1::FILE_TYPE_REGULAR, mode));
  auto file = open_node(who, made, flags);
  detach(&nodes_.at(parent), "an unnamed file");
  made->linkable = linkable;
  co_return client::Created{.file = std::move(file), .attr = made->attr, .created = true};
}

// A file system in memory has no under store.
Task<Result<v1::RestoreReply>> FakeClient::restore(client::Identity, InodeId, uint64_t, uint64_t) {
  co_return v1::RestoreReply{};
}
Task<Result<v1::FreeReply>> FakeClient::free(client::Identity, InodeId, bool) {
  co_return rejected(EBUSY, "nothing persists it");
}
Task<Result<v1::Attr>> FakeClient::set_pinned(client::Identity, InodeId, bool) {
  co_return rejected(EOPNOTSUPP, "never evicted");
}

Task<Result<v1::Attr>> FakeClient::set_ttl(client::Identity, v1::SetTtlRequest) {
  co_return rejected(EOPNOTSUPP, "lives for ever");
}

Task<Result<v1::ResolveReply>> FakeClient::resolve(Identity, std::string, bool) {
  co_return rejected(ENOSYS, "the mount never asks");
}

Task<Result<v1::Layout>> FakeClient::layout(Identity, InodeId inode, uint64_t offset) {
  std::lock_guard lock(mutex_);
  CO_ASSIGN_OR_RETURN(Node * found, node(inode));
  v1::Layout layout;
  layout.set_size(found->content.size());
  if (offset >= found->content.size()) co_return layout;
  v1::Extent& all = *layout.add_extents();
  all.set_length(found->content.size());
  co_return layout;
}

Task<Result<std::vector<v1::WorkerAddress>>> FakeClient::workers() { co_return std::vector<v1::WorkerAddress>{}; }
Task<Result<v1::ReportReply>> FakeClient::report() { co_return v1::ReportReply{}; }
std::unique_ptr<client::PersistControl> FakeClient::persistence() { return nullptr; }

}  // namespace forebay::fuse
