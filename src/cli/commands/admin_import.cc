#include <map>

#include "cli/commands/admin_import.h"
#include "cli/exit_code.h"
#include "cli/names.h"
#include "cli/path.h"
#include "cli/persist/control.h"
#include "cli/progress.h"
#include "client/under_path/importing.h"
#include "ufs/stamp.h"

namespace forebay::cli {
namespace {

constexpr uint32_t kPage = 256;         // objects imported in one step
constexpr uint64_t kMostNamed = 1'000;  // of what was passed over; the rest is counted

struct Options {
  std::vector<std::string> paths;
};

// Where a cache path belongs, by the mapping in force.
struct Origin {
  uint64_t mount = 0;
  std::string key;  // of the directory
};

Result<Origin> origin_of(Shell& shell, client::PersistControl& control, const std::string& path) {
  ASSIGN_OR_RETURN(const v1::GetMappingReply mappings, shell.wait(control.mapping(shell.who())));
  const v1::MappingRecord* nearest = nullptr;
  for (const v1::MappingRecord& each : mappings.mappings()) {
    const bool is_below = path == each.path() || path.starts_with(each.path() + "/");
    if (is_below && (nearest == nullptr || each.path().size() > nearest->path().size())) nearest = &each;
  }
  if (nearest == nullptr) return rejected(EINVAL, path + " is not mapped to an under store; `persist mapping` lists what is");
  std::string below = path.substr(nearest->path().size());
  if (below.starts_with('/')) below.erase(0, 1);
  std::string key = nearest->prefix();
  if (!key.empty() && !below.empty()) key += '/';
  return Origin{nearest->mount(), key + below};
}

std::string_view text_of(v1::Imported outcome) {
  switch (outcome) {
    case v1::IMPORTED_NEW: return "imported";
    case v1::IMPORTED_BEFORE: return "was imported before";
    case v1::IMPORTED_EXISTS: return "another file or directory has this name";
    case v1::IMPORTED_EXCLUDED: return "the mapping does not cover this name";
    case v1::IMPORTED_KEY_IN_USE: return "the object belongs to another file, or is about to change";
    case v1::IMPORTED_TOO_LARGE: return "larger than a file can be";
    default: return "of an unknown outcome";
  }
}

// Walks a directory of the store, and makes in the cache what is there. What was done stays done: a run that is cut short is
// continued by the next one.
class Importer {
 public:
  Importer(Shell& shell, client::Client& client) : shell_(shell), calls_(client), progress_("importing", shell.json()) {}

  Result<void> directory(const Entry& into, const Origin& from, int depth = 0) {
    if (depth > kDeepest) return rejected(ELOOP, into.path + ": too deep");
    v1::ListUnderRequest request;
    request.set_mount(from.mount);
    request.set_directory(from.key);
    request.set_limit(kPage);
    request.set_stamps(true);
    do {
      ASSIGN_OR_RETURN(const v1::ListUnderReply page, shell_.wait(calls_.list(shell_.who(), request)));
      hidden_ += page.hidden();
      TRY(files(into, from, page));
      for (const v1::UnderEntry& entry : page.entries())
        if (entry.is_directory()) TRY(below(into, from, entry, depth));
      request.set_after(page.next());
    } while (!request.after().empty());
    return {};
  }

  Json summary() const {
    Json skipped = Json::array();
    for (const auto& [path, why] : named_) skipped.push_back({{"path", path}, {"reason", why}});
    return {{"imported", counts(v1::IMPORTED_NEW)},
            {"imported_before", counts(v1::IMPORTED_BEFORE)},
            {"skipped", passed_over_},
            {"hidden", hidden_},
            {"bytes", bytes_},
            {"directories", directories_},
            {"skipped_files", skipped}};
  }
  bool is_complete() const { return passed_over_ == 0 && hidden_ == 0; }

 private:
  uint64_t counts(v1::Imported outcome) const {
    auto found = counts_.find(outcome);
    return found == counts_.end() ? 0 : found->second;
  }

  // Mode, owner and time as we had stamped them, else as the store has them.
  static v1::ImportEntry import_of(const v1::UnderEntry& entry) {
    v1::ImportEntry made;
    made.set_name(entry.name());
    made.set_length(entry.length());
    made.set_mtime_ns(entry.mtime_ns());
    made.set_identity(entry.identity());
    made.set_mode(entry.has_mode() ? entry.mode() : 0644);
    made.set_uid(entry.uid());
    made.set_gid(entry.gid());
    const Result<ufs::Stamp> stamp = ufs::Stamp::parse(entry.stamp());
    const bool is_whole = stamp && stamp->length == entry.length();
    if (!is_whole) return made;
    made.set_mode(stamp->mode);
    made.set_uid(stamp->uid);
    made.set_gid(stamp->gid);
    made.set_mtime_ns(stamp->mtime_ns);
    return made;
  }

