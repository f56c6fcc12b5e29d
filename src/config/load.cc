#include "config/load.h"

#include <unistd.h>

#include <set>

#include "config/compat.h"
#include "config/reference.h"
#include "config/sources.h"
#include "config/text.h"

namespace forebay::config {
namespace {

// Variables that Kubernetes makes of a service called "forebay…" in the same namespace.
bool is_service_link(std::string_view name) {
  return name.ends_with("_SERVICE_HOST") || name.find("_SERVICE_PORT") != std::string_view::npos ||
         name.find("_TCP") != std::string_view::npos || name.ends_with("_PORT");
}

bool applies_to(Role role, std::string_view variable) {
  if (!variable.starts_with("ALLUXIO_") || !variable.ends_with("JAVA_OPTS")) return false;
  variable.remove_prefix(8);
  if (variable.starts_with("GEMINI_")) variable.remove_prefix(7);
  if (variable == "JAVA_OPTS") return true;
  switch (role) {
    case Role::kMaster: return variable == "MASTER_JAVA_OPTS";
    case Role::kWorker: return variable == "WORKER_JAVA_OPTS";
    case Role::kCoordinator: return variable == "COORDINATOR_JAVA_OPTS";
    case Role::kFuse: return variable == "FUSE_JAVA_OPTS" || variable == "USER_JAVA_OPTS";
    case Role::kClient: return variable == "USER_JAVA_OPTS";
  }
  return false;
}

// Applies entries of one source after the other, collecting what is wrong.
class Loader {
 public:
  void apply(const std::vector<Entry>& entries) {
    CompatibleTiers tiers;
    for (const Entry& entry : entries) apply(entry, tiers);
    Result<std::optional<Entry>> assembled = tiers.assemble();
    if (!assembled)
      problem(assembled.error().message());
    else if (*assembled)
      set((*assembled)->key, (*assembled)->value, (*assembled)->where);
  }
  void apply(Result<std::vector<Entry>> entries) {
    if (entries)
      apply(*entries);
    else
      problem(entries.error().message());
  }
  void problem(std::string text) { problems_.push_back(std::move(text)); }
  void warn(std::string key, std::string text) {
    if (warned_.insert(std::move(key)).second) loaded_.warnings.push_back(std::move(text));
  }

  Result<Loaded> finish() && {
    for (size_t i = 0; i < kSettings; ++i)
      if (kTable[i].rule.effect == Effect::kNone && !loaded_.settings.is_default(i))
        warn(std::string(kTable[i].name),
             loaded_.settings.origin(i) + ": " + std::string(kTable[i].name) + " has no effect in this version");
    if (problems_.empty()) return std::move(loaded_);
    std::string message;
    for (const std::string& text : problems_) message += (message.empty() ? "" : "\n") + text;
    return invalid(message);
  }

 private:
  void apply(const Entry& entry, CompatibleTiers& tiers) {
    if (entry.key.starts_with("forebay.")) return set(entry.key, entry.value, entry.where);
    if (!entry.key.starts_with("alluxio."))
      return warn(entry.key, entry.where + ": key '" + entry.key.substr(0, 200) + "' is not known and is ignored");
    Result<bool> is_tier = tiers.take(entry);
    if (!is_tier) return problem(is_tier.error().message());
    if (!*is_tier) apply_compatible(entry);
  }
  void apply_compatible(const Entry& entry) {
    for (const CompatibleKey& key : compatible_keys()) {
      if (key.theirs != entry.key) continue;
      std::string where = entry.where + " (" + entry.key + ")";
      Result<std::string> value = key.translate ? key.translate(trim(entry.value)) : Result<std::string>(entry.value);
      if (!value) return problem(where + ": " + value.error().message());
      return set(key.ours, *value, where);
    }
    warn(entry.key, entry.where + ": key '" + entry.key.substr(0, 200) + "' is not supported and is ignored");
  }
  void set(std::string_view key, std::string_view value, const std::string& where) {
    size_t index = find_setting(key);
    if (index == kSettings) return problem(where + ": " + unknown_key_message(key));
    if (Result<void> taken = loaded_.settings.set(index, value, where); !taken) problem(taken.error().message());
  }

  Loaded loaded_;
  std::vector<std::string> problems_;
  std::set<std::string> warned_;
};

void apply_environment(Loader& loader, const std::map<std::string, std::string>& environment) {
  for (const auto& [variable, value] : environment) {
    if (!variable.starts_with("FOREBAY_") || variable == "FOREBAY_CONF") continue;
    size_t found = kSettings;
    for (size_t i = 0; i < kSettings && found == kSettings; ++i)
      if (variable_of(kTable[i].name) == variable) found = i;
    if (found != kSettings) {
      loader.apply(std::vector<Entry>{{std::string(kTable[found].name), value, "environment " + variable}});
    } else if (!is_service_link(variable)) {
      loader.warn(variable, "environment variable " + variable + " names no setting and is ignored");
    }
  }
}

Result<std::vector<Entry>> read(os::FileSystem& files, const std::string& path,
                                Result<std::vector<Entry>> (*parse)(std::string_view, const std::string&)) {
  Result<std::string> text = files.read_whole(path, kMostFileBytes);
  if (!text) return std::unexpected(std::move(text).error().with_context("configuration file " + path));
  return parse(*text, path);
}

}  // namespace

Result<Loaded> load(const Sources& sources, os::FileSystem& files) {
  Loader loader;
  if (sources.properties) loader.apply(read(files, *sources.properties, parse_properties));
  if (sources.toml) loader.apply(read(files, *sources.toml, parse_toml));
  for (const auto& [variable, value] : sources.environment)
    if (applies_to(sources.role, variable)) loader.apply(parse_java_options(value, variable));
  apply_environment(loader, sources.environment);
  std::vector<Entry> defines;
  for (const std::string& text : sources.defines) {
    Result<Entry> define = parse_define(text);
    if (define)
      defines.push_back(*std::move(define));
    else
      loader.problem(define.error().message());
  }
  loader.apply(defines);
  return std::move(loader).finish();
}

Result<void> find_files(Sources& sources, os::FileSystem& files) {
  auto variable = [&](const char* name) {
    auto found = sources.environment.find(name);
    return found == sources.environment.end() ? std::string() : found->second;
  };
  if (!sources.toml) {
    if (std::string named = variable("FOREBAY_CONF"); !named.empty()) {
      sources.toml = named;
    } else {
      ASSIGN_OR_RETURN(bool there, files.exists("/etc/forebay/forebay.toml"));
      if (there) sources.toml = "/etc/forebay/forebay.toml";
    }
  }
  if (sources.properties) return {};
  std::vector<std::string> places;
  if (std::string directory = variable("ALLUXIO_CONF_DIR"); !directory.empty()) places.push_back(directory);
  if (std::string home = variable("ALLUXIO_HOME"); !home.empty()) places.push_back(home + "/conf");
  places.push_back("/etc/forebay");
  for (const std::string& place : places) {
    std::string path = place + "/alluxio-site.properties";
    ASSIGN_OR_RETURN(bool there, files.exists(path));
    if (!there) continue;
    sources.properties = path;
    break;
  }
  return {};
}

std::map<std::string, std::string> process_environment() {
  std::map<std::string, std::string> environment;
  for (char** variable = environ; variable != nullptr && *variable != nullptr; ++variable) {
    std::string_view text(*variable);
    size_t equals = text.find('=');
    if (equals != std::string_view::npos) environment.emplace(text.substr(0, equals), text.substr(equals + 1));
  }
  return environment;
}

}  // namespace forebay::config
