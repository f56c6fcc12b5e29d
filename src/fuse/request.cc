#include "fuse/request.h"

#include <sys/statvfs.h>

#include <utility>

#include "fuse/convert.h"
#include "fuse/device_io.h"
#include "fuse/volume.h"

namespace forebay::fuse {

namespace {

double seconds(Duration duration) { return std::chrono::duration<double>(duration).count(); }

fuse_entry_param to_entry(const MountConfig& config, const v1::Attr& attr) {
  fuse_entry_param entry{};
  entry.ino = attr.inode();  // never reused, so one generation is enough
  entry.attr = to_stat(attr);
  entry.attr_timeout = seconds(config.attr_timeout);
  entry.entry_timeout = seconds(config.entry_timeout);
  return entry;
}

}  // namespace

Request::Request(Volume& volume, fuse_req_t request, std::string_view operation)
    : volume_(&volume), request_(request), operation_(operation) {
  volume_->begin_request();
}

Request::Request(Request&& other) noexcept
    : volume_(std::exchange(other.volume_, nullptr)),
      request_(std::exchange(other.request_, nullptr)),
      operation_(other.operation_) {}

Request::~Request() {
  if (volume_ == nullptr) return;
  if (request_ != nullptr) fuse_reply_err(request_, EIO);
  volume_->end_request();
}

client::Client& Request::client() const { return volume_->client(); }

fuse_req_t Request::take() { return std::exchange(request_, nullptr); }

void Request::fail(int error) { fuse_reply_err(take(), error); }

void Request::fail(const Status& status) {
  if (!status.is(Code::kRejected) && !status.is(Code::kCancelled))
    volume_->log().warning("request failed",
                           {{"operation", operation_}, {"trace", to_string(status.trace())}, {"error", status.to_string()}});
  fail(to_errno(status));
}

void Request::done() { fuse_reply_err(take(), 0); }

void Request::attr(const v1::Attr& attr) {
  volume_->inodes().show(attr);
  const struct stat stat = to_stat(attr);
  fuse_reply_attr(take(), &stat, seconds(volume_->config().attr_timeout));
}

void Request::entry(const v1::Attr& attr) {
  volume_->inodes().show(attr);
  const fuse_entry_param entry = to_entry(volume_->config(), attr);
  fuse_reply_entry(take(), &entry);
}

void Request::no_entry() {
  if (volume_->config().negative_timeout == Duration::zero()) return fail(ENOENT);
  fuse_entry_param entry{};  // node id 0: there is no such name
  entry.entry_timeout = seconds(volume_->config().negative_timeout);
  fuse_reply_entry(take(), &entry);
}

void Request::target(const std::string& text) { fuse_reply_readlink(take(), text.c_str()); }

void Request::bytes(const void* from, size_t size) { fuse_reply_buf(take(), static_cast<const char*>(from), size); }

void Request::written(size_t size) { fuse_reply_write(take(), size); }

void Request::position(off_t at) { fuse_reply_lseek(take(), at); }

void Request::attribute_size(size_t size) { fuse_reply_xattr(take(), size); }

void Request::space(const v1::StatFsReply& space) {
  const struct statvfs out = to_statvfs(space);
  fuse_reply_statfs(take(), &out);
}

bool Request::opened(const fuse_file_info& info, int32_t backing_id) {
  const BackingOfReply backing(backing_id);
  return fuse_reply_open(take(), &info) == 0;
}

bool Request::created(const v1::Attr& attr, const fuse_file_info& info, int32_t backing_id) {
  volume_->inodes().show(attr);
  const fuse_entry_param entry = to_entry(volume_->config(), attr);
  const BackingOfReply backing(backing_id);
  return fuse_reply_create(take(), &entry, &info) == 0;
}

void Request::finish(const Result<void>& result) {
  if (!result) return fail(result.error());
  done();
}

client::Identity identity_of(fuse_req_t request) {
  const fuse_ctx* caller = fuse_req_ctx(request);
  client::Identity who{.uid = caller->uid, .gid = caller->gid};
  who.trace = static_cast<Volume*>(fuse_req_userdata(request))->client().new_trace();
  if (caller->uid == 0) return who;  // nothing is refused to the superuser, so the groups need not be read
  std::vector<gid_t> groups(32);
  int count = fuse_req_getgroups(request, static_cast<int>(groups.size()), groups.data());
  if (count > static_cast<int>(groups.size())) {
    groups.resize(static_cast<size_t>(count));
    count = fuse_req_getgroups(request, count, groups.data());
  }
  // A caller in another pid namespace, or one that has just died, cannot be looked at: it has its main group only.
  if (count > 0) who.groups.assign(groups.begin(), groups.begin() + std::min<ptrdiff_t>(count, std::ssize(groups)));
  return who;
}

}  // namespace forebay::fuse
