#include "cli/commands/commands.h"
#include "cli/version.h"

namespace forebay::cli {

void add_info_version(Command info, Shell& shell) {
  shell.on(info.add("version", "The version of this program"), [](Shell& shell) -> Result<int> {
    if (shell.json())
      print_json({{"version", kVersion}});
    else
      print_line(kVersion);
    return 0;
  });
}

}  // namespace forebay::cli
