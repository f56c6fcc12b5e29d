#include "persist_storm.h"

#include <algorithm>
#include <map>
#include <memory>
#include <set>
#include <utility>

#include "forebay/v1/admin.rpc.h"
#include "forebay/v1/persist.rpc.h"
#include "stderr_log.h"
#include "store_history.h"
#include "storm_actor.h"
#include "storm_weather.h"

namespace forebay::cluster {
namespace {

using Conflicts = StormWorld::Conflicts;
using std::chrono::hours;
using std::chrono::minutes;
using std::chrono::seconds;

constexpr size_t kClients = 2, kActors = 4;
const client::Identity kSuperuser;

struct Found {
  uint64_t inode;
  std::string path, content;
};

PersistClusterConfig cluster_config(const StormWorld& world, uint64_t seed, ufs::StoreFaults* faults, obs::Log& log) {
  PersistClusterConfig config;
  config.seed = seed;
  config.clients = kClients;
  config.policies = world.policies;
  config.is_nas = world.is_nas;
  config.has_conditions = world.has_conditions;
  config.faults = faults;
  config.log = &log;
  if (world.evicts) config.block_bytes = 16 * kKiB;
  return config;
}

StoreHistory::Rules history_rules(const StormWorld& world) {
  StoreHistory::Rules rules;
  rules.ordered = world.ordered;
  rules.replaces_foreign =
      world.has_foreign_writer && (world.conflicts == Conflicts::kCacheWins || world.conflicts == Conflicts::kUfsWins);
  rules.writes_once = world.has_conditions;
  return rules;
}

// One storm: its parts in the order in which they have to go.
class Storm {
 public:
  Storm(const StormWorld& world, uint64_t seed, size_t operations, bool logs)
      : world_(world),
        faults_(seed),
        cluster_(cluster_config(world, seed, &faults_, logs ? static_cast<obs::Log&>(log_) : obs::null_log())),
        operations_(operations) {
    log_.follow(cluster_.world());
  }

  StormResult run() {
    const os::Instant begun = cluster_.world().time().now();
    Result<void> started = cluster_.start();
    if (!started) fail("the cluster does not start: " + started.error().to_string());
    if (started) rage();
    if (started) check_rest();
    cluster_.stop();
    result_.took = cluster_.world().time().now() - begun;
    if (changes_.empty()) changes_ = cluster_.bucket().changes();
    result_.changes = changes_.size();
    StoreHistory history(contents_, history_rules(world_));
    history.check(changes_);
    for (const std::string& each : history.wrong()) fail(each);
    return std::move(result_);
  }

 private:
  void fail(std::string what) {
    if (result_.violations.size() < 20) result_.violations.push_back(std::move(what));
  }

  void rage() {
    make_shared_directory();
    for (uint32_t number = 0; number < kActors; ++number) {
      StormActor::Parts parts{.world = cluster_.world(),
                              .client = cluster_.client(number % kClients),
                              .contents = contents_,
                              .base = "/c",
                              .frees = world_.evicts,
                              .makes_sets = world_.ordered,
                              .operations = operations_ / kActors};
      actors_.push_back(std::make_unique<StormActor>(std::move(parts), number));
    }
    for (auto& actor : actors_) actor->start();
    StormWeather weather(cluster_, faults_, contents_, world_.has_foreign_writer);
    weather.start();
    const bool over = cluster_.world().run_until(
        [&] { return std::ranges::all_of(actors_, [](const auto& actor) { return actor->is_over(); }); }, hours(100));
    if (!over) fail("the programs do not come to an end");
    if (!weather.stop()) fail("the weather does not end");
    for (const auto& actor : actors_) {
      result_.operations += actor->done();
      result_.failed += actor->failed();
      for (const std::string& each : actor->wrong()) fail(each);
    }
    result_.kills = weather.kills();
    result_.cuts = weather.cuts();
    result_.outages = weather.outages();
    result_.foreign = weather.foreign();
  }

  void make_shared_directory() {
    Result<v1::Attr> made = cluster_.run(cluster_.client().make_dir(kSuperuser, cluster_.directory(), "shared", 0755));
    if (!made) fail("no shared directory: " + made.error().to_string());
  }

  // ---- the end ----

  bool settle(const std::string& when) {
    if (cluster_.settle(hours(6))) return true;
    Result<v1::PersistStatusReply> status = cluster_.status();
    if (world_.has_foreign_writer && status && status->running() == 0 && status->waiting_persist() == status->lost()) return true;
    fail(when + " there is always something to do: " + (status ? status->ShortDebugString() : status.error().to_string()));
    return false;
  }

