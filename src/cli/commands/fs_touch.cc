#include "cli/commands/commands.h"
#include "cli/done.h"

namespace forebay::cli {
namespace {

Result<void> touch(Shell& shell, const std::string& path) {
  ASSIGN_OR_RETURN(client::Client * client, shell.client());
  ASSIGN_OR_RETURN(std::optional<Entry> entry, find(shell, path, Links::kFollow));
  if (entry) {
    v1::SetAttrRequest change;
    change.set_inode(entry->attr.inode());
    change.set_atime_now(true);
    change.set_mtime_now(true);
    Result<v1::Attr> set = shell.wait(client->set_attr(shell.who(), std::move(change), nullptr));
    if (!set) return std::unexpected(std::move(set).error().with_context(path));
    return {};
  }
  ASSIGN_OR_RETURN(Place where, place(shell, path));
  client::OpenFlags flags{.read = false, .write = true};
  Result<client::Created> created = shell.wait(client->create(shell.who(), where.parent, where.name, 0644, flags, false));
  if (!created) return std::unexpected(std::move(created).error().with_context(path));
  Result<void> closed = shell.wait(created->file->close());
  if (!closed) return std::unexpected(std::move(closed).error().with_context(path));
  return {};
}

}  // namespace

void add_fs_touch(Command fs, Shell& shell) {
  auto paths = std::make_shared<std::vector<std::string>>();
  Command command = fs.add("touch", "Make empty files, or set the times of existing ones to now");
  command.option("PATH", *paths, "files").required();
  shell.on(command, [paths](Shell& shell) {
    return for_each_path(shell, *paths, false, "touched", [&](const std::string& path) { return touch(shell, path); });
  });
}

}  // namespace forebay::cli
