#include <algorithm>
#include <span>
#include <utility>

#include "cli/commands/commands.h"
#include "cli/format.h"
#include "cli/listing.h"
#include "cli/names.h"
#include "cli/persist/entries.h"

namespace forebay::cli {
namespace {

struct Options {
  std::vector<std::string> paths;
  ListingOptions listing;
  bool directory_itself = false, force = false, pinned = false, recursive = false, reverse = false;
  std::string sort = "name", timestamp = "lastModifiedTime";
};

using Less = bool (*)(const Entry&, const Entry&);

Less order_of(const std::string& sort) {
  if (sort == "size") return [](const Entry& a, const Entry& b) { return a.attr.size() < b.attr.size(); };
  if (sort == "creationTime") return [](const Entry& a, const Entry& b) { return a.attr.birth_ns() < b.attr.birth_ns(); };
  if (sort == "lastAccessTime") return [](const Entry& a, const Entry& b) { return a.attr.atime_ns() < b.attr.atime_ns(); };
  if (sort == "lastModificationTime") return [](const Entry& a, const Entry& b) { return a.attr.mtime_ns() < b.attr.mtime_ns(); };
  if (sort == "inMemoryPercentage") return [](const Entry& a, const Entry& b) { return !a.attr.lost() < !b.attr.lost(); };
  return [](const Entry& a, const Entry& b) { return a.path < b.path; };
}

// Prints entries as they come; keeps a directory's only when they have to be put in another order than the namespace's own.
class Lister {
 public:
  Lister(Shell& shell, const Options& options) : shell_(shell), options_(options) {}

  Result<void> top(const std::string& path) {
    ASSIGN_OR_RETURN(Entry entry, get(shell_, path, Links::kFollow));
    if (!entry.is_directory() || options_.directory_itself) return show_all(std::span<const Entry>(&entry, 1), -1);
    return directory(entry, 0);
  }
  void finish() {
    if (shell_.json()) json_.finish();
  }

 private:
  Result<void> directory(const Entry& from, int depth) {
    if (depth > kDeepest) return rejected(ELOOP, from.path + ": too deep");
    if (options_.sort == "name" && !options_.reverse) {
      std::vector<Entry> some;
      TRY(list(shell_, from, [&](Entry entry) -> Result<bool> {
        some.push_back(std::move(entry));
        if (some.size() == kPageFiles) TRY(show_all(std::exchange(some, {}), depth));
        return true;
      }));
      return show_all(some, depth);
    }
    std::vector<Entry> entries;
    TRY(list(shell_, from, [&](Entry entry) -> Result<bool> {
      entries.push_back(std::move(entry));
      return true;
    }));
    Less less = order_of(options_.sort);
    // Equal ones in the order of their names.
    std::ranges::sort(entries, [less](const Entry& a, const Entry& b) { return less(a, b) || (!less(b, a) && a.path < b.path); });
    if (options_.reverse) std::ranges::reverse(entries);
    for (auto rest = std::span<const Entry>(entries); !rest.empty(); rest = rest.subspan(std::min(kPageFiles, rest.size())))
      TRY(show_all(rest.first(std::min(kPageFiles, rest.size())), depth));
    return {};
  }
  // Entries of one directory, and what is below them; a depth of -1 is for those that were named.
  Result<void> show_all(std::span<const Entry> entries, int depth) {
    Page files{entries.empty() ? InodeId{} : entries.front().parent, {}};
    for (const Entry& entry : entries)
      if (entry.is_file()) files.files.push_back(entry);
    StatesByName states;
    if (!files.files.empty()) {
      if (!control_) {
        ASSIGN_OR_RETURN(control_, persist_control(shell_));
      }
      ASSIGN_OR_RETURN(states, describe(shell_, *control_, files));
    }
    for (const Entry& entry : entries) {
      auto known = states.find(entry.name);
      TRY(show(entry, known == states.end() ? v1::PERSIST_STATE_NOT_PERSISTED : known->second.state()));
      if (depth < 0 || !options_.recursive || !entry.is_directory()) continue;
      if (Result<void> below = directory(entry, depth + 1); !below) shell_.fail(below.error());
    }
    return {};
  }
  Result<void> show(const Entry& entry, v1::PersistState state) {
    if (options_.pinned && !entry.attr.pinned()) return {};
    ASSIGN_OR_RETURN(int percent, percent_in_cache(shell_, entry));
    if (shell_.json())
      json_.add(listing_json(entry.path, entry.attr, percent, state));
    else
      print_line(listing_line(entry.path, entry.attr, percent, state, options_.listing));
    return {};
  }

  Shell& shell_;
  const Options& options_;
  std::unique_ptr<client::PersistControl> control_;
  JsonArray json_;
};

Result<int> run(Shell& shell, Options& options) {
  if (options.timestamp == "createdTime") options.listing.timestamp = Timestamp::kCreated;
  if (options.timestamp == "lastAccessTime") options.listing.timestamp = Timestamp::kAccessed;
  ASSIGN_OR_RETURN(std::vector<std::string> paths, expand(shell, options.paths));
  shell.single_object(paths.size() == 1);
  Lister lister(shell, options);
  for (const std::string& path : paths)
    if (Result<void> shown = lister.top(path); !shown) shell.fail(shown.error());
  lister.finish();
  return shell.exit_code();
}

}  // namespace

void add_fs_ls(Command fs, Shell& shell) {
  auto options = std::make_shared<Options>();
  Command command = fs.add("ls", "List files: mode, owner, group, size, persistence state, time, percent in cache, path");
  command.option("PATH", options->paths, "files and directories").required();
  command.flag("-d", options->directory_itself, "directories themselves, not what is in them");
  command.flag("-f", options->force, "accepted for compatibility: what is listed is always current");
  command.flag("-h", options->listing.human, "sizes with units");
  command.flag("-p", options->pinned, "pinned files only");
  command.flag("-R", options->recursive, "directories below, too");
  command.flag("-r,--reverse", options->reverse, "in reverse order");
  command.option("--sort", options->sort, "order")
      .one_of({"size", "creationTime", "inMemoryPercentage", "lastAccessTime", "lastModificationTime", "name", "path"});
  command.option("--timestamp", options->timestamp, "which time to show")
      .one_of({"createdTime", "lastAccessTime", "lastModifiedTime"});
  shell.on(command, [options](Shell& shell) { return run(shell, *options); });
}

}  // namespace forebay::cli