  // What was taken over from somebody else is in the store only, and its owner may destroy it there. So may anybody destroy what
  // is there of a file whose copies in the cache were lost with their worker.
  bool may_lose(uint64_t inode) {
    if (!world_.has_foreign_writer) return false;
    return world_.conflicts == Conflicts::kUfsWins || std::ranges::any_of(cluster_.bucket().changes(), [&](const auto& change) {
             return change.who == "foreign" && change.before && change.before->stamp &&
                    change.before->stamp->inode.value == inode;
           });
  }

  void check_rest() {
    if (!settle("after the storm")) return;
    if (world_.has_foreign_writer && !touch_all()) return;
    std::map<std::string, Found> files;
    walk(cluster_.directory(), "k", "/c", files);
    result_.keys = files.size();
    check_store(files);
    if (!world_.has_foreign_writer) check_no_conflicts();
    if (world_.has_foreign_writer && world_.conflicts == Conflicts::kFail) {
      changes_ = cluster_.bucket().changes();  // from now on what is theirs is replaced: it was decided so
      // It is decided about what was seen: where somebody has written again since, a second time.
      for (bool again = true; again;) {
        again = resolve_all();
        if (!settle("after the conflicts")) return;
      }
      check_store(files);
    }
    for (const ufs::Upload& upload : cluster_.bucket().open_uploads()) fail("an upload of '" + upload.key + "' is left");
    check_reclaimed();
    check_records();
  }

  // Keys of what was clean when somebody else wrote there are looked at again only when there is something to write.
  bool touch_all() {
    std::map<std::string, Found> files;
    walk(cluster_.directory(), "k", "/c", files);
    std::set<uint64_t> touched;
    for (const auto& [key, found] : files) {
      if (!touched.insert(found.inode).second) continue;
      const std::string content = found.content + "!";
      contents_.add(content);
      auto opened = cluster_.run(cluster_.client().open(kSuperuser, InodeId{found.inode}, {.read = true, .write = true}));
      Result<void> written = opened ? cluster_.run((*opened)->pwrite(as_bytes(content).last(1), found.content.size()))
                                    : std::unexpected(opened.error());
      if (written) written = cluster_.run((*opened)->close());
      if (!written) fail("'" + found.path + "' cannot be written: " + written.error().to_string());
    }
    return settle("after all were touched");
  }

  void walk(InodeId directory, const std::string& key, const std::string& path, std::map<std::string, Found>& files) {
    for (std::string after;;) {
      auto listed = cluster_.run(cluster_.client().read_dir(kSuperuser, directory, after, 1000, true));
      if (!listed) return fail("'" + path + "' cannot be listed: " + listed.error().to_string());
      for (const v1::DirEntry& entry : listed->entries) {
        after = entry.name();
        const std::string below = key + "/" + entry.name();
        if (entry.type() == v1::FILE_TYPE_DIRECTORY) {
          directories_.insert(below);
          walk(InodeId{entry.inode()}, below, path + "/" + entry.name(), files);
        } else {
          const std::string name = path + "/" + entry.name();
          std::optional<std::string> content = read(InodeId{entry.inode()}, name);
          if (content)
            files[below] = {entry.inode(), name, *std::move(content)};
          else
            lost_.insert(below);
        }
      }
      if (listed->end) return;
    }
  }

  std::optional<std::string> read(InodeId inode, const std::string& path) {
    auto opened = cluster_.run(cluster_.client().open(kSuperuser, inode, {}));
    Result<std::string> content = opened ? read_whole(**opened) : std::unexpected(opened.error());
    if (!content) {
      if (!may_lose(inode.value)) fail("'" + path + "' cannot be read: " + content.error().to_string());
      lost_inodes_.insert(inode.value);
      return std::nullopt;
    }
    (void)cluster_.run((*opened)->close());
    if (!contents_.has(content_id(*content))) fail("'" + path + "' holds bytes that were never written");
    return *std::move(content);
  }

  // Where the under store wins, reading may find that the file is another one by now, and of another length.
  Result<std::string> read_whole(client::File& file) {
    for (;;) {
      ASSIGN_OR_RETURN(const v1::Attr before, cluster_.run(file.attr()));
      std::string content(before.size(), '\0');
      ASSIGN_OR_RETURN(const size_t length, cluster_.run(file.pread(std::as_writable_bytes(std::span(content)), 0)));
      ASSIGN_OR_RETURN(const v1::Attr after, cluster_.run(file.attr()));
      content.resize(length);
      if (before.version() == after.version()) return content;
    }
  }

