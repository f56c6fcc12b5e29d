#include "cli/commands/commands.h"
#include "cli/content.h"

namespace forebay::cli {
namespace {

Result<int> run(Shell& shell, const std::vector<std::string>& patterns) {
  ASSIGN_OR_RETURN(std::vector<std::string> paths, expand(shell, patterns));
  shell.single_object(paths.size() == 1);
  for (const std::string& path : paths) {
    Result<Entry> entry = get(shell, path, Links::kFollow);
    Result<void> shown = entry ? print_content(shell, *entry, 0, UINT64_MAX) : std::unexpected(entry.error());
    if (!shown) shell.fail(shown.error());
  }
  return shell.exit_code();
}

}  // namespace

void add_fs_cat(Command fs, Shell& shell) {
  auto paths = std::make_shared<std::vector<std::string>>();
  Command command = fs.add("cat", "Write files to standard output");
  command.option("PATH", *paths, "files").required();
  shell.on(command, [paths](Shell& shell) { return run(shell, *paths); });
}

}  // namespace forebay::cli
