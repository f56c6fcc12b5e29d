#include "master/namespace/entry.h"
#include "master/ops/ops.h"

namespace forebay::master::ops {

Result<v1::AttrReply> make_symlink(MutationContext& context, const v1::MakeSymlinkRequest& request) {
  if (request.target().empty()) return rejected(ENOENT, "a symbolic link to nothing");
  if (request.target().size() > kMaxSymlink) return rejected(ENAMETOOLONG, "symbolic link's target");
  if (request.target().find('\0') != std::string::npos) return invalid("a symbolic link's target with NUL");
  ASSIGN_OR_RETURN(Directory parent, load_directory(context.txn, context.caller, InodeId{request.parent()}));
  TRY(check_name(request.name()));
  ASSIGN_OR_RETURN(std::optional<Entry> existing, find_entry(context.txn, parent.id, request.name()));
  TRY(check_may_add(context.caller, parent, existing));
  ASSIGN_OR_RETURN(NewInode made, make_entry(context, parent, request.name(), v1::FILE_TYPE_SYMLINK, 0777));
  made.record.set_target(request.target());
  made.record.set_size(request.target().size());
  save_inode(context.txn, made.id, made.record);
  return attr_reply(made.id, made.record, parent);
}

}  // namespace forebay::master::ops
