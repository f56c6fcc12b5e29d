#include "cli/commands/commands.h"
#include "cli/names.h"
#include "cli/path.h"

namespace forebay::cli {
namespace {

struct Options {
  std::string from, to;
  bool keep_existing = false;
};

Result<int> run(Shell& shell, const Options& options) {
  ASSIGN_OR_RETURN(Entry source, get(shell, options.from, Links::kKeep));
  if (source.name.empty()) return rejected(EBUSY, source.path);
  ASSIGN_OR_RETURN(std::optional<Entry> existing, find(shell, options.to, Links::kFollow));
  bool into = existing && existing->is_directory();
  ASSIGN_OR_RETURN(std::string normal, normalize_path(options.to));
  ASSIGN_OR_RETURN(Place target, place(shell, into ? join_path(normal, split_path(source.path).second) : normal));
  v1::RenameRequest request;
  request.set_parent(source.parent.value);
  request.set_name(source.name);
  request.set_new_parent(target.parent.value);
  request.set_new_name(target.name);
  request.set_no_replace(options.keep_existing);
  ASSIGN_OR_RETURN(client::Client * client, shell.client());
  Result<void> renamed = shell.wait(client->rename(shell.who(), std::move(request)));
  if (!renamed) return std::unexpected(std::move(renamed).error().with_context(source.path + " to " + target.path));
  if (shell.json())
    print_json({{"renamed", {{"from", source.path}, {"to", target.path}}}});
  else
    print_line("renamed " + source.path + " to " + target.path);
  return 0;
}

}  // namespace

void add_fs_mv(Command fs, Shell& shell) {
  auto options = std::make_shared<Options>();
  Command command = fs.add("mv", "Rename a file or directory, or move it into a directory");
  command.option("FROM", options->from, "what").required();
  command.option("TO", options->to, "where").required();
  command.flag("-n", options->keep_existing, "fail rather than replace a file");
  shell.on(command, [options](Shell& shell) { return run(shell, *options); });
}

}  // namespace forebay::cli
