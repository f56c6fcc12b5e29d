#include "cli/commands/commands.h"

namespace forebay::cli {

void add_journal_read(Command journal, Shell& shell) {
  shell.on(journal.add("read", "Not in this version; `admin fsck` checks what the journal has made"), [](Shell&) -> Result<int> {
    return rejected(ENOTSUP,
                    "the local journal is the log of the master's store and has no entries to print; `admin fsck` "
                    "checks the metadata, `persist status` shows what waits");
  });
}

}  // namespace forebay::cli
