#include "worker/under/under_uploads.h"

#include <algorithm>
#include <utility>

#include "base/crc32c.h"

namespace forebay::worker {
namespace {

constexpr Duration kTick = std::chrono::seconds(10);
constexpr Duration kGiveUpWithin = std::chrono::seconds(5);
constexpr std::string_view kCluster = "none";  // of the stamp: no cluster's id

std::string operation_name(uint64_t id) {
  char name[40];
  std::snprintf(name, sizeof name, "direct-%016llx", static_cast<unsigned long long>(id));
  return name;
}

ufs::Condition condition_of(const v1::BeginUnderUploadRequest& request) {
  if (request.exclusive()) return ufs::Condition::absent();
  return request.expected().empty() ? ufs::Condition::none() : ufs::Condition::is({request.expected()});
}

}  // namespace

struct UnderUploads::Upload {
  uint64_t id = 0;
  UnderMounts::Mounted mounted;
  std::string key;
  ufs::Stamp stamp;
  ufs::Condition condition;
  async::Mutex mutex;  // its calls take turns
  os::Instant used{};
  std::optional<ufs::Upload> parts_of;  // once there is more than one part's bytes
  std::vector<ufs::Part> parts;
  std::string buffer;
  uint64_t sent = 0;  // in parts
  uint32_t crc = 0;
  bool attributes_changed = false;  // since it was begun
  std::optional<Status> broken;
  std::optional<ufs::Identity> published;

