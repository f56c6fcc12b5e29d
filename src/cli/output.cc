#include "cli/output.h"

#include <algorithm>
#include <cstdio>

#include "cli/json_text.h"

namespace forebay::cli {
namespace {

// Columns of a text on a terminal, near enough: bytes that begin a character.
size_t width_of(std::string_view text) {
  return static_cast<size_t>(std::ranges::count_if(text, [](char c) { return (c & 0xc0) != 0x80; }));
}

}  // namespace

std::string Table::text() const {
  std::vector<size_t> widths(rows_[0].size(), 0);
  for (const auto& row : rows_)
    for (size_t i = 0; i < row.size() && i < widths.size(); ++i) widths[i] = std::max(widths[i], width_of(row[i]));
  std::string text;
  for (const auto& row : rows_) {
    std::string line;
    for (size_t i = 0; i < row.size() && i < widths.size(); ++i) {
      std::string space(widths[i] - width_of(row[i]), ' ');
      bool right = std::ranges::find(right_, i) != right_.end();
      line += right ? space + row[i] : row[i] + space;
      if (i + 1 < row.size()) line += "  ";
    }
    line.erase(line.find_last_not_of(' ') + 1);
    text += line + '\n';
  }
  return text;
}

void print(std::string_view text) { std::fwrite(text.data(), 1, text.size(), stdout); }

void print_line(std::string_view text) {
  print(text);
  print("\n");
}

void print_json(const Json& value) { print_line(json_text(value, 2)); }

void complain(std::string_view message) {
  std::fflush(stdout);
  std::fprintf(stderr, "forebay: %.*s\n", static_cast<int>(message.size()), message.data());
}

bool flush_output() { return std::fflush(stdout) == 0 && std::ferror(stdout) == 0; }

void JsonArray::add(const Json& item) {
  print(empty_ ? "[\n  " : ",\n  ");
  print(json_text(item));
  empty_ = false;
}

void JsonArray::finish() { print(empty_ ? "[]\n" : "\n]\n"); }

}  // namespace forebay::cli