  // The last things that happened to a key, or to a file that was there.
  std::string story(const std::string& key) {
    std::vector<std::string> lines;
    for (const ufs::KeyChange& change : cluster_.bucket().changes()) {
      if (change.key != key) continue;
      auto version = [](const std::optional<ufs::ObjectState>& state) {
        return !state          ? std::string("nothing")
               : !state->stamp ? std::string("theirs")
                               : to_string(state->stamp->inode) + "." + std::to_string(state->stamp->version.value);
      };
      lines.push_back("\n    " + std::to_string((change.at - os::VirtualTime::kStart).count() / 1'000'000) + " ms " +
                      change.operation + " by " + change.who + ": " + version(change.before) + " → " + version(change.after));
    }
    std::string text;
    for (size_t i = lines.size() - std::min<size_t>(lines.size(), 8); i < lines.size(); ++i) text += lines[i];
    return text;
  }

  // A file in conflict waits for a decision, whatever its owner has done to what was seen at the key since. What is at the key
  // that the file had before is its own until then.
  void check_store(const std::map<std::string, Found>& files) {
    const std::vector<v1::Conflict> conflicts = list_conflicts();
    for (const auto& [key, found] : files) {
      const std::optional<ufs::ObjectState> state = cluster_.bucket().state(key);
      const bool is_ours = state && state->stamp;
      if (cluster_.bucket().content(key) == found.content) continue;
      if (!is_ours && is_parked(conflicts, key)) continue;
      if (!is_ours && world_.conflicts == Conflicts::kKeepBoth && has_beside(key, found.content)) continue;
      fail("'" + key + "' holds " + (state ? "other bytes" : "nothing") + " than the namespace has there: inode " +
           std::to_string(found.inode) + story(key));
    }
    for (const std::string& key : cluster_.bucket().keys()) {
      if (files.contains(key) || lost_.contains(key)) continue;
      const std::optional<ufs::ObjectState> state = cluster_.bucket().state(key);
      const bool is_theirs = !state->stamp;
      const bool is_kept = !world_.deletes && contents_.has({state->length, state->crc32c});
      const bool is_beside = world_.conflicts == Conflicts::kKeepBoth && key.contains(".conflict-");
      if (!is_theirs && !is_kept && !is_beside && !is_left_by_parked(conflicts, key, *state))
        fail("'" + key + "' is left, and no file has that name" + story(key));
    }
    if (!world_.is_nas || !world_.deletes) return;
    for (const std::string& directory : cluster_.bucket().directories()) {
      if (directory != "k" && !directories_.contains(directory)) fail("the directory '" + directory + "' is left");
    }
  }

  bool has_beside(const std::string& key, const std::string& content) {
    return std::ranges::any_of(cluster_.bucket().keys(), [&](const std::string& other) {
      return other.starts_with(key + ".conflict-") && cluster_.bucket().content(other) == content;
    });
  }

  bool is_parked(const std::vector<v1::Conflict>& conflicts, const std::string& key) const {
    return world_.conflicts == Conflicts::kFail &&
           std::ranges::any_of(conflicts, [&](const v1::Conflict& each) { return each.record().conflict().key() == key; });
  }
  bool is_left_by_parked(const std::vector<v1::Conflict>& conflicts, const std::string& key,
                         const ufs::ObjectState& state) const {
    return world_.conflicts == Conflicts::kFail && std::ranges::any_of(conflicts, [&](const v1::Conflict& each) {
             const v1::BindingRecord& file = each.record();
             return file.bound().key() == key && state.stamp->inode.value == file.inode() &&
                    state.stamp->version.value == file.bound().version();
           });
  }

  std::vector<v1::Conflict> list_conflicts() {
    std::vector<v1::Conflict> conflicts;
    v1::ListConflictsRequest request;
    for (bool more = true; more;) {
      Result<v1::ListConflictsReply> page = cluster_.ask_master<v1::persist_service::ListConflicts>(request);
      if (!page) fail("no conflicts can be listed: " + page.error().to_string());
      more = page && page->more();
      if (page) conflicts.insert(conflicts.end(), page->conflicts().begin(), page->conflicts().end());
      if (!conflicts.empty()) request.set_after(conflicts.back().binding());
    }
    return conflicts;
  }

  // Where nobody else writes, nothing is anybody else's.
  void check_no_conflicts() {
    for (const v1::Conflict& conflict : list_conflicts()) fail("a conflict with nobody: " + conflict.ShortDebugString());
  }

