#include "client/write_path/staged_object.h"

#include <algorithm>

#include "client/core.h"
#include "client/write_path/seal.h"
#include "client/write_path/sync.h"

namespace forebay::client {

namespace rpcs = v1::worker_service;

namespace {

Result<std::shared_ptr<os::File>> adopt(Core& core, const rpc::Received<v1::OpenObjectReply>& reply, WorkerId worker) {
  std::shared_ptr<os::File> file;
  for (int descriptor : reply.descriptors) {  // each is adopted, so that a surplus one is closed
    ASSIGN_OR_RETURN(file, core.env.files.adopt(descriptor));
  }
  if (reply.descriptors.size() != 1 || reply.message.data_offset() != 0)
    return invalid("worker " + to_string(worker) + " did not answer with the file of a staged object");
  return file;
}

Task<Result<std::shared_ptr<os::File>>> open_at_worker(Core* core, Placed placed, uint64_t create_bytes) {
  v1::OpenObjectRequest request;
  request.set_object(placed.object.value);
  request.set_write(true);
  request.set_staged(true);
  request.set_create_bytes(create_bytes);
  rpc::CallOptions options{.context = traced(placed.trace)};
  options.timeout = core->config.worker_stall;
  auto reply = co_await core->routing.call_worker<rpcs::OpenObject>(placed.workers.front(), request, std::move(options), true);
  if (!reply) co_return std::unexpected(std::move(reply).error());
  co_return adopt(*core, *reply, placed.workers.front());
}

Result<void> zero_stored(os::File& file, uint64_t from, uint64_t to) {
  const std::vector<std::byte> zeros(std::min<uint64_t>(kMiB, to - std::min(from, to)));
  while (from < to) {
    ASSIGN_OR_RETURN(const std::optional<os::StoredRange> stored, file.next_stored(from));
    if (!stored || stored->begin >= to) break;
    from = std::max(from, stored->begin);
    const uint64_t length = std::min<uint64_t>({stored->end - from, to - from, zeros.size()});
    TRY(file.write_at(Bytes(zeros).first(length), from));
    from += length;
  }
  return {};
}

}  // namespace

Task<Result<std::shared_ptr<StagedObject>>> StagedObject::create(Core* core, Placed placed, HandleId handle, uint64_t room) {
  if (placed.workers.size() != 1 || !core->routing.is_local(placed.workers.front()))
    co_return elsewhere("object " + to_string(placed.object) + " is not kept on this host alone");
  std::shared_ptr<StagedObject> staged(new StagedObject(*core, std::move(placed), handle));
  CO_ASSIGN_OR_RETURN(staged->writing_, co_await open_at_worker(core, staged->placed_, room));
  CO_ASSIGN_OR_RETURN(staged->reading_, core->env.files.reopen(staged->writing_->descriptor()));
  co_return staged;
}

Task<Result<std::shared_ptr<StagedObject>>> StagedObject::fork(Core* core, Placed placed, HandleId handle, ObjectId from) {
  v1::ForkObjectRequest request;
  request.set_object(placed.object.value);
  request.set_from(from.value);
  std::shared_ptr<StagedObject> staged(new StagedObject(*core, std::move(placed), handle));
  staged->from_ = from;
  const WorkerId worker = staged->placed_.workers.front();
  auto reply =
      co_await core->routing.call_worker<rpcs::ForkObject>(worker, request, {.context = traced(staged->placed_.trace)}, true);
  if (!reply) co_return std::unexpected(std::move(reply).error());
  CO_ASSIGN_OR_RETURN(staged->writing_, adopt(*core, *reply, worker));
  CO_ASSIGN_OR_RETURN(staged->reading_, core->env.files.reopen(staged->writing_->descriptor()));
  co_return staged;
}

Task<Result<std::shared_ptr<os::File>>> StagedObject::writable() {
  if (!writing_) {
    CO_ASSIGN_OR_RETURN(writing_, co_await open_at_worker(&core_, placed_, 0));
  }
  co_return writing_;
}

Task<Result<void>> StagedObject::zero(uint64_t from, uint64_t to) {
  CO_ASSIGN_OR_RETURN(const std::shared_ptr<os::File> file, co_await writable());
  auto write_zeros = [file, from, to] { return zero_stored(*file, from, to); };
  Result<void> done = co_await async::run_blocking(core_.env.blocking, write_zeros);
  co_return done;
}

// ---- at its worker ----

namespace {

bool is_gone(const Status& status) { return status.is_errno(ENOENT) || status.is_errno(ENODATA); }

// Where the medium is full of what was written, checksums find no room beside it before something else goes.
bool cannot_be_sealed(const Status& status) {
  return is_gone(status) || status.is_errno(ENOSPC) || StagedObject::is_being_written(status);
}

}  // namespace

bool StagedObject::is_being_written(const Status& status) { return status.is(Code::kBusy) && status.is_errno(ETXTBSY); }

Task<Result<void>> StagedObject::sync(uint64_t length) {
  v1::SyncObjectRequest request;
  request.set_object(placed_.object.value);
  request.set_length(length);
  return sync_at(&core_, placed_.workers.front(), std::move(request), placed_.trace, is_gone);
}

Task<Result<v1::SealedObject>> StagedObject::seal(uint64_t length, bool sync) {
  v1::SealObjectRequest request;
  request.set_object(placed_.object.value);
  request.set_length(length);
  request.set_sync(sync);
  const WorkerId worker = placed_.workers.front();
  CO_ASSIGN_OR_RETURN(const uint32_t crc, co_await seal_at(&core_, worker, request, placed_.trace, cannot_be_sealed));
  v1::SealedObject sealed;
  sealed.set_object(placed_.object.value);
  sealed.set_length(length);
  sealed.set_crc32c(crc);
  co_return sealed;
}

Task<bool> StagedObject::is_as_before(v1::SealedObject sealed) {
  v1::SealObjectRequest request;  // of a sealed one: says its checksum
  request.set_object(from_.value);
  request.set_length(sealed.length());
  auto reply =
      co_await core_.routing.call_worker<rpcs::SealObject>(placed_.workers.front(), request, {.context = traced(placed_.trace)});
  co_return reply && reply->message.crc32c() == sealed.crc32c();
}

// ---- what is known of it ----

namespace {

// Close to the largest offset there is, Linux finds no data, though there is some.
bool is_too_long(const StagedContent& content, uint64_t allocated) {
  constexpr uint64_t kUntold = INT64_MAX - 2 * kMiB, kPage = 4 * kKiB;
  if (content.size <= StagedObject::kMaxBytes) return false;
  if (!content.ranges.empty() && content.ranges.back().end > StagedObject::kMaxBytes) return true;
  uint64_t told = 0;
  for (const os::StoredRange& range : content.ranges)
    told += (range.end + kPage - 1) / kPage * kPage - range.begin / kPage * kPage;
  return content.size > kUntold && allocated > told;
}

}  // namespace

// With what the file itself says: its size, its time when somebody has written it since the master was told, and what it takes.
void StagedObject::merge_into(v1::Attr& attr) const {
  Result<os::FileStatus> status = reading_->status();
  if (!status) return;
  attr.set_size(status->size);
  if (Result<uint64_t> allocated = reading_->allocated_bytes()) attr.set_stored_bytes(*allocated);
  if (status->mtime_ns == known_mtime_ns_) return;
  attr.set_mtime_ns(status->mtime_ns);
  attr.set_ctime_ns(std::max(attr.ctime_ns(), status->mtime_ns));
}

void StagedObject::note_committed(StagedContent content, const v1::Attr& attr) {
  known_mtime_ns_ = content.mtime_ns;
  mtime_at_master_ns_ = attr.mtime_ns();
  committed_ = std::move(content);
  layout_ = attr.layout();
}

void StagedObject::note_truncated(const v1::Attr& attr) {
  std::erase_if(committed_.ranges, [&attr](const os::StoredRange& range) { return range.begin >= attr.size(); });
  if (!committed_.ranges.empty()) committed_.ranges.back().end = std::min(committed_.ranges.back().end, attr.size());
  committed_.size = attr.size();
  layout_ = attr.layout();
  note_times(attr);
}

void StagedObject::note_times(const v1::Attr& attr) {
  mtime_at_master_ns_ = attr.mtime_ns();
  Result<os::FileStatus> status = reading_->status();
  if (!status) return;
  committed_.mtime_ns = status->mtime_ns;
  known_mtime_ns_ = status->mtime_ns;
}

Result<StagedContent> StagedObject::look() const {
  ASSIGN_OR_RETURN(const os::FileStatus status, reading_->status());
  StagedContent content{.size = status.size, .mtime_ns = status.mtime_ns, .ranges = {}};
  ASSIGN_OR_RETURN(const uint64_t allocated, reading_->allocated_bytes());
  if (allocated >= status.size) {
    if (status.size != 0) content.ranges.push_back({0, status.size});
    return content;
  }
  for (uint64_t at = 0; at < status.size;) {
    ASSIGN_OR_RETURN(std::optional<os::StoredRange> range, reading_->next_stored(at));
    if (!range || range->begin >= status.size) break;
    range->end = std::min(range->end, status.size);
    if (content.ranges.size() == kMaxRanges)
      content.ranges.back().end = range->end;
    else
      content.ranges.push_back(*range);
    at = range->end;
  }
  if (is_too_long(content, allocated))
    return rejected(EFBIG,
                    "object " + to_string(placed_.object) + " cannot hold bytes beyond 16 TiB; a mount without passthrough can");
  return content;
}

}  // namespace forebay::client
