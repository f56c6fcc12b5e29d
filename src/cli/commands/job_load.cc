#include <algorithm>
#include <deque>
#include <functional>

#include "cli/commands/commands.h"
#include "cli/format.h"
#include "cli/listing.h"
#include "cli/names.h"

namespace forebay::cli {
namespace {

using std::chrono::milliseconds;

constexpr size_t kFilesAtOnce = 32;
constexpr Duration kLeastPause = milliseconds(5), kMostPause = milliseconds(100);  // between two looks

struct Options {
  std::vector<std::string> paths;
  std::string path_option;
  uint64_t patience_s = 600;
  bool submit = false, progress = false, stop = false;
};

struct Loading {
  std::string path;
  InodeId inode;
  uint64_t size = 0, offset = 0;
  os::Instant moved_at{};
  uint32_t waiting = 0;
};

// Asks for everything that is not in the cache, many files at a time, and again until it is there. What fails is said, and the
// rest goes on. The master keeps what was asked for, so a load that is interrupted has not been in vain.
class Load {
 public:
  Load(Shell& shell, client::Client& client, Duration patience) : shell_(shell), client_(client), patience_(patience) {}

  Result<void> add(const Entry& entry) {
    if (!entry.is_file() || !entry.attr.absent()) return {};
    while (at_work_.size() >= kFilesAtOnce) TRY(look());
    at_work_.push_back({entry.path, entry.inode(), entry.attr.size(), 0, shell_.env().clock.now(), 0});
    return {};
  }
  Result<void> finish() {
    while (!at_work_.empty()) TRY(look());
    return {};
  }
  uint64_t files() const { return files_; }
  uint64_t bytes() const { return bytes_; }

 private:
  Result<void> look() {
    for (size_t left = at_work_.size(); left != 0; --left) {
      Loading loading = std::move(at_work_.front());
      at_work_.pop_front();
      Result<bool> done = step(loading);
      if (!done)
        shell_.fail(std::move(done).error().with_context(loading.path));
      else if (!*done)
        at_work_.push_back(std::move(loading));
    }
    // So that looking again adds little to what it takes anyway.
    const Duration pause = std::clamp<Duration>((shell_.env().clock.now() - moved_at_) / 32, kLeastPause, kMostPause);
    if (!at_work_.empty()) shell_.wait(shell_.env().clock.sleep(pause, {}));
    return {};
  }
  Result<bool> step(Loading& loading) {
    const os::Instant now = shell_.env().clock.now();
    ASSIGN_OR_RETURN(const v1::RestoreReply reply,
                     shell_.wait(client_.restore(shell_.who(), loading.inode, loading.offset, loading.size - loading.offset)));
    if (reply.lost()) return broken(reply.problem());
    const bool moved = reply.waiting() != loading.waiting;
    if (moved) loading.moved_at = moved_at_ = now;
    loading.waiting = reply.waiting();
    if (reply.waiting() == 0 && reply.next_offset() == 0) {
      ++files_;
      bytes_ += loading.size;
      return true;
    }
    if (reply.waiting() == 0) loading.offset = reply.next_offset();
    if (now - loading.moved_at < patience_) return false;
    return broken("nothing of it has come for too long" + (reply.problem().empty() ? "" : ": " + reply.problem()));
  }

  Shell& shell_;
  client::Client& client_;
  const Duration patience_;
  std::deque<Loading> at_work_;
  os::Instant moved_at_{};  // any of them
  uint64_t files_ = 0, bytes_ = 0;
};

// For every file at and below the paths; what fails is said, and the rest goes on.
void for_each_file(Shell& shell, const std::vector<std::string>& paths, const std::function<Result<void>(const Entry&)>& each) {
  shell.single_object(paths.size() == 1);
  for (const std::string& path : paths) {
    Result<Entry> top = get(shell, path, Links::kFollow);
    Result<void> walked = top ? walk(shell, *top, each) : std::unexpected(top.error());
    if (!walked) shell.fail(walked.error());
  }
}

Result<int> show_progress(Shell& shell, const std::vector<std::string>& paths) {
  uint64_t files = 0, there = 0;
  for_each_file(shell, paths, [&](const Entry& entry) -> Result<void> {
    if (!entry.is_file()) return {};
    ASSIGN_OR_RETURN(const int percent, percent_in_cache(shell, entry));
    ++files;
    there += percent == 100 ? 1 : 0;
    return {};
  });
  if (shell.json())
    print_json({{"files", files}, {"in_cache", there}});
  else
    print_line(std::to_string(there) + " of " + std::to_string(files) + " files are in the cache");
  return shell.exit_code();
}

Result<int> run(Shell& shell, Options& options) {
  if (!options.path_option.empty()) options.paths.push_back(options.path_option);
  if (options.paths.empty()) return invalid("job load needs a path");
  if (options.submit + options.progress + options.stop > 1) return invalid("one of --submit, --progress and --stop");
  if (options.stop)
    return rejected(ENOTSUP, "a load goes on for as long as its command: end that one; what has come by then stays in the cache");
  ASSIGN_OR_RETURN(client::Client * client, shell.client());
  ASSIGN_OR_RETURN(const std::vector<std::string> paths, expand(shell, options.paths));
  if (options.progress) return show_progress(shell, paths);
  Load load(shell, *client, std::chrono::seconds(options.patience_s));
  for_each_file(shell, paths, [&](const Entry& entry) { return load.add(entry); });
  TRY(load.finish());
  if (shell.json())
    print_json({{"files", load.files()}, {"bytes", load.bytes()}});
  else
    print_line("loaded " + std::to_string(load.files()) + " files, " + format_human(load.bytes()));
  return shell.exit_code();
}

}  // namespace

void add_job_load(Command job, Shell& shell) {
  auto options = std::make_shared<Options>();
  Command command = job.add("load", "Bring files back from the under store into the cache; ends when they are there");
  command.option("PATH", options->paths, "files, and directories with all that is below");
  command.option("--path", options->path_option, "the same, as an option");
  command.option("--patience", options->patience_s, "seconds without progress after which a file has failed");
  command.flag("--submit", options->submit, "accepted for compatibility: the command ends when the files are there all the same");
  command.flag("--progress", options->progress, "load nothing; say how many of the files are in the cache");
  command.flag("--stop", options->stop, "not in this version: a load goes on for as long as its command");
  shell.on(command, [options](Shell& shell) { return run(shell, *options); });
}

}  // namespace forebay::cli
