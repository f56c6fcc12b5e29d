#include <charconv>
#include <optional>

#include "config/sources.h"
#include "config/text.h"

namespace forebay::config {
namespace {

void append_utf8(std::string& out, uint32_t code) {
  if (code < 0x80) {
    out += static_cast<char>(code);
  } else if (code < 0x800) {
    out += static_cast<char>(0xc0 | code >> 6);
    out += static_cast<char>(0x80 | (code & 0x3f));
  } else {
    out += static_cast<char>(0xe0 | code >> 12);
    out += static_cast<char>(0x80 | (code >> 6 & 0x3f));
    out += static_cast<char>(0x80 | (code & 0x3f));
  }
}

std::optional<uint32_t> hexadecimal(std::string_view digits) {
  uint32_t value = 0;
  auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), value, 16);
  if (error != std::errc{} || end != digits.data() + digits.size()) return std::nullopt;
  return value;
}

// Lines as the format sees them: joined where one ends in an odd number of '\'.
class LogicalLines {
 public:
  explicit LogicalLines(std::string_view text) : text_(text) {}

  // False at the end. `number` is that of the first physical line.
  bool next(std::string& line, size_t& number) {
    line.clear();
    if (text_.empty()) return false;
    number = number_ + 1;
    for (bool goes_on = true; goes_on && !text_.empty();) {
      std::string_view physical = take_physical();
      if (!line.empty() || physical.empty()) physical = trim_left(physical);
      goes_on = ends_in_odd_backslashes(physical) && !is_comment(line.empty() ? physical : line);
      if (goes_on) physical.remove_suffix(1);
      line += physical;
    }
    return true;
  }
  static bool is_comment(std::string_view line) {
    line = trim_left(line);
    return !line.empty() && (line.front() == '#' || line.front() == '!');
  }

 private:
  static std::string_view trim_left(std::string_view text) {
    size_t begin = text.find_first_not_of(" \t\f");
    return begin == std::string_view::npos ? std::string_view{} : text.substr(begin);
  }
  static bool ends_in_odd_backslashes(std::string_view text) {
    size_t last_other = text.find_last_not_of('\\');
    size_t count = last_other == std::string_view::npos ? text.size() : text.size() - last_other - 1;
    return count % 2 == 1;
  }
  std::string_view take_physical() {
    ++number_;
    size_t end = std::min(text_.find('\n'), text_.size());
    std::string_view line = text_.substr(0, end);
    text_.remove_prefix(std::min(end + 1, text_.size()));
    if (line.ends_with('\r')) line.remove_suffix(1);
    return line;
  }

  std::string_view text_;
  size_t number_ = 0;
};

// Takes one possibly escaped character from the front.
Result<void> take_character(std::string_view& text, std::string& out, const std::string& where) {
  char c = text.front();
  text.remove_prefix(1);
  if (c != '\\' || text.empty()) {
    out += c;
    return {};
  }
  c = text.front();
  text.remove_prefix(1);
  switch (c) {
    case 't': out += '\t'; break;
    case 'n': out += '\n'; break;
    case 'r': out += '\r'; break;
    case 'f': out += '\f'; break;
    case 'u': {
      std::optional<uint32_t> code = text.size() >= 4 ? hexadecimal(text.substr(0, 4)) : std::nullopt;
      if (!code) return invalid(where + ": \\u needs four hexadecimal digits");
      append_utf8(out, *code);
      text.remove_prefix(4);
      break;
    }
    default: out += c;
  }
  return {};
}

Result<Entry> parse_line(std::string_view line, const std::string& where) {
  Entry entry{.where = where};
  auto is_end_of_key = [](char c) { return c == '=' || c == ':' || c == ' ' || c == '\t' || c == '\f'; };
  while (!line.empty() && !is_end_of_key(line.front())) TRY(take_character(line, entry.key, where));
  while (!line.empty() && (line.front() == ' ' || line.front() == '\t' || line.front() == '\f')) line.remove_prefix(1);
  if (!line.empty() && (line.front() == '=' || line.front() == ':')) line.remove_prefix(1);
  line = trim(line);
  while (!line.empty()) TRY(take_character(line, entry.value, where));
  if (entry.key.empty()) return invalid(where + ": a value without a key");
  if (entry.value.find("${") != std::string::npos)
    return invalid(where + ": the value of " + entry.key + " holds ${…}, which is not substituted here: write the value itself");
  return entry;
}

}  // namespace

Result<std::vector<Entry>> parse_properties(std::string_view text, const std::string& file) {
  if (text.size() > kMostFileBytes) return invalid(file + ": larger than 1 MiB");
  std::vector<Entry> entries;
  LogicalLines lines(text);
  std::string line;
  for (size_t number = 0; lines.next(line, number);) {
    std::string_view content = trim(line);
    if (content.empty() || LogicalLines::is_comment(content)) continue;
    ASSIGN_OR_RETURN(Entry entry, parse_line(content, file + ":" + std::to_string(number)));
    entries.push_back(std::move(entry));
  }
  return entries;
}

std::vector<Entry> parse_java_options(std::string_view text, const std::string& where) {
  std::vector<std::string> words;
  std::string word;
  bool inside = false;
  char quote = 0;
  for (char c : text.substr(0, kMostFileBytes)) {
    bool space = c == ' ' || c == '\t' || c == '\n' || c == '\r';
    if (quote == 0 && space) {
      if (inside) words.push_back(std::exchange(word, {}));
      inside = false;
      continue;
    }
    inside = true;
    if (quote == 0 && (c == '"' || c == '\''))
      quote = c;
    else if (c == quote)
      quote = 0;
    else
      word += c;
  }
  if (inside) words.push_back(word);
  std::vector<Entry> entries;
  for (const std::string& option : words) {
    size_t equals = option.find('=');
    if (!option.starts_with("-D") || equals == std::string::npos || equals == 2) continue;
    entries.push_back({option.substr(2, equals - 2), option.substr(equals + 1), where});
  }
  return entries;
}

Result<Entry> parse_define(std::string_view text) {
  size_t equals = text.find('=');
  if (equals == std::string_view::npos || equals == 0)
    return invalid("-D '" + std::string(text) + "' is not of the form key=value");
  return Entry{std::string(trim(text.substr(0, equals))), std::string(text.substr(equals + 1)), "-D"};
}

}  // namespace forebay::config
