// Permission bits and owners as users write them.
#include <grp.h>
#include <pwd.h>

#include <algorithm>
#include <charconv>
#include <map>
#include <vector>

#include "cli/format.h"

namespace forebay::cli {
namespace {

// The bits of r, w and x for all three classes, and which classes a clause is about.
constexpr uint32_t kRead = 0444, kWrite = 0222, kExecute = 0111;

struct Clause {
  uint32_t classes = 0;  // mask of the nine bits that it may change, and of the special bits of these classes
  char operation = 0;
  uint32_t bits = 0;
};

Error bad_mode(std::string_view text) {
  return invalid("'" + std::string(text) + "' is not a mode (for example 755, u+x, go-w, a=rX)");
}

Result<uint32_t> octal(std::string_view text) {
  uint32_t value = 0;
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value, 8);
  if (error != std::errc{} || end != text.data() + text.size() || value > 07777) return bad_mode(text);
  return value;
}

uint32_t class_mask(char c) {
  switch (c) {
    case 'u': return 04700;
    case 'g': return 02070;
    case 'o': return 01007;
    default: return 07777;
  }
}

Result<uint32_t> permission_bits(char c, uint32_t mode, bool is_directory) {
  switch (c) {
    case 'r': return kRead;
    case 'w': return kWrite;
    case 'x': return kExecute;
    case 'X': return is_directory || (mode & kExecute) != 0 ? kExecute : 0;
    case 's': return 06000;
    case 't': return 01000;
    default: return bad_mode(std::string(1, c));
  }
}

Result<uint32_t> apply_clause(std::string_view text, uint32_t mode, bool is_directory) {
  size_t at = 0;
  uint32_t classes = 0;
  while (at < text.size() && std::string_view("ugoa").find(text[at]) != std::string_view::npos) classes |= class_mask(text[at++]);
  if (classes == 0) classes = 07777;
  if (at == text.size()) return bad_mode(text);
  while (at < text.size()) {
    char operation = text[at++];
    if (operation != '+' && operation != '-' && operation != '=') return bad_mode(text);
    uint32_t bits = 0;
    while (at < text.size() && std::string_view("+-=").find(text[at]) == std::string_view::npos) {
      Result<uint32_t> more = permission_bits(text[at++], mode, is_directory);
      if (!more) return bad_mode(text);
      bits |= *more;
    }
    // 't' belongs to no class: "+t" and "o+t" set it, "u+t" does not.
    bits &= classes;
    if (operation == '=') mode &= ~(classes & (is_directory ? 0777u | 01000u : 07777u));
    mode = operation == '-' ? mode & ~bits : mode | bits;
  }
  return mode;
}

struct Names {
  std::map<uint32_t, std::string> users, groups;
};
Names& names() {
  static Names cache;
  return cache;
}

Result<uint32_t> number(const std::string& text, const char* what) {
  uint32_t value = 0;
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (text.empty() || error != std::errc{} || end != text.data() + text.size())
    return invalid("no " + std::string(what) + " '" + text + "' on this host (numbers are accepted too)");
  return value;
}

}  // namespace

Result<uint32_t> apply_mode(std::string_view text, uint32_t mode, bool is_directory) {
  if (text.empty()) return bad_mode(text);
  if (text.front() >= '0' && text.front() <= '9') return octal(text);
  while (!text.empty()) {
    size_t comma = std::min(text.find(','), text.size());
    ASSIGN_OR_RETURN(mode, apply_clause(text.substr(0, comma), mode, is_directory));
    text.remove_prefix(std::min(comma + 1, text.size()));
  }
  return mode;
}

std::string user_name(uint32_t uid) {
  auto [known, is_new] = names().users.try_emplace(uid);
  if (is_new) {
    const passwd* entry = getpwuid(uid);
    known->second = entry != nullptr ? entry->pw_name : std::to_string(uid);
  }
  return known->second;
}

std::string group_name(uint32_t gid) {
  auto [known, is_new] = names().groups.try_emplace(gid);
  if (is_new) {
    const group* entry = getgrgid(gid);
    known->second = entry != nullptr ? entry->gr_name : std::to_string(gid);
  }
  return known->second;
}

Result<uint32_t> user_id(const std::string& name_or_number) {
  if (const passwd* entry = getpwnam(name_or_number.c_str())) return entry->pw_uid;
  return number(name_or_number, "user");
}

Result<uint32_t> group_id(const std::string& name_or_number) {
  if (const group* entry = getgrnam(name_or_number.c_str())) return entry->gr_gid;
  return number(name_or_number, "group");
}

}  // namespace forebay::cli
