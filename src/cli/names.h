// Finding things in the namespace by the paths that users type.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "cli/shell.h"

namespace forebay::cli {

// Something in the namespace.
struct Entry {
  std::string path;  // as typed, normalised
  v1::Attr attr;
  InodeId parent;    // of the root: none
  std::string name;  // in its parent

  InodeId inode() const { return InodeId{attr.inode()}; }
  bool is_directory() const { return attr.type() == v1::FILE_TYPE_DIRECTORY; }
  bool is_file() const { return attr.type() == v1::FILE_TYPE_REGULAR; }
};

// Where something may be made.
struct Place {
  std::string path;
  InodeId parent;
  std::string name;
};

enum class Links : bool { kKeep, kFollow };  // of a symbolic link at a path's end

// Any thread once the client is connected. /cache_only is read as /cache-only unless an entry of that name exists.
Result<std::optional<Entry>> find(Shell& shell, const std::string& path, Links links);
Result<Entry> get(Shell& shell, const std::string& path, Links links);  // ENOENT if there is nothing
Result<Place> place(Shell& shell, const std::string& path);             // its directory exists; there may be an entry already

// Replaces patterns in the last name ('*', '?', '[…]') by what matches, in name order; a pattern that matches nothing is an
// error. A path whose entry exists under exactly that name stays as it is.
Result<std::vector<std::string>> expand(Shell& shell, const std::vector<std::string>& paths);

// Entries of a directory in name order, a page at a time; until `each` returns false.
Result<void> list(Shell& shell, const Entry& directory, const std::function<Result<bool>(Entry)>& each);

// The entry and everything below it, parents before their children; symbolic links are not followed. At most kDeepest levels.
Result<void> walk(Shell& shell, const Entry& from, const std::function<Result<void>(const Entry&)>& each);
inline constexpr int kDeepest = 2048;

}  // namespace forebay::cli
