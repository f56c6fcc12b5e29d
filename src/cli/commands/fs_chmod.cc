#include "cli/commands/commands.h"
#include "cli/done.h"
#include "cli/format.h"

namespace forebay::cli {
namespace {

struct Options {
  std::string mode;
  std::vector<std::string> paths;
  bool recursive = false;
};

Result<void> change(Shell& shell, const Entry& entry, const std::string& mode) {
  if (entry.attr.type() == v1::FILE_TYPE_SYMLINK) return {};
  ASSIGN_OR_RETURN(client::Client * client, shell.client());
  ASSIGN_OR_RETURN(uint32_t bits, apply_mode(mode, entry.attr.mode(), entry.is_directory()));
  v1::SetAttrRequest request;
  request.set_inode(entry.attr.inode());
  request.set_mode(bits);
  Result<v1::Attr> set = shell.wait(client->set_attr(shell.who(), std::move(request), nullptr));
  if (!set) return std::unexpected(std::move(set).error().with_context(entry.path));
  return {};
}

Result<int> run(Shell& shell, const Options& options) {
  TRY(apply_mode(options.mode, 0, false));
  return for_each_path(shell, options.paths, true, "changed", [&](const std::string& path) -> Result<void> {
    ASSIGN_OR_RETURN(Entry entry, get(shell, path, Links::kFollow));
    if (!options.recursive) return change(shell, entry, options.mode);
    return walk(shell, entry, [&](const Entry& each) { return change(shell, each, options.mode); });
  });
}

}  // namespace

void add_fs_chmod(Command fs, Shell& shell) {
  auto options = std::make_shared<Options>();
  Command command = fs.add("chmod", "Change permissions");
  command.option("MODE", options->mode, "for example 755, u+x, go-w, a=rX").required();
  command.option("PATH", options->paths, "files and directories").required();
  command.flag("-R", options->recursive, "and all that is below");
  shell.on(command, [options](Shell& shell) { return run(shell, *options); });
}

}  // namespace forebay::cli
