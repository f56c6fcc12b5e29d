#include "cli/commands/commands.h"
#include "cli/persist/control.h"

namespace forebay::cli {
namespace {

Result<int> run(Shell& shell, const std::string& path) {
  ASSIGN_OR_RETURN(const auto control, persist_control(shell));
  v1::RemoveMountRequest request;
  request.set_path(path);
  TRY(shell.wait(control->remove_mount(shell.who(), request)));
  if (shell.json())
    print_json({{"path", path}});
  else
    print_line("removed the mount at " + path + "; what is in the store stays");
  return 0;
}

}  // namespace

void add_mount_remove(Command mount, Shell& shell) {
  auto path = std::make_shared<std::string>();
  Command command = mount.add("remove", "Forget an under store that no mapping and no mapped file uses");
  command.option("--path", *path, "where it is mounted").required();
  shell.on(command, [path](Shell& shell) { return run(shell, *path); });
}

}  // namespace forebay::cli
