// Absolute paths, compared by their names.
#pragma once

#include <string_view>

namespace forebay::master {

inline bool is_at_or_below(std::string_view path, std::string_view above) {
  return path.starts_with(above) && (path.size() == above.size() || above == "/" || path[above.size()] == '/');
}

}  // namespace forebay::master