  uint64_t length() const { return sent + buffer.size(); }
  Status named(Status status) const { return std::move(status).with_context("mount " + mounted.path + ", " + ufs::quoted(key)); }
};

Result<UnderUploads::Shared> UnderUploads::find(uint64_t id) const {
  auto found = uploads_.find(id);
  if (found != uploads_.end()) return found->second;
  return stale("this worker knows of no such upload: it was given up, or the worker restarted");
}

Task<Result<v1::BeginUnderUploadReply>> UnderUploads::begin(UnderUploads* self, v1::BeginUnderUploadRequest request,
                                                            std::stop_token stop) {
  if (self->uploads_.size() >= self->config_.most) co_return busy("as many objects as a worker takes are being written");
  ufs::Call call = self->call();
  call.stop = std::move(stop);
  Task<Result<UnderMounts::Mounted>> finding = self->mounts_.get(request.mount(), call);
  CO_ASSIGN_OR_RETURN(UnderMounts::Mounted mounted, co_await std::move(finding));
  if (mounted.read_only) co_return rejected(EROFS, "the mount at " + mounted.path + " is for reading");
  CO_TRY(ufs::check_key(request.key(), mounted.store->limits()));
  auto upload = std::make_shared<Upload>();
  upload->id = self->env_.random.next() | 1;
  upload->mounted = std::move(mounted);
  upload->key = request.key();
  upload->condition = condition_of(request);
  upload->used = self->env_.clock.now();
  ufs::Stamp& stamp = upload->stamp;
  stamp.cluster = kCluster;
  stamp.inode = InodeId{upload->id};  // whose it is, when an answer is lost
  stamp.version = Version{1};
  stamp.mode = request.mode();
  stamp.uid = request.uid();
  stamp.gid = request.gid();
  stamp.mtime_ns = os::unix_nanos(self->env_.clock.wall_now());
  v1::BeginUnderUploadReply reply;
  reply.set_upload(upload->id);
  self->uploads_[upload->id] = std::move(upload);
  co_return reply;
}

Task<Result<void>> UnderUploads::send_part(Shared upload) {
  ufs::UnderStore& store = *upload->mounted.store;
  if (!upload->parts_of) {
    Task<Result<ufs::Upload>> creating = store.create_upload({upload->key, upload->stamp, operation_name(upload->id)}, call());
    CO_ASSIGN_OR_RETURN(upload->parts_of, co_await std::move(creating));
  }
  ufs::TextSource source(upload->buffer);
  const uint32_t number = static_cast<uint32_t>(upload->parts.size()) + 1;
  Task<Result<ufs::Part>> sending = store.put_part(*upload->parts_of, number, upload->sent, &source, call());
  CO_ASSIGN_OR_RETURN(ufs::Part part, co_await std::move(sending));
  upload->parts.push_back(std::move(part));
  upload->sent += upload->buffer.size();
  upload->buffer.clear();
  co_return Result<void>{};
}

Task<Result<v1::Empty>> UnderUploads::write(UnderUploads* self, v1::WriteUnderUploadRequest request, Bytes data) {
  CO_ASSIGN_OR_RETURN(const Shared upload, self->find(request.upload()));
  const auto guard = co_await upload->mutex.lock();
  upload->used = self->env_.clock.now();
  if (upload->broken) co_return std::unexpected(*upload->broken);
  if (upload->published) co_return invalid("the object is complete");
  const uint64_t end = request.offset() + data.size();
  if (end <= upload->length()) co_return v1::Empty{};  // said twice
  if (request.offset() != upload->length()) co_return invalid("bytes of an object that is written come in order");
  upload->buffer.append(as_text(data));
  upload->crc = crc32c(data, upload->crc);
  const uint64_t part = self->config_.part_bytes << std::min<size_t>(upload->parts.size() / 1000, 3);
  if (upload->buffer.size() < part) co_return v1::Empty{};
  Task<Result<void>> sending = self->send_part(upload);
  Result<void> sent = co_await std::move(sending);
  upload->used = self->env_.clock.now();
  if (sent) co_return v1::Empty{};
  // Whether the part is there is not known, nor whether it will be: the whole is begun anew or not at all.
  upload->broken = upload->named(std::move(sent).error());
  Task<void> dropping = self->drop(upload);
  co_await std::move(dropping);
  co_return std::unexpected(*upload->broken);
}

Task<Result<ufs::Identity>> UnderUploads::publish(Shared upload) {
  ufs::UnderStore& store = *upload->mounted.store;
  if (!upload->parts_of) {
    ufs::PutRequest put{upload->key, upload->stamp, upload->condition, operation_name(upload->id)};
    put.stamp.length = upload->buffer.size();
    put.stamp.crc32c = upload->crc;
    ufs::TextSource source(upload->buffer);
    Task<Result<ufs::Identity>> putting = store.put(put, &source, call());
    co_return co_await std::move(putting);
  }
  if (!upload->buffer.empty()) {
    Task<Result<void>> sending = send_part(upload);
    CO_TRY(co_await std::move(sending));
  }
  Task<Result<ufs::Identity>> completing = store.complete_upload(*upload->parts_of, upload->parts, upload->condition, call());
  CO_ASSIGN_OR_RETURN(ufs::Identity identity, co_await std::move(completing));
  if (!upload->attributes_changed || !store.capabilities().has(ufs::Feature::kAttributes)) co_return identity;
  // The parts were begun with others.
  const ufs::Stamp& stamp = upload->stamp;
  Task<Result<ufs::Identity>> setting = store.set_attributes(
      upload->key, {.mode = stamp.mode, .uid = stamp.uid, .gid = stamp.gid, .mtime_ns = stamp.mtime_ns}, call());
  co_return co_await std::move(setting);
}

// The answer was lost: the stamp at the key says whether the object is this one.
Task<Result<ufs::Identity>> UnderUploads::look_after(Shared upload, Status why) {
  Task<Result<ufs::ObjectStat>> heading = upload->mounted.store->head(upload->key, call());
  const Result<ufs::ObjectStat> found = co_await std::move(heading);
  const bool is_ours = found && found->stamp && found->stamp->cluster == kCluster && found->stamp->inode.value == upload->id;
  if (is_ours) co_return found->identity;
  co_return std::unexpected(std::move(why));
}

Task<Result<v1::EndUnderUploadReply>> UnderUploads::end(UnderUploads* self, v1::EndUnderUploadRequest request, std::stop_token) {
  CO_ASSIGN_OR_RETURN(const Shared upload, self->find(request.upload()));
  const auto guard = co_await upload->mutex.lock();
  upload->used = self->env_.clock.now();
  if (upload->broken) co_return std::unexpected(*upload->broken);
  if (!upload->published) {
    if (request.length() != upload->length()) co_return invalid("the worker has other bytes than were written");
    const ufs::Stamp before = upload->stamp;
    if (request.has_mode()) upload->stamp.mode = request.mode();
    if (request.has_uid()) upload->stamp.uid = request.uid();
    if (request.has_gid()) upload->stamp.gid = request.gid();
    if (request.has_mtime_ns()) upload->stamp.mtime_ns = request.mtime_ns();
    upload->attributes_changed = upload->stamp != before;
    Task<Result<ufs::Identity>> publishing = self->publish(upload);
    Result<ufs::Identity> published = co_await std::move(publishing);
    if (!published && ufs::failure_of(published.error()) != ufs::Failure::kConflict) {
      Task<Result<ufs::Identity>> looking = self->look_after(upload, published.error());
      published = co_await std::move(looking);
    }
    if (!published) {
      upload->broken = upload->named(std::move(published).error());
      Task<void> dropping = self->drop(upload);
      co_await std::move(dropping);
      co_return std::unexpected(*upload->broken);
    }
    upload->published = *published;
    upload->buffer = {};
  }
  v1::EndUnderUploadReply reply;
  reply.set_identity(upload->published->text);
  co_return reply;
}

Task<Result<v1::Empty>> UnderUploads::abort(UnderUploads* self, v1::AbortUnderUploadRequest request, std::stop_token) {
  const Result<Shared> found = self->find(request.upload());
  if (!found) co_return v1::Empty{};
  const Shared& upload = *found;
  const auto guard = co_await upload->mutex.lock();
  if (!upload->published && !upload->broken) {
    upload->broken = cancelled("the upload was given up").error();
    Task<void> dropping = self->drop(upload);
    co_await std::move(dropping);
  }
  self->uploads_.erase(upload->id);
  co_return v1::Empty{};
}

// What the store has of it.
Task<void> UnderUploads::drop(Shared upload) {
  upload->buffer = {};
  if (!upload->parts_of) co_return;
  const ufs::Call soon{.deadline = env_.clock.now() + std::min(config_.request_timeout, kGiveUpWithin), .stop = {}};
  Task<Result<void>> aborting = upload->mounted.store->abort_upload(*upload->parts_of, soon);
  const Result<void> aborted = co_await std::move(aborting);
  if (!aborted)
    log_.warning("an upload that was given up could not be removed from the under store",
                 {{"mount", upload->mounted.path}, {"key", upload->key}, {"error", aborted.error().to_string()}});
}

Task<void> UnderUploads::watch(UnderUploads* self, std::stop_token stop) {
  for (;;) {
    Task<bool> sleeping = self->env_.clock.sleep(kTick, stop);
    const bool slept = co_await std::move(sleeping);
    if (!slept) co_return;
    std::vector<uint64_t> idle;
    for (const auto& [id, upload] : self->uploads_)
      if (self->env_.clock.now() - upload->used > self->config_.idle) idle.push_back(id);
    for (const uint64_t id : idle) {
      v1::AbortUnderUploadRequest request;
      request.set_upload(id);
      Task<Result<v1::Empty>> aborting = abort(self, request, {});
      const Result<v1::Empty> aborted = co_await std::move(aborting);
      (void)aborted;  // what the store keeps was logged
    }
  }
}

Task<void> UnderUploads::stop() {
  co_await scope_.stop();
  std::vector<uint64_t> ids;
  ids.reserve(uploads_.size());
  for (const auto& [id, upload] : uploads_) ids.push_back(id);
  for (const uint64_t id : ids) {
    v1::AbortUnderUploadRequest request;
    request.set_upload(id);
    Task<Result<v1::Empty>> aborting = abort(this, request, {});
    const Result<v1::Empty> aborted = co_await std::move(aborting);
    (void)aborted;
  }
}

}  // namespace forebay::worker
