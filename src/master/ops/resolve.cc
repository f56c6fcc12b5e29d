#include "master/namespace/entry.h"
#include "master/ops/ops.h"

namespace forebay::master::ops {
namespace {

constexpr int kMaxLinksFollowed = 40;

// A path being walked: where it has got to, and what is left.
class Walk {
 public:
  Walk(QueryContext& context, bool follow) : context_(context), follow_(follow) {}

  Result<v1::ResolveReply> from(InodeId start, std::string path);

 private:
  struct Component {
    std::string name;
    bool last = false;   // nothing but slashes behind it
    bool slash = false;  // … and at least one: it has to be a directory
  };

  Component next_component();
  Result<bool> take(Component component);  // false: the last component does not exist
  Result<void> go_to(InodeId inode, InodeId parent, std::string name);
  Result<void> go_to_directory(InodeId inode);
  Result<void> follow_link(const Component& component);
  v1::ResolveReply reply(bool exists) const;

  QueryContext& context_;
  const bool follow_;
  std::string path_;
  size_t at_ = 0;
  int links_ = 0;
  InodeId inode_, parent_;
  v1::InodeRecord record_;
  std::string name_;
};

Walk::Component Walk::next_component() {
  Component component;
  size_t begin = path_.find_first_not_of('/', at_);
  if (begin == std::string::npos) {
    at_ = path_.size();
    return component;
  }
  size_t end = std::min(path_.find('/', begin), path_.size());
  at_ = std::min(path_.find_first_not_of('/', end), path_.size());
  component.name = path_.substr(begin, end - begin);
  component.last = at_ == path_.size();
  component.slash = component.last && end < path_.size();
  return component;
}

Result<void> Walk::go_to(InodeId inode, InodeId parent, std::string name) {
  ASSIGN_OR_RETURN(record_, load_inode(context_.reader, inode));
  inode_ = inode;
  parent_ = parent;
  name_ = std::move(name);
  return {};
}

// By its inode: under which name it was reached is not known.
Result<void> Walk::go_to_directory(InodeId inode) {
  TRY(go_to(inode, {}, ""));
  parent_ = InodeId{record_.parent()};
  return {};
}

// What is left of the path continues behind the link's target, from the directory that the link is in.
Result<void> Walk::follow_link(const Component& component) {
  if (++links_ > kMaxLinksFollowed) return rejected(ELOOP, "more than 40 symbolic links");
  std::string rest = path_.substr(at_);
  path_ = record_.target();
  if (!component.last || component.slash) path_ += "/" + rest;
  at_ = 0;
  return go_to_directory(path_.front() == '/' ? kRootInode : parent_);
}

v1::ResolveReply Walk::reply(bool exists) const {
  v1::ResolveReply reply;
  if (exists) *reply.mutable_attr() = attr_of(inode_, record_);
  reply.set_parent(parent_.value);
  reply.set_name(name_);
  return reply;
}

Result<bool> Walk::take(Component component) {
  if (record_.type() != v1::FILE_TYPE_DIRECTORY) return rejected(ENOTDIR, "not a directory");
  TRY(check_access(context_.caller, record_, kMayExecute));
  if (component.name == ".") return true;
  if (component.name == "..") {
    TRY(go_to_directory(InodeId{record_.parent()}));
    return true;
  }
  TRY(check_name(component.name));
  if (!is_linked(record_)) return rejected(ENOENT, "removed");
  ASSIGN_OR_RETURN(std::optional<Entry> entry, find_entry(context_.reader, inode_, component.name));
  if (!entry && !component.last) return rejected(ENOENT, "no such entry");
  if (!entry) {
    parent_ = inode_;
    name_ = component.name;
    return false;
  }
  TRY(go_to(entry->inode, inode_, component.name));
  bool follow = !component.last || component.slash || follow_;
  if (record_.type() == v1::FILE_TYPE_SYMLINK && follow) TRY(follow_link(component));
  return true;
}

Result<v1::ResolveReply> Walk::from(InodeId start, std::string path) {
  path_ = std::move(path);
  TRY(go_to_directory(path_.starts_with('/') ? kRootInode : start));
  bool wants_directory = false;
  for (Component component = next_component(); !component.name.empty(); component = next_component()) {
    wants_directory = component.slash;
    ASSIGN_OR_RETURN(bool exists, take(std::move(component)));
    if (!exists) return reply(false);
  }
  if (wants_directory && record_.type() != v1::FILE_TYPE_DIRECTORY) return rejected(ENOTDIR, "not a directory");
  return reply(true);
}

}  // namespace

Result<v1::ResolveReply> resolve(QueryContext& context, const v1::ResolveRequest& request) {
  if (request.path().size() > kMaxPath) return rejected(ENAMETOOLONG, "path");
  if (request.path().find('\0') != std::string::npos) return invalid("a path with NUL");
  InodeId start = request.start() == 0 ? kRootInode : InodeId{request.start()};
  return Walk(context, request.follow()).from(start, request.path());
}

}  // namespace forebay::master::ops
