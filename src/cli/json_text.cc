#include "cli/json_text.h"

#include <cstdio>
#include <utility>

namespace forebay::cli {
namespace {

bool is_between(unsigned char byte, unsigned least, unsigned most) { return least <= byte && byte <= most; }

// The length of the UTF-8 character that the text begins with; 0: it begins with none (RFC 3629).
size_t character_length(std::string_view text) {
  auto at = [text](size_t i) { return i < text.size() ? static_cast<unsigned char>(text[i]) : 0U; };
  const unsigned first = at(0);
  if (first < 0x80) return 1;
  auto follow = [&](size_t from, size_t to) {
    for (size_t i = from; i <= to; ++i)
      if (!is_between(at(i), 0x80, 0xbf)) return false;
    return true;
  };
  if (is_between(first, 0xc2, 0xdf)) return follow(1, 1) ? 2 : 0;
  if (is_between(first, 0xe0, 0xef)) {
    const unsigned least = first == 0xe0 ? 0xa0 : 0x80, most = first == 0xed ? 0x9f : 0xbf;
    return is_between(at(1), least, most) && follow(2, 2) ? 3 : 0;
  }
  if (is_between(first, 0xf0, 0xf4)) {
    const unsigned least = first == 0xf0 ? 0x90 : 0x80, most = first == 0xf4 ? 0x8f : 0xbf;
    return is_between(at(1), least, most) && follow(2, 3) ? 4 : 0;
  }
  return 0;
}

void add_characters(std::string_view text, std::string& out) {
  const std::string quoted = Json(text).dump();
  out.append(quoted, 1, quoted.size() - 2);
}

void add_string(std::string_view text, std::string& out) {
  out += '"';
  size_t begin = 0, at = 0;  // what is not written yet, up to here made of whole characters
  while (at < text.size()) {
    if (const size_t length = character_length(text.substr(at)); length != 0) {
      at += length;
      continue;
    }
    add_characters(text.substr(begin, at - begin), out);
    char escaped[8];
    std::snprintf(escaped, sizeof escaped, "\\udc%02x", static_cast<unsigned char>(text[at]));
    out += escaped;
    begin = ++at;
  }
  add_characters(text.substr(begin), out);
  out += '"';
}

void add_line(int indent, int depth, std::string& out) {
  if (indent < 0) return;
  out += '\n';
  out.append(static_cast<size_t>(indent) * static_cast<size_t>(depth), ' ');
}

void add(const Json& value, int indent, int depth, std::string& out) {
  if (value.is_string()) return add_string(value.get_ref<const std::string&>(), out);
  if (!value.is_structured() || value.empty()) {
    out += value.dump();
    return;
  }
  out += value.is_array() ? '[' : '{';
  bool first = true;
  for (const auto& [key, item] : value.items()) {
    if (!std::exchange(first, false)) out += ',';
    add_line(indent, depth + 1, out);
    if (value.is_object()) {
      add_string(key, out);
      out += indent < 0 ? ":" : ": ";
    }
    add(item, indent, depth + 1, out);
  }
  add_line(indent, depth, out);
  out += value.is_array() ? ']' : '}';
}

}  // namespace

std::string json_text(const Json& value, int indent) {
  std::string out;
  add(value, indent, 0, out);
  return out;
}

}  // namespace forebay::cli
