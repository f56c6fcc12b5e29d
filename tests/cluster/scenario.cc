#include "scenario.h"

#define TOML_EXCEPTIONS 0
#include <toml++/toml.h>

#include <algorithm>
#include <functional>
#include <span>
#include <utility>

namespace forebay::cluster {
namespace {

using Kind = Disturbance::Kind;

constexpr std::pair<std::string_view, Kind> kKinds[] = {
    {"kill", Kind::kKill},
    {"power_cut", Kind::kPowerCut},
    {"cut", Kind::kCut},
    {"isolate", Kind::kIsolate},
    {"slow_link", Kind::kSlowLink},
    {"fill_disk", Kind::kFillDisk},
    {"file_error", Kind::kFileError},
};
constexpr std::string_view kTargets[] = {"master", "worker", "client"};
constexpr std::string_view kOperations[] = {"make_dir", "create", "write",  "append",     "truncate",    "punch",   "fsync",
                                            "close",    "rename", "unlink", "remove_dir", "remove_tree", "symlink", "link",
                                            "set_mode", "read",   "list",   "read_other", "claim",       "exchange"};

// Reads the keys of one table; what was not asked for is an error.
class Table {
 public:
  Table(const toml::table& table, std::string file) : table_(table), file_(std::move(file)) {}

  Result<void> text(std::string_view key, std::string& out) {
    return with(key, "a text", [&](const toml::node& node) {
      auto value = node.value_exact<std::string>();
      if (value) out = *value;
      return value.has_value();
    });
  }
  template <class T>
  Result<void> number(std::string_view key, T& out) {
    return with(key, "a number", [&](const toml::node& node) {
      auto value = node.value_exact<int64_t>();
      if (value && *value >= 0) out = static_cast<T>(*value);
      return value && *value >= 0;
    });
  }
  Result<void> flag(std::string_view key, bool& out) {
    return with(key, "true or false", [&](const toml::node& node) {
      auto value = node.value_exact<bool>();
      if (value) out = *value;
      return value.has_value();
    });
  }
  Result<void> size(std::string_view key, uint64_t& out) { return parsed(key, out, parse_size); }
  Result<void> duration(std::string_view key, Duration& out) { return parsed(key, out, parse_duration); }
  template <class T>
  Result<void> word(std::string_view key, T& out, std::span<const std::pair<std::string_view, std::type_identity_t<T>>> words) {
    std::string given;
    TRY(text(key, given));
    if (given.empty()) return {};
    auto found = std::ranges::find(words, given, [](const auto& word) { return word.first; });
    if (found == words.end()) return error(key, "unknown word '" + given + "'");
    out = found->second;
    return {};
  }
  Result<void> all_known() const {
    for (const auto& [key, node] : table_) {
      if (std::ranges::find(known_, key.str()) == known_.end()) return error(key.str(), "unknown key");
    }
    return {};
  }
  Error error(std::string_view key, const std::string& what) const {
    const toml::node* node = table_.get(key);
    const auto line = node ? node->source().begin.line : table_.source().begin.line;
    return invalid(file_ + ":" + std::to_string(line) + ": '" + std::string(key) + "': " + what);
  }

 private:
  Result<void> with(std::string_view key, const char* wanted, const std::function<bool(const toml::node&)>& take) {
    known_.emplace_back(key);
    const toml::node* node = table_.get(key);
    if (node && !take(*node)) return error(key, std::string("has to be ") + wanted);
    return {};
  }
  template <class T, class Parse>
  Result<void> parsed(std::string_view key, T& out, Parse parse) {
    std::string given;
    TRY(text(key, given));
    if (given.empty()) return {};
    auto value = parse(given);
    if (!value) return error(key, value.error().message());
    out = *value;
    return {};
  }

