#include "cli/forebay.h"

#include <CLI/CLI.hpp>
#include <span>
#include <string_view>

#include "cli/commands/commands.h"
#include "cli/exit_code.h"
#include "cli/version.h"

namespace forebay::cli {
namespace {

void add_global_options(CLI::App& app, GlobalOptions& options) {
  app.add_option("--conf,--config", options.conf, "forebay.toml (else FOREBAY_CONF, else /etc/forebay/forebay.toml)");
  app.add_option("-D,--define", options.defines, "a setting, key=value")->allow_extra_args(false);
  app.add_flag("--verbose", options.verbose, "Say with an error which trace id its operation has in the logs of all roles");
  auto set_output = [&options](const std::string& word) { options.output = word == "json" ? Output::kJson : Output::kTable; };
  app.add_option_function<std::string>("--output", set_output, "for people, or one JSON document")
      ->check(CLI::IsMember({"table", "json"}));
}

// The parser misses the command that an unknown word is not before it minds the word.
std::string explained(const CLI::App& app, const CLI::ParseError& error) {
  const std::vector<std::string> unknown = app.remaining(true);
  if (unknown.empty() || dynamic_cast<const CLI::RequiredError*>(&error) == nullptr) return error.what();
  std::string path = app.get_name();
  const CLI::App* last = &app;
  for (std::vector<CLI::App*> chosen = last->get_subcommands(); !chosen.empty(); chosen = last->get_subcommands()) {
    last = chosen.front();
    if (!last->get_name().empty()) path += " " + last->get_name();
  }
  if (last->get_require_subcommand_min() == 0) return error.what();
  return "'" + unknown.front() + "' is no command of '" + path + "'";
}

// Before the command line could be read to its end.
bool asks_for_json(std::span<char*> words) {
  for (size_t i = 0; i < words.size(); ++i) {
    const std::string_view word = words[i];
    if (word == "--output=json" || (word == "--output" && i + 1 < words.size() && words[i + 1] == std::string_view("json")))
      return true;
  }
  return false;
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
    return shell.end(app.exit(asked));
  } catch (const CLI::ParseError& error) {
    if (asks_for_json({argv, static_cast<size_t>(argc)})) shell.options().output = Output::kJson;
    shell.fail({Code::kInvalid, EINVAL, explained(app, error) + " (--help says what there is)"});
    return kExitUsage;
  }
  return shell.run();
}

}  // namespace forebay::cli
