#include "cli/commands/commands.h"
#include "cli/format.h"

namespace forebay::cli {
namespace {

Result<int> run(Shell& shell, bool human) {
  ASSIGN_OR_RETURN(client::Client * client, shell.client());
  ASSIGN_OR_RETURN(v1::StatFsReply space, shell.wait(client->stat_fs()));
  uint64_t used = space.total_bytes() - std::min(space.free_bytes(), space.total_bytes());
  if (shell.json()) {
    print_json({{"total_bytes", space.total_bytes()},
                {"used_bytes", used},
                {"free_bytes", space.free_bytes()},
                {"files", space.files()},
                {"live_workers", space.live_workers()}});
    return 0;
  }
  auto number = [&](uint64_t bytes) { return human ? format_human(bytes) : std::to_string(bytes); };
  uint64_t percent = space.total_bytes() == 0 ? 0 : (used * 100 + space.total_bytes() - 1) / space.total_bytes();
  Table table({"TOTAL", "USED", "FREE", "USE%", "FILES", "WORKERS"});
  for (size_t column = 0; column < 6; ++column) table.right_align(column);
  table.add({number(space.total_bytes()), number(used), number(space.free_bytes()), std::to_string(percent) + "%",
             std::to_string(space.files()), std::to_string(space.live_workers())});
  print(table.text());
  return 0;
}

}  // namespace

void add_fs_df(Command fs, Shell& shell) {
  auto human = std::make_shared<bool>(false);
  Command command = fs.add("df", "Space of the cluster, in bytes");
  command.flag("-h", *human, "sizes with units");
  shell.on(command, [human](Shell& shell) { return run(shell, *human); });
}

}  // namespace forebay::cli