  // False: there were none.
  bool resolve_all() {
    const std::vector<v1::Conflict> conflicts = list_conflicts();
    for (const v1::Conflict& conflict : conflicts) {
      v1::ResolveConflictRequest request;
      request.set_binding(conflict.binding());
      request.set_by(v1::ON_CONFLICT_CACHE_WINS);
      auto resolved = cluster_.ask_master<v1::persist_service::ResolveConflict>(request);
      if (!resolved) fail("a conflict cannot be resolved: " + resolved.error().to_string());
    }
    return !conflicts.empty();
  }

  // Nothing is open any more: what was removed goes, with the next renewals of the sessions at the latest.
  void check_reclaimed() {
    Result<v1::ReportReply> report = cluster_.ask_master<v1::admin_service::Report>({});
    for (int look = 0; look < 60 && report && report->reclaiming() != 0; ++look) {
      cluster_.world().run_for(seconds(1));
      report = cluster_.ask_master<v1::admin_service::Report>({});
    }
    if (!report) return fail("no report: " + report.error().to_string());
    if (report->reclaiming() != 0) fail(std::to_string(report->reclaiming()) + " files that were removed are kept");
  }

  void check_records() {
    v1::FsckRequest request;
    do {
      Result<v1::FsckReply> reply = cluster_.ask_master<v1::admin_service::Fsck>(request);
      if (!reply) return fail("the records cannot be checked: " + reply.error().to_string());
      for (const std::string& problem : reply->problems()) {
        if (!is_of_lost(problem)) fail("fsck: " + problem);
      }
      request.set_cursor(reply->cursor());
    } while (!request.cursor().empty());
  }

  bool is_of_lost(const std::string& problem) const {
    return problem.contains("has no copy left") && std::ranges::any_of(lost_inodes_, [&](uint64_t inode) {
             return problem.contains(" inode " + std::to_string(inode) + " ");
           });
  }

  const StormWorld world_;
  StormContents contents_;
  StormFaults faults_;
  StderrLog log_;
  PersistCluster cluster_;
  const size_t operations_;
  std::vector<std::unique_ptr<StormActor>> actors_;
  std::set<std::string> directories_, lost_;
  std::set<uint64_t> lost_inodes_;  // of lost_
  std::vector<ufs::KeyChange> changes_;
  StormResult result_;
};

}  // namespace

const std::vector<StormWorld>& storm_worlds() {
  static const std::vector<StormWorld> worlds = {
      {.name = "delete", .policies = R"("onDelete": "delete")"},
      {.name = "keep", .policies = R"("onDelete": "keep")", .deletes = false},
      {.name = "plain_store", .policies = R"("onDelete": "delete")", .has_conditions = false},
      {.name = "nas", .policies = R"("onDelete": "delete")", .is_nas = true},
      {.name = "nas_keep", .policies = R"("onDelete": "keep")", .is_nas = true, .deletes = false},
      {.name = "order", .policies = R"("onDelete": "delete", "order": "directory")", .ordered = true},
      {.name = "nas_order", .policies = R"("onDelete": "delete", "order": "directory")", .is_nas = true, .ordered = true},
      {.name = "settle", .policies = R"("onDelete": "delete", "settle": "2s")"},
      {.name = "evict", .policies = R"("onDelete": "delete", "evict": "clean")", .evicts = true},
      {.name = "nas_evict", .policies = R"("onDelete": "delete", "evict": "clean")", .is_nas = true, .evicts = true},
      {.name = "conflict_fail", .policies = R"("onDelete": "delete", "onConflict": "fail")", .has_foreign_writer = true},
      {.name = "conflict_keep_both",
       .policies = R"("onDelete": "delete", "onConflict": "keep-both")",
       .has_foreign_writer = true,
       .conflicts = Conflicts::kKeepBoth},
      {.name = "conflict_cache_wins",
       .policies = R"("onDelete": "delete", "onConflict": "cache-wins")",
       .has_foreign_writer = true,
       .conflicts = Conflicts::kCacheWins},
      {.name = "conflict_ufs_wins",
       .policies = R"("onDelete": "delete", "onConflict": "ufs-wins")",
       .has_foreign_writer = true,
       .conflicts = Conflicts::kUfsWins},
  };
  return worlds;
}

const StormWorld* find_storm_world(const std::string& name) {
  const auto found = std::ranges::find(storm_worlds(), name, &StormWorld::name);
  return found == storm_worlds().end() ? nullptr : &*found;
}

StormResult run_storm(const StormWorld& world, uint64_t seed, size_t operations, bool logs) {
  return Storm(world, seed, operations, logs).run();
}

}  // namespace forebay::cluster
