#include "small_world.h"

#include <algorithm>

#include "forebay/v1/persist.pb.h"
#include "master/namespace/check.h"
#include "master/namespace/entry.h"
#include "master/namespace/name_leases.h"
#include "master/namespace/reclaim.h"
#include "master/ops/ops.h"
#include "master/persist/blocks.h"
#include "master/persist/ops.h"
#include "record_looks.h"

namespace forebay::model {

using namespace forebay::master;

namespace {

const os::WallTime kNow = os::from_unix_nanos(1'000'000'000'000'000'000);

class OneWorker : public Placer {
 public:
  Result<Placed> place(const v1::Placement& wanted) override { return Placed{.workers = {WorkerId{1}}, .bytes = wanted.bytes()}; }
  bool is_known(WorkerId) const override { return true; }
};
class NoReads : public OpenReads {
 public:
  bool is_open(InodeId) const override { return false; }
};

Caller superuser() { return {0, 0, {}, SessionId{7}}; }

struct Place {
  InodeId directory;
  std::string name;
  std::optional<v1::DentryRecord> entry;
};

std::optional<Place> place_of(const Records& records, std::string_view path) {
  Place place{kRootInode, {}, {}};
  for (size_t begin = 1; begin <= path.size();) {
    const size_t end = std::min(path.find('/', begin), path.size());
    if (!place.name.empty()) {
      if (!place.entry || place.entry->type() != v1::FILE_TYPE_DIRECTORY) return std::nullopt;
      place.directory = InodeId{place.entry->inode()};
    }
    place.name = path.substr(begin, end - begin);
    place.entry = find<v1::DentryRecord>(records, key::dentry(place.directory, place.name));
    begin = end + 1;
  }
  return place;
}

v1::Seen seen_at(const State& state, const std::string& key) {
  v1::Seen seen;
  auto found = state.store.find(key);
  if (found == state.store.end()) {
    seen.mutable_nothing();
  } else if (found->second.foreign) {
    seen.mutable_foreign()->set_identity(found->second.identity());
    seen.mutable_foreign()->set_length(1);
  } else {
    seen.mutable_ours()->set_inode(found->second.inode);
    seen.mutable_ours()->set_version(found->second.version);
    seen.mutable_ours()->set_identity(found->second.identity());
  }
  return seen;
}

// For leases that are never given.
struct NoTime : os::Clock {
  os::Instant now() const override { return {}; }
  os::WallTime wall_now() const override { return {}; }
  Task<bool> sleep_until(os::Instant, std::stop_token) override { co_return true; }
};

std::string name_of(const v1::OperationRecord& record) {
  return v1::OperationKind_Name(record.kind()).substr(sizeof("OPERATION_") - 1) + " " + std::to_string(record.inode()) + "." +
         std::to_string(record.version()) + " at " + record.key();
}

}  // namespace

std::string StoredObject::identity() const {
  if (foreign) return "F" + std::to_string(version);
  return std::to_string(inode) + "." + std::to_string(version);
}

SmallWorld::SmallWorld(WorldConfig config) : config_(std::move(config)) {}
SmallWorld::~SmallWorld() = default;

// One step of the commit loop: all or nothing.
template <class Body>
std::optional<std::string> SmallWorld::change(State& state, Body body) {
  RecordsReader reader(state.records);
  kv::Txn txn(reader);
  const Caller caller = superuser();
  OneWorker placer;
  NoReads reads;
  NoTime clock;
  NameLeases names(clock, {.length = {}}, 1);
  MutationContext context{txn, caller, kNow, placer, reads, *persistence_, &names};
  auto done = body(context);
  if (!done) return done.error().to_string();
  state.records = with_changes(state.records, std::move(txn).take_batch());
  return std::nullopt;
}

// What goes on beside persistence: removed files are taken apart, workers delete copies.
void SmallWorld::settle_background(State& state) {
  for (bool moved = true; moved;) {
    moved = false;
    for (const auto& [inode, detached] : all_of<v1::DetachedRecord>(*state.records, 'N')) {
      change(state, [&](MutationContext& context) -> Result<void> {
        ASSIGN_OR_RETURN(const Reclaimed step, reclaim_step(context, InodeId{inode}, 100));
        moved = moved || step != Reclaimed::kWaits;
        return {};
      });
    }
  }
  auto duty = state.records->lower_bound("X");
  if (duty == state.records->end() || duty->first[0] != 'X') return;
  auto rest = std::make_shared<Records>(*state.records);
  for (; duty != state.records->end() && duty->first[0] == 'X'; ++duty) {
    rest->erase(duty->first);
    rest->erase("P" + duty->first.substr(1));
  }
  state.records = std::move(rest);
}

State SmallWorld::first() {
  base_ = std::make_shared<const Records>();
  auto load = [&](const Shared& records) {
    base_ = records;
    base_reader_ = std::make_unique<RecordsReader>(records);
    PersistConfig config;
    config.rules = config_.rules;
    config.sweep_after = {};  // the store has no uploads here
    persistence_ = std::make_unique<Persistence>(*base_reader_, config);
  };
  load(base_);
  State state;
  state.records = base_;
  auto must = [](std::optional<std::string> problem) { FOREBAY_CHECK(!problem, problem->c_str()); };
  must(change(state, [](MutationContext& context) -> Result<void> {
    format_namespace(context.txn, context.now);
    return {};
  }));
  must(change(state, [](MutationContext& context) {
    v1::AddMountRequest request;
    request.set_path("/ufs");
    request.set_uri("memory://store");
    return ops::add_mount(context, request);
  }));
  must(change(state, [&](MutationContext& context) {
    v1::ApplyMappingRequest request;
    request.set_file("map");
    request.set_text(R"({"cacheOnlyMountPoint": "/c", "asyncUploadPathMapping": {"/c": {"path": "/ufs", )" + config_.policies +
                     "}}}");
    return ops::apply_mapping(context, request);
  }));
  load(state.records);
  for (const std::string& directory : config_.directories) act(state, {Do::kMakeDir, directory, {}});
  for (const Action& action : config_.before) {
    State before = state;
    FOREBAY_CHECK(act(state, action), "the beginning is possible");
    note_seals(before, state);
  }
  // What is mapped is new and needs no walk.
  auto records = std::make_shared<Records>(*state.records);
  std::erase_if(*records, [](const auto& each) { return each.first[0] == 'q'; });
  std::erase_if(*records, [&](const auto& each) {
    v1::IntentRecord intent;
    return each.first[0] == 'Q' && intent.ParseFromString(each.second) && intent.kind() == v1::INTENT_SETTLE_TREE;
  });
  state.records = std::move(records);
  state.operations_left = config_.operations;
  state.give_ups_left = config_.give_ups;
  state.foreign_left = config_.foreign;
  state.evictions_left = config_.evictions;
  state.reads_left = config_.reads;
  return state;
}

namespace {

Result<void> write_content(MutationContext& context, const v1::OpenReply& opened, uint64_t offset = 0) {
  v1::CommitRequest request;
  request.set_handle(opened.handle());
  v1::Extent& extent = *request.add_extents()->mutable_extent();
  extent.set_file_offset(offset);
  extent.set_length(1);
  extent.set_object(opened.grants(0).object());
  v1::SealedObject& sealed = *request.add_sealed();
  sealed.set_object(opened.grants(0).object());
  sealed.set_length(1);
  sealed.set_crc32c(1);
  request.set_close(true);
  TRY(ops::commit(context, request));
  return {};
}

template <class Request>
Request at(const Place& place) {
  Request request;
  request.set_parent(place.directory.value);
  request.set_name(place.name);
  return request;
}

Result<void> create(MutationContext& context, const Place& place) {
  auto request = at<v1::CreateRequest>(place);
  request.set_access(v1::ACCESS_WRITE);
  request.set_mode(0644);
  request.set_exclusive(true);
  request.mutable_placement()->set_bytes(1);
  ASSIGN_OR_RETURN(const v1::OpenReply opened, ops::create(context, request));
  return write_content(context, opened);
}

Result<void> write(MutationContext& context, const Place& place, uint64_t most_versions, bool appends) {
  if (!place.entry) return rejected(ENOENT, "no file");
  ASSIGN_OR_RETURN(const v1::InodeRecord record, load_inode(context.txn, InodeId{place.entry->inode()}));
  if (record.version() >= most_versions) return rejected(EFBIG, "versions enough");
  v1::OpenRequest request;
  request.set_inode(place.entry->inode());
  request.set_access(v1::ACCESS_WRITE);
  request.set_truncate(!appends);
  request.mutable_placement()->set_bytes(1);
  ASSIGN_OR_RETURN(const v1::OpenReply opened, ops::open_write(context, request));
  return write_content(context, opened, appends ? record.size() : 0);
}

template <class Reply>
Result<void> nothing(Result<Reply> reply) {
  if (!reply) return std::unexpected(std::move(reply).error());
  return {};
}

Result<void> perform_action(MutationContext& context, const Action& action, const Place& from, const Place& to,
                            uint64_t most_versions) {
  v1::RenameRequest renaming = at<v1::RenameRequest>(from);
  renaming.set_new_parent(to.directory.value);
  renaming.set_new_name(to.name);
  switch (action.what) {
    case Do::kCreate: return create(context, from);
    case Do::kWrite: return write(context, from, most_versions, false);
    case Do::kAppend: return write(context, from, most_versions, true);
    case Do::kUnlink: return nothing(ops::unlink(context, at<v1::UnlinkRequest>(from)));
    case Do::kExchange: renaming.set_exchange(true); [[fallthrough]];
    case Do::kRename: return nothing(ops::rename(context, renaming));
    case Do::kRemoveTree: return nothing(ops::remove_tree(context, at<v1::RemoveTreeRequest>(from)));
    case Do::kMakeDir: {
      auto request = at<v1::MakeDirRequest>(from);
      request.set_mode(0755);
      return nothing(ops::make_dir(context, request));
    }
    case Do::kLink: {
      if (!from.entry) return rejected(ENOENT, "no file");
      auto request = at<v1::LinkRequest>(to);
      request.set_inode(from.entry->inode());
      return nothing(ops::link(context, request));
    }
  }
  return {};
}

}  // namespace

// False: refused, nothing has happened.
bool SmallWorld::act(State& state, const Action& action) {
  const std::optional<Place> from = place_of(*state.records, action.path);
  const std::optional<Place> to = action.to.empty() ? from : place_of(*state.records, action.to);
  if (!from || !to) return false;
  if (action.what == Do::kCreate) {
    const auto next = find<v1::InodeRecord>(*state.records, key::inode(kRootInode));
    auto counter = state.records->find(key::counter("inode"));
    const uint64_t made = read_big_endian(counter->second) - read_big_endian(base_->find(key::counter("inode"))->second);
    if (!next || made >= config_.most_files + config_.directories.size()) return false;
  }
  const auto refused =
      change(state, [&](MutationContext& context) { return perform_action(context, action, *from, *to, config_.most_versions); });
  settle_background(state);
  return !refused;
}

void SmallWorld::note_seals(const State& before, State& after) const {
  if (before.records == after.records) return;
  for (const auto& [inode, record] : all_of<v1::InodeRecord>(*after.records, 'I')) {
    if (record.type() != v1::FILE_TYPE_REGULAR || record.version() == 0) continue;
    if (!after.sealed.contains({inode, record.version()})) after.sealed[{inode, record.version()}] = ++after.seals;
  }
}

void SmallWorld::add_actions(const State& state, std::vector<Step>& steps) {
  if (state.operations_left == 0) return;
  static constexpr const char* kNames[] = {"create", "write", "unlink",      "rename", "exchange",
                                           "link",   "mkdir", "remove tree", "append"};
  for (const Action& action : config_.actions) {
    State after = state;
    if (!act(after, action) || after.records == state.records) continue;
    --after.operations_left;
    note_seals(state, after);
    steps.push_back(
        {std::string(kNames[static_cast<size_t>(action.what)]) + " " + action.path + " " + action.to, std::move(after), false});
  }
}

void SmallWorld::add_disturbances(const State& state, std::vector<Step>& steps) {
  for (const std::string& key : config_.foreign_keys) {
    if (state.foreign_left == 0) break;
    State after = state;
    auto found = state.store.find(key);
    if (found != state.store.end() && !found->second.foreign) after.excused.insert({found->second.inode, found->second.version});
    after.store[key] = {true, 0, static_cast<uint64_t>(state.foreign_left)};
    --after.foreign_left;
    steps.push_back({"FOREIGN PUT " + key, std::move(after), false});
  }
  if (state.reads_left != 0) {
    for (const auto& [inode, record] : all_of<v1::InodeRecord>(*state.records, 'I')) {
      if (record.type() != v1::FILE_TYPE_REGULAR || !record.absent()) continue;
      State after = state;
      v1::RestoreRequest request;
      request.set_inode(inode);
      request.set_length(record.size());
      change(after, [&](MutationContext& context) { return ops::restore(context, request); });
      if (after.records == state.records) continue;
      --after.reads_left;
      steps.push_back({"read " + std::to_string(inode), std::move(after), false});
    }
  }
  if (state.evictions_left == 0) return;
  for (const auto& [inode, record] : all_of<v1::InodeRecord>(*state.records, 'I')) {
    if (record.type() != v1::FILE_TYPE_REGULAR) continue;
    State after = state;
    bool evicted = false;
    change(after, [&](MutationContext& context) -> Result<void> {
      ASSIGN_OR_RETURN(const Evicted done, evict(context, InodeId{inode}));
      evicted = done.at_rest;
      return {};
    });
    if (!evicted || !has_copies(state.records, InodeId{inode}, record.version())) continue;
    settle_background(after);
    --after.evictions_left;
    steps.push_back({"evict " + std::to_string(inode), std::move(after), false});
  }
}

void SmallWorld::add_fetches(const State& state, std::vector<Step>& steps) {
  for (const auto& [object, fetch] : all_of<v1::FetchRecord>(*state.records, 'f')) {
    if (fetch.operation() != 0) continue;
    State after = state;
    v1::StartIntentReply reply;
    v1::StartFetchRequest request;
    request.set_object(object);
    const auto failed = change(after, [&](MutationContext& context) -> Result<void> {
      ASSIGN_OR_RETURN(reply, ops::start_fetch(context, request));
      return {};
    });
    if (failed) complaint_ = "start of a fetch: " + *failed;
    if (failed) continue;
    if (reply.has_started()) {
      const v1::Operation& operation = reply.started();
      after.workers.push_back({operation.operation(), operation.record().epoch(),
                               std::make_shared<v1::OperationRecord>(operation.record()), Worker::Phase::kWorking});
    }
    steps.push_back({std::string("fetch: ") + (reply.has_started() ? "starts" : "nothing"), std::move(after), true});
  }
}

void SmallWorld::add_starts(const State& state, std::vector<Step>& steps) {
  for (auto at = state.records->lower_bound("Q"); at != state.records->end() && at->first[0] == 'Q'; ++at) {
    v1::IntentRecord intent;
    intent.ParseFromString(at->second);
    if (intent.lost() && intent.binding() != 0) {
      const auto binding = find<v1::BindingRecord>(*state.records, key::binding(intent.binding()));
      const auto record = binding ? find<v1::InodeRecord>(*state.records, key::inode(InodeId{binding->inode()})) : std::nullopt;
      if (record && !has_copies(state.records, InodeId{binding->inode()}, record->version())) continue;  // still
    }
    v1::StartIntentRequest request;
    request.mutable_place()->set_due_ns(static_cast<int64_t>(read_big_endian(std::string_view(at->first).substr(1, 8))));
    request.mutable_place()->set_sequence(read_big_endian(std::string_view(at->first).substr(9, 8)));
    State after = state;
    v1::StartIntentReply reply;
    const auto failed = change(after, [&](MutationContext& context) -> Result<void> {
      ASSIGN_OR_RETURN(reply, ops::start_intent(context, request));
      return {};
    });
    if (failed) complaint_ = "start of " + v1::IntentKind_Name(intent.kind()) + ": " + *failed;
    if (failed || reply.has_waits()) continue;
    std::string label =
        "start " + v1::IntentKind_Name(intent.kind()) + " " + std::to_string(intent.binding()) + intent.key() + ": ";
    const v1::Operation* operation = reply.has_started() ? &reply.started() : reply.has_first() ? &reply.first() : nullptr;
    if (operation) {
      label += name_of(operation->record());
      after.workers.push_back({operation->operation(), operation->record().epoch(),
                               std::make_shared<v1::OperationRecord>(operation->record()), Worker::Phase::kWorking});
    } else {
      label += reply.has_nothing() ? "nothing" : "again";
    }
    steps.push_back({std::move(label), std::move(after), true});
  }
}

namespace {

bool is_kept(const State& state, const v1::OperationRecord& record) {
  return has_copies(state.records, InodeId{record.inode()}, record.version()) &&
         (record.size() == 0 || state.records->contains(key::sealed_extents(InodeId{record.inode()}, Version{record.version()})));
}

bool holds_expected(const State& state, const v1::OperationRecord& record) {
  auto here = state.store.find(record.key());
  if (here == state.store.end()) return !record.has_expected() && record.expected_foreign().empty();
  const std::string identity = here->second.identity();
  return (record.has_expected() && record.expected().identity() == identity) || record.expected_foreign() == identity;
}

}  // namespace

// The decisive request, as the worker was told to make it: the master may have ended the operation by now.
bool SmallWorld::perform(State& state, const Worker& worker) {
  const v1::OperationRecord& record = *worker.order;
  bool succeeds = holds_expected(state, record) || !config_.store_checks;
  switch (record.kind()) {
    case v1::OPERATION_UPLOAD:
      if (!is_kept(state, record)) {
        if (state.records->contains(key::operation(worker.operation))) complaint_ = name_of(record) + " reads what is gone";
        succeeds = false;
      }
      if (record.expected().inode() == record.inode() && record.expected().version() == record.version())
        complaint_ = name_of(record) + " is known to be there already";
      if (succeeds) state.store[record.key()] = {false, record.inode(), record.version()};
      break;
    case v1::OPERATION_MOVE: {
      auto source = state.store.find(record.source_key());
      succeeds = succeeds && source != state.store.end() && source->second.identity() == record.source().identity();
      if (succeeds) {
        const StoredObject moved = source->second;
        state.store[record.key()] = moved;
      }
      break;
    }
    case v1::OPERATION_DELETE:
      if (succeeds) state.store.erase(record.key());
      break;
    default: break;
  }
  return succeeds;
}

void SmallWorld::add_work(const State& state, size_t index, std::vector<Step>& steps) {
  const Worker& worker = state.workers[index];
  const auto record = find<v1::OperationRecord>(*state.records, key::operation(worker.operation));
  const std::string name = record ? name_of(*record) : "operation " + std::to_string(worker.operation);
  if (record && config_.asks_for_turn && record->order() != 0) {
    RecordsReader reader(state.records);
    const Caller caller = superuser();
    QueryContext context{reader, caller, kNow};
    v1::MayPublishRequest request;
    request.set_operation(worker.operation);
    request.set_epoch(record->epoch());
    const auto reply = ops::may_publish(context, request);
    if (!reply || (!reply->may() && !reply->moved())) return;
    if (reply->moved()) {
      State after = state;
      after.workers[index].phase = Worker::Phase::kRefused;
      steps.push_back({"leave " + name, std::move(after), true});
      return;
    }
  }
  State after = state;
  const bool succeeded = perform(after, worker);
  after.workers[index].phase = succeeded ? Worker::Phase::kSucceeded : Worker::Phase::kRefused;
  steps.push_back({"store " + name + (succeeded ? ": ok" : ": refused"), std::move(after), true});
}

void SmallWorld::add_finish(const State& state, size_t index, std::vector<Step>& steps) {
  const Worker worker = state.workers[index];
  State after = state;
  after.workers.erase(after.workers.begin() + static_cast<ptrdiff_t>(index));
  const auto record = find<v1::OperationRecord>(*state.records, key::operation(worker.operation));
  v1::FinishOperationRequest request;
  request.set_operation(worker.operation);
  request.set_epoch(worker.epoch);
  if (worker.phase == Worker::Phase::kFencing && config_.fences) {
    std::erase_if(after.workers, [&](const Worker& other) { return other.operation == worker.operation; });
  }
  if (record && worker.phase == Worker::Phase::kSucceeded) {
    v1::Done& done = *request.mutable_done();
    if (record->kind() == v1::OPERATION_RESTORE) {
      for (const auto& [object, block] : all_of<v1::ObjectRecord>(*state.records, 'O')) {
        const bool is_missing =
            block.inode() == record->inode() && block.workers().empty() && block.stored_version() == record->expected().version();
        if (!is_missing || (record->object() != 0 && record->object() != object)) continue;
        v1::RestoredObject& restored = *done.add_restored();
        restored.set_object(object);
        restored.set_crc32c(block.unverified() ? 1 : block.crc32c());
        restored.add_workers(1);
      }
    } else {
      done.set_identity(StoredObject{false, record->inode(), record->version()}.identity());
      if (record->kind() == v1::OPERATION_MOVE) done.set_identity(record->source().identity());
    }
  } else if (record) {
    v1::Refused& looked = worker.phase == Worker::Phase::kFencing ? *request.mutable_gave_up() : *request.mutable_refused();
    *looked.mutable_key() = seen_at(state, record->key());
    if (record->kind() == v1::OPERATION_MOVE) *looked.mutable_source() = seen_at(state, record->source_key());
  }
  std::string result;
  bool is_stale = false;
  const auto failed = change(after, [&](MutationContext& context) -> Result<void> {
    auto reply = ops::finish_operation(context, request);
    is_stale = !reply && reply.error().is(Code::kStale);
    if (!reply) return std::unexpected(std::move(reply).error());
    result = reply->result();
    return {};
  });
  if (failed && !is_stale) complaint_ = "finish of " + (record ? name_of(*record) : "?") + ": " + *failed;
  settle_background(after);
  note_seals(state, after);
  steps.push_back({"finish " + (record ? name_of(*record) : "?") + ": " + (failed ? *failed : result), std::move(after), true});
}

std::vector<Step> SmallWorld::steps(const State& state) {
  complaint_.clear();
  std::vector<Step> steps;
  add_actions(state, steps);
  add_disturbances(state, steps);
  add_starts(state, steps);
  add_fetches(state, steps);
  for (size_t i = 0; i < state.workers.size(); ++i) {
    const Worker& worker = state.workers[i];
    if (worker.phase == Worker::Phase::kWorking)
      add_work(state, i, steps);
    else
      add_finish(state, i, steps);
    const auto record = find<v1::OperationRecord>(*state.records, key::operation(worker.operation));
    const bool current = record && record->epoch() == worker.epoch && worker.phase != Worker::Phase::kFencing;
    if (state.give_ups_left == 0 || !current) continue;
    State after = state;
    change(after, [&](MutationContext& context) -> Result<void> {
      v1::FenceOperationRequest request;
      request.set_operation(worker.operation);
      request.set_epoch(worker.epoch);
      request.set_worker_is_gone(true);
      ASSIGN_OR_RETURN(const v1::Operation fenced, ops::fence_operation(context, request));
      after.workers.push_back({fenced.operation(), fenced.record().epoch(), worker.order, Worker::Phase::kFencing});
      return {};
    });
    --after.give_ups_left;
    steps.push_back({"give up " + name_of(*record), std::move(after), false});
  }
  return steps;
}

}  // namespace forebay::model
