#include "cli/commands/commands.h"
#include "config/compat.h"

namespace forebay::cli {
namespace {

struct Options {
  std::string key, role = "client";
  bool source = false;
};

config::Role role_of(const std::string& name) {
  if (name == "master") return config::Role::kMaster;
  if (name == "worker") return config::Role::kWorker;
  if (name == "coordinator") return config::Role::kCoordinator;
  if (name == "fuse") return config::Role::kFuse;
  return config::Role::kClient;
}

Result<size_t> index_of(const std::string& key) {
  for (const std::string& name : {key, "forebay." + key}) {
    if (size_t index = config::find_setting(name); index != config::kSettings) return index;
    if (std::optional<std::string_view> ours = config::compatible_setting(name)) return config::find_setting(*ours);
  }
  return invalid(config::unknown_key_message(key));
}

Result<int> run(Shell& shell, const Options& options) {
  ASSIGN_OR_RETURN(const config::Settings* settings, shell.settings(role_of(options.role)));
  size_t begin = 0, end = config::kSettings;
  if (!options.key.empty()) {
    ASSIGN_OR_RETURN(begin, index_of(options.key));
    end = begin + 1;
  }
  Json json = Json::object();
  for (size_t i = begin; i < end; ++i) {
    std::string name(config::kTable[i].name), value = settings->shown(i);
    json[name] = options.source ? Json{{"value", value}, {"source", settings->origin(i)}} : Json(value);
    if (shell.json()) continue;
    std::string line = options.key.empty() ? name + "=" + value : value;
    print_line(options.source ? line + "  (" + settings->origin(i) + ")" : line);
  }
  if (shell.json()) print_json(json);
  return 0;
}

}  // namespace

void add_conf_get(Command conf, Shell& shell) {
  auto options = std::make_shared<Options>();
  Command command = conf.add("get", "Show a setting, or all of them");
  command.option("KEY", options->key, "forebay.… or a compatible alluxio.… key");
  command.flag("--source", options->source, "and where the value comes from");
  command.option("--role", options->role, "as this role sees it").one_of({"master", "worker", "coordinator", "fuse", "client"});
  shell.on(command, [options](Shell& shell) { return run(shell, *options); });
}

}  // namespace forebay::cli