  const toml::table& table_;
  const std::string file_;
  std::vector<std::string> known_;
};

Result<void> read_cluster(Table table, Scenario& scenario) {
  TRY(table.number("workers", scenario.workers));
  TRY(table.number("clients", scenario.clients));
  TRY(table.number("actors_per_client", scenario.actors_per_client));
  TRY(table.size("worker_capacity", scenario.worker_capacity));
  TRY(table.size("object_bytes", scenario.object_bytes));
  TRY(table.size("inline_bytes", scenario.inline_bytes));
  TRY(table.flag("staged", scenario.staged));
  TRY(table.flag("multipart", scenario.multipart));
  TRY(table.flag("workers_with_clients", scenario.workers_with_clients));
  TRY(table.duration("clock_skew", scenario.clock_skew));
  TRY(table.number("clock_drift_ppm", scenario.clock_drift_ppm));
  if (scenario.workers == 0 || scenario.clients == 0 || scenario.actors_per_client == 0) {
    return table.error("workers", "a cluster needs a worker, a client and an actor");
  }
  return table.all_known();
}

Result<void> read_workload(Table table, const toml::table& node, const std::string& file, Scenario& scenario) {
  static constexpr std::pair<std::string_view, v1::Durability> kLevels[] = {
      {"memory", v1::DURABILITY_MEMORY}, {"page-cache", v1::DURABILITY_PAGE_CACHE}, {"fsync", v1::DURABILITY_FSYNC}};
  TRY(table.number("operations", scenario.operations));
  TRY(table.duration("think", scenario.think));
  TRY(table.size("most_write", scenario.most_write));
  TRY(table.size("most_file", scenario.most_file));
  TRY((table.word<v1::Durability>("durability", scenario.durability, kLevels)));
  if (const toml::table* mix = node["mix"].as_table()) {
    Table weights(*mix, file);
    for (std::string_view operation : kOperations) {
      uint32_t weight = 0;
      TRY(weights.number(operation, weight));
      if (weight > 0) scenario.mix[std::string(operation)] = weight;
    }
    TRY(weights.all_known());
  }
  bool ignored = false;
  (void)table.flag("mix", ignored);  // marks the key as known
  return table.all_known();
}

Result<void> read_links(Table table, Scenario& scenario) {
  TRY(table.duration("delay_least", scenario.links.delay_least));
  TRY(table.duration("delay_most", scenario.links.delay_most));
  TRY(table.number("lose_one_in", scenario.links.lose_one_in));
  TRY(table.number("reset_one_in", scenario.links.reset_one_in));
  TRY(table.number("refuse_one_in", scenario.links.refuse_one_in));
  return table.all_known();
}

Result<Disturbance> read_disturbance(Table table) {
  Disturbance disturbance;
  TRY((table.word<Kind>("kind", disturbance.kind, kKinds)));
  TRY(table.text("target", disturbance.target));
  TRY(table.duration("every", disturbance.every));
  TRY(table.duration("lasting", disturbance.lasting));
  if (std::ranges::find(kTargets, disturbance.target) == std::end(kTargets)) {
    return table.error("target", "has to be master, worker or client");
  }
  if (disturbance.every <= Duration(0)) return table.error("every", "has to be more than 0");
  TRY(table.all_known());
  return disturbance;
}

}  // namespace

bool Scenario::disturbs(Disturbance::Kind kind) const {
  return std::ranges::any_of(disturbances, [&](const Disturbance& disturbance) { return disturbance.kind == kind; });
}

Result<Scenario> parse_scenario(const std::string& text, const std::string& file) {
  toml::parse_result parsed = toml::parse(text, file);
  if (!parsed) {
    return invalid(file + ":" + std::to_string(parsed.error().source().begin.line) + ": " +
                   std::string(parsed.error().description()));
  }
  const toml::table& root = parsed.table();
  Scenario scenario;
  Table top(root, file);
  TRY(top.text("name", scenario.name));
  bool ignored = false;
  for (const char* key : {"cluster", "workload", "links", "disturbance"}) (void)top.flag(key, ignored);  // marks them as known
  TRY(top.all_known());
  if (const toml::table* table = root["cluster"].as_table()) TRY(read_cluster(Table(*table, file), scenario));
  if (const toml::table* table = root["workload"].as_table()) TRY(read_workload(Table(*table, file), *table, file, scenario));
  if (const toml::table* table = root["links"].as_table()) TRY(read_links(Table(*table, file), scenario));
  if (const toml::array* list = root["disturbance"].as_array()) {
    for (const toml::node& node : *list) {
      if (!node.as_table()) return top.error("disturbance", "has to be a list of tables");
      ASSIGN_OR_RETURN(Disturbance disturbance, read_disturbance(Table(*node.as_table(), file)));
      scenario.disturbances.push_back(std::move(disturbance));
    }
  }
  return scenario;
}

}  // namespace forebay::cluster
