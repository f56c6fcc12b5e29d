#include "client/under_path/under_client.h"

namespace forebay::client {
namespace {

Error not_of_an_under_store() {
  return rejected(EOPNOTSUPP,
                  "this is in an under store, not in the cache: it is neither freed, pinned nor given a time to live");
}

Error no_xattrs() { return rejected(EOPNOTSUPP, "objects of under stores have no extended attributes here"); }

}  // namespace

Task<Result<bool>> UnderClient::is_below(InodeId directory) {
  if (is_under(directory)) co_return true;
  CO_ASSIGN_OR_RETURN(const std::optional<UnderDirectory> below, co_await paths_.directory(directory));
  co_return below.has_value();
}

// ---- names ----

Task<Result<v1::Attr>> UnderClient::lookup(Identity who, InodeId parent, std::string name) {
  CO_ASSIGN_OR_RETURN(std::optional<UnderDirectory> directory, co_await paths_.directory(parent));
  if (!directory) co_return co_await own_.lookup(std::move(who), parent, std::move(name));
  Result<UnderNode> node = co_await paths_.lookup(std::move(who), *std::move(directory), std::move(name));
  if (!node) co_return std::unexpected(std::move(node).error());
  co_return std::move(node->attr);
}

Task<Result<v1::Attr>> UnderClient::get_attr(Identity who, InodeId inode) {
  if (is_under(inode)) return paths_.get_attr(std::move(who), inode);
  return own_.get_attr(std::move(who), inode);
}

Task<Result<v1::Attr>> UnderClient::set_attr(Identity who, v1::SetAttrRequest change, File* handle) {
  if (is_under(InodeId{change.inode()})) co_return co_await changes_.set_attr(std::move(who), std::move(change));
  co_return co_await own_.set_attr(std::move(who), std::move(change), handle);
}

Task<Result<Listed>> UnderClient::read_dir(Identity who, InodeId inode, std::string after, uint32_t limit, bool attributes) {
  CO_ASSIGN_OR_RETURN(std::optional<UnderDirectory> directory, co_await paths_.directory(inode));
  if (!directory) co_return co_await own_.read_dir(std::move(who), inode, std::move(after), limit, attributes);
  co_return co_await paths_.read_dir(std::move(who), *std::move(directory), std::move(after), limit);
}

Task<Result<v1::Attr>> UnderClient::make_dir(Identity who, InodeId parent, std::string name, uint32_t mode) {
  CO_ASSIGN_OR_RETURN(std::optional<UnderDirectory> directory, co_await paths_.directory(parent));
  if (directory) co_return co_await changes_.make_dir(std::move(who), *std::move(directory), std::move(name), mode);
  co_return co_await own_.make_dir(std::move(who), parent, std::move(name), mode);
}

Task<Result<v1::Attr>> UnderClient::make_node(Identity who, v1::MakeNodeRequest request) {
  CO_ASSIGN_OR_RETURN(std::optional<UnderDirectory> directory, co_await paths_.directory(InodeId{request.parent()}));
  if (directory && request.type() != v1::FILE_TYPE_REGULAR)
    co_return rejected(EOPNOTSUPP, "under stores keep files and directories");
  if (directory) co_return co_await changes_.make_file(std::move(who), *std::move(directory), request.name(), request.mode());
  co_return co_await own_.make_node(std::move(who), std::move(request));
}

Task<Result<v1::Attr>> UnderClient::make_symlink(Identity who, InodeId parent, std::string name, std::string target) {
  CO_ASSIGN_OR_RETURN(const bool below, co_await is_below(parent));
  if (below) co_return rejected(EOPNOTSUPP, "under stores keep files and directories");
  co_return co_await own_.make_symlink(std::move(who), parent, std::move(name), std::move(target));
}

Task<Result<v1::Attr>> UnderClient::link(Identity who, InodeId inode, InodeId parent, std::string name) {
  CO_ASSIGN_OR_RETURN(const bool into, co_await is_below(parent));
  if (into || is_under(inode)) co_return rejected(into && is_under(inode) ? EPERM : EXDEV, "under stores have no second names");
  co_return co_await own_.link(std::move(who), inode, parent, std::move(name));
}

Task<Result<void>> UnderClient::unlink(Identity who, InodeId parent, std::string name) {
  CO_ASSIGN_OR_RETURN(std::optional<UnderDirectory> directory, co_await paths_.directory(parent));
  if (directory) co_return co_await changes_.unlink(std::move(who), *std::move(directory), std::move(name));
  co_return co_await own_.unlink(std::move(who), parent, std::move(name));
}

Task<Result<void>> UnderClient::remove_dir(Identity who, InodeId parent, std::string name) {
  CO_ASSIGN_OR_RETURN(std::optional<UnderDirectory> directory, co_await paths_.directory(parent));
  if (directory) co_return co_await changes_.remove_dir(std::move(who), *std::move(directory), std::move(name));
  co_return co_await own_.remove_dir(std::move(who), parent, std::move(name));
}

Task<Result<void>> UnderClient::remove_tree(Identity who, InodeId parent, std::string name) {
  CO_ASSIGN_OR_RETURN(std::optional<UnderDirectory> directory, co_await paths_.directory(parent));
  if (directory) co_return co_await changes_.remove_tree(std::move(who), *std::move(directory), std::move(name));
  co_return co_await own_.remove_tree(std::move(who), parent, std::move(name));
}

Task<Result<void>> UnderClient::rename(Identity who, v1::RenameRequest request) {
  CO_ASSIGN_OR_RETURN(std::optional<UnderDirectory> from, co_await paths_.directory(InodeId{request.parent()}));
  CO_ASSIGN_OR_RETURN(std::optional<UnderDirectory> to, co_await paths_.directory(InodeId{request.new_parent()}));
  if (from.has_value() != to.has_value()) co_return rejected(EXDEV, "from or to an under store: copied, not renamed");
  if (!from) co_return co_await own_.rename(std::move(who), std::move(request));
  std::string name = request.name();
  co_return co_await changes_.rename(std::move(who), *std::move(from), std::move(name), *std::move(to), std::move(request));
}

Task<Result<v1::ResolveReply>> UnderClient::resolve(Identity who, std::string path, bool follow) {
  CO_ASSIGN_OR_RETURN(const std::shared_ptr<const MountPoints> points, co_await under_->mounts.get());
  if (points->empty()) co_return co_await own_.resolve(std::move(who), std::move(path), follow);
  const bool is_plainly_below = points->above(path) != nullptr;
  if (!is_plainly_below) {
    Result<v1::ResolveReply> reply = co_await own_.resolve(who, path, follow);
    // A way that ends here may lead through a link into a mount, where the master sees nothing.
    const bool may_be_below =
        reply ? !reply->has_attr() && points->at(InodeId{reply->parent()}) != nullptr : reply.error().is_errno(ENOENT);
    if (!may_be_below) co_return reply;
  }
  co_return co_await paths_.resolve(std::move(who), std::move(path), follow);
}

// ---- content ----

Task<Result<Created>> UnderClient::create(Identity who, InodeId parent, std::string name, uint32_t mode, OpenFlags flags,
                                          bool exclusive) {
  CO_ASSIGN_OR_RETURN(std::optional<UnderDirectory> directory, co_await paths_.directory(parent));
  if (!directory) co_return co_await own_.create(std::move(who), parent, std::move(name), mode, flags, exclusive);
  const bool writes = flags.write || flags.append || flags.truncate;
  if (writes || exclusive)
    co_return co_await changes_.create(std::move(who), *std::move(directory), std::move(name), mode, flags, exclusive);
  Result<UnderNode> node = co_await paths_.lookup(who, *directory, name, true);
  if (!node && node.error().is_errno(ENOENT)) {  // made empty, to be read
    CO_TRY(co_await changes_.make_file(who, *directory, name, mode));
    node = co_await paths_.lookup(who, *std::move(directory), std::move(name), true);
  }
  if (!node) co_return std::unexpected(std::move(node).error());
  v1::Attr attr = node->attr;
  CO_ASSIGN_OR_RETURN(std::unique_ptr<File> file, co_await open_node(std::move(who), *std::move(node)));
  co_return Created{std::move(file), std::move(attr), false};
}

Task<Result<std::unique_ptr<File>>> UnderClient::open(Identity who, InodeId inode, OpenFlags flags) {
  if (!is_under(inode)) co_return co_await own_.open(std::move(who), inode, flags);
  const std::shared_ptr<UnderWriter> writer = under_->writers.find(inode);
  if (writer && writer->is_pending())
    co_return rejected(ETXTBSY, "'" + writer->key() + "' is being written, and read when it is closed");
  CO_ASSIGN_OR_RETURN(UnderNode node, co_await paths_.current(who, inode));
  if (flags.write || flags.append || flags.truncate) co_return co_await changes_.open(std::move(who), std::move(node), flags);
  co_return co_await open_node(std::move(who), std::move(node));
}

Task<Result<std::unique_ptr<File>>> UnderClient::open_node(Identity who, UnderNode node) {
  if (node.is_directory) co_return rejected(EISDIR, "'" + node.key + "' is a directory");
  if (!may(who, node.attr, kMayRead)) co_return rejected(EACCES, "'" + node.key + "'");
  CachedContent cached = co_await find_cached(who, node);
  co_return open_under_file(under_, std::move(who), std::move(node), std::move(cached));
}

// Whatever fails here, the store has the bytes.
Task<CachedContent> UnderClient::find_cached(Identity who, UnderNode node) {
  v1::FindStoredRequest request;
  request.set_mount(node.mount);
  request.set_key(node.key);
  const Identity superuser{.trace = who.trace};  // what may be read was decided by the mount
  Result<v1::FindStoredReply> stored = co_await core_->session.call<v1::mount_point_service::FindStored>(superuser, request);
  if (!stored || stored->inode() == 0 || stored->identity() != node.identity) co_return CachedContent{};
  Result<std::unique_ptr<File>> file = co_await own_.open(superuser, InodeId{stored->inode()}, {.read = true});
  if (!file) co_return CachedContent{};
  std::shared_ptr<FileState> state = core_->files.find(InodeId{stored->inode()});
  if (state) {
    const uint64_t changes = state->content().changes();
    const bool is_same = !state->content().has_uncommitted() && state->content().layout() == stored->layout() &&
                         state->content().committed_size() == node.attr.size();
    if (is_same) co_return CachedContent{*std::move(file), std::move(state), changes};
  }
  const Result<void> closed = co_await (*file)->close();
  (void)closed;  // nothing was written
  co_return CachedContent{};
}

Task<Result<Created>> UnderClient::create_unnamed(Identity who, InodeId parent, uint32_t mode, OpenFlags flags, bool linkable) {
  CO_ASSIGN_OR_RETURN(const bool below, co_await is_below(parent));
  if (below) co_return rejected(EOPNOTSUPP, "objects of under stores have names");
  co_return co_await own_.create_unnamed(std::move(who), parent, mode, flags, linkable);
}

v1::Attr UnderClient::with_local_changes(v1::Attr attr) {
  return is_under(InodeId{attr.inode()}) ? attr : own_.with_local_changes(std::move(attr));
}

std::optional<v1::Attr> UnderClient::changed_directory(InodeId directory, Duration not_older) const {
  return own_.changed_directory(directory, not_older);
}

// ---- extended attributes ----

Task<Result<v1::Attr>> UnderClient::set_xattr(Identity who, v1::SetXattrRequest request) {
  if (is_under(InodeId{request.inode()})) co_return no_xattrs();
  co_return co_await own_.set_xattr(std::move(who), std::move(request));
}

Task<Result<std::string>> UnderClient::get_xattr(Identity who, InodeId inode, std::string name) {
  if (is_under(inode)) co_return no_xattrs();
  co_return co_await own_.get_xattr(std::move(who), inode, std::move(name));
}

Task<Result<std::vector<std::string>>> UnderClient::list_xattrs(Identity who, InodeId inode) {
  if (is_under(inode)) co_return std::vector<std::string>{};
  co_return co_await own_.list_xattrs(std::move(who), inode);
}

Task<Result<v1::Attr>> UnderClient::remove_xattr(Identity who, InodeId inode, std::string name) {
  if (is_under(inode)) co_return no_xattrs();
  co_return co_await own_.remove_xattr(std::move(who), inode, std::move(name));
}

// ---- many at once: one by one, where one of them is below a mount point ----

template <class Item>
Task<Result<bool>> UnderClient::is_any_below(const std::vector<Item>* items) {
  for (const Item& item : *items) {
    CO_ASSIGN_OR_RETURN(const bool below, co_await is_below(item.parent));
    if (below) co_return true;
  }
  co_return false;
}

Task<Result<v1::Attr>> UnderClient::put_below(Identity who, NewFile file) {
  const OpenFlags flags{.read = false, .write = true, .truncate = true};
  CO_ASSIGN_OR_RETURN(Created made, co_await create(who, file.parent, file.name, file.mode, flags, file.exclusive));
  Result<void> written = co_await made.file->append(file.content);
  const Result<void> closed = co_await made.file->close();
  if (!written) co_return std::unexpected(std::move(written).error());
  if (!closed) co_return std::unexpected(closed.error());
  co_return co_await lookup(std::move(who), file.parent, std::move(file.name));
}

Task<Result<v1::Attr>> UnderClient::put(Identity who, NewFile file) {
  CO_ASSIGN_OR_RETURN(const bool below, co_await is_below(file.parent));
  if (below) co_return co_await put_below(std::move(who), std::move(file));
  co_return co_await own_.put(std::move(who), std::move(file));
}

Task<Result<std::vector<Result<v1::Attr>>>> UnderClient::put_many(Identity who, std::vector<NewFile> files) {
  CO_ASSIGN_OR_RETURN(const bool below, co_await is_any_below(&files));
  if (!below) co_return co_await own_.put_many(std::move(who), std::move(files));
  std::vector<Result<v1::Attr>> outcomes;
  outcomes.reserve(files.size());
  for (NewFile& file : files) outcomes.push_back(co_await put(who, std::move(file)));
  co_return outcomes;
}

Task<Result<std::vector<Result<v1::Attr>>>> UnderClient::lookup_many(Identity who, std::vector<EntryName> entries) {
  CO_ASSIGN_OR_RETURN(const bool below, co_await is_any_below(&entries));
  if (!below) co_return co_await own_.lookup_many(std::move(who), std::move(entries));
  std::vector<Result<v1::Attr>> outcomes;
  outcomes.reserve(entries.size());
  for (EntryName& entry : entries) outcomes.push_back(co_await lookup(who, entry.parent, std::move(entry.name)));
  co_return outcomes;
}

Task<Result<std::vector<Result<void>>>> UnderClient::unlink_many(Identity who, std::vector<EntryName> entries) {
  CO_ASSIGN_OR_RETURN(const bool below, co_await is_any_below(&entries));
  if (!below) co_return co_await own_.unlink_many(std::move(who), std::move(entries));
  std::vector<Result<void>> outcomes;
  outcomes.reserve(entries.size());
  for (EntryName& entry : entries) outcomes.push_back(co_await unlink(who, entry.parent, std::move(entry.name)));
  co_return outcomes;
}

// ---- the cache ----

Task<Result<v1::RestoreReply>> UnderClient::restore(Identity who, InodeId inode, uint64_t offset, uint64_t length) {
  if (is_under(inode)) co_return not_of_an_under_store();
  co_return co_await own_.restore(std::move(who), inode, offset, length);
}

Task<Result<v1::FreeReply>> UnderClient::free(Identity who, InodeId inode, bool force) {
  if (is_under(inode)) co_return not_of_an_under_store();
  co_return co_await own_.free(std::move(who), inode, force);
}

Task<Result<v1::Attr>> UnderClient::set_pinned(Identity who, InodeId inode, bool pinned) {
  if (is_under(inode)) co_return not_of_an_under_store();
  co_return co_await own_.set_pinned(std::move(who), inode, pinned);
}

Task<Result<v1::Attr>> UnderClient::set_ttl(Identity who, v1::SetTtlRequest request) {
  CO_ASSIGN_OR_RETURN(const bool below, co_await is_below(InodeId{request.parent()}));
  if (below) co_return not_of_an_under_store();
  co_return co_await own_.set_ttl(std::move(who), std::move(request));
}

// One piece without a copy: what it is in the cache's eyes.
Task<Result<v1::Layout>> UnderClient::layout(Identity who, InodeId inode, uint64_t offset) {
  if (!is_under(inode)) co_return co_await own_.layout(std::move(who), inode, offset);
  CO_ASSIGN_OR_RETURN(const v1::Attr attr, co_await paths_.get_attr(std::move(who), inode));
  v1::Layout layout;
  layout.set_layout(attr.layout());
  layout.set_size(attr.size());
  if (attr.size() == 0 || offset != 0) co_return layout;
  layout.add_extents()->set_length(attr.size());
  layout.add_objects()->set_length(attr.size());
  co_return layout;
}

}  // namespace forebay::client
