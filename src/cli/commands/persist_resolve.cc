#include "cli/commands/commands.h"
#include "cli/names.h"
#include "cli/persist/control.h"

namespace forebay::cli {
namespace {

struct Options {
  std::vector<std::string> paths;
  std::string by;
};

const std::map<std::string, v1::OnConflict> kDecisions = {{"retry", v1::ON_CONFLICT_FAIL},
                                                          {"keep-both", v1::ON_CONFLICT_KEEP_BOTH},
                                                          {"cache-wins", v1::ON_CONFLICT_CACHE_WINS},
                                                          {"ufs-wins", v1::ON_CONFLICT_UFS_WINS}};

Result<void> resolve(Shell& shell, client::PersistControl& control, const std::string& path, v1::OnConflict by) {
  ASSIGN_OR_RETURN(const Entry entry, get(shell, path, Links::kKeep));
  v1::DescribeEntriesRequest question;
  question.set_directory(entry.parent.value);
  question.add_names(entry.name);
  ASSIGN_OR_RETURN(const v1::DescribeEntriesReply found, shell.wait(control.describe(shell.who(), question)));
  if (found.entries().empty() || !found.entries(0).has_conflict()) return rejected(ENOENT, path + " is in no conflict");
  v1::ResolveConflictRequest request;
  request.set_binding(found.entries(0).binding());
  request.set_by(by);
  if (auto resolved = shell.wait(control.resolve(shell.who(), request)); !resolved)
    return std::unexpected(std::move(resolved).error().with_context(path));
  return {};
}

Result<int> run(Shell& shell, const Options& options) {
  ASSIGN_OR_RETURN(const auto control, persist_control(shell));
  ASSIGN_OR_RETURN(const std::vector<std::string> paths, expand(shell, options.paths));
  shell.single_object(paths.size() == 1);
  Json done = Json::array();
  for (const std::string& path : paths) {
    if (Result<void> resolved = resolve(shell, *control, path, kDecisions.at(options.by)); !resolved) {
      shell.fail(resolved.error());
      continue;
    }
    done.push_back(path);
    if (!shell.json()) print_line("resolved " + path + ": " + options.by);
  }
  if (shell.json()) print_json({{"by", options.by}, {"resolved", done}});
  return shell.exit_code();
}

}  // namespace

void add_persist_resolve(Command persist, Shell& shell) {
  auto options = std::make_shared<Options>();
  Command command = persist.add("resolve", "Decide a conflict");
  command.option("PATH", options->paths, "files in conflict").required();
  command
      .option("--by", options->by,
              "cache-wins: theirs is replaced; ufs-wins: theirs becomes the newest version; keep-both: ours goes beside "
              "theirs; retry: look again")
      .required()
      .one_of({"cache-wins", "ufs-wins", "keep-both", "retry"});
  shell.on(command, [options](Shell& shell) { return run(shell, *options); });
}

}  // namespace forebay::cli
