#include "client/compaction/compaction.h"

#include <algorithm>
#include <atomic>
#include <cstring>
#include <memory>

#include "client/compaction/policy.h"
#include "client/core.h"
#include "client/read_path/reader.h"
#include "client/write_path/object_writer.h"

namespace forebay::client {

namespace rpcs = v1::namespace_service;

namespace {
constexpr int kMostAttempts = 4;  // at a page that others keep changing

// `failed` is shared by the reads of a slice: after the first failure the others are not begun, so that a silent worker is waited
// for once.
Task<Result<void>> read_extent(Core* core, std::vector<WorkerId> workers, Extent extent, MutableBytes into,
                               std::shared_ptr<std::atomic<bool>> failed) {
  for (size_t at = 0; at < into.size(); at += rpc::kMaxPayload) {
    if (*failed) co_return cancelled("another read of the slice has failed");
    const MutableBytes part = into.subspan(at, std::min(rpc::kMaxPayload, into.size() - at));
    Result<void> read = co_await read_object(core, workers, extent.object, extent.object_offset + at, part);
    if (read) continue;
    *failed = true;
    co_return read;
  }
  co_return Result<void>{};
}
}  // namespace

Compaction::Compaction(Core& core, CompactionRequest request)
    : core_(core), request_(request), state_(core.files.attach(core, request.inode)) {}

Compaction::~Compaction() { core_.files.detach(state_); }

bool Compaction::stopping() const { return core_.background.token().stop_requested(); }

Task<Result<void>> Compaction::run() {
  v1::OpenRequest request;
  request.set_inode(request_.inode.value);
  request.set_access(v1::ACCESS_READ_WRITE);
  Result<v1::OpenReply> opened = co_await core_.session.call<rpcs::Open>(superuser_, request, {}, &session_);
  if (!opened) co_return std::unexpected(std::move(opened).error());
  handle_ = HandleId{opened->handle()};
  Result<void> done = co_await run_open();
  v1::CommitRequest close;
  close.set_handle(handle_.value);
  close.set_close(true);
  Result<v1::CommitReply> closed = co_await core_.session.call<rpcs::Commit>(superuser_, close, session_);
  if (done && !closed) co_return std::unexpected(std::move(closed).error());  // it ends with the session
  co_return done;
}

Task<Result<void>> Compaction::run_open() {
  if (request_.dead_space) CO_TRY(co_await find_dead_objects());
  int attempts = 0;
  for (std::optional<uint64_t> offset = 0; offset && !stopping();) {
    Result<std::optional<uint64_t>> next = co_await step(*offset, attempts > 0);
    if (next) {
      attempts = 0;
      offset = *next;
    } else if (!next.error().is(Code::kStale) || ++attempts == kMostAttempts) {
      co_return std::unexpected(std::move(next).error());
    }
  }
  co_return Result<void>{};
}

// ---- looking ----

Task<Result<v1::Layout>> Compaction::fetch(uint64_t offset) {
  v1::GetLayoutRequest request;
  request.set_inode(request_.inode.value);
  request.set_offset(offset);
  request.set_handle(handle_.value);
  Result<v1::Layout> layout = co_await core_.session.call<rpcs::GetLayout>(superuser_, request);
  co_return layout;
}

Task<Result<Compaction::Page>> Compaction::look(uint64_t offset) {
  CO_ASSIGN_OR_RETURN(const v1::Layout layout, co_await fetch(offset));
  Page page{.layout = layout.layout(), .size = layout.size(), .more = layout.more()};
  for (const v1::Extent& extent : layout.extents()) page.extents.push_back(from_wire(extent));
  page.more = page.more && !page.extents.empty();
  for (const v1::ObjectLocation& location : layout.objects()) {
    std::vector<WorkerId>& workers = page.locations[ObjectId{location.object()}];
    for (uint64_t worker : location.workers()) workers.push_back(WorkerId{worker});
    if (!location.inlined()) continue;
    if (!is_intact(location)) co_return corrupt("inline object " + std::to_string(location.object()) + " is damaged");
    page.inlined[ObjectId{location.object()}] = location.content();
  }
  co_return page;
}

// Pages of different layouts may be mixed: what follows from this is only where to look.
Task<Result<void>> Compaction::find_dead_objects() {
  std::map<ObjectId, ObjectUse> uses;
  uint64_t offset = 0;
  for (bool more = true; more && !stopping();) {
    CO_ASSIGN_OR_RETURN(const v1::Layout layout, co_await fetch(offset));
    for (const v1::Extent& extent : layout.extents()) {
      uses[ObjectId{extent.object()}].live += extent.length();
      offset = extent.file_offset() + extent.length();
    }
    for (const v1::ObjectLocation& location : layout.objects()) {
      if (location.sealed()) uses[ObjectId{location.object()}].length = location.length();
    }
    more = layout.more() && layout.extents_size() > 0;
  }
  dead_ = mostly_dead(uses, core_.config.compact_dead_bytes);
  co_return Result<void>{};
}

// ---- rewriting ----

// Rewrites at most one slice, at or after `offset`; where to go on, nothing at the end. With `alone`, nothing is committed from
// here between look and commit.
Task<Result<std::optional<uint64_t>>> Compaction::step(uint64_t offset, bool alone) {
  const uint64_t most = std::clamp<uint64_t>(core_.write_budget.total() / 8, 1, core_.config.compact_slice_bytes);
  // For the bytes of the slice, and once more for their way to the worker; before the lock: those who hold memory may be waiting
  // for the lock.
  BudgetShare memory = co_await BudgetShare::acquire(&core_.write_budget, 2 * most);
  BudgetShare on_the_way = memory.split(most);
  async::Mutex::Guard committing(nullptr);
  if (alone) committing = co_await state_->hold_commits();
  CO_ASSIGN_OR_RETURN(const Page page, co_await look(offset));
  std::optional<uint64_t> next;
  if (page.more) next = page.extents.back().end();
  const uint64_t whole = whole_extent_bytes(page.size, core_.config.compact_extent_bytes);
  std::vector<Extent> chosen = choose_extents(page.extents, whole, dead_);
  if (chosen.empty()) co_return next;
  const std::vector<Extent> slice = take_slice(chosen, most);
  if (!chosen.empty()) next = chosen.front().offset;
  CO_TRY(co_await rewrite(&page, slice, alone, &on_the_way));
  co_return next;
}

Task<Result<void>> Compaction::rewrite(const Page* page, std::vector<Extent> slice, bool alone, BudgetShare* memory) {
  uint64_t length = 0;
  for (const Extent& extent : slice) length += extent.length;
  std::vector<std::byte> bytes(length);
  CO_TRY(co_await read(page, slice, bytes));
  CO_ASSIGN_OR_RETURN(const Written written, co_await write(bytes, memory));
  async::Mutex::Guard committing(nullptr);
  if (!alone) committing = co_await state_->hold_commits();
  const std::vector<v1::NewExtent> extents = rewritten(slice, written.object);
  Result<v1::CommitReply> reply = co_await commit(page->layout, extents, written);
  if (!reply) {
    core_.background.spawn(0, give_back(&core_, handle_, session_, written.object));
    co_return std::unexpected(std::move(reply).error());
  }
  state_->compacted(extents, *reply, written.object, written.workers);
  outcome_.extents_before += slice.size();
  outcome_.extents_after += extents.size();
  outcome_.rewritten_bytes += length;
  co_return Result<void>{};
}

Task<Result<void>> Compaction::read(const Page* page, std::vector<Extent> slice, MutableBytes into) {
  auto failed = std::make_shared<std::atomic<bool>>(false);
  std::vector<Task<Result<void>>> reads;
  for (const Extent& extent : slice) {
    if (auto inlined = page->inlined.find(extent.object); inlined != page->inlined.end()) {
      std::memcpy(into.data(), inlined->second.data() + extent.object_offset, extent.length);
      into = into.subspan(extent.length);
      continue;
    }
    auto workers = page->locations.find(extent.object);
    if (workers == page->locations.end()) co_return invalid("a layout without the place of object " + to_string(extent.object));
    reads.push_back(read_extent(&core_, workers->second, extent, into.first(extent.length), failed));
    into = into.subspan(extent.length);
  }
  std::vector<Result<void>> results = co_await core_.background.run_all(0, std::move(reads), core_.config.read_window);
  for (Result<void>& result : results) {
    if (!result) co_return std::move(result);
  }
  co_return Result<void>{};
}

// Into a new object, sealed and synced.
Task<Result<Compaction::Written>> Compaction::write(Bytes bytes, BudgetShare* memory) {
  v1::AllocateRequest request;
  request.set_handle(handle_.value);
  request.set_count(1);
  request.mutable_placement()->set_bytes(bytes.size());
  request.mutable_placement()->set_host_id(core_.env.host_id);
  for (WorkerId worker : core_.routing.avoided()) request.mutable_placement()->add_avoid(worker.value);
  CO_ASSIGN_OR_RETURN(const v1::AllocateReply reply, co_await core_.session.call<rpcs::Allocate>(superuser_, request, session_));
  if (reply.grants_size() != 1 || reply.grants(0).workers_size() == 0) co_return invalid("the master granted no object");
  Placed placed{ObjectId{reply.grants(0).object()}, {}};
  for (uint64_t worker : reply.grants(0).workers()) placed.workers.push_back(WorkerId{worker});
  auto object = std::make_shared<ObjectWriter>(core_, 0, placed, handle_, reply.grants(0).bytes(), nullptr);
  Result<uint32_t> sealed = co_await fill(object, bytes, memory);
  if (!sealed) {
    core_.background.spawn(0, give_back(&core_, handle_, session_, placed.object));
    co_return std::unexpected(std::move(sealed).error());
  }
  co_return Written{placed.object, bytes.size(), *sealed, placed.workers};
}

Task<Result<uint32_t>> Compaction::fill(std::shared_ptr<ObjectWriter> object, Bytes bytes, BudgetShare* memory) {
  while (!bytes.empty()) {
    CO_ASSIGN_OR_RETURN(const uint64_t room, co_await object->prepare(bytes.size()));
    if (room == 0) co_return rejected(ENOSPC, "there is no room for a compacted slice");
    CO_ASSIGN_OR_RETURN([[maybe_unused]] const uint64_t at, co_await object->append(bytes.first(room), memory));
    bytes = bytes.subspan(room);
  }
  CO_TRY(co_await object->drain());
  Result<uint32_t> sealed = co_await object->seal(true);
  co_return sealed;
}

// Its space returns now instead of at the end.
Task<void> Compaction::give_back(Core* core, HandleId handle, SessionId session, ObjectId object) {
  v1::CommitRequest request;
  request.set_handle(handle.value);
  request.add_unused(object.value);
  Result<v1::CommitReply> ignored = co_await core->session.call<rpcs::Commit>(Identity{}, request, session);
  (void)ignored;  // the end of the handle gives it back
}

Task<Result<v1::CommitReply>> Compaction::commit(uint64_t layout, std::vector<v1::NewExtent> extents, Written written) {
  v1::CommitRequest request;
  request.set_handle(handle_.value);
  request.set_same_bytes_at_layout(layout);
  request.set_durability(v1::DURABILITY_FSYNC);
  for (v1::NewExtent& extent : extents) *request.add_extents() = std::move(extent);
  v1::SealedObject& sealed = *request.add_sealed();
  sealed.set_object(written.object.value);
  sealed.set_length(written.length);
  sealed.set_crc32c(written.crc32c);
  Result<v1::CommitReply> reply = co_await core_.session.call<rpcs::Commit>(superuser_, request, session_);
  co_return reply;
}

}  // namespace forebay::client
