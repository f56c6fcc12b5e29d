#include <thread>

#include "cli/commands/commands.h"
#include "cli/names.h"
#include "cli/persist/entries.h"
#include "cli/progress.h"

namespace forebay::cli {
namespace {

using Clock = std::chrono::steady_clock;
using std::chrono::milliseconds;

struct Options {
  std::vector<std::string> paths;
  bool wait = false;
  uint64_t timeout_ms = 0, pause_ms = 0, parallelism = 0;
};

constexpr auto kFirstLook = milliseconds(50), kLongestLook = milliseconds(1'000);

// Everything below the paths, a page of a directory at a time.
class Persisting {
 public:
  Persisting(Shell& shell, client::PersistControl& control, const Options& options)
      : shell_(shell), control_(control), options_(options), names_(MountNames::load(shell)) {}

  // Makes due what waits.
  Result<void> hurry(const std::string& path) {
    ASSIGN_OR_RETURN(const Entry top, get(shell_, path, Links::kFollow));
    is_single_ = !top.is_directory();
    return for_each_page(shell_, top, [&](const Page& page) -> Result<void> {
      v1::PersistEntriesRequest request;
      request.set_directory(page.directory.value);
      for (const Entry& entry : page.files) request.add_names(entry.name);
      ASSIGN_OR_RETURN(const v1::PersistEntriesReply reply, shell_.wait(control_.persist(shell_.who(), request)));
      const StatesByName states = by_name(reply.entries());
      for (const Entry& entry : page.files) count(entry, states);
      return {};
    });
  }

  // Until all of it is in the under store, or cannot get there.
  Result<void> wait(const std::string& path) {
    ASSIGN_OR_RETURN(const Entry top, get(shell_, path, Links::kFollow));
    return for_each_page(shell_, top, [&](const Page& page) -> Result<void> {
      Page left = page;
      for (auto pause = kFirstLook; !left.files.empty(); pause = std::min(pause * 2, kLongestLook)) {
        TRY(look(left));
        if (left.files.empty()) return {};
        if (is_late()) return late(left);
        std::this_thread::sleep_for(pause);
      }
      return {};
    });
  }

  Json summary() const {
    return {{"files", files_}, {"persisted", persisted_}, {"not_mapped", not_mapped_}, {"failed", failed_}};
  }
  std::string sentence() const {
    std::string text = std::to_string(files_) + (files_ == 1 ? " file" : " files") + ", " + std::to_string(persisted_) +
                       " of them in the under store";
    if (not_mapped_ != 0) text += ", " + std::to_string(not_mapped_) + " not mapped or excluded";
    return text;
  }

 private:
  void count(const Entry& entry, const StatesByName& states) {
    auto known = states.find(entry.name);
    if (known == states.end()) return;  // gone meanwhile
    ++files_;
    if (known->second.state() == v1::PERSIST_STATE_NOT_PERSISTED) {
      ++not_mapped_;
      if (is_single_)
        fail(entry, rejected(EINVAL, entry.path + ": no mapping covers it, or its name is excluded (`persist mapping`)"));
      return;
    }
    progress_.expect(entry.attr.size(), 1);
    if (!options_.wait && known->second.state() == v1::PERSIST_STATE_PERSISTED) ++persisted_;
  }

  // Takes away what is done, gone or hopeless.
  Result<void> look(Page& left) {
    ASSIGN_OR_RETURN(const StatesByName states, describe(shell_, control_, left));
    std::erase_if(left.files, [&](const Entry& entry) {
      auto known = states.find(entry.name);
      if (known == states.end()) return true;
      const v1::EntryPersistence& now = known->second;
      if (now.state() == v1::PERSIST_STATE_NOT_PERSISTED) return true;
      if (now.state() == v1::PERSIST_STATE_PERSISTED) {
        ++persisted_;
        progress_.done(entry.attr.size(), 1);
        return true;
      }
      const std::string key = names_.path(now.target_mount(), now.target());
      if (now.has_conflict()) {
        fail(entry, rejected(EEXIST, entry.path + ": somebody else's object is at " + key + " (`persist resolve` decides)"));
        return true;
      }
      if (now.permanent()) {
        fail(entry, rejected(EIO, entry.path + " cannot be persisted at " + key + ": " + now.error()));
        return true;
      }
      return false;
    });
    return {};
  }

  bool is_late() const { return options_.timeout_ms != 0 && Clock::now() - begun_ >= milliseconds(options_.timeout_ms); }
  Result<void> late(const Page& left) {
    ASSIGN_OR_RETURN(const StatesByName states, describe(shell_, control_, left));
    const Entry& first = left.files.front();
    auto known = states.find(first.name);
    std::string why = known != states.end() && !known->second.error().empty() ? ": " + known->second.error() : "";
    return rejected(ETIMEDOUT,
                    first.path + " is not in the under store within " + std::to_string(options_.timeout_ms) + " ms" + why);
  }
  void fail(const Entry&, const Error& error) {
    ++failed_;
    shell_.fail(Result<void>(error).error());
  }

  Shell& shell_;
  client::PersistControl& control_;
  const Options& options_;
  const MountNames names_;
  const Clock::time_point begun_ = Clock::now();
  bool is_single_ = false;
  uint64_t files_ = 0, persisted_ = 0, not_mapped_ = 0, failed_ = 0;
  Progress progress_{"persisted"};
};

Result<int> run(Shell& shell, const Options& options) {
  ASSIGN_OR_RETURN(const auto control, persist_control(shell));
  ASSIGN_OR_RETURN(const std::vector<std::string> paths, expand(shell, options.paths));
  shell.single_object(paths.size() == 1);
  if (options.pause_ms != 0) std::this_thread::sleep_for(milliseconds(options.pause_ms));
  Json all = Json::array();
  for (const std::string& path : paths) {
    Persisting persisting(shell, *control, options);
    Result<void> done = persisting.hurry(path);
    if (done && options.wait) done = persisting.wait(path);
    if (!done) {
      shell.fail(done.error());
      continue;
    }
    Json summary = {{"path", path}};
    summary.update(persisting.summary());
    all.push_back(summary);
    if (!shell.json()) print_line(path + ": " + persisting.sentence());
  }
  if (shell.json()) print_json(all);
  return shell.exit_code();
}

}  // namespace

void add_fs_persist(Command fs, Shell& shell) {
  auto options = std::make_shared<Options>();
  Command command = fs.add("persist", "Have files, and all below directories, go to the under store now");
  command.option("PATH", options->paths, "files and directories").required();
  command.flag("--wait", options->wait, "return when the under store has them");
  command.option("-t,--timeout", options->timeout_ms, "milliseconds; with --wait: fail when it takes longer");
  command.option("-w", options->pause_ms, "milliseconds to wait before it begins");
  command.option("-p,--parallelism", options->parallelism,
                 "accepted for compatibility: forebay.persist.small_tasks is the limit");
  shell.on(command, [options](Shell& shell) { return run(shell, *options); });
}

}  // namespace forebay::cli
