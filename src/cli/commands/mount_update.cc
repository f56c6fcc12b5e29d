#include <algorithm>

#include "cli/commands/commands.h"
#include "cli/persist/control.h"

namespace forebay::cli {
namespace {

struct Options {
  std::string path;
  std::vector<std::string> options;
};

Result<int> run(Shell& shell, const Options& options) {
  ASSIGN_OR_RETURN(MountOptions store, parse_mount_options(options.options));
  ASSIGN_OR_RETURN(const Access access, access_of(shell));
  ASSIGN_OR_RETURN(const auto control, persist_control(shell));
  ASSIGN_OR_RETURN(const v1::ListMountsReply mounts, shell.wait(control->list_mounts(shell.who())));
  auto found = std::ranges::find(mounts.mounts(), options.path, [](const v1::Mount& mount) { return mount.record().path(); });
  if (found == mounts.mounts().end()) return rejected(ENOENT, "nothing is mounted at '" + options.path + "'");
  TRY(change_mount(access, *found, std::move(store)));
  if (shell.json())
    print_json({{"path", options.path}, {"uri", found->record().uri()}});
  else
    print_line("changed the options of " + found->record().uri() + " at " + options.path);
  return 0;
}

}  // namespace

void add_mount_update(Command mount, Shell& shell) {
  auto options = std::make_shared<Options>();
  Command command = mount.add("update", "Replace all options of a mounted store, such as keys that were renewed");
  command.option("--path", options->path, "where it is mounted").required();
  add_mount_options(command, options->options);
  shell.on(command, [options](Shell& shell) { return run(shell, *options); });
}

}  // namespace forebay::cli
