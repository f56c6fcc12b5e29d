#include "cli/commands/commands.h"

namespace forebay::cli {
namespace {

// Warnings go to standard error as they are found; errors are the command's.
Result<int> run(Shell& shell) {
  ASSIGN_OR_RETURN(const config::Settings* settings, shell.settings());
  size_t set = 0;
  for (size_t i = 0; i < config::kSettings; ++i) set += settings->is_default(i) ? 0 : 1;
  if (shell.json())
    print_json({{"valid", true}, {"set", set}});
  else
    print_line("the configuration is valid: " + std::to_string(set) + " settings differ from their defaults");
  return 0;
}

}  // namespace

void add_conf_check(Command conf, Shell& shell) { shell.on(conf.add("check", "Read all settings and name what is wrong"), run); }

}  // namespace forebay::cli
