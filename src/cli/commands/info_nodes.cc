#include "cli/commands/commands.h"
#include "cli/commands/workers_table.h"

namespace forebay::cli {
namespace {

Result<int> run(Shell& shell) {
  ASSIGN_OR_RETURN(client::Client * client, shell.client());
  ASSIGN_OR_RETURN(v1::ReportReply report, shell.wait(client->report()));
  if (shell.json())
    print_json(workers_json(report));
  else
    print(workers_table(report));
  return 0;
}

}  // namespace

void add_info_nodes(Command info, Shell& shell) { shell.on(info.add("nodes", "The workers, their tiers and their space"), run); }

}  // namespace forebay::cli
