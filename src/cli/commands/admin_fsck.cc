#include "cli/commands/commands.h"
#include "cli/exit_code.h"
#include "cli/fsck/check_cluster.h"

namespace forebay::cli {
namespace {

Json to_json(const FsckFindings& found) {
  Json problems = Json::array();
  for (const FsckProblem& each : found.problems) {
    Json problem = {{"where", each.where}, {"problem", each.problem}};
    if (each.object != 0) problem["object"] = each.object;
    problems.push_back(std::move(problem));
  }
  return {{"clean", found.problems.empty() && found.unchecked.empty()},
          {"problems", problems},
          {"unchecked", found.unchecked},
          {"records", found.records},
          {"objects", found.objects},
          {"stored_keys", found.stored_keys},
          {"to_be_removed", found.to_be_removed},
          {"reclaiming", found.reclaiming}};
}

void print_table(const FsckFindings& found) {
  if (!found.problems.empty()) {
    Table table({"WHERE", "OBJECT", "PROBLEM"});
    for (const FsckProblem& each : found.problems)
      table.add({each.where, each.object == 0 ? "-" : std::to_string(each.object), each.problem});
    print(table.text() + "\n");
  }
  print_line("records checked        " + std::to_string(found.records));
  print_line("objects compared       " + std::to_string(found.objects));
  print_line("under store's objects  " + std::to_string(found.stored_keys));
  print_line("removed, space pending " + std::to_string(found.to_be_removed) + " objects, " + std::to_string(found.reclaiming) +
             " files and trees");
  print_line("problems               " + std::to_string(found.problems.size()));
}

Result<int> run(Shell& shell) {
  ASSIGN_OR_RETURN(FsckFindings found, check_cluster(shell));
  if (shell.json())
    print_json(to_json(found));
  else
    print_table(found);
  for (const std::string& each : found.unchecked) complain("not checked: " + each);
  if (!found.problems.empty()) return kExitFailed;
  return found.unchecked.empty() ? kExitOk : kExitPartial;
}

}  // namespace

void add_admin_fsck(Command admin, Shell& shell) {
  shell.on(admin.add("fsck", "Check the metadata, and what the workers and the under stores have against it; changes nothing"),
           run);
}

}  // namespace forebay::cli
