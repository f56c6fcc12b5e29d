#include "cli/done.h"

namespace forebay::cli {

Result<int> for_each_path(Shell& shell, const std::vector<std::string>& patterns, bool expand_patterns, const std::string& verb,
                          const std::function<Result<void>(const std::string&)>& act) {
  std::vector<std::string> paths = patterns;
  if (expand_patterns) {
    ASSIGN_OR_RETURN(paths, expand(shell, patterns));
  }
  shell.single_object(paths.size() == 1);
  Json done = Json::array();
  for (const std::string& path : paths) {
    if (Result<void> acted = act(path); !acted) {
      shell.fail(acted.error());
      continue;
    }
    if (shell.json())
      done.push_back(path);
    else
      print_line(verb + " " + path);
  }
  if (shell.json()) print_json({{verb, done}});
  return shell.exit_code();
}

}  // namespace forebay::cli
