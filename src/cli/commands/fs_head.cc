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
  TRY(print_content(shell, entry, 0, bytes));
  return 0;
}

}  // namespace

void add_fs_head(Command fs, Shell& shell) {
  auto options = std::make_shared<Options>();
  Command command = fs.add("head", "Write the beginning of a file to standard output");
  command.option("PATH", options->path, "file").required();
  command.option("-c", options->bytes, "how many bytes (units are accepted)");
  shell.on(command, [options](Shell& shell) { return run(shell, *options); });
}

}  // namespace forebay::cli
