#include "cli/forebay.h"

#include <CLI/CLI.hpp>
#include <iostream>

#include "cli/commands/commands.h"
#include "cli/exit_code.h"
#include "cli/version.h"

namespace forebay::cli {
namespace {

void add_global_options(CLI::App& app, GlobalOptions& options) {
  app.add_option("--conf,--config", options.conf, "forebay.toml (else FOREBAY_CONF, else /etc/forebay/forebay.toml)");
  app.add_option("-D,--define", options.defines, "a setting, key=value")->allow_extra_args(false);
  app.add_flag("--verbose", options.verbose, "Say with an error which trace id its operation has in the logs of all roles");
  app.add_option("--output", options.output, "table or json")
      ->transform(CLI::CheckedTransformer(std::map<std::string, Output>{{"table", Output::kTable}, {"json", Output::kJson}}));
}

}  // namespace

int run_forebay(int argc, char** argv) {
  CLI::App app("Forebay: a distributed write cache.", "forebay");
  app.set_help_flag("--help", "Say what a command does and what it takes");  // -h is ls's and du's
  app.set_version_flag("--version", std::string("forebay ") + kVersion);
  app.fallthrough();
  app.require_subcommand(1);
  Shell shell;
  add_global_options(app, shell.options());
  add_commands(Command(app), shell);
  try {
    app.parse(argc, argv);
  } catch (const CLI::Success& asked) {
    return app.exit(asked);
  } catch (const CLI::ParseError& error) {
    complain(std::string(error.what()) + " (--help says what there is)");
    return kExitUsage;
  }
  return shell.run();
}

}  // namespace forebay::cli
