#include "cli/commands/commands.h"
#include "cli/format.h"
#include "cli/names.h"

namespace forebay::cli {
namespace {

struct Options {
  std::vector<std::string> paths;
  bool force = false, recursive = false;
};

struct Freed {
  uint64_t bytes = 0, files = 0, kept = 0;
};

Result<uint64_t> free_file(Shell& shell, const Entry& entry, bool force) {
  ASSIGN_OR_RETURN(client::Client * client, shell.client());
  uint64_t bytes = 0;
  for (bool more = true; more;) {
    Result<v1::FreeReply> reply = shell.wait(client->free(shell.who(), entry.inode(), force));
    if (!reply) return std::unexpected(std::move(reply).error().with_context(entry.path));
    bytes += reply->bytes();
    more = reply->more();
  }
  return bytes;
}

// Below a directory, what cannot leave now is counted; a file that was named has to.
Result<Freed> free_entry(Shell& shell, const Entry& top, bool force) {
  Freed freed;
  if (!top.is_directory()) {
    ASSIGN_OR_RETURN(freed.bytes, free_file(shell, top, force));
    freed.files = 1;
    return freed;
  }
  TRY(walk(shell, top, [&](const Entry& entry) -> Result<void> {
    if (!entry.is_file()) return {};
    Result<uint64_t> bytes = free_file(shell, entry, force);
    if (bytes) {
      freed.bytes += *bytes;
      ++freed.files;
      return {};
    }
    if (!bytes.error().is_errno(EBUSY) && !bytes.error().is_errno(EPERM)) return std::unexpected(std::move(bytes).error());
    ++freed.kept;
    return {};
  }));
  return freed;
}

Result<int> run(Shell& shell, const Options& options) {
  ASSIGN_OR_RETURN(const std::vector<std::string> paths, expand(shell, options.paths));
  shell.single_object(paths.size() == 1);
  Json all = Json::array();
  for (const std::string& path : paths) {
    Result<Entry> entry = get(shell, path, Links::kFollow);
    Result<Freed> freed = entry ? free_entry(shell, *entry, options.force) : std::unexpected(entry.error());
    if (!freed) {
      shell.fail(freed.error());
      continue;
    }
    if (shell.json())
      all.push_back({{"path", path}, {"bytes", freed->bytes}, {"files", freed->files}, {"kept", freed->kept}});
    else
      print_line("freed " + path + ": " + format_human(freed->bytes) + " of " + std::to_string(freed->files) + " files" +
                 (freed->kept == 0 ? "" : "; " + std::to_string(freed->kept) + " not persisted, in use or pinned"));
  }
  if (shell.json()) print_json(all);
  return shell.exit_code();
}

}  // namespace

void add_fs_free(Command fs, Shell& shell) {
  auto options = std::make_shared<Options>();
  Command command = fs.add("free", "Take what is persisted out of the cache; reading brings it back");
  command.option("PATH", options->paths, "files, directories with all that is below; patterns are expanded").required();
  command.flag("-f", options->force, "pinned files, too");
  command.flag("-R", options->recursive, "accepted for compatibility: directories are always freed with all below");
  shell.on(command, [options](Shell& shell) { return run(shell, *options); });
}

}  // namespace forebay::cli
