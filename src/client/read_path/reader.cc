#include "client/read_path/reader.h"

#include <algorithm>
#include <cstring>

#include "client/core.h"
#include "client/file_state.h"

namespace forebay::client {

namespace {

namespace rpcs = v1::worker_service;

// Bytes of one object, at most one frame's.
struct Part {
  ObjectId object;
  uint64_t object_offset = 0;
  MutableBytes into;
  uint64_t file_offset = 0;
  bool committed = true;
  TraceId trace = {};
};

void split(const Piece& piece, MutableBytes into, uint64_t skip, std::vector<Part>& parts) {
  for (size_t at = 0; at < into.size(); at += rpc::kMaxPayload) {
    const size_t length = std::min(rpc::kMaxPayload, into.size() - at);
    parts.push_back(
        {piece.object, piece.object_offset + skip + at, into.subspan(at, length), piece.offset + skip + at, piece.committed});
  }
}

// Zeros and buffered bytes are filled in here; what is at workers is returned.
std::vector<Part> parts_at_workers(FileState& state, const Found& found, MutableBytes into, uint64_t offset) {
  std::vector<Part> parts;
  for (const Piece& piece : found.pieces) {
    MutableBytes target = into.subspan(piece.offset - offset, piece.length);
    if (!piece.object) {
      std::memset(target.data(), 0, target.size());
    } else if (piece.inlined) {
      std::memcpy(target.data(), piece.inlined->data() + piece.object_offset, target.size());
    } else if (piece.committed) {
      split(piece, target, 0, parts);
    } else {
      for (MutableBytes gap : state.writer().copy_buffered(piece.object, piece.object_offset, target)) {
        split(piece, gap, static_cast<uint64_t>(gap.data() - target.data()), parts);
      }
    }
  }
  return parts;
}

Task<Result<void>> read_by_descriptor(Core* core, WorkerId worker, Part part) {
  std::shared_ptr<LocalObject> object = core->descriptors.find(part.object);
  if (!object) {
    if (part.into.size() < core->config.descriptor_from_bytes) co_return elsewhere("it is not worth a descriptor");
    CO_ASSIGN_OR_RETURN(object, co_await core->descriptors.open(*core, worker, part.object, part.trace));
  }
  Result<size_t> read = co_await LocalObject::read(*core, object, part.into, part.object_offset);
  if (read && *read == part.into.size()) co_return Result<void>{};
  core->descriptors.forget(part.object);
  if (!read) co_return std::unexpected(std::move(read).error());
  co_return corrupt("object " + to_string(part.object) + " is shorter than its extents");
}

Task<Result<void>> read_copy(Core* core, WorkerId worker, Part part) {
  if (core->config.short_circuit && !core->config.verify_reads && core->routing.is_local(worker)) {
    Result<void> local = co_await read_by_descriptor(core, worker, part);
    if (local) co_return local;  // otherwise the worker is asked, which can say what is wrong
  }
  v1::ReadObjectRequest request;
  request.set_object(part.object.value);
  request.set_offset(part.object_offset);
  request.set_length(static_cast<uint32_t>(part.into.size()));
  rpc::CallOptions options{.context = traced(part.trace)};
  options.timeout = core->config.worker_stall;
  auto reply = co_await core->routing.call_worker<rpcs::ReadObject>(worker, request, std::move(options));
  if (!reply) co_return std::unexpected(std::move(reply).error());
  const Bytes bytes = reply->payload.view();
  if (bytes.size() != part.into.size()) {
    co_return corrupt("worker " + to_string(worker) + " has " + std::to_string(bytes.size()) + " of " +
                      std::to_string(part.into.size()) + " bytes of object " + to_string(part.object));
  }
  std::memcpy(part.into.data(), bytes.data(), bytes.size());
  co_return Result<void>{};
}

Task<Result<void>> read_part(Core* core, std::shared_ptr<FileState> state, Part part) {
  Result<void> read =
      co_await read_object(core, state->content().locate(part.object), part.object, part.object_offset, part.into, part.trace);
  co_return read;
}

Task<Result<void>> fetch_layout(Core* core, std::shared_ptr<FileState> state, std::shared_ptr<OpenHandle> handle,
                                uint64_t offset) {
  v1::GetLayoutRequest request;
  request.set_inode(state->inode().value);
  request.set_offset(offset);
  request.set_handle(handle->id.value);
  Result<v1::Layout> layout = co_await core->session.call<v1::namespace_service::GetLayout>(handle->who, request);
  if (!layout)
    co_return std::unexpected(std::move(layout).error().with_context("fetch the layout of inode " + to_string(state->inode())));
  for (const v1::ObjectLocation& object : layout->objects()) {
    if (object.inlined() && !object.content().empty() && !is_intact(object))
      co_return corrupt("inline object " + std::to_string(object.object()) + " of inode " + to_string(state->inode()) +
                        " is damaged at the master");
  }
  state->content().adopt(*layout, offset);
  co_return Result<void>{};
}

// Bytes that no worker has, or none that answers, may be in the under store: asks for them, and for what else the read wants up
// to `end`, until they are back. The layout was just fetched.
struct Restoring {
  bool had_all = true;     // nothing had to come back: the copies that there are have to be read
  bool is_stored = false;  // they are in the under store as well, and worth waiting for
};

constexpr Duration kLeastPause = std::chrono::milliseconds(5), kMostPause = std::chrono::seconds(1);

Task<Result<Restoring>> restore(Core* core, std::shared_ptr<FileState> state, std::shared_ptr<OpenHandle> handle, Part part,
                                uint64_t end, Trying* trying) {
  Restoring restoring;
  v1::RestoreRequest request;
  request.set_inode(state->inode().value);
  request.set_handle(handle->id.value);
  request.set_offset(part.file_offset);
  request.set_length(end - part.file_offset);
  std::string problem;
  const os::Instant begun = core->env.clock.now();
  for (bool first = true;; first = false) {
    request.clear_unreachable();
    if (!state->content().locate(part.object).empty()) request.add_unreachable(part.object.value);
    Result<v1::RestoreReply> reply = co_await core->session.call<v1::namespace_service::Restore>(handle->who, request);
    if (!reply) co_return std::unexpected(std::move(reply).error().with_context("restore"));
    if (reply->lost()) co_return broken(reply->problem());
    restoring.is_stored = reply->stored();
    if (!reply->problem().empty()) problem = reply->problem();
    if (reply->waiting() == 0) {
      restoring.had_all = first;
      if (!first) handle->restored.waited(reply->tell_at());
      co_return restoring;
    }
    // So that looking again adds little to what the wait takes anyway.
    const Duration pause = std::clamp<Duration>((core->env.clock.now() - begun) / 32, kLeastPause, kMostPause);
    const bool again = co_await core->routing.pause_for(trying, pause);
    if (!again) co_return broken("the under store does not give it back in time" + (problem.empty() ? "" : ": " + problem));
  }
}

// What to do about parts that could not be read: nothing and read again, or the error that the application gets.
struct Failures {
  Trying trying;
  int refused = 0;  // rounds in which every copy said no, under a layout just fetched
  int fetches = 0;
};
Error unreadable(const Status& why) { return Error(broken(why.message()).error().with_trace(why.trace())); }

constexpr int kMaxFetches = 1000;  // pages of a layout that changes while it is fetched

Task<Result<void>> after_failure(Core* core, std::shared_ptr<FileState> state, std::shared_ptr<OpenHandle> handle, Part part,
                                 uint64_t end, Status why, Failures* failures) {
  if (part.committed) {
    const uint64_t before = state->content().layout();
    CO_TRY(co_await fetch_layout(core, state, handle, part.file_offset));
    if (state->content().layout() != before) co_return Result<void>{};
    Result<Restoring> restored = co_await restore(core, state, handle, part, end, &failures->trying);
    if (!restored)
      co_return std::unexpected(std::move(restored).error().with_context("read inode " + to_string(state->inode()) + " at " +
                                                                         std::to_string(part.file_offset)));
    if (!restored->had_all) {  // it goes on: what comes next has all its time
      *failures = {.trying = {.give_up = core->routing.give_up_at()}};
      co_return co_await fetch_layout(core, state, handle, part.file_offset);
    }
    if (restored->is_stored) failures->refused = 0;
  }
  const Status failure =
      std::move(why).with_context("read inode " + to_string(state->inode()) + " at " + std::to_string(part.file_offset));
  if (!is_silence(failure) && ++failures->refused > 1) co_return unreadable(failure);
  const bool again = co_await core->routing.pause(&failures->trying);
  if (!again) co_return unreadable(failure);
  co_return Result<void>{};
}

Task<std::vector<Result<void>>> read_parts(Core* core, std::shared_ptr<FileState> state, std::vector<Part> parts) {
  std::vector<Result<void>> results;
  if (parts.size() == 1) {
    results.push_back(co_await read_part(core, state, parts.front()));
    co_return results;
  }
  std::vector<Task<Result<void>>> tasks;
  tasks.reserve(parts.size());
  for (const Part& part : parts) tasks.push_back(read_part(core, state, part));
  async::Executor executor = co_await async::current_executor();
  results = co_await core->background.run_all(core->background.index_of(executor), std::move(tasks), core->config.read_window);
  co_return results;
}

}  // namespace

Task<Result<void>> read_object(Core* core, std::vector<WorkerId> workers, ObjectId object, uint64_t offset, MutableBytes into,
                               TraceId trace) {
  for (size_t i = 1; i < workers.size(); ++i) {
    if (core->routing.is_local(workers[i])) std::swap(workers[0], workers[i]);
  }
  const Part part{.object = object, .object_offset = offset, .into = into, .trace = trace};
  Result<void> last = broken("no worker holds object " + to_string(object));
  bool silence = false;
  for (WorkerId worker : workers) {
    Result<void> read = co_await read_copy(core, worker, part);
    if (read) co_return read;
    if (!silence) last = read;
    silence = silence || is_silence(read.error());
    if (is_silence(read.error())) last = read;
  }
  co_return last;
}

Task<Result<size_t>> read_file(Core* core, std::shared_ptr<FileState> state, std::shared_ptr<OpenHandle> handle,
                               MutableBytes into, uint64_t offset) {
  Failures failures{.trying = {.give_up = core->routing.give_up_at()}};
  for (;;) {
    const Found found = state->content().find(offset, into.size());
    if (found.unknown_from) {
      if (++failures.fetches > kMaxFetches)
        co_return broken("the layout of inode " + to_string(state->inode()) + " does not hold still");
      CO_TRY(co_await fetch_layout(core, state, handle, *found.unknown_from));
      continue;
    }
    if (found.pieces.empty()) co_return size_t{0};
    const bool uncommitted = std::ranges::any_of(found.pieces, [](const Piece& piece) { return !piece.committed; });
    if (uncommitted && state->is_broken())
      co_return broken("what was written to inode " + to_string(state->inode()) + " is lost");
    const size_t length = found.pieces.back().offset + found.pieces.back().length - offset;

    std::vector<Part> parts = parts_at_workers(*state, found, into, offset);
    if (parts.empty()) co_return length;
    for (Part& part : parts) part.trace = handle->who.trace;
    const std::vector<Result<void>> results = co_await read_parts(core, state, parts);
    // Bytes that have moved meanwhile were perhaps never where they were looked for.
    if (state->content().moves() != found.moves) continue;
    auto failed = std::ranges::find_if(results, [](const Result<void>& result) { return !result; });
    if (failed == results.end()) co_return length;
    // What is gone was perhaps replaced before it was looked for: that says nothing of what is there now.
    if (state->content().layout() != found.layout && ++failures.fetches <= kMaxFetches) continue;
    const size_t index = static_cast<size_t>(failed - results.begin());
    CO_TRY(co_await after_failure(core, state, handle, parts[index], offset + length, failed->error(), &failures));
  }
}

}  // namespace forebay::client