  Result<void> files(const Entry& into, const Origin& from, const v1::ListUnderReply& page) {
    v1::ImportEntriesRequest request;
    request.set_directory(into.inode().value);
    request.set_mount(from.mount);
    request.set_key(from.key);
    for (const v1::UnderEntry& entry : page.entries())
      if (!entry.is_directory() && !entry.identity().empty()) *request.add_entries() = import_of(entry);
    if (request.entries().empty()) return {};
    Result<v1::ImportEntriesReply> reply = shell_.wait(calls_.import_entries(shell_.who(), request));
    if (!reply) return std::unexpected(std::move(reply).error().with_context(into.path));
    for (int i = 0; i < reply->outcomes_size() && i < request.entries_size(); ++i) {
      const v1::Imported outcome = reply->outcomes(i);
      ++counts_[outcome];
      progress_.done(outcome == v1::IMPORTED_NEW ? request.entries(i).length() : 0, 1);
      if (outcome == v1::IMPORTED_NEW) bytes_ += request.entries(i).length();
      if (outcome != v1::IMPORTED_NEW && outcome != v1::IMPORTED_BEFORE)
        pass_over(join_path(into.path, request.entries(i).name()), std::string(text_of(outcome)));
    }
    return {};
  }

  Result<void> below(const Entry& into, const Origin& from, const v1::UnderEntry& entry, int depth) {
    const std::string path = join_path(into.path, entry.name());
    ASSIGN_OR_RETURN(std::optional<Entry> directory, find(shell_, path, Links::kKeep));
    if (!directory) {
      ASSIGN_OR_RETURN(client::Client * client, shell_.client());
      const uint32_t mode = entry.has_mode() ? entry.mode() : 0755;
      TRY(shell_.wait(client->make_dir(shell_.who(), into.inode(), entry.name(), mode)));
      ASSIGN_OR_RETURN(directory, find(shell_, path, Links::kKeep));
      ++directories_;
    }
    if (!directory || !directory->is_directory()) {
      pass_over(path, "a directory in the under store, something else in the cache");
      return {};
    }
    const std::string key = from.key.empty() ? entry.name() : from.key + "/" + entry.name();
    return this->directory(*directory, {from.mount, key}, depth + 1);
  }

  void pass_over(const std::string& path, std::string why) {
    ++passed_over_;
    if (named_.size() < kMostNamed) named_.emplace_back(path, std::move(why));
  }

  Shell& shell_;
  client::UnderImport calls_;
  Progress progress_;
  std::map<v1::Imported, uint64_t> counts_;
  uint64_t hidden_ = 0, bytes_ = 0, directories_ = 0, passed_over_ = 0;
  std::vector<std::pair<std::string, std::string>> named_;
};

Result<int> run(Shell& shell, const Options& options) {
  ASSIGN_OR_RETURN(const std::unique_ptr<client::PersistControl> control, persist_control(shell));
  ASSIGN_OR_RETURN(client::Client * client, shell.client());
  Importer importer(shell, *client);
  for (const std::string& path : options.paths) {
    ASSIGN_OR_RETURN(const Entry into, get(shell, path, Links::kFollow));
    if (!into.is_directory()) return rejected(ENOTDIR, path);
    ASSIGN_OR_RETURN(const Origin from, origin_of(shell, *control, into.path));
    TRY(importer.directory(into, from));
  }
  const Json summary = importer.summary();
  if (shell.json()) {
    print_json(summary);
  } else {
    for (const Json& each : summary["skipped_files"])
      complain("not imported: " + each["path"].get<std::string>() + ": " + each["reason"].get<std::string>());
    print_line("imported " + summary["imported"].dump() + " files, " + summary["bytes"].dump() + " bytes; " +
               summary["imported_before"].dump() + " were imported before, " + summary["skipped"].dump() + " passed over, " +
               summary["hidden"].dump() + " keys are no names of files");
  }
  return importer.is_complete() ? kExitOk : kExitPartial;
}

}  // namespace

void add_admin_import(Command admin, Shell& shell) {
  auto options = std::make_shared<Options>();
  Command command =
      admin.add("import", "Make files of mapped directories for what is in the under store; nothing that is there is changed");
  command.option("PATH", options->paths, "mapped directories, or directories below").required();
  shell.on(command, [options](Shell& shell) { return run(shell, *options); });
}

}  // namespace forebay::cli
