#include "cli/commands/commands.h"
#include "cli/persist/control.h"

namespace forebay::cli {
namespace {

Result<int> run(Shell& shell) {
  ASSIGN_OR_RETURN(const auto control, persist_control(shell));
  v1::RetryIntentsRequest request;
  uint64_t retried = 0;
  do {
    ASSIGN_OR_RETURN(const v1::RetryIntentsReply reply, shell.wait(control->retry(shell.who(), request)));
    retried += reply.retried();
    request.set_cursor(reply.cursor());
  } while (!request.cursor().empty());
  if (shell.json())
    print_json({{"retried", retried}});
  else
    print_line(retried == 0 ? "nothing waits after a failure" : std::to_string(retried) + " tried again now");
  return 0;
}

}  // namespace

void add_persist_retry(Command persist, Shell& shell) {
  shell.on(persist.add("retry", "Try again now what failed and waits for its next attempt"), run);
}

}  // namespace forebay::cli
