#include <CLI/App.hpp>

#include "cli/commands/commands.h"

namespace forebay::cli {
namespace {

// The words that may follow each command, from the parser itself, so that the script is never out of date.
void append_words(const CLI::App& app, const std::string& path, std::string& script) {
  std::string words;
  for (const CLI::App* command : app.get_subcommands({}))
    if (!command->get_name().empty() && !command->get_group().empty()) words += (words.empty() ? "" : " ") + command->get_name();
  for (const CLI::Option* option : app.get_options())
    for (const std::string& name : option->get_lnames()) words += (words.empty() ? "" : " ") + ("--" + name);
  for (const CLI::App* group : app.get_subcommands({}))
    if (group->get_name().empty())
      for (const CLI::Option* option : group->get_options())
        for (const std::string& name : option->get_lnames()) words += " --" + name;
  script += "    '" + path + "') words='" + words + "' ;;\n";
  for (const CLI::App* command : app.get_subcommands({}))
    if (!command->get_name().empty() && !command->get_group().empty())
      append_words(*command, path + " " + command->get_name(), script);
}

constexpr const char* kHead = R"(# bash completion for forebay:  source <(forebay completion)
_forebay() {
  local word path='forebay' words='' current="${COMP_WORDS[COMP_CWORD]}" i
  for ((i = 1; i < COMP_CWORD; ++i)); do
    word="${COMP_WORDS[i]}"
    case "$word" in -*) continue ;; esac
    _forebay_words "$path $word" && path="$path $word"
  done
  _forebay_words "$path"
  COMPREPLY=($(compgen -W "$_forebay_found --conf --output --help" -- "$current"))
  case "$current" in -*) ;; *) COMPREPLY+=($(compgen -f -- "$current")) ;; esac
}
_forebay_words() {
  local words
  case "$1" in
)";
constexpr const char* kTail = R"(    *) return 1 ;;
  esac
  _forebay_found="$words"
}
complete -o filenames -F _forebay forebay alluxio
)";

}  // namespace

void add_completion(Command app, Shell& shell) {
  Command command = app.add("completion", "Completion for bash: source <(forebay completion)");
  shell.on(command, [app](Shell&) -> Result<int> {
    std::string script(kHead);
    append_words(app.parser(), "forebay", script);
    print(script + kTail);
    return 0;
  });
}

}  // namespace forebay::cli
