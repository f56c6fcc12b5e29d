#include "cli/commands/commands.h"
#include "cli/doctor/checks.h"
#include "cli/exit_code.h"

namespace forebay::cli {
namespace {

Result<int> run(Shell& shell) {
  std::vector<Finding> findings = examine(shell);
  bool sound = true;
  Json json = Json::array();
  for (const Finding& finding : findings) {
    sound = sound && finding.verdict != Verdict::kProblem;
    if (shell.json()) {
      json.push_back({{"check", finding.check},
                      {"verdict", verdict_name(finding.verdict)},
                      {"found", finding.found},
                      {"mend", finding.mend}});
      continue;
    }
    print_line(std::string(verdict_name(finding.verdict)) + std::string(9 - verdict_name(finding.verdict).size(), ' ') +
               finding.check + ": " + finding.found);
    if (!finding.mend.empty()) print_line("         -> " + finding.mend);
  }
  if (shell.json()) print_json(json);
  return sound ? kExitOk : kExitFailed;
}

}  // namespace

void add_doctor(Command app, Shell& shell) {
  shell.on(app.add("doctor", "Look for what is wrong with this host and this configuration, and say how to mend it"), run);
}

}  // namespace forebay::cli
