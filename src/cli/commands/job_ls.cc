#include "cli/commands/commands.h"
#include "cli/commands/jobs.h"

namespace forebay::cli {
namespace {

namespace service = v1::coordinator_service;

Result<int> run(Shell& shell) {
  TRY(shell.client());
  const MountNames names = MountNames::load(shell);
  JsonArray array;
  Table table({"JOB", "KIND", "STATE", "KEY", "DONE", "WORKER", "FOR"});
  table.right_align(0);
  v1::ListJobsRequest request;
  size_t count = 0;
  for (bool more = true; more;) {
    ASSIGN_OR_RETURN(const v1::ListJobsReply page, ask_coordinator<service::ListJobs>(shell, request));
    for (const v1::Job& job : page.jobs()) {
      request.set_after(job.operation());
      ++count;
      if (shell.json())
        array.add(job_json(job, names));
      else
        table.add({std::to_string(job.operation()), std::string(kind_name(job.kind())), job_state(job),
                   names.path(job.mount(), job.key()), job_progress(job), job.worker() == 0 ? "-" : std::to_string(job.worker()),
                   age_since(job.started_ns())});
    }
    more = page.more() && !page.jobs().empty();
  }
  if (shell.json())
    array.finish();
  else
    print(count == 0 ? "no jobs in flight\n" : table.text());
  return 0;
}

}  // namespace

void add_job_ls(Command job, Shell& shell) { shell.on(job.add("ls", "Jobs in flight; what waits is in `persist status`"), run); }

}  // namespace forebay::cli
