#include "client/under_path/under_writer.h"

#include <algorithm>
#include <atomic>

#include "base/check.h"

namespace forebay::client {
namespace {

namespace rpcs = v1::under_service;

Error only_at_the_end() {
  return rejected(
      EOPNOTSUPP,
      "an object of an under store is written from its first byte to its last; write a copy elsewhere and move it here");
}

}  // namespace

// ---- the table ----

void UnderWriters::add(const std::shared_ptr<UnderWriter>& writer) {
  std::lock_guard lock(mutex_);
  by_inode_[writer->inode()] = writer;
  by_key_[{writer->mount(), writer->key()}] = writer;
}

void UnderWriters::remove(const UnderWriter& writer) {
  std::lock_guard lock(mutex_);
  auto by_inode = by_inode_.find(writer.inode());
  if (by_inode != by_inode_.end() && by_inode->second.get() == &writer) by_inode_.erase(by_inode);
  auto by_key = by_key_.find({writer.mount(), writer.key()});
  if (by_key != by_key_.end() && by_key->second.get() == &writer) by_key_.erase(by_key);
}

std::shared_ptr<UnderWriter> UnderWriters::find(InodeId inode) const {
  std::lock_guard lock(mutex_);
  auto found = by_inode_.find(inode);
  return found == by_inode_.end() ? nullptr : found->second;
}

std::shared_ptr<UnderWriter> UnderWriters::find(uint64_t mount, const std::string& key) const {
  std::lock_guard lock(mutex_);
  auto found = by_key_.find({mount, key});
  return found == by_key_.end() ? nullptr : found->second;
}

// ---- one object ----

UnderWriter::UnderWriter(std::shared_ptr<UnderCore> under, Identity who, UnderBeginning beginning, InodeId inode)
    : under_(std::move(under)), who_(std::move(who)), beginning_(std::move(beginning)), inode_(inode) {
  if (beginning_.was) {
    attr_ = beginning_.was->attr;
    identity_ = beginning_.was->identity;
  }
  if (!beginning_.empties) length_ = attr_.size();
  dirty_ = beginning_.empties;
  attr_.set_inode(inode_.value);
  attr_.set_type(v1::FILE_TYPE_REGULAR);
  attr_.set_nlink(1);
  if (!beginning_.was) {
    attr_.set_mode(beginning_.mode);
    attr_.set_uid(beginning_.uid);
    attr_.set_gid(beginning_.gid);
  }
  show_size();
}

v1::Attr UnderWriter::attr() const {
  std::lock_guard lock(mutex_);
  return attr_;
}

void UnderWriter::show_size() {
  const int64_t now = os::unix_nanos(under_->core->env.clock.wall_now());
  std::lock_guard lock(mutex_);
  if (attr_.mtime_ns() == 0 || dirty_) {
    attr_.set_mtime_ns(now);
    attr_.set_ctime_ns(now);
    if (attr_.birth_ns() == 0) attr_.set_birth_ns(now);
  }
  attr_.set_size(length_);
  attr_.set_stored_bytes(length_);
  attr_.set_layout(attr_.layout() + 1);
}

Status UnderWriter::breaks(Status why) {
  if (!broken_) broken_ = why;
  return *broken_;
}

// A worker that takes the object, and keeps it to its end.
Task<Result<void>> UnderWriter::begin() {
  v1::BeginUnderUploadRequest request;
  request.set_mount(mount());
  request.set_key(key());
  const v1::Attr shown = attr();
  request.set_mode(shown.mode());
  request.set_uid(shown.uid());
  request.set_gid(shown.gid());
  request.set_expected(identity_);
  request.set_exclusive(beginning_.exclusive && identity_.empty());
  CO_ASSIGN_OR_RETURN(auto begun,
                      co_await under_->workers.begin<rpcs::BeginUnderUpload>(under_seed(mount(), key()), request, who_));
  active_ = Active{begun.first, begun.second.upload()};
  Result<void> staged = Result<void>{};
  if (length_ > 0) staged = co_await restage();
  if (staged) co_return staged;
  co_await give_up();
  co_return staged;
}

// What the key holds comes first.
Task<Result<void>> UnderWriter::restage() {
  if (length_ > kMostRestaged)
    co_return rejected(
        EOPNOTSUPP, "the object has more than 256 MiB: nothing is written behind them; write a copy elsewhere and move it here");
  v1::ReadUnderRequest request;
  request.set_mount(mount());
  request.set_key(key());
  request.set_identity(identity_);
  request.set_object_length(length_);
  for (uint64_t at = 0; at < length_;) {
    request.set_offset(at);
    request.set_length(static_cast<uint32_t>(std::min<uint64_t>(rpc::kMaxPayload, length_ - at)));
    const uint64_t seed = under_seed(mount(), key(), at / kUnderStripe);
    auto read = co_await under_->workers.call<rpcs::ReadUnder>(seed, request, who_);
    if (!read) co_return std::unexpected(std::move(read).error());
    if (read->payload.size() != request.length()) co_return broken("a worker sent fewer bytes of an object than it has");
    CO_TRY(co_await send(read->payload.view(), at));
    at += read->payload.size();
  }
  co_return Result<void>{};
}

Task<Result<void>> UnderWriter::send(Bytes data, uint64_t offset) {
  for (size_t at = 0; at < data.size();) {
    const Bytes piece = data.subspan(at, std::min(rpc::kMaxPayload, data.size() - at));
    v1::WriteUnderUploadRequest request;
    request.set_upload(active_->upload);
    request.set_offset(offset + at);
    auto sent = co_await under_->workers.at<rpcs::WriteUnderUpload>(active_->worker, std::move(request), who_, piece);
    if (!sent) co_return std::unexpected(std::move(sent).error());
    at += piece.size();
  }
  co_return Result<void>{};
}

Task<void> UnderWriter::give_up() {
  if (!active_) co_return;
  v1::AbortUnderUploadRequest request;
  request.set_upload(active_->upload);
  const WorkerId worker = active_->worker;
  active_.reset();
  auto aborted = co_await under_->workers.once<rpcs::AbortUnderUpload>(worker, std::move(request), who_);
  (void)aborted;  // the worker gives it up by itself, too
}

Task<Result<void>> UnderWriter::write(Bytes data, std::optional<uint64_t> offset) {
  const auto guard = co_await turn_.lock();
  if (broken_) co_return std::unexpected(*broken_);
  if (offset && *offset != length_) co_return only_at_the_end();
  if (data.empty()) co_return Result<void>{};
  if (!active_) CO_TRY(co_await begin());
  const Result<void> sent = co_await send(data, length_);
  if (!sent) {
    co_await give_up();
    co_return std::unexpected(breaks(sent.error()));
  }
  dirty_ = true;
  length_ += data.size();
  show_size();
  co_return Result<void>{};
}

Task<Result<void>> UnderWriter::truncate(uint64_t size) {
  const auto guard = co_await turn_.lock();
  if (broken_) co_return std::unexpected(*broken_);
  if (size == length_) co_return Result<void>{};
  if (size != 0) co_return only_at_the_end();
  co_await give_up();
  length_ = 0;
  dirty_ = true;
  show_size();
  co_return Result<void>{};
}

Task<Result<void>> UnderWriter::flush() {
  const auto guard = co_await turn_.lock();
  co_return co_await flush_locked();
}

Task<Result<void>> UnderWriter::flush_locked() {
  if (broken_) co_return std::unexpected(*broken_);
  if (!dirty_) co_return Result<void>{};
  if (!active_) {
    const Result<void> begun = co_await begin();
    if (!begun) co_return std::unexpected(breaks(begun.error()));
  }
  v1::EndUnderUploadRequest request;
  request.set_upload(active_->upload);
  request.set_length(length_);
  const v1::Attr shown = attr();
  request.set_mode(shown.mode());
  request.set_uid(shown.uid());
  request.set_gid(shown.gid());
  if (attributes_set_) request.set_mtime_ns(shown.mtime_ns());
  auto ended = co_await under_->workers.at<rpcs::EndUnderUpload>(active_->worker, std::move(request), who_, {});
  under_->nodes.forget(mount(), key());
  if (!ended) {
    active_.reset();
    co_return std::unexpected(breaks(std::move(ended).error()));
  }
  identity_ = ended->message.identity();
  v1::AbortUnderUploadRequest done;  // the worker need not remember it any longer
  done.set_upload(active_->upload);
  auto forgotten = co_await under_->workers.once<rpcs::AbortUnderUpload>(active_->worker, std::move(done), who_);
  (void)forgotten;
  active_.reset();
  dirty_ = false;
  co_return Result<void>{};
}

// Before the object is there they wait for it; afterwards the store is told.
Task<Result<void>> UnderWriter::set_attributes(v1::SetAttrRequest change) {
  const auto guard = co_await turn_.lock();
  if (broken_) co_return std::unexpected(*broken_);
  const int64_t now = os::unix_nanos(under_->core->env.clock.wall_now());
  {
    std::lock_guard lock(mutex_);
    if (change.has_mode()) attr_.set_mode(change.mode() & 0777);
    if (change.has_uid()) attr_.set_uid(change.uid());
    if (change.has_gid()) attr_.set_gid(change.gid());
    if (change.has_mtime_ns() || change.mtime_now()) {
      attr_.set_mtime_ns(change.mtime_now() ? now : change.mtime_ns());
      attributes_set_ = true;
    }
    attr_.set_ctime_ns(now);
  }
  if (dirty_ || identity_.empty()) co_return Result<void>{};
  v1::SetUnderAttributesRequest request;
  request.set_mount(mount());
  request.set_path(key());
  const v1::Attr shown = attr();
  if (change.has_mode()) request.set_mode(shown.mode());
  if (change.has_uid()) request.set_uid(shown.uid());
  if (change.has_gid()) request.set_gid(shown.gid());
  if (change.has_mtime_ns() || change.mtime_now()) request.set_mtime_ns(shown.mtime_ns());
  auto set = co_await under_->workers.change<rpcs::SetUnderAttributes>(under_seed(mount(), key()), std::move(request), who_);
  under_->nodes.forget(mount(), key());
  if (!set) co_return std::unexpected(std::move(set).error());
  if (!set->message.identity().empty()) identity_ = set->message.identity();
  co_return Result<void>{};
}

// ---- what applications hold ----

namespace {

Task<void> flush_forgotten(std::shared_ptr<UnderCore> under, std::shared_ptr<UnderWriter> writer) {
  const Result<void> flushed = co_await writer->flush();
  if (!flushed)
    under->core->log.error("an object that was not closed is not in its under store",
                           {{"key", writer->key()}, {"error", flushed.error().to_string()}});
  under->writers.remove(*writer);
}

class WritingFile final : public File {
 public:
  WritingFile(std::shared_ptr<UnderCore> under, std::shared_ptr<UnderWriter> writer)
      : under_(std::move(under)), writer_(std::move(writer)) {
    under_->writers.add(writer_);
  }
  ~WritingFile() override {
    if (!closed_) under_->core->background.spawn(0, flush_forgotten(under_, writer_));
  }
  InodeId inode() const override { return writer_->inode(); }
  Task<Result<size_t>> pread(MutableBytes, uint64_t) override {
    co_return rejected(EOPNOTSUPP, "an object of an under store is read after it was written and closed");
  }
  Task<Result<void>> pwrite(Bytes data, uint64_t offset) override { return writer_->write(data, offset); }
  Task<Result<void>> append(Bytes data) override { return writer_->write(data, std::nullopt); }
  Task<Result<void>> truncate(uint64_t size) override { return writer_->truncate(size); }
  Task<Result<void>> fallocate(uint64_t, uint64_t, FallocateMode) override {
    co_return rejected(EOPNOTSUPP, "an object of an under store is written in order");
  }
  Task<Result<void>> fsync(v1::Durability) override { return writer_->flush(); }
  Task<Result<void>> flush() override { return writer_->flush(); }
  Task<Result<void>> close() override {
    if (closed_.exchange(true)) co_return Result<void>{};
    const Result<void> flushed = co_await writer_->flush();
    under_->writers.remove(*writer_);
    co_return flushed;
  }
  Task<Result<void>> release() override { return close(); }
  Task<Result<v1::Attr>> attr() override { co_return writer_->attr(); }
  v1::Attr opened_attr() const override { return writer_->attr(); }

 private:
  const std::shared_ptr<UnderCore> under_;  // shared with the client, which may be gone before this file
  const std::shared_ptr<UnderWriter> writer_;
  std::atomic<bool> closed_ = false;
};

}  // namespace

std::unique_ptr<File> make_writing_file(std::shared_ptr<UnderCore> under, std::shared_ptr<UnderWriter> writer) {
  return std::make_unique<WritingFile>(std::move(under), std::move(writer));
}

}  // namespace forebay::client
