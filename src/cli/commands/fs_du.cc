#include "cli/commands/commands.h"
#include "cli/format.h"
#include "cli/names.h"

namespace forebay::cli {
namespace {

struct Options {
  std::vector<std::string> paths;
  bool summary = false, human = false;
};

struct Sum {
  uint64_t size = 0, stored = 0;
};

// The sum of a tree, and, without -s, a row for each file in it.
class Summing {
 public:
  Summing(Shell& shell, const Options& options) : shell_(shell), options_(options) {
    if (!shell.json()) print_line("File Size            In Cache             Path");
  }
  Result<void> add(const std::string& path) {
    ASSIGN_OR_RETURN(Entry entry, get(shell_, path, Links::kKeep));
    Sum sum;
    TRY(walk(shell_, entry, [&](const Entry& each) -> Result<void> {
      if (!each.is_file()) return {};
      sum.size += each.attr.size();
      sum.stored += each.attr.stored_bytes();
      if (!options_.summary) row(each.path, {each.attr.size(), each.attr.stored_bytes()});
      return {};
    }));
    if (options_.summary) row(entry.path, sum);
    return {};
  }
  void finish() {
    if (shell_.json()) array_.finish();
  }

 private:
  void row(const std::string& path, Sum sum) {
    if (shell_.json()) return array_.add({{"path", path}, {"size", sum.size}, {"in_cache", sum.stored}});
    auto number = [&](uint64_t bytes) { return options_.human ? format_human(bytes) : std::to_string(bytes); };
    std::string size = number(sum.size), stored = number(sum.stored);
    size.resize(std::max<size_t>(size.size() + 1, 21), ' ');
    stored.resize(std::max<size_t>(stored.size() + 1, 21), ' ');
    print_line(size + stored + path);
  }
  Shell& shell_;
  const Options& options_;
  JsonArray array_;
};

Result<int> run(Shell& shell, const Options& options) {
  ASSIGN_OR_RETURN(std::vector<std::string> paths, expand(shell, options.paths));
  shell.single_object(paths.size() == 1);
  Summing summing(shell, options);
  for (const std::string& path : paths)
    if (Result<void> added = summing.add(path); !added) shell.fail(added.error());
  summing.finish();
  return shell.exit_code();
}

}  // namespace

void add_fs_du(Command fs, Shell& shell) {
  auto options = std::make_shared<Options>();
  Command command = fs.add("du", "Sizes of files, and how many of their bytes the cache stores");
  command.option("PATH", options->paths, "files and directories").required();
  command.flag("-s", options->summary, "one sum for each path");
  command.flag("-h", options->human, "sizes with units");
  shell.on(command, [options](Shell& shell) { return run(shell, *options); });
}

}  // namespace forebay::cli
