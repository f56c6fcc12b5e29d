#include "master/namespace/make_path.h"

#include "master/namespace/entry.h"

namespace forebay::master {
namespace {

// A directory that was not there gets the rights of the one that it is made in.
Result<InodeId> find_or_make(MutationContext& context, InodeId parent, std::string_view name, const std::string& where) {
  ASSIGN_OR_RETURN(const std::optional<Entry> existing, find_entry(context.txn, parent, name));
  if (existing && existing->type != v1::FILE_TYPE_DIRECTORY) return invalid(where + " is no directory");
  if (existing) return existing->inode;
  ASSIGN_OR_RETURN(v1::InodeRecord record, load_inode(context.txn, parent));
  if (!is_linked(record)) return invalid(where + ": a directory on the way has been removed");
  Directory directory{parent, std::move(record)};
  ASSIGN_OR_RETURN(NewInode made, make_entry(context, directory, name, v1::FILE_TYPE_DIRECTORY, directory.record.mode()));
  made.record.set_uid(directory.record.uid());
  made.record.set_gid(directory.record.gid());
  save_inode(context.txn, made.id, made.record);
  return made.id;
}

}  // namespace

Result<InodeId> make_path(MutationContext& context, std::string_view path, const std::string& where) {
  InodeId directory = kRootInode;
  for (size_t begin = 1; begin < path.size();) {
    const size_t end = std::min(path.find('/', begin), path.size());
    const std::string_view name = path.substr(begin, end - begin);
    if (auto good = check_name(name); !good) return invalid(where + ": " + good.error().message());
    ASSIGN_OR_RETURN(directory, find_or_make(context, directory, name, where));
    begin = end + 1;
  }
  return directory;
}

}  // namespace forebay::master
