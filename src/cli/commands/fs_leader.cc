#include "cli/commands/commands.h"
#include "cli/roles/configs.h"

namespace forebay::cli {
namespace {

// One master serves in this version: it is the one that answers.
Result<int> run(Shell& shell) {
  ASSIGN_OR_RETURN(const config::Settings* settings, shell.settings());
  ASSIGN_OR_RETURN(std::vector<os::Address> masters, master_addresses(*settings));
  ASSIGN_OR_RETURN(client::Client * client, shell.client());
  TRY(shell.wait(client->report()));
  if (shell.json())
    print_json({{"leader", masters.front().to_string()}});
  else
    print_line(masters.front().host);
  return 0;
}

}  // namespace

void add_fs_leader(Command fs, Shell& shell) { shell.on(fs.add("leader", "The host of the leading master"), run); }

}  // namespace forebay::cli
