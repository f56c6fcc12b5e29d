#include "cli/commands/commands.h"
#include "cli/exit_code.h"
#include "cli/names.h"

namespace forebay::cli {
namespace {

struct Options {
  std::string path;
  bool directory = false, exists = false, file = false, size = false, zero = false;
};

Result<int> run(Shell& shell, const Options& options) {
  ASSIGN_OR_RETURN(std::optional<Entry> entry, find(shell, options.path, Links::kFollow));
  bool holds = entry.has_value();
  if (holds && options.directory) holds = entry->is_directory();
  if (holds && options.file) holds = entry->is_file();
  if (holds && options.size) holds = entry->attr.size() > 0;
  if (holds && options.zero) holds = entry->attr.size() == 0;
  if (shell.json()) print_json({{"path", options.path}, {"holds", holds}});
  return holds ? kExitOk : kExitFailed;
}

}  // namespace

void add_fs_test(Command fs, Shell& shell) {
  auto options = std::make_shared<Options>();
  Command command = fs.add("test", "Exit code 0 if it is so, 1 if not");
  command.option("PATH", options->path, "file or directory").required();
  Command one = command.one_option_of("condition");
  one.flag("-d", options->directory, "is a directory");
  one.flag("-e", options->exists, "exists");
  one.flag("-f", options->file, "is a file");
  one.flag("-s", options->size, "is not empty");
  one.flag("-z", options->zero, "is empty");
  shell.on(command, [options](Shell& shell) { return run(shell, *options); });
}

}  // namespace forebay::cli
