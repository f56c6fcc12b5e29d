#define TOML_EXCEPTIONS 0
#define TOML_HEADER_ONLY 1
#include <toml++/toml.h>

#include "config/sources.h"

namespace forebay::config {
namespace {

std::string line_of(const toml::node& node, const std::string& file) {
  return file + ":" + std::to_string(node.source().begin.line);
}

// A scalar as a user would write it after "=" on a command line.
Result<std::string> scalar_text(const toml::node& node, const std::string& where, std::string_view key) {
  if (const auto* text = node.as_string()) return text->get();
  if (const auto* number = node.as_integer()) return std::to_string(number->get());
  if (const auto* flag = node.as_boolean()) return std::string(flag->get() ? "true" : "false");
  if (const auto* number = node.as_floating_point()) {
    std::ostringstream text;
    text << number->get();
    return text.str();
  }
  return invalid(where + ": " + std::string(key) + " must be a text, a number, true or false");
}

Result<std::string> list_text(const toml::array& list, const std::string& file, std::string_view key) {
  std::string joined;
  for (const toml::node& item : list) {
    ASSIGN_OR_RETURN(std::string text, scalar_text(item, line_of(item, file), key));
    if (text.find(',') != std::string::npos)
      return invalid(line_of(item, file) + ": an item of " + std::string(key) + " holds a comma: '" + text + "'");
    if (!joined.empty()) joined += ',';
    joined += text;
  }
  return joined;
}

Result<void> flatten(const toml::table& table, const std::string& prefix, const std::string& file, std::vector<Entry>& entries) {
  for (const auto& [name, node] : table) {
    std::string key = prefix.empty() ? std::string(name.str()) : prefix + "." + std::string(name.str());
    if (const toml::table* inner = node.as_table()) {
      TRY(flatten(*inner, key, file, entries));
      continue;
    }
    Result<std::string> value =
        node.is_array() ? list_text(*node.as_array(), file, key) : scalar_text(node, line_of(node, file), key);
    if (!value) return std::unexpected(std::move(value).error());
    if (!key.starts_with("forebay.") && !key.starts_with("alluxio.")) key.insert(0, "forebay.");
    entries.push_back({std::move(key), *std::move(value), line_of(node, file)});
  }
  return {};
}

}  // namespace

Result<std::vector<Entry>> parse_toml(std::string_view text, const std::string& file) {
  if (text.size() > kMostFileBytes) return invalid(file + ": larger than 1 MiB");
  toml::parse_result parsed = toml::parse(text);
  if (!parsed) {
    const toml::parse_error& error = parsed.error();
    return invalid(file + ":" + std::to_string(error.source().begin.line) + ": " + std::string(error.description()));
  }
  std::vector<Entry> entries;
  TRY(flatten(parsed.table(), "", file, entries));
  return entries;
}

}  // namespace forebay::config
