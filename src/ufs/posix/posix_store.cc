#include "ufs/posix/posix_store.h"

#include <algorithm>
#include <cstdio>

#include "base/crc32c.h"

namespace forebay::ufs {
namespace {

Limits limits_of(const PosixTreeConfig& tree) {
  // PATH_MAX with the root, a slash and the longest name of our own.
  const uint64_t ours = tree.root.size() + 128;
  return {.key_bytes = ours < 4096 ? 4096 - ours : 1,
          .segment_bytes = 255,
          .put_bytes = 8 * kTiB,
          .object_bytes = 8 * kTiB,
          .least_part_bytes = 0,
          .part_bytes = 8 * kTiB,
          .parts = 10'000};
}

std::string tag_of(uint32_t crc, uint64_t length) {
  char text[40];
  std::snprintf(text, sizeof text, "%08x-%llu", crc, static_cast<unsigned long long>(length));
  return text;
}

}  // namespace

PosixStore::PosixStore(os::Env& env, PosixStoreConfig config)
    : env_(env),
      config_(std::move(config)),
      uri_("file://" + config_.tree.root),
      limits_(limits_of(config_.tree)),
      tree_(std::make_shared<PosixTree>(env.files, config_.tree)),
      threads_(config_.own_threads ? std::make_unique<async::Loop>("under-store", static_cast<int>(config_.calls)) : nullptr),
      calls_(env.clock, threads_ ? threads_->executor() : env.blocking, config_.calls),
      capabilities_(config_.known) {
  tree_->expect_mounted(config_.known.has(Feature::kMountPoint));
}

Capabilities PosixStore::capabilities() const {
  std::lock_guard lock(mutex_);
  return capabilities_;
}

Task<Result<Capabilities>> PosixStore::probe(Call call) {
  const std::string operation = "probe-" + std::to_string(env_.random.next());
  auto act = [tree = tree_, operation] { return tree->probe(operation); };
  CO_ASSIGN_OR_RETURN(Capabilities found, co_await blocking(act, call, false, "try " + uri_));
  std::lock_guard lock(mutex_);
  capabilities_ = found;
  co_return found;
}

Task<Result<ObjectStat>> PosixStore::head(std::string key, Call call) {
  CO_TRY(check_key(key, limits_));
  auto act = [tree = tree_, key] { return tree->head(key); };
  co_return co_await blocking(act, call, false, "head " + quoted(key));
}

Task<Result<Place>> PosixStore::look(std::string path, Call call) {
  if (!path.empty()) CO_TRY(check_key(path, limits_));
  auto act = [tree = tree_, path] { return tree->look(path); };
  co_return co_await blocking(act, call, false, "look at " + quoted(path));
}

Task<Result<ObjectStat>> PosixStore::get(std::string key, Range range, Condition condition, BodySink* sink, Call call) {
  CO_TRY(check_key(key, limits_));
  const std::string doing = "read " + quoted(key);
  auto open = [tree = tree_, key, condition] { return tree->open(key, condition); };
  CO_ASSIGN_OR_RETURN(PosixTree::Opened opened, co_await blocking(open, call, false, doing));
  const File file = opened.file;
  auto buffer = std::make_shared<std::vector<std::byte>>(config_.buffer_bytes);
  uint64_t at = std::min(range.offset, opened.stat.length);
  const uint64_t end = at + std::min(range.length, opened.stat.length - at);
  while (at < end) {
    const size_t wanted = std::min<uint64_t>(buffer->size(), end - at);
    auto read = [file, buffer, at, wanted] { return file->read_at(MutableBytes(*buffer).first(wanted), at); };
    CO_ASSIGN_OR_RETURN(size_t got, co_await blocking(read, call, false, doing));
    if (got < wanted) co_return corrupt(doing + ": the file became shorter while it was read");
    CO_TRY(co_await sink->write(Bytes(*buffer).first(got)));
    at += got;
  }
  // A file that someone writes into has no content of one moment.
  auto again = [file] { return file->status(); };
  CO_ASSIGN_OR_RETURN(os::FileStatus status, co_await blocking(again, call, false, doing));
  if (PosixTree::identity_of(status) != opened.stat.identity)
    co_return corrupt(doing + ": the file was changed while it was read");
  co_return opened.stat;
}

Task<Result<ListPage>> PosixStore::list(ListRequest request, Call call) {
  auto act = [tree = tree_, request] { return tree->list(request); };
  co_return co_await blocking(act, call, false, "list " + quoted(request.prefix));
}

Task<Result<uint32_t>> PosixStore::write_body(File file, uint64_t offset, BodySource* body, Call call, std::string doing) {
  const uint64_t length = body->length();
  auto buffer = std::make_shared<std::vector<std::byte>>(std::min<uint64_t>(config_.buffer_bytes, length));
  uint32_t crc = 0;
  for (uint64_t done = 0; done < length;) {
    const size_t piece = std::min<uint64_t>(buffer->size(), length - done);
    CO_TRY(co_await body->read(done, MutableBytes(*buffer).first(piece)));
    const uint64_t at = offset + done;
    auto write = [file, buffer, at, piece, crc]() -> Result<uint32_t> {
      const Bytes bytes = Bytes(*buffer).first(piece);
      TRY(file->write_at(bytes, at));
      return crc32c(bytes, crc);
    };
    Result<uint32_t> written = co_await blocking(write, call, false, doing);
    CO_TRY(written);
    crc = *written;
    done += piece;
  }
  co_return crc;
}

Task<void> PosixStore::drop_part(std::string key, std::string operation) {
  auto act = [tree = tree_, key, operation] { return tree->drop_part(key, operation); };
  const Call call{.deadline = env_.clock.now() + std::chrono::seconds(10)};
  // What stays is listed as an upload, and aborted by whoever fences.
  (void)co_await blocking(act, call, true, "clean up after " + quoted(key));
}

Task<Result<Identity>> PosixStore::put(PutRequest request, BodySource* body, Call call) {
  CO_TRY(check_key(request.key, limits_));
  CO_TRY(check_operation(request.operation));
  const std::string doing = "write " + quoted(request.key);
  auto create = [tree = tree_, request] { return tree->create_part(request.key, request.operation); };
  CO_ASSIGN_OR_RETURN(File file, co_await blocking(create, call, false, doing));
  Result<uint32_t> written = co_await write_body(file, 0, body, call, doing);
  if (!written) {
    co_await drop_part(request.key, request.operation);
    co_return std::unexpected(std::move(written).error());
  }
  auto publish = [tree = tree_, request] {
    return tree->publish(request.key, request.operation, request.stamp, request.condition);
  };
  Result<Identity> published = co_await blocking(publish, call, true, doing);
  const bool is_over = published || failure_of(published.error()) == Failure::kUnknown;
  if (!is_over) co_await drop_part(request.key, request.operation);
  co_return published;
}

Task<Result<void>> PosixStore::stage_copy(CopyRequest request, PosixTree::Opened source, Call call) {
  const std::string doing = "copy " + quoted(request.from) + " to " + quoted(request.to);
  auto create = [tree = tree_, request] { return tree->create_part(request.to, request.operation); };
  CO_ASSIGN_OR_RETURN(File target, co_await blocking(create, call, false, doing));
  const File from = source.file;
  auto buffer = std::make_shared<std::vector<std::byte>>(config_.buffer_bytes);
  for (uint64_t at = 0; at < source.stat.length; at += buffer->size()) {
    auto move = [from, target, buffer, at]() -> Result<void> {
      ASSIGN_OR_RETURN(size_t got, from->read_at(*buffer, at));
      return target->write_at(Bytes(*buffer).first(got), at);
    };
    CO_TRY(co_await blocking(move, call, false, doing));
  }
  auto again = [from] { return from->status(); };
  CO_ASSIGN_OR_RETURN(os::FileStatus status, co_await blocking(again, call, false, doing));
  if (PosixTree::identity_of(status) != source.stat.identity) co_return conflict(doing + ": the source was changed meanwhile");
  co_return Result<void>{};
}

Task<Result<Identity>> PosixStore::copy(CopyRequest request, Call call) {
  CO_TRY(check_key(request.from, limits_));
  CO_TRY(check_key(request.to, limits_));
  CO_TRY(check_operation(request.operation));
  const std::string doing = "copy " + quoted(request.from) + " to " + quoted(request.to);
  auto open = [tree = tree_, request] { return tree->open(request.from, request.source); };
  CO_ASSIGN_OR_RETURN(PosixTree::Opened source, co_await blocking(open, call, false, doing));
  if (!request.stamp) request.stamp = source.stat.stamp;
  const Attributes attributes{.mode = 0644, .mtime_ns = source.stat.mtime_ns};
  Result<void> staged = co_await stage_copy(request, source, call);
  if (!staged) {
    co_await drop_part(request.to, request.operation);
    co_return std::unexpected(std::move(staged).error());
  }
  auto publish = [tree = tree_, request, attributes] {
    return tree->publish(request.to, request.operation, request.stamp, request.target, attributes);
  };
  Result<Identity> published = co_await blocking(publish, call, true, doing);
  const bool is_over = published || failure_of(published.error()) == Failure::kUnknown;
  if (!is_over) co_await drop_part(request.to, request.operation);
  co_return published;
}

Task<Result<void>> PosixStore::remove(std::string key, Condition condition, Call call) {
  CO_TRY(check_key(key, limits_));
  auto act = [tree = tree_, key, condition] { return tree->remove(key, condition); };
  co_return co_await blocking(act, call, true, "remove " + quoted(key));
}

Task<Result<void>> PosixStore::rename(std::string from, Condition source, std::string to, Condition target, Call call) {
  CO_TRY(check_key(from, limits_));
  CO_TRY(check_key(to, limits_));
  auto act = [tree = tree_, from, source, to, target] { return tree->rename(from, source, to, target); };
  co_return co_await blocking(act, call, true, "rename " + quoted(from) + " to " + quoted(to));
}

Task<Result<void>> PosixStore::rename_directory(std::string from, std::string to, Call call) {
  CO_TRY(check_key(from, limits_));
  CO_TRY(check_key(to, limits_));
  auto act = [tree = tree_, from, to] { return tree->rename_directory(from, to); };
  co_return co_await blocking(act, call, true, "rename " + quoted(from) + " to " + quoted(to));
}

Task<Result<void>> PosixStore::make_directory(std::string path, Attributes attributes, Call call) {
  CO_TRY(check_key(path, limits_));
  auto act = [tree = tree_, path, attributes] { return tree->make_directory(path, attributes); };
  co_return co_await blocking(act, call, true, "make directory " + quoted(path));
}

Task<Result<void>> PosixStore::remove_directory(std::string path, Call call) {
  CO_TRY(check_key(path, limits_));
  auto act = [tree = tree_, path] { return tree->remove_directory(path); };
  co_return co_await blocking(act, call, true, "remove directory " + quoted(path));
}

Task<Result<Identity>> PosixStore::set_attributes(std::string path, Attributes attributes, Call call) {
  CO_TRY(check_key(path, limits_));
  auto act = [tree = tree_, path, attributes] { return tree->set_attributes(path, attributes); };
  co_return co_await blocking(act, call, true, "set attributes of " + quoted(path));
}

// Uploads.

Task<Result<Upload>> PosixStore::create_upload(UploadRequest request, Call call) {
  CO_TRY(check_key(request.key, limits_));
  CO_TRY(check_operation(request.operation));
  auto act = [tree = tree_, request]() -> Result<int64_t> {
    ASSIGN_OR_RETURN(File file, tree->create_part(request.key, request.operation));
    // Parts come in any order: with its space reserved the file is not torn into pieces, and a full disk says so before the bytes
    // move.
    Result<void> reserved = file->allocate(0, request.stamp.length);
    if (!reserved && (reserved.error().is_errno(ENOSPC) || reserved.error().is_errno(EDQUOT))) {
      (void)tree->drop_part(request.key, request.operation);
      return std::unexpected(std::move(reserved).error());
    }
    Result<void> stamped = tree->set_stamp(tree->part_path(request.key, request.operation), request.stamp);
    Result<os::FileStatus> status = file->status();
    if (stamped && status) return status->mtime_ns;
    (void)tree->drop_part(request.key, request.operation);
    return std::unexpected(stamped ? std::move(status).error() : std::move(stamped).error());
  };
  CO_ASSIGN_OR_RETURN(int64_t started, co_await blocking(act, call, true, "begin an upload of " + quoted(request.key)));
  Upload upload{request.key, request.operation, started};
  forget(upload);
  co_return upload;
}

Task<Result<Part>> PosixStore::put_part(Upload upload, uint32_t number, uint64_t offset, BodySource* body, Call call) {
  CO_TRY(check_part(number, offset, body->length(), limits_));
  const std::string doing = "write part " + std::to_string(number) + " of " + quoted(upload.key);
  auto open = [tree = tree_, upload] { return tree->open_part(upload.key, upload.id); };
  CO_ASSIGN_OR_RETURN(File file, co_await blocking(open, call, false, doing));
  CO_ASSIGN_OR_RETURN(uint32_t crc, co_await write_body(file, offset, body, call, doing));
  Part part{number, offset, body->length(), tag_of(crc, body->length())};
  remember(upload, part);
  co_return part;
}

Task<Result<std::vector<Part>>> PosixStore::list_parts(Upload upload, Call call) {
  auto open = [tree = tree_, upload] { return tree->open_part(upload.key, upload.id); };
  CO_TRY(co_await blocking(open, call, false, "look for the parts of " + quoted(upload.key)));
  std::vector<Part> parts;
  std::lock_guard lock(mutex_);
  auto known = parts_.find(tree_->part_path(upload.key, upload.id));
  if (known == parts_.end()) co_return parts;
  for (const auto& [number, part] : known->second) parts.push_back(part);
  co_return parts;
}

Task<Result<Identity>> PosixStore::complete_upload(Upload upload, std::vector<Part> parts, Condition condition, Call call) {
  CO_TRY(check_parts(parts));
  const uint64_t length = parts.back().offset + parts.back().length;
  auto act = [tree = tree_, upload, condition, length]() -> Result<Identity> {
    {
      ASSIGN_OR_RETURN(File file, tree->open_part(upload.key, upload.id));
      ASSIGN_OR_RETURN(uint64_t size, file->size());
      if (size < length)
        return refused(EINVAL, "parts of " + quoted(upload.key) + " are missing: " + std::to_string(size) + " bytes are there");
      if (size > length) TRY(file->truncate(length));  // a part was replaced by a shorter one
    }
    ASSIGN_OR_RETURN(std::optional<Stamp> stamp, tree->part_stamp(upload.key, upload.id));
    return tree->publish(upload.key, upload.id, stamp, condition);
  };
  Result<Identity> published = co_await blocking(act, call, true, "complete the upload of " + quoted(upload.key));
  if (published) forget(upload);
  co_return published;
}

Task<Result<void>> PosixStore::abort_upload(Upload upload, Call call) {
  CO_TRY(check_operation(upload.id));
  auto act = [tree = tree_, upload] { return tree->drop_part(upload.key, upload.id); };
  Result<void> dropped = co_await blocking(act, call, true, "abort the upload of " + quoted(upload.key));
  if (dropped) forget(upload);
  co_return dropped;
}

Task<Result<UploadsPage>> PosixStore::list_uploads(std::string prefix, std::string cursor, Call call) {
  auto act = [tree = tree_, prefix, cursor] { return tree->uploads(prefix, cursor); };
  co_return co_await blocking(act, call, false, "list uploads of " + quoted(prefix));
}

void PosixStore::remember(const Upload& upload, const Part& part) {
  const std::string name = tree_->part_path(upload.key, upload.id);
  std::lock_guard lock(mutex_);
  auto [known, is_new] = parts_.try_emplace(name);
  if (is_new) order_.push_back(name);
  if (known->second.insert_or_assign(part.number, part).second) ++remembered_;
  while (remembered_ > config_.remembered_parts && order_.size() > 1) {
    auto oldest = parts_.find(order_.front());
    order_.pop_front();
    if (oldest == parts_.end()) continue;
    remembered_ -= oldest->second.size();
    parts_.erase(oldest);
  }
}

void PosixStore::forget(const Upload& upload) {
  std::lock_guard lock(mutex_);
  auto known = parts_.find(tree_->part_path(upload.key, upload.id));
  if (known == parts_.end()) return;
  remembered_ -= known->second.size();
  std::erase(order_, known->first);
  parts_.erase(known);
}

}  // namespace forebay::ufs
