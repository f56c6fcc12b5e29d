#include "cli/commands/commands.h"
#include "cli/persist/control.h"

namespace forebay::cli {
namespace {

namespace service = v1::coordinator_service;

Result<int> run(Shell& shell, const std::vector<uint64_t>& ids) {
  shell.single_object(ids.size() == 1);
  Json done = Json::array();
  for (const uint64_t id : ids) {
    v1::CancelJobRequest request;
    request.set_operation(id);
    if (auto cancelled = ask_coordinator<service::CancelJob>(shell, request); !cancelled) {
      shell.fail(cancelled.error());
      continue;
    }
    done.push_back(id);
    if (!shell.json()) print_line("job " + std::to_string(id) + " is told to stop; its duty goes back into the queue");
  }
  if (shell.json()) print_json({{"cancelled", done}});
  return shell.exit_code();
}

}  // namespace

void add_job_cancel(Command job, Shell& shell) {
  auto ids = std::make_shared<std::vector<uint64_t>>();
  Command command = job.add("cancel", "Stop jobs in flight; what they are for is tried again later");
  command.option("JOB", *ids, "their numbers, from `job ls`").required();
  shell.on(command, [ids](Shell& shell) { return run(shell, *ids); });
}

}  // namespace forebay::cli
