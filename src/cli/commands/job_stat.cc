#include "cli/commands/commands.h"
#include "cli/commands/jobs.h"

namespace forebay::cli {
namespace {

namespace service = v1::coordinator_service;

Result<int> run(Shell& shell, uint64_t id) {
  v1::StatJobRequest request;
  request.set_operation(id);
  ASSIGN_OR_RETURN(const v1::Job job, ask_coordinator<service::StatJob>(shell, request));
  const Json json = job_json(job, MountNames::load(shell));
  if (shell.json()) {
    print_json(json);
    return 0;
  }
  Table table({"job " + std::to_string(id), ""});
  for (const auto& [key, value] : json.items())
    if (key != "job") table.add({"  " + key, value.is_string() ? value.get<std::string>() : value.dump()});
  print(table.text());
  return 0;
}

}  // namespace

void add_job_stat(Command job, Shell& shell) {
  auto id = std::make_shared<uint64_t>();
  auto verbose = std::make_shared<bool>();
  Command command = job.add("stat", "Everything about a job in flight");
  command.option("JOB", *id, "its number, from `job ls`").required();
  command.flag("-v", *verbose, "accepted for compatibility: all of it is shown");
  shell.on(command, [id, verbose](Shell& shell) { return run(shell, *id); });
}

}  // namespace forebay::cli
