#include "cli/commands/commands.h"
#include "cli/format.h"
#include "cli/names.h"

namespace forebay::cli {
namespace {

struct Options {
  std::vector<std::string> paths;
  bool human = false;
};

struct Counts {
  uint64_t files = 0, directories = 0, links = 0, others = 0, bytes = 0;
};

Result<Counts> count(Shell& shell, const std::string& path) {
  ASSIGN_OR_RETURN(Entry entry, get(shell, path, Links::kFollow));
  Counts counts;
  TRY(walk(shell, entry, [&](const Entry& each) -> Result<void> {
    if (each.is_file()) counts.bytes += each.attr.size();
    switch (each.attr.type()) {
      case v1::FILE_TYPE_REGULAR: ++counts.files; break;
      case v1::FILE_TYPE_DIRECTORY: ++counts.directories; break;
      case v1::FILE_TYPE_SYMLINK: ++counts.links; break;
      default: ++counts.others;
    }
    return {};
  }));
  return counts;
}

Result<int> run(Shell& shell, const Options& options) {
  ASSIGN_OR_RETURN(std::vector<std::string> paths, expand(shell, options.paths));
  shell.single_object(paths.size() == 1);
  JsonArray array;
  Table table({"File Count", "Folder Count", "Folder Size", "Path"});
  for (size_t column : {0, 1, 2}) table.right_align(column);
  for (const std::string& path : paths) {
    Result<Counts> counts = count(shell, path);
    if (!counts) {
      shell.fail(counts.error());
      continue;
    }
    if (shell.json())
      array.add({{"path", path},
                 {"files", counts->files},
                 {"directories", counts->directories},
                 {"symlinks", counts->links},
                 {"others", counts->others},
                 {"bytes", counts->bytes}});
    table.add({std::to_string(counts->files), std::to_string(counts->directories),
               options.human ? format_human(counts->bytes) : std::to_string(counts->bytes), path});
  }
  if (shell.json())
    array.finish();
  else
    print(table.text());
  return shell.exit_code();
}

}  // namespace

void add_fs_count(Command fs, Shell& shell) {
  auto options = std::make_shared<Options>();
  Command command = fs.add("count", "Count files, directories and bytes below paths");
  command.option("PATH", options->paths, "files and directories").required();
  command.flag("-h", options->human, "sizes with units");
  shell.on(command, [options](Shell& shell) { return run(shell, *options); });
}

}  // namespace forebay::cli
