#include "cli/path.h"

#include <fnmatch.h>

namespace forebay::cli {
namespace {

constexpr size_t kMostPath = 4096, kMostName = 255;  // bytes; the master's limits

std::string_view without_scheme(std::string_view text) {
  for (std::string_view scheme : {"alluxio://", "forebay://"}) {
    if (!text.starts_with(scheme)) continue;
    text.remove_prefix(scheme.size());
    size_t slash = text.find('/');
    return slash == std::string_view::npos ? "/" : text.substr(slash);
  }
  return text;
}

// "s3://bucket/key", which would otherwise be the path "/s3:/bucket/key".
bool is_elsewhere(std::string_view text) {
  const size_t scheme = text.find("://");
  return scheme != std::string_view::npos && scheme > 0 && text.find('/') == scheme + 1;
}

}  // namespace

Result<std::string> normalize_path(std::string_view text) {
  text = without_scheme(text);
  if (is_elsewhere(text))
    return invalid("'" + std::string(text) + "' is no path of the namespace (`mount list` shows where under stores are in it)");
  if (text.empty()) return invalid("an empty path");
  if (text.find('\0') != std::string_view::npos) return invalid("a path with a zero byte");
  std::string normal;
  while (!text.empty()) {
    size_t slash = std::min(text.find('/'), text.size());
    std::string_view name = text.substr(0, slash);
    text.remove_prefix(std::min(slash + 1, text.size()));
    if (name.empty() || name == ".") continue;
    if (name.size() > kMostName)
      return rejected(ENAMETOOLONG, "the name '" + std::string(name.substr(0, 40)) + "…' has more than 255 bytes");
    normal += '/';
    normal += name;
  }
  if (normal.size() > kMostPath)
    return rejected(ENAMETOOLONG, "the path '" + normal.substr(0, 60) + "…' has more than 4,096 bytes");
  return normal.empty() ? std::string("/") : normal;
}

bool take_local_scheme(std::string& path) {
  constexpr std::string_view kLocal = "file://";
  if (!path.starts_with(kLocal)) return false;
  path.erase(0, kLocal.size());
  return true;
}

std::string join_path(std::string_view directory, std::string_view name) {
  std::string joined(directory);
  if (!joined.ends_with('/')) joined += '/';
  return joined += name;
}

std::pair<std::string, std::string> split_path(std::string_view normal) {
  size_t slash = normal.rfind('/');
  if (slash == std::string_view::npos) return {"/", std::string(normal)};
  return {slash == 0 ? "/" : std::string(normal.substr(0, slash)), std::string(normal.substr(slash + 1))};
}

bool has_pattern(std::string_view name) { return name.find_first_of("*?[") != std::string_view::npos; }

bool matches_pattern(const std::string& pattern, const std::string& name) {
  return fnmatch(pattern.c_str(), name.c_str(), FNM_PERIOD | FNM_NOESCAPE) == 0;
}

}  // namespace forebay::cli
