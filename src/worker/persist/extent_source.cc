#include "worker/persist/extent_source.h"

#include <algorithm>
#include <array>
#include <utility>

#include "base/crc32c.h"

namespace forebay::worker {

namespace {

constexpr size_t kMaxPages = 8;

// Copies on this worker first: no byte crosses the network that need not.
std::vector<WorkerId> by_nearness(const v1::ObjectLocation& location, WorkerId here) {
  std::vector<WorkerId> workers;
  for (const uint64_t worker : location.workers()) {
    const bool is_here = WorkerId{worker} == here;
    workers.insert(is_here ? workers.begin() : workers.end(), WorkerId{worker});
  }
  return workers;
}

}  // namespace

uint32_t crc32c_of_zeros(uint64_t length) {
  static constexpr std::array<std::byte, 4096> kZeros{};
  uint32_t crc = crc32c({kZeros.data(), static_cast<size_t>(length % kZeros.size())});
  uint32_t block = crc32c(kZeros);
  for (uint64_t blocks = length / kZeros.size(), bytes = kZeros.size(); blocks != 0; blocks /= 2, bytes *= 2) {
    if (blocks % 2 != 0) crc = crc32c_combine(crc, block, bytes);
    block = crc32c_combine(block, block, bytes);
  }
  return crc;
}

// Inline content is left out of what an operation says: its page is asked for.
ExtentSource::ExtentSource(const TaskContext& with) : with_(with) {
  const v1::Layout& layout = with.live.task.operation().layout();
  const auto lacks_content = [](const v1::ObjectLocation& object) { return object.inlined() && object.content().empty(); };
  if (std::ranges::none_of(layout.objects(), lacks_content)) keep(0, layout);
}

// ---- where the bytes are ----

std::shared_ptr<const ExtentSource::Page> ExtentSource::known_page(uint64_t offset) const {
  auto after = pages_.upper_bound(offset);
  if (after == pages_.begin()) return nullptr;
  const std::shared_ptr<const Page>& page = std::prev(after)->second;
  return offset < page->end ? page : nullptr;
}

std::shared_ptr<const ExtentSource::Page> ExtentSource::keep(uint64_t begin, v1::Layout layout) {
  auto page = std::make_shared<Page>();
  page->end = length();
  if (layout.more() && !layout.extents().empty()) {
    const v1::Extent& last = *layout.extents().rbegin();
    page->end = last.file_offset() + last.length();
  }
  page->layout = std::move(layout);
  if (pages_.size() == kMaxPages) pages_.erase(pages_.begin());
  pages_[begin] = page;
  return page;
}

Task<Result<std::shared_ptr<const ExtentSource::Page>>> ExtentSource::page_at(uint64_t offset) {
  if (auto page = known_page(offset)) co_return page;
  auto guard = co_await fetching_.lock();
  if (auto page = known_page(offset)) co_return page;
  v1::GetUploadLayoutRequest request;
  request.set_operation(with_.live.id());
  request.set_epoch(with_.live.epoch());
  request.set_offset(offset);
  Task<Result<v1::Layout>> asking = with_.ask_coordinator<v1::coordinator_service::ReadLayout>(request);
  Result<v1::Layout> layout = co_await std::move(asking);
  if (!layout && layout.error().is(Code::kStale)) co_return cancelled(layout.error().message());
  if (!layout) co_return std::unexpected(std::move(layout).error());
  co_return keep(offset, std::move(*layout));
}

ExtentSource::Piece ExtentSource::piece_at(const Page& page, uint64_t offset, uint64_t length) {
  Piece piece{.length = std::min(length, page.end - offset)};
  const auto& extents = page.layout.extents();
  auto at = std::ranges::upper_bound(extents, offset, {}, [](const v1::Extent& e) { return e.file_offset() + e.length(); });
  if (at == extents.end()) return piece;
  if (at->file_offset() > offset) {
    piece.length = std::min(piece.length, at->file_offset() - offset);
    return piece;
  }
  piece.extent = &*at;
  piece.length = std::min(piece.length, at->file_offset() + at->length() - offset);
  piece.object_offset = at->object_offset() + (offset - at->file_offset());
  auto location = std::ranges::find(page.layout.objects(), at->object(), &v1::ObjectLocation::object);
  if (location != page.layout.objects().end()) piece.location = *location;
  return piece;
}

// ---- bytes ----

Task<Result<void>> ExtentSource::read(uint64_t offset, MutableBytes into) { return read_for(Purpose::kSend, offset, into); }
Task<Result<void>> ExtentSource::examine(uint64_t offset, MutableBytes into) { return read_for(Purpose::kLook, offset, into); }

Task<Result<void>> ExtentSource::read_for(Purpose purpose, uint64_t offset, MutableBytes into) {
  while (!into.empty()) {
    Task<Result<std::shared_ptr<const Page>>> finding = page_at(offset);
    CO_ASSIGN_OR_RETURN(std::shared_ptr<const Page> page, co_await std::move(finding));
    Piece piece = piece_at(*page, offset, into.size());
    // Whole blocks of the object: of these every one is held against the seal without reading more than is asked for.
    if (piece.extent != nullptr) piece.length = std::min(piece.length, kBlockBytes - piece.object_offset % kBlockBytes);
    const MutableBytes part = into.first(piece.length);
    Task<bool> waiting = wait_for_turn(purpose, part.size());
    const bool may = co_await std::move(waiting);
    if (!may) co_return cancelled("the task was told to stop");
    Task<Result<void>> reading = read_piece(piece, part);
    CO_TRY(co_await std::move(reading));
    with_.moved(purpose == Purpose::kSend ? part.size() : 0);
    offset += part.size();
    into = into.subspan(part.size());
  }
  co_return Result<void>{};
}

// What is only looked at now takes nothing of the rates, and does not begin while what is sent is behind its own.
Task<bool> ExtentSource::wait_for_turn(Purpose purpose, uint64_t bytes) {
  Task<bool> pacing = with_.pace.take(purpose == Purpose::kSend ? bytes : 0, with_.stop());
  const bool may = co_await std::move(pacing);
  if (!may || purpose == Purpose::kLook) co_return may;
  Task<bool> taking = with_.bucket.take(bytes, with_.stop());
  co_return co_await std::move(taking);
}

Task<Result<void>> ExtentSource::read_piece(Piece piece, MutableBytes into) {
  if (piece.extent == nullptr) {
    std::ranges::fill(into, std::byte{});
    co_return Result<void>{};
  }
  if (piece.location.inlined()) {
    CO_TRY(check_inlined(piece.location));
    std::ranges::copy(as_bytes(piece.location.content()).subspan(piece.object_offset, into.size()), into.begin());
    co_return Result<void>{};
  }
  co_return co_await read_object(std::move(piece.location), piece.object_offset, into);
}

Result<void> ExtentSource::check_inlined(const v1::ObjectLocation& from) const {
  if (from.content().size() == from.length() && crc32c(as_bytes(from.content())) == from.crc32c()) return {};
  with_.live.store_is_innocent = true;
  return busy("inline object " + std::to_string(from.object()) + " is damaged at the master");
}

bool ExtentSource::is_here(WorkerId worker) const {
  const std::optional<Identity> identity = with_.objects.identity();
  return identity && identity->worker == worker;
}

Task<Result<void>> ExtentSource::read_object(v1::ObjectLocation from, uint64_t offset, MutableBytes into) {
  const std::optional<Identity> identity = with_.objects.identity();
  std::string why = "it has no copy";
  for (const WorkerId worker : by_nearness(from, identity ? identity->worker : WorkerId{})) {
    Task<Result<void>> reading = read_copy(worker, from.object(), offset, into);
    Result<void> got = co_await std::move(reading);
    if (got || got.error().is(Code::kCancelled)) co_return got;
    why = got.error().to_string();
  }
  with_.live.store_is_innocent = true;
  co_return busy("read object " + std::to_string(from.object()) + ": " + why);
}

Task<Result<void>> ExtentSource::read_copy(WorkerId worker, uint64_t object, uint64_t offset, MutableBytes into) {
  size_t got = 0;
  if (is_here(worker)) {
    auto read = [&] { return with_.objects.read(ObjectId{object}, into, offset); };
    CO_ASSIGN_OR_RETURN(got, co_await async::run_blocking(with_.env.blocking, read));
  } else {
    v1::ReadObjectRequest request;
    request.set_object(object);
    request.set_offset(offset);
    request.set_length(static_cast<uint32_t>(into.size()));
    Task<Result<rpc::Received<v1::ReadObjectReply>>> reading = with_.peers.call_worker<v1::worker_service::ReadObject>(
        with_.live.task.coordinator(), worker, std::move(request), with_.stop(), with_.live.trace);
    CO_ASSIGN_OR_RETURN(rpc::Received<v1::ReadObjectReply> reply, co_await std::move(reading));
    got = std::min(reply.payload.size(), into.size());
    std::ranges::copy(reply.payload.view().first(got), into.begin());
  }
  if (got != into.size())
    co_return corrupt("object " + std::to_string(object) + " of worker " + to_string(worker) + " is too short");
  co_return Result<void>{};
}

// ---- checksums ----

Task<Result<uint32_t>> ExtentSource::content_crc() {
  uint32_t crc = 0;
  for (uint64_t offset = 0; offset < length();) {
    Task<Result<std::shared_ptr<const Page>>> finding = page_at(offset);
    CO_ASSIGN_OR_RETURN(std::shared_ptr<const Page> page, co_await std::move(finding));
    const Piece piece = piece_at(*page, offset, length() - offset);
    Task<Result<uint32_t>> asking = piece_crc(piece, offset);
    CO_ASSIGN_OR_RETURN(const uint32_t next, co_await std::move(asking));
    crc = crc32c_combine(crc, next, piece.length);
    offset += piece.length;
  }
  co_return crc;
}

Task<Result<uint32_t>> ExtentSource::piece_crc(Piece piece, uint64_t offset) {
  if (piece.extent == nullptr) co_return crc32c_of_zeros(piece.length);
  const v1::ObjectLocation& location = piece.location;
  const bool is_whole = location.sealed() && piece.object_offset == 0 && piece.length == location.length();
  if (is_whole) co_return co_await sealed_crc(std::move(piece.location));
  co_return co_await read_crc(offset, piece.length);
}

Task<Result<uint32_t>> ExtentSource::sealed_crc(v1::ObjectLocation from) {
  if (from.inlined()) {
    CO_TRY(check_inlined(from));
    co_return from.crc32c();
  }
  std::string why = "it has no copy";
  for (const uint64_t worker : from.workers()) {
    if (is_here(WorkerId{worker})) {
      auto look = [&] { return with_.objects.stat(ObjectId{from.object()}); };
      Result<ObjectStat> stat = co_await async::run_blocking(with_.env.blocking, look);
      if (stat && stat->sealed) co_return stat->crc32c;
      why = stat ? "it is not sealed" : stat.error().to_string();
      continue;
    }
    v1::StatObjectRequest request;
    request.set_object(from.object());
    Task<Result<rpc::Received<v1::StatObjectReply>>> asking = with_.peers.call_worker<v1::worker_service::StatObject>(
        with_.live.task.coordinator(), WorkerId{worker}, std::move(request), with_.stop(), with_.live.trace);
    Result<rpc::Received<v1::StatObjectReply>> reply = co_await std::move(asking);
    if (reply && reply->message.sealed()) co_return reply->message.crc32c();
    if (!reply && reply.error().is(Code::kCancelled)) co_return std::unexpected(std::move(reply).error());
    why = reply ? "it is not sealed" : reply.error().to_string();
  }
  with_.live.store_is_innocent = true;
  co_return busy("look at object " + std::to_string(from.object()) + ": " + why);
}

Task<Result<uint32_t>> ExtentSource::read_crc(uint64_t offset, uint64_t length) {
  std::vector<std::byte> buffer(std::min<uint64_t>(length, kMiB));
  uint32_t crc = 0;
  while (length != 0) {
    const MutableBytes part = MutableBytes(buffer).first(std::min<uint64_t>(length, buffer.size()));
    Task<Result<void>> reading = read(offset, part);
    CO_TRY(co_await std::move(reading));
    crc = crc32c(part, crc);
    offset += part.size();
    length -= part.size();
  }
  co_return crc;
}

}  // namespace forebay::worker
