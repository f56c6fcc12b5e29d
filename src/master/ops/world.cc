#include "master/ops/world.h"

namespace forebay::master {
namespace {

Result<v1::Attr> attr(Result<v1::AttrReply> reply) {
  if (!reply) return std::unexpected(std::move(reply).error());
  return std::move(*reply->mutable_attr());
}

template <class Reply>
Result<void> nothing(Result<Reply> reply) {
  if (!reply) return std::unexpected(std::move(reply).error());
  return {};
}

}  // namespace

Result<Placer::Placed> TestPlacer::place(const v1::Placement& wanted) {
  if (gone) return elsewhere("no worker");
  if (full) return rejected(ENOSPC, "full");
  std::vector<WorkerId> workers{WorkerId{1}, WorkerId{2}};
  workers.resize(copies);
  return Placed{workers, wanted.bytes(), wanted.staged()};
}

World::World() {
  kv::Txn txn(*store_);
  format_namespace(txn, now);
  EXPECT_TRUE(store_->write(txn.to_batch()));
  tick();
}

void World::TearDown() { EXPECT_EQ(problems(), std::vector<std::string>{}); }

Result<void> World::change(const std::function<Result<void>(MutationContext&)>& body) {
  for (;;) {
    kv::Txn txn(*store_);
    MutationContext context{txn, as, now, placer, reads, persistence, &names_};
    names_.begin_step();
    const Result<void> done = body(context);
    if (names_.wait_until() && waits_for_leases) {
      clock_.at = *names_.wait_until();
      continue;
    }
    return done ? store_->write(txn.to_batch()) : done;
  }
}

std::pair<InodeId, std::string> World::split(std::string_view path) {
  size_t slash = path.rfind('/');
  v1::ResolveRequest request;
  request.set_path(std::string(path.substr(0, slash)));
  request.set_follow(true);
  Caller superuser = root();
  QueryContext context{*store_, superuser, now};
  auto parent = ops::resolve(context, request);
  EXPECT_TRUE(parent && parent->has_attr()) << path;
  return {InodeId{parent ? parent->attr().inode() : 0}, std::string(path.substr(slash + 1))};
}

InodeId World::inode_of(std::string_view path) {
  auto [parent, name] = split(path);
  if (name.empty()) return parent;
  auto value = store_->get(key::dentry(parent, name));
  v1::DentryRecord entry;
  if (value && *value) EXPECT_TRUE(entry.ParseFromString(**value));
  return InodeId{entry.inode()};
}

template <class Request>
static Request at(std::pair<InodeId, std::string> place) {
  Request request;
  request.set_parent(place.first.value);
  request.set_name(place.second);
  return request;
}

Result<v1::Attr> World::mkdir(std::string_view path, uint32_t mode) {
  auto request = at<v1::MakeDirRequest>(split(path));
  request.set_mode(mode);
  return attr(run(ops::make_dir, request));
}

Result<v1::Attr> World::mknod(std::string_view path, v1::FileType type, uint32_t mode, uint32_t rdev) {
  auto request = at<v1::MakeNodeRequest>(split(path));
  request.set_mode(mode);
  request.set_type(type);
  request.set_rdev(rdev);
  return attr(run(ops::make_node, request));
}

Result<v1::Attr> World::symlink(std::string_view target, std::string_view path) {
  auto request = at<v1::MakeSymlinkRequest>(split(path));
  request.set_target(std::string(target));
  return attr(run(ops::make_symlink, request));
}

Result<v1::Attr> World::link(std::string_view from, std::string_view to) {
  auto request = at<v1::LinkRequest>(split(to));
  request.set_inode(inode_of(from).value);
  return attr(run(ops::link, request));
}

Result<v1::UnlinkReply> World::unlink(std::string_view path) { return run(ops::unlink, at<v1::UnlinkRequest>(split(path))); }

Result<void> World::rmdir(std::string_view path) { return nothing(run(ops::remove_dir, at<v1::RemoveDirRequest>(split(path)))); }

Result<void> World::remove_tree(std::string_view path) {
  return nothing(run(ops::remove_tree, at<v1::RemoveTreeRequest>(split(path))));
}

static v1::RenameRequest renaming(std::pair<InodeId, std::string> from, std::pair<InodeId, std::string> to) {
  auto request = at<v1::RenameRequest>(std::move(from));
  request.set_new_parent(to.first.value);
  request.set_new_name(to.second);
  return request;
}

Result<v1::RenameReply> World::rename(std::string_view from, std::string_view to) {
  return run(ops::rename, renaming(split(from), split(to)));
}

Result<v1::RenameReply> World::rename_no_replace(std::string_view from, std::string_view to) {
  auto request = renaming(split(from), split(to));
  request.set_no_replace(true);
  return run(ops::rename, request);
}

Result<v1::RenameReply> World::exchange(std::string_view from, std::string_view to) {
  auto request = renaming(split(from), split(to));
  request.set_exchange(true);
  return run(ops::rename, request);
}

Result<v1::Attr> World::stat(std::string_view path) {
  auto place = split(path);
  if (place.second.empty()) return get_attr(place.first);
  return attr(run(ops::lookup, at<v1::LookupRequest>(place)));
}

Result<v1::Attr> World::get_attr(InodeId inode) {
  v1::GetAttrRequest request;
  request.set_inode(inode.value);
  return attr(run(ops::get_attr, request));
}

Result<v1::ResolveReply> World::resolve(std::string_view path, bool follow, InodeId start) {
  v1::ResolveRequest request;
  request.set_start(start.value);
  request.set_path(std::string(path));
  request.set_follow(follow);
  return run(ops::resolve, request);
}

Result<v1::ReadDirReply> World::read_dir(std::string_view path, std::string after, uint32_t limit, bool attributes) {
  v1::ReadDirRequest request;
  request.set_inode(inode_of(path).value);
  request.set_after(std::move(after));
  request.set_limit(limit);
  request.set_attributes(attributes);
  return run(ops::read_dir, request);
}

std::vector<std::string> World::names(std::string_view path) {
  std::vector<std::string> names;
  auto page = read_dir(path);
  EXPECT_TRUE(page) << path;
  if (page) {
    for (const v1::DirEntry& entry : page->entries()) names.push_back(entry.name());
  }
  return names;
}

Result<v1::Attr> World::set_attr(std::string_view path, v1::SetAttrRequest request) {
  request.set_inode(inode_of(path).value);
  return attr(run(ops::set_attr, request));
}

Result<v1::Attr> World::chmod(std::string_view path, uint32_t mode) {
  v1::SetAttrRequest request;
  request.set_mode(mode);
  return set_attr(path, request);
}

Result<v1::Attr> World::chown(std::string_view path, std::optional<uint32_t> uid, std::optional<uint32_t> gid) {
  v1::SetAttrRequest request;
  if (uid) request.set_uid(*uid);
  if (gid) request.set_gid(*gid);
  return set_attr(path, request);
}

Result<v1::Attr> World::truncate(std::string_view path, uint64_t size, HandleId handle) {
  v1::SetAttrRequest request;
  request.set_size(size);
  request.set_handle(handle.value);
  return set_attr(path, request);
}

Result<v1::OpenReply> World::create(v1::CreateRequest request, std::string_view path) {
  auto [parent, name] = split(path);
  request.set_parent(parent.value);
  request.set_name(name);
  return run(ops::create, request);
}

Result<v1::OpenReply> World::create(std::string_view path, uint32_t mode, v1::Access access, uint64_t object_bytes) {
  v1::CreateRequest request;
  request.set_mode(mode);
  request.set_access(access);
  if (object_bytes != 0) request.mutable_placement()->set_bytes(object_bytes);
  return create(std::move(request), path);
}

Result<v1::OpenReply> World::open(std::string_view path, v1::Access access, bool truncate) {
  v1::OpenRequest request;
  request.set_inode(inode_of(path).value);
  request.set_access(access);
  request.set_truncate(truncate);
  return access == v1::ACCESS_READ && !truncate ? run(ops::open_read, request) : run(ops::open_write, request);
}

Result<v1::Grant> World::allocate(HandleId handle, uint64_t bytes) {
  v1::AllocateRequest request;
  request.set_handle(handle.value);
  request.mutable_placement()->set_bytes(bytes);
  auto reply = run(ops::allocate, request);
  if (!reply) return std::unexpected(std::move(reply).error());
  return reply->grants(0);
}

Result<v1::CommitReply> World::commit(HandleId handle, std::vector<v1::Extent> extents, bool close) {
  v1::CommitRequest request;
  request.set_handle(handle.value);
  for (v1::Extent& each : extents) *request.add_extents()->mutable_extent() = std::move(each);
  request.set_close(close);
  return commit(request);
}

Result<v1::CommitReply> World::close(HandleId handle) { return commit(handle, {}, true); }

v1::Attr World::write_file(std::string_view path, uint64_t bytes, uint32_t mode) {
  auto opened = create(path, mode, v1::ACCESS_WRITE, bytes);
  EXPECT_TRUE(opened && opened->grants_size() == 1) << path;
  v1::CommitRequest request;
  request.set_handle(opened->handle());
  uint64_t object = opened->grants(0).object();
  *request.add_extents()->mutable_extent() = extent(0, bytes, object);
  v1::SealedObject& sealed = *request.add_sealed();
  sealed.set_object(object);
  sealed.set_length(bytes);
  sealed.set_crc32c(1);
  request.set_close(true);
  auto reply = commit(request);
  EXPECT_TRUE(reply) << path;
  return reply ? reply->attr() : v1::Attr{};
}

Result<v1::Layout> World::layout(InodeId inode, uint64_t offset) {
  v1::GetLayoutRequest request;
  request.set_inode(inode.value);
  request.set_offset(offset);
  return run(ops::get_layout, request);
}

void World::reclaim(size_t budget) {
  bool moved = true;
  while (moved) {
    moved = false;
    std::vector<InodeId> detached;
    EXPECT_TRUE(store_->scan("N", "O", [&](std::string_view key, std::string_view) {
      detached.push_back(InodeId{read_big_endian(key.substr(1))});
      return true;
    }));
    for (InodeId inode : detached) {
      Reclaimed step = Reclaimed::kWaits;
      EXPECT_TRUE(change([&](MutationContext& context) -> Result<void> {
        ASSIGN_OR_RETURN(step, reclaim_step(context, inode, budget));
        return {};
      }));
      moved = moved || step != Reclaimed::kWaits;
    }
  }
}

std::vector<std::string> World::problems() {
  auto found = check_all(*store_);
  if (!found) return {found.error().to_string()};
  return *found;
}

size_t World::count(std::string_view prefix) {
  size_t keys = 0;
  EXPECT_TRUE(store_->scan(prefix, kv::prefix_end(prefix), [&](std::string_view, std::string_view) { return ++keys > 0; }));
  return keys;
}

std::optional<v1::ObjectRecord> World::object(uint64_t id) {
  auto record = read_record<v1::ObjectRecord>(*store_, key::object(ObjectId{id}));
  EXPECT_TRUE(record);
  return record ? *record : std::nullopt;
}

}  // namespace forebay::master
