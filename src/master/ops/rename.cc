#include "master/namespace/entry.h"
#include "master/namespace/reclaim.h"
#include "master/ops/ops.h"
#include "master/persist/hooks.h"
#include "master/ttl/ttl.h"

namespace forebay::master::ops {
namespace {

constexpr int kMaxDepth = 1'000'000;  // deeper than any path that could have been made: a ring in the records

struct Subject {
  Entry entry;
  v1::InodeRecord record;

  bool is_directory() const { return entry.type == v1::FILE_TYPE_DIRECTORY; }
};

// One rename. The checks come in Linux's order, so that the errno is the expected one when several apply.
class Renaming {
 public:
  Renaming(MutationContext& context, const v1::RenameRequest& request) : context_(context), request_(request) {}
  Result<v1::RenameReply> run();

 private:
  Directory& to() { return other_ ? *other_ : from_; }
  bool across() const { return other_.has_value(); }

  Result<void> load();
  Result<void> check_place();
  Result<void> check_permissions();
  Result<void> check_types();
  Result<void> check_mappings();
  Result<void> move();
  Result<void> drop_target();
  Result<void> exchange();
  Result<void> enter(Subject& subject, Directory& directory, const std::string& name);
  void save_directories(v1::RenameReply& reply);
  Result<void> follow_directories();
  Result<bool> is_below(InodeId directory, InodeId ancestor);

