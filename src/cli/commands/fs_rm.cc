#include "cli/commands/commands.h"
#include "cli/done.h"
#include "cli/path.h"
#include "client/under_path/under_inode.h"

namespace forebay::cli {
namespace {

struct Options {
  std::vector<std::string> paths;
  bool recursive = false, force = false, skip_check = false, cache_only = false;
};

Error at(const std::string& path, Status status) { return std::unexpected(std::move(status).with_context(path)); }

Result<void> remove(Shell& shell, const Entry& entry, bool recursive);

// One by one, for trees that the caller may not detach as a whole: what he may not remove stays.
Result<void> remove_below(Shell& shell, const Entry& directory) {
  std::vector<Entry> children;
  TRY(list(shell, directory, [&](Entry entry) -> Result<bool> {
    children.push_back(std::move(entry));
    return true;
  }));
  ASSIGN_OR_RETURN(client::Client * client, shell.client());
  std::vector<client::EntryName> files;
  for (const Entry& child : children) {
    if (child.is_directory())
      TRY(remove(shell, child, true));
    else
      files.push_back({child.parent, child.name});
  }
  if (files.empty()) return {};
  ASSIGN_OR_RETURN(const std::vector<Result<void>> removed, shell.wait(client->unlink_many(shell.who(), files)));
  for (size_t i = 0; i < removed.size(); ++i) {
    if (!removed[i]) return at(join_path(directory.path, files[i].name), removed[i].error());
  }
  return {};
}

Result<void> remove(Shell& shell, const Entry& entry, bool recursive) {
  ASSIGN_OR_RETURN(client::Client * client, shell.client());
  if (entry.name.empty()) return rejected(EBUSY, "/ cannot be removed");
  if (!entry.is_directory()) {
    Result<void> removed = shell.wait(client->unlink(shell.who(), entry.parent, entry.name));
    return removed ? removed : at(entry.path, std::move(removed).error());
  }
  if (!recursive) return rejected(EISDIR, entry.path + " (-R removes directories)");
  Result<void> removed = shell.wait(client->remove_tree(shell.who(), entry.parent, entry.name));
  if (removed) return {};
  if (!removed.error().is_errno(EPERM) && !removed.error().is_errno(EACCES)) return at(entry.path, std::move(removed).error());
  TRY(remove_below(shell, entry));
  removed = shell.wait(client->remove_dir(shell.who(), entry.parent, entry.name));
  return removed ? removed : at(entry.path, std::move(removed).error());
}

Result<int> run(Shell& shell, const Options& options) {
  return for_each_path(shell, options.paths, true, "removed", [&](const std::string& path) -> Result<void> {
    ASSIGN_OR_RETURN(std::optional<Entry> entry, find(shell, path, Links::kKeep));
    if (!entry && options.force) return {};
    if (!entry) return rejected(ENOENT, path);
    if (options.cache_only && client::is_under(entry->inode()))
      return rejected(EPERM, path + " is in an under store, and --alluxio-only asks to leave that as it is");
    return remove(shell, *entry, options.recursive);
  });
}

}  // namespace

void add_fs_rm(Command fs, Shell& shell) {
  auto options = std::make_shared<Options>();
  Command command = fs.add("rm", "Remove files, with -R directories and all that is in them");
  command.option("PATH", options->paths, "files, directories; patterns are expanded").required();
  command.flag("-R,-r", options->recursive, "directories, too");
  command.flag("-f", options->force, "a path that does not exist is no error");
  command.flag("-U", options->skip_check, "accepted for compatibility: the under store is never asked");
  command.flag("--alluxio-only", options->cache_only,
               "refuse what is in an under store itself, below a mount point; a mapping's onDelete decides about what it saved");
  shell.on(command, [options](Shell& shell) { return run(shell, *options); });
}

}  // namespace forebay::cli
