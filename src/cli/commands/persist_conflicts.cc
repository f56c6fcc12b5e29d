#include "cli/commands/commands.h"
#include "cli/format.h"
#include "cli/persist/control.h"

namespace forebay::cli {
namespace {

// Until `each` has seen all of them.
Result<void> for_each_conflict(Shell& shell, const std::function<void(const v1::Conflict&)>& each) {
  ASSIGN_OR_RETURN(const auto control, persist_control(shell));
  v1::ListConflictsRequest request;
  for (bool more = true; more;) {
    ASSIGN_OR_RETURN(const v1::ListConflictsReply page, shell.wait(control->conflicts(shell.who(), request)));
    for (const v1::Conflict& conflict : page.conflicts()) {
      each(conflict);
      request.set_after(conflict.binding());
    }
    more = page.more() && !page.conflicts().empty();
  }
  return {};
}

Result<int> run(Shell& shell) {
  TRY(shell.client());
  const MountNames names = MountNames::load(shell);
  auto key_of = [&](const v1::Conflict& conflict) {
    return names.path(conflict.record().conflict().mount(), conflict.record().conflict().key());
  };
  if (shell.json()) {
    JsonArray array;
    TRY(for_each_conflict(shell, [&](const v1::Conflict& conflict) {
      const v1::ConflictRecord& record = conflict.record().conflict();
      array.add({{"binding", conflict.binding()},
                 {"path", conflict.path()},
                 {"key", key_of(conflict)},
                 {"their_size", record.theirs_length()},
                 {"their_identity", record.theirs()},
                 {"since", format_iso_time(record.since_ns())}});
    }));
    array.finish();
    return 0;
  }
  Table table({"FILE", "KEY", "THEIR SIZE", "FOR"});
  table.right_align(2);
  bool any = false;
  TRY(for_each_conflict(shell, [&](const v1::Conflict& conflict) {
    any = true;
    const v1::ConflictRecord& record = conflict.record().conflict();
    table.add({conflict.path(), key_of(conflict), std::to_string(record.theirs_length()), age_since(record.since_ns())});
  }));
  if (any)
    print(table.text());
  else
    print_line("no conflicts");
  return 0;
}

}  // namespace

void add_persist_conflicts(Command persist, Shell& shell) {
  shell.on(persist.add("conflicts", "Files whose key holds an object of somebody else"), run);
}

}  // namespace forebay::cli
