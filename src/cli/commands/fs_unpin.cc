#include "cli/commands/commands.h"
#include "cli/done.h"

namespace forebay::cli {

void add_fs_unpin(Command fs, Shell& shell) {
  auto paths = std::make_shared<std::vector<std::string>>();
  Command command = fs.add("unpin", "Let what was pinned leave the cache again");
  command.option("PATH", *paths, "files and directories; patterns are expanded").required();
  shell.on(command, [paths](Shell& shell) {
    return for_each_path(shell, *paths, true, "unpinned", [&](const std::string& path) -> Result<void> {
      ASSIGN_OR_RETURN(client::Client * client, shell.client());
      ASSIGN_OR_RETURN(const Entry entry, get(shell, path, Links::kFollow));
      Result<v1::Attr> set = shell.wait(client->set_pinned(shell.who(), entry.inode(), false));
      if (!set) return std::unexpected(std::move(set).error().with_context(path));
      return {};
    });
  });
}

}  // namespace forebay::cli
