#include "cli/commands/commands.h"
#include "cli/done.h"
#include "cli/format.h"
#include "cli/path.h"

namespace forebay::cli {
namespace {

struct Options {
  std::vector<std::string> paths;
  bool parents = false;
  std::string mode = "755";
};

// Makes what is missing above it, as the reference system does.
Result<void> make(Shell& shell, const std::string& path, uint32_t mode, bool may_exist) {
  ASSIGN_OR_RETURN(std::string normal, normalize_path(path));
  ASSIGN_OR_RETURN(std::optional<Entry> existing, find(shell, normal, Links::kFollow));
  if (existing && may_exist && existing->is_directory()) return {};
  if (existing) return rejected(EEXIST, normal);
  auto [directory, name] = split_path(normal);
  if (directory != "/") TRY(make(shell, directory, mode, true));
  ASSIGN_OR_RETURN(Place where, place(shell, normal));
  ASSIGN_OR_RETURN(client::Client * client, shell.client());
  Result<v1::Attr> made = shell.wait(client->make_dir(shell.who(), where.parent, where.name, mode));
  if (!made && may_exist && made.error().is_errno(EEXIST)) return {};
  if (!made) return std::unexpected(std::move(made).error().with_context(normal));
  return {};
}

Result<int> run(Shell& shell, const Options& options) {
  ASSIGN_OR_RETURN(uint32_t mode, apply_mode(options.mode, 0755, true));
  return for_each_path(shell, options.paths, false, "created",
                       [&](const std::string& path) { return make(shell, path, mode, options.parents); });
}

}  // namespace

void add_fs_mkdir(Command fs, Shell& shell) {
  auto options = std::make_shared<Options>();
  Command command = fs.add("mkdir", "Make directories, and those above them that are missing");
  command.option("PATH", options->paths, "directories").required();
  command.flag("-p", options->parents, "a directory that exists is no error");
  command.option("-m,--mode", options->mode, "permissions");
  shell.on(command, [options](Shell& shell) { return run(shell, *options); });
}

}  // namespace forebay::cli
