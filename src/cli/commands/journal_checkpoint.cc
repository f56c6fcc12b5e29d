#include "cli/commands/commands.h"

namespace forebay::cli {
namespace {

// The journal is the log of the metadata's store, which keeps itself short.
Result<int> run(Shell& shell) {
  ASSIGN_OR_RETURN(client::Client * client, shell.client());
  TRY(shell.wait(client->report()));
  if (shell.json())
    print_json({{"checkpoint", "not needed"}});
  else
    print_line("nothing to do: the master's journal is the log of its store, which is shortened as it is written");
  return 0;
}

}  // namespace

void add_journal_checkpoint(Command journal, Shell& shell) {
  shell.on(journal.add("checkpoint", "Accepted for compatibility: the local journal needs none"), run);
}

}  // namespace forebay::cli
