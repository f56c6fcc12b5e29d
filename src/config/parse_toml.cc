#define TOML_EXCEPTIONS 0
// Version 3.3.0 asserts what malformed files break ("[:" at the start of a line), a line before it would report them as errors.
#define TOML_ASSERT(expression) static_cast<void>(0)
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

// The parser (3.3.0) runs into undefined behaviour at characters like U+00BD outside of quotes and comments, where the format has
// none beyond ASCII anyway. Multi-line texts, which no setting needs, are refused so that quotes are told apart in one pass.
Result<void> check_characters(std::string_view text, const std::string& file) {
  size_t line = 1;
  char inside = 0;  // the quote, or '#'
  for (size_t i = 0; i < text.size(); ++i) {
    char c = text[i];
    if (c == '\n') {
      ++line;
      inside = 0;
    } else if (inside == '"' && c == '\\') {
      if (i + 1 < text.size() && text[i + 1] != '\n') ++i;
    } else if (inside != 0) {
      if (c == inside && inside != '#') inside = 0;
    } else if (static_cast<unsigned char>(c) >= 0x80) {
      return invalid(file + ":" + std::to_string(line) + ": a character that is not ASCII stands outside of quotes");
    } else if (c == '#' || c == '"' || c == '\'') {
      if (c != '#' && text.substr(i, 3) == std::string(3, c))
        return invalid(file + ":" + std::to_string(line) + ": texts of several lines are not used in settings");
      inside = c;
    }
  }
  return {};
}

}  // namespace

Result<std::vector<Entry>> parse_toml(std::string_view text, const std::string& file) {
  if (text.size() > kMostFileBytes) return invalid(file + ": larger than 1 MiB");
  if (text.starts_with("\xef\xbb\xbf")) text.remove_prefix(3);  // a byte order mark
  TRY(check_characters(text, file));
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
