#include "base/units.h"
#include "cli/commands/commands.h"
#include "cli/content.h"

namespace forebay::cli {
namespace {

struct Options {
  std::string path, bytes = "1KB";
};

Result<int> run(Shell& shell, const Options& options) {
  ASSIGN_OR_RETURN(uint64_t bytes, parse_size(options.bytes));
  ASSIGN_OR_RETURN(Entry entry, get(shell, options.path, Links::kFollow));
  uint64_t size = entry.attr.size();
  uint64_t from = size > bytes ? size - bytes : 0;
  TRY(print_content(shell, entry, from, size - from));
  return 0;
}

}  // namespace

void add_fs_tail(CLI::App& fs, Shell& shell) {
  auto options = std::make_shared<Options>();
  CLI::App* command = fs.add_subcommand("tail", "Write the end of a file to standard output");
  command->add_option("PATH", options->path, "file")->required();
  command->add_option("-c", options->bytes, "how many bytes (units are accepted)");
  shell.on(command, [options](Shell& shell) { return run(shell, *options); });
}

}  // namespace forebay::cli
