#include "cli/commands/commands.h"
#include "cli/content.h"
#include "cli/md5.h"

namespace forebay::cli {
namespace {

Result<std::string> checksum(Shell& shell, const std::string& path) {
  ASSIGN_OR_RETURN(Entry entry, get(shell, path, Links::kFollow));
  ASSIGN_OR_RETURN(Md5 md5, Md5::make());
  TRY(read_content(shell, entry, 0, UINT64_MAX, [&](Bytes piece) -> Result<void> {
    md5.add(piece);
    return {};
  }));
  return md5.finish();
}

Result<int> run(Shell& shell, const std::vector<std::string>& patterns) {
  ASSIGN_OR_RETURN(std::vector<std::string> paths, expand(shell, patterns));
  shell.single_object(paths.size() == 1);
  JsonArray array;
  for (const std::string& path : paths) {
    Result<std::string> sum = checksum(shell, path);
    if (!sum)
      shell.fail(sum.error());
    else if (shell.json())
      array.add({{"path", path}, {"md5", *sum}});
    else
      print_line(paths.size() == 1 ? "md5sum: " + *sum : *sum + "  " + path);
  }
  if (shell.json()) array.finish();
  return shell.exit_code();
}

}  // namespace

void add_fs_checksum(Command fs, Shell& shell) {
  auto paths = std::make_shared<std::vector<std::string>>();
  Command command = fs.add("checksum", "MD5 of files' content, as md5sum computes it");
  command.option("PATH", *paths, "files").required();
  shell.on(command, [paths](Shell& shell) { return run(shell, *paths); });
}

}  // namespace forebay::cli
