#include <algorithm>

#include "cli/commands/commands.h"
#include "cli/done.h"

namespace forebay::cli {
namespace {

struct Options {
  std::vector<std::string> words;  // paths, and the time to live at the end
  std::string action = "delete";
  bool recursive = false;
};

// Milliseconds where there is no unit, as its users write it.
Result<int64_t> parse_ttl(const std::string& text) {
  const bool is_number = !text.empty() && std::ranges::all_of(text, [](char c) { return c >= '0' && c <= '9'; });
  ASSIGN_OR_RETURN(const Duration ttl, parse_duration(is_number && text != "0" ? text + "ms" : text));
  if (ttl < Duration{}) return invalid("a time to live is not negative");
  return std::chrono::duration_cast<std::chrono::milliseconds>(ttl).count();
}

Result<void> set(Shell& shell, const Entry& entry, int64_t ttl_ms, v1::TtlAction action) {
  if (entry.name.empty()) return rejected(EBUSY, "/ lives for ever");
  ASSIGN_OR_RETURN(client::Client * client, shell.client());
  v1::SetTtlRequest request;
  request.set_parent(entry.parent.value);
  request.set_name(entry.name);
  request.set_ttl_ms(ttl_ms);
  request.set_action(action);
  Result<v1::Attr> done = shell.wait(client->set_ttl(shell.who(), std::move(request)));
  if (!done) return std::unexpected(std::move(done).error().with_context(entry.path));
  return {};
}

Result<int> run(Shell& shell, const Options& options) {
  if (options.words.size() < 2) return invalid("setTtl needs a path and a time to live");
  ASSIGN_OR_RETURN(const int64_t ttl_ms, parse_ttl(options.words.back()));
  const std::vector<std::string> paths(options.words.begin(), options.words.end() - 1);
  const v1::TtlAction action = options.action == "free" ? v1::TTL_ACTION_FREE : v1::TTL_ACTION_DELETE;
  return for_each_path(shell, paths, true, "set", [&](const std::string& path) -> Result<void> {
    ASSIGN_OR_RETURN(const Entry top, get(shell, path, Links::kFollow));
    if (!options.recursive || !top.is_directory()) return set(shell, top, ttl_ms, action);
    return walk(shell, top, [&](const Entry& entry) -> Result<void> {
      return entry.is_file() ? set(shell, entry, ttl_ms, action) : Result<void>{};
    });
  });
}

}  // namespace

void add_fs_set_ttl(Command fs, Shell& shell) {
  auto options = std::make_shared<Options>();
  Command command = fs.add("setTtl", "Remove, or free, files and directories when a time is over");
  command.option("PATH", options->words, "paths, then the time from now on: 20m, 1d; plain numbers are ms; 0 ends it").required();
  command.option("--action", options->action, "what happens then").one_of({"delete", "free"});
  command.flag("-R", options->recursive, "each file below, instead of the directory as a whole");
  shell.on(command, [options](Shell& shell) { return run(shell, *options); });
}

}  // namespace forebay::cli
