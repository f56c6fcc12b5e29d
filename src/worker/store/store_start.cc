#include "worker/store/store_start.h"

#include <algorithm>
#include <array>
#include <atomic>
#include <utility>

#include "async/sync.h"
#include "worker/store/recovery.h"

namespace forebay::worker {
namespace {

// What the disk itself says when it is dying; any other error at start is a mistake in the configuration, to be told.
bool is_disk_failure(const Status& status) {
  return status.is(Code::kRejected) && (status.is_errno(EIO) || status.is_errno(EUCLEAN));
}

Error unusable(const std::string& directory, const Status& why) {
  return invalid("worker directory '" + directory + "' cannot be used: " + why.message() +
                 ". Make it a directory that this process may write, or take it out of the configuration");
}

struct OpenedPath {
  std::unique_ptr<os::File> lock;
  std::optional<Identity> identity;
};

std::string parent_of(const std::string& directory) {
  size_t slash = directory.find_last_of('/');
  if (slash == std::string::npos) return ".";
  return slash == 0 ? "/" : directory.substr(0, slash);
}

// With the entries of what was missing made durable: a synced object is worth nothing below a directory that a power cut takes.
Result<void> make_durable_directories(os::FileSystem& files, const std::string& directory) {
  std::vector<std::string> missing;
  for (std::string at = directory; at != "/" && at != "."; at = parent_of(at)) {
    ASSIGN_OR_RETURN(bool exists, files.exists(at));
    if (exists) break;
    missing.push_back(at);
  }
  TRY(files.make_directories(directory));
  for (const std::string& made : missing) TRY(files.sync_directory(parent_of(made)));
  return {};
}

Result<OpenedPath> open_path(os::FileSystem& files, const std::string& directory) {
  TRY(make_durable_directories(files, directory));
  Result<std::unique_ptr<os::File>> lock = files.lock(directory + "/lock");
  if (!lock && lock.error().is_errno(EWOULDBLOCK))
    return invalid("worker directory '" + directory +
                   "' is in use by another worker. Stop that one, or give this one a directory of its own");
  if (!lock) return std::unexpected(std::move(lock).error());
  ASSIGN_OR_RETURN(std::optional<Identity> identity, read_identity(files, directory));
  return OpenedPath{std::move(*lock), std::move(identity)};
}

// A path that joins an identified worker, or that waits for the first registration, must be empty: nobody could say whose bytes
// they are.
Result<void> check_ownerless(os::FileSystem& files, const std::string& directory) {
  ASSIGN_OR_RETURN(bool used, holds_objects(files, directory));
  if (!used) return {};
  return invalid("worker directory '" + directory +
                 "' holds objects but no file 'identity'. Restore that file, or move 'objects' out of it to start empty");
}

Result<void> prepare(os::FileSystem& files, const std::string& directory, bool has_identity,
                     const std::optional<Identity>& identity) {
  TRY(make_object_directories(files, directory));
  if (has_identity) return {};
  TRY(check_ownerless(files, directory));
  if (identity) TRY(write_identity(files, directory, *identity));
  return {};
}

Result<std::vector<IndexRecord>> load_known(IndexLog& index) {
  ASSIGN_OR_RETURN(std::vector<IndexRecord> records, index.load());
  std::ranges::sort(records, {}, &IndexRecord::object);
  return records;
}

// Carries out `jobs` blocking calls, `parallelism` at a time, on the blocking executor.
using Job = std::function<Result<void>(size_t)>;
struct JobQueue {
  Job job;
  size_t jobs;
  async::Executor blocking;
  std::atomic<size_t> next = 0;
  std::mutex mutex;
  std::optional<Status> failure;  // under mutex: the first
};

Task<void> work_off(JobQueue* queue) {
  for (;;) {
    size_t job = queue->next++;
    if (job >= queue->jobs) co_return;
    auto call = [queue, job] { return queue->job(job); };
    Result<void> done = co_await async::run_blocking(queue->blocking, call);
    if (done) continue;
    std::lock_guard lock(queue->mutex);
    if (!queue->failure) queue->failure = std::move(done).error();
    queue->next = queue->jobs;
  }
}

Task<Result<void>> run_parallel(async::Executor blocking, size_t parallelism, size_t jobs, Job job) {
  JobQueue queue{.job = std::move(job), .jobs = jobs, .blocking = blocking};
  async::Executor here = co_await async::current_executor();
  async::Scope workers(here);
  for (size_t i = 0; i < std::min(parallelism, jobs); ++i) workers.spawn(work_off(&queue));
  co_await workers.stop();
  if (queue.failure) co_return std::unexpected(std::move(*queue.failure));
  co_return Result<void>{};
}

// One path's part of the work, filled by the jobs.
struct Search {
  TierPath* path = nullptr;
  uint8_t index = 0;
  bool has_identity = false;
  std::vector<IndexRecord> known;
  std::array<RecoveredDirectory, 256> found;
};

void report_strangers(const Search& search, obs::Log& log) {
  size_t count = 0;
  std::string names;
  for (const RecoveredDirectory& directory : search.found) {
    count += directory.stranger_count;
    for (const std::string& name : directory.strangers)
      if (names.size() < 1000) names += (names.empty() ? "" : ", ") + name;
  }
  if (count != 0)
    log.warning("files that are not this worker's lie in its directory; they are left alone",
                {{"directory", search.path->directory()}, {"files", count}, {"names", names}});
}

// The same object twice can only come from somebody who copied files: the sealed one counts.
void drop_doubles(std::vector<std::pair<ObjectId, ObjectEntry>>& objects, obs::Log& log) {
  auto order = [](const auto& a, const auto& b) {
    if (a.first != b.first) return a.first < b.first;
    return (a.second.state == ObjectState::kSealed) > (b.second.state == ObjectState::kSealed);
  };
  if (!std::ranges::is_sorted(objects, order)) std::ranges::sort(objects, order);
  auto doubles = std::ranges::unique(objects, {}, [](const auto& object) { return object.first; });
  if (!doubles.empty())
    log.warning("objects were found in more than one path; the second file of each is left alone", {{"objects", doubles.size()}});
  objects.erase(doubles.begin(), doubles.end());
}

Task<Result<void>> search_paths(os::Env& env, size_t parallelism, std::vector<std::unique_ptr<Search>>& searches,
                                StartedStore& started) {
  os::FileSystem& files = env.files;
  const std::string cluster = started.identity ? started.identity->cluster : "";
  Job load = [&](size_t i) -> Result<void> {
    ASSIGN_OR_RETURN(searches[i]->known, load_known(*started.indexes[searches[i]->index]));
    return {};
  };
  CO_TRY(co_await run_parallel(env.blocking, parallelism, searches.size(), load));
  Job recover = [&](size_t i) -> Result<void> {
    Search& search = *searches[i / 256];
    unsigned low_byte = i % 256;
    Result<RecoveredDirectory> found =
        recover_directory(files, search.path->directory(), low_byte, search.index, cluster, search.known);
    if (!found && !is_disk_failure(found.error())) return std::unexpected(std::move(found).error());
    if (found)
      search.found[low_byte] = std::move(*found);
    else
      search.path->fail(found.error());
    return {};
  };
  CO_TRY(co_await run_parallel(env.blocking, parallelism, searches.size() * 256, recover));
  Job rewrite = [&](size_t i) -> Result<void> {
    Search& search = *searches[i];
    std::vector<IndexRecord> live;
    for (RecoveredDirectory& directory : search.found) live.insert(live.end(), directory.sealed.begin(), directory.sealed.end());
    // Only a hint is lost: without it the next start opens every file.
    if (Result<void> done = started.indexes[search.index]->rewrite(live); !done && is_disk_failure(done.error()))
      search.path->fail(done.error());
    return {};
  };
  co_return co_await run_parallel(env.blocking, parallelism, searches.size(), rewrite);
}

void take_found(std::vector<std::unique_ptr<Search>>& searches, StartedStore& started, obs::Log& log) {
  size_t total = 0;
  for (const auto& search : searches)
    for (const RecoveredDirectory& directory : search->found) total += directory.objects.size();
  started.objects.reserve(total);
  for (auto& search : searches) {
    report_strangers(*search, log);
    for (RecoveredDirectory& directory : search->found) {
      for (const auto& [object, entry] : directory.objects) search->path->charge_recovered(entry.charged_bytes);
      started.objects.insert(started.objects.end(), directory.objects.begin(), directory.objects.end());
      directory = {};
    }
  }
  drop_doubles(started.objects, log);
}

// Opens, locks and identifies every path; those whose disk works end up in `searches`.
Result<void> claim_paths(os::FileSystem& files, const StoreConfig& config, TierSet& tiers, StartedStore& started,
                         std::vector<std::unique_ptr<Search>>& searches) {
  std::vector<DirectoryIdentity> identities;
  for (size_t i = 0; i < tiers.paths().size(); ++i) {
    TierPath& path = tiers.path(i);
    Result<OpenedPath> opened = open_path(files, path.directory());
    if (!opened && is_disk_failure(opened.error())) {
      path.fail(opened.error());
      continue;
    }
    if (!opened && opened.error().is(Code::kInvalid)) return std::unexpected(std::move(opened).error());
    if (!opened) return unusable(path.directory(), opened.error());
    started.locks.push_back(std::move(opened->lock));
    auto search = std::make_unique<Search>();
    search->path = &path;
    search->index = static_cast<uint8_t>(i);
    search->has_identity = opened->identity.has_value();
    identities.push_back({path.directory(), std::move(opened->identity)});
    searches.push_back(std::move(search));
  }
  if (searches.empty()) return broken("the disks of all the worker's paths fail: " + tiers.path(0).failure()->message());
  ASSIGN_OR_RETURN(started.identity, common_identity(identities, config.expected_cluster));
  for (const auto& search : searches) {
    Result<void> prepared = prepare(files, search->path->directory(), search->has_identity, started.identity);
    if (!prepared && prepared.error().is(Code::kInvalid)) return prepared;
    if (!prepared && is_disk_failure(prepared.error()))
      search->path->fail(prepared.error());
    else if (!prepared)
      return unusable(search->path->directory(), prepared.error());
  }
  std::erase_if(searches, [](const auto& search) { return search->path->failure().has_value(); });
  return {};
}

}  // namespace

Task<Result<StartedStore>> start_store(os::Env& env, StoreConfig config, TierSet& tiers, obs::Log& log) {
  StartedStore started;
  std::vector<std::unique_ptr<Search>> searches;
  for (const auto& path : tiers.paths())
    started.indexes.push_back(std::make_unique<IndexLog>(env.files, path->directory(), env.host_id));
  auto claim = [&] { return claim_paths(env.files, config, tiers, started, searches); };
  CO_TRY(co_await async::run_blocking(env.blocking, claim));
  CO_TRY(co_await search_paths(env, std::max<size_t>(config.start_parallelism, 1), searches, started));
  take_found(searches, started, log);
  for (const auto& path : tiers.paths())
    if (std::optional<Status> failure = path->failure())
      log.error("a path's disk fails; the worker goes on with the others",
                {{"directory", path->directory()}, {"error", failure->to_string()}});
  co_return started;
}

}  // namespace forebay::worker