  MutationContext& context_;
  const v1::RenameRequest& request_;
  Directory from_;
  std::optional<Directory> other_;  // the new parent, when it is not the old one
  Subject source_;
  std::optional<Subject> target_;
};

Result<void> Renaming::load() {
  ASSIGN_OR_RETURN(from_, load_directory(context_.txn, context_.caller, InodeId{request_.parent()}));
  if (request_.new_parent() != request_.parent()) {
    ASSIGN_OR_RETURN(other_, load_directory(context_.txn, context_.caller, InodeId{request_.new_parent()}));
  }
  ASSIGN_OR_RETURN(source_.entry, existing_entry(context_.txn, from_.id, request_.name()));
  TRY(check_name(request_.new_name()));
  ASSIGN_OR_RETURN(std::optional<Entry> target, find_entry(context_.txn, to().id, request_.new_name()));
  if (target && request_.no_replace()) return rejected(EEXIST, "exists");
  if (!target && request_.exchange()) return rejected(ENOENT, "nothing to exchange with");
  if (!target) return {};
  target_.emplace(*target);
  return {};
}

// A directory that is removed, or below one, would take with it what is moved there.
Result<bool> Renaming::is_below(InodeId directory, InodeId ancestor) {
  for (int depth = 0; depth < kMaxDepth; ++depth) {
    if (directory == ancestor) return true;
    ASSIGN_OR_RETURN(v1::InodeRecord record, load_inode(context_.txn, directory));
    if (!is_linked(record)) return rejected(ENOENT, "removed");
    if (directory == kRootInode) return false;
    directory = InodeId{record.parent()};
  }
  return corrupt("the parents of inode " + to_string(directory) + " form a ring");
}

Result<void> Renaming::check_place() {
  if (!across()) return {};
  ASSIGN_OR_RETURN(bool into_itself, is_below(to().id, source_.entry.inode));
  if (into_itself) return rejected(EINVAL, "into itself");
  if (!target_ || !target_->is_directory()) return {};
  ASSIGN_OR_RETURN(bool out_of_it, is_below(from_.id, target_->entry.inode));
  if (!out_of_it) return {};
  return request_.exchange() ? rejected(EINVAL, "into itself") : rejected(ENOTEMPTY, "not empty");
}

// A directory that changes its parent is itself written to: its '..' changes.
Result<void> Renaming::check_permissions() {
  TRY(check_may_remove(context_.caller, from_, source_.record));
  if (target_) {
    TRY(check_may_remove(context_.caller, to(), target_->record));
  } else {
    TRY(check_may_add(context_.caller, to(), std::nullopt));
  }
  TRY(check_types());
  if (!across()) return {};
  if (source_.is_directory()) TRY(check_access(context_.caller, source_.record, kMayWrite));
  if (request_.exchange() && target_->is_directory()) TRY(check_access(context_.caller, target_->record, kMayWrite));
  return {};
}

Result<void> Renaming::check_types() {
  if (!target_ || request_.exchange()) return {};
  if (source_.is_directory() && !target_->is_directory()) return rejected(ENOTDIR, "not a directory");
  if (!source_.is_directory() && target_->is_directory()) return rejected(EISDIR, "a directory");
  return {};
}

// What is mapped keeps its place.
Result<void> Renaming::check_mappings() {
  if (source_.is_directory()) TRY(check_may_leave(context_, source_.entry.inode));
  if (target_ && target_->is_directory()) TRY(check_may_leave(context_, target_->entry.inode));
  return {};
}

Result<void> Renaming::enter(Subject& subject, Directory& directory, const std::string& name) {
  TRY(entry_moved(context_, subject.entry, subject.record, directory.id, name));
  TRY(add_entry(context_, directory, name, subject.entry));
  if (subject.is_directory()) {
    subject.record.set_parent(directory.id.value);
    subject.record.set_name(name);
  }
  subject.record.set_ctime_ns(os::unix_nanos(context_.now));
  save_inode(context_.txn, subject.entry.inode, subject.record);
  return {};
}

Result<void> Renaming::move() {
  TRY(ttl_moved(context_.txn, source_.entry.inode, source_.record, from_.id, request_.name(), to().id, request_.new_name()));
  remove_entry(context_, from_, request_.name(), source_.entry.type);
  if (target_) {
    remove_entry(context_, to(), request_.new_name(), target_->entry.type);
    TRY(entry_removed(context_, target_->entry, target_->record));
  }
  return enter(source_, to(), request_.new_name());
}

Result<void> Renaming::exchange() {
  const std::string &name = request_.name(), &new_name = request_.new_name();
  TRY(ttl_moved(context_.txn, source_.entry.inode, source_.record, from_.id, name, to().id, new_name));
  TRY(ttl_moved(context_.txn, target_->entry.inode, target_->record, to().id, new_name, from_.id, name));
  remove_entry(context_, from_, request_.name(), source_.entry.type);
  remove_entry(context_, to(), request_.new_name(), target_->entry.type);
  TRY(enter(source_, to(), request_.new_name()));
  return enter(*target_, from_, request_.name());
}

Result<void> Renaming::follow_directories() {
  const std::string &name = request_.name(), &new_name = request_.new_name();
  if (source_.is_directory()) TRY(directory_moved(context_, source_.entry.inode, from_.id, name, to().id, new_name));
  if (request_.exchange() && target_->is_directory()) {
    TRY(directory_moved(context_, target_->entry.inode, to().id, new_name, from_.id, name));
  }
  return {};
}

Result<void> Renaming::drop_target() {
  if (target_->is_directory()) {
    TRY(check_names_free(context_, target_->entry.inode));
    return drop_directory(context_, target_->entry.inode, target_->record);
  }
  return drop_link(context_, target_->entry.inode, target_->record);
}

void Renaming::save_directories(v1::RenameReply& reply) {
  save_inode(context_.txn, from_.id, from_.record);
  *reply.mutable_parent() = attr_of(from_.id, from_.record);
  if (!other_) return;
  save_inode(context_.txn, other_->id, other_->record);
  *reply.mutable_new_parent() = attr_of(other_->id, other_->record);
}

Result<v1::RenameReply> Renaming::run() {
  TRY(load());
  TRY(check_place());
  v1::RenameReply reply;
  reply.set_moved(source_.entry.inode.value);
  if (target_ && target_->entry.inode == source_.entry.inode) return reply;  // two names of one file: both stay
  ASSIGN_OR_RETURN(source_.record, load_inode(context_.txn, source_.entry.inode));
  if (target_) {
    ASSIGN_OR_RETURN(target_->record, load_inode(context_.txn, target_->entry.inode));
  }
  TRY(check_permissions());
  TRY(check_mappings());
  if (request_.exchange()) {
    TRY(exchange());
    save_directories(reply);
    TRY(follow_directories());
    return reply;
  }
  if (target_ && target_->is_directory() && target_->record.size() != 0) return rejected(ENOTEMPTY, "not empty");
  TRY(move());
  save_directories(reply);
  TRY(follow_directories());
  if (target_) {
    reply.set_replaced(target_->entry.inode.value);
    TRY(drop_target());
  }
  return reply;
}

}  // namespace

Result<v1::RenameReply> rename(MutationContext& context, const v1::RenameRequest& request) {
  if (request.no_replace() && request.exchange()) return invalid("no_replace and exchange exclude each other");
  return Renaming(context, request).run();
}

}  // namespace forebay::master::ops
