// The File that applications hold.
#include "client/core.h"
#include "client/file_state.h"

namespace forebay::client {

namespace {

Task<void> close_forgotten(std::shared_ptr<Core> core, std::shared_ptr<FileState> state, std::shared_ptr<OpenHandle> handle) {
  Result<void> closed = co_await state->close(handle);
  if (!closed) {
    core->log.error("a file that was not closed lost what was not committed",
                    {{"inode", state->inode().value}, {"error", closed.error().to_string()}});
  }
}

class OpenFile final : public File {
 public:
  OpenFile(std::shared_ptr<Core> core, std::shared_ptr<FileState> state, std::shared_ptr<OpenHandle> handle)
      : core_(std::move(core)), state_(std::move(state)), handle_(std::move(handle)) {}
  ~OpenFile() override {
    if (closed_) return;
    const size_t executor = state_->inode().value % core_->background.size();
    core_->background.spawn(executor, close_forgotten(core_, state_, handle_));
  }

  InodeId inode() const override { return state_->inode(); }

  Task<Result<size_t>> pread(MutableBytes into, uint64_t offset) override {
    if (!handle_->flags.read) co_return bad_descriptor("is not open for reading");
    if (closed_) co_return bad_descriptor("is closed");
    Result<size_t> read = co_await state_->read(handle_, into, offset);
    co_return read;
  }
  Task<Result<void>> pwrite(Bytes data, uint64_t offset) override {
    CO_TRY(writable());
    if (core_->intake.is_on()) co_await core_->intake.pass(state_->bytes_for_workers(data.size(), offset));
    Result<void> written = co_await state_->write(handle_, data, offset);
    co_return written;
  }
  Task<Result<void>> append(Bytes data) override {
    CO_TRY(writable());
    if (core_->intake.is_on()) co_await core_->intake.pass(state_->bytes_for_workers(data.size(), std::nullopt));
    Result<void> written = co_await state_->write(handle_, data, std::nullopt);
    co_return written;
  }
  Task<Result<void>> truncate(uint64_t size) override {
    CO_TRY(writable());
    v1::SetAttrRequest change;
    change.set_inode(inode().value);
    change.set_size(size);
    Result<v1::Attr> changed = co_await state_->set_attr(handle_->who, change, handle_);
    if (!changed) co_return std::unexpected(std::move(changed).error());
    co_return Result<void>{};
  }
  Task<Result<void>> fallocate(uint64_t offset, uint64_t length, FallocateMode mode) override {
    CO_TRY(writable());
    Result<void> done = co_await state_->fallocate(handle_, offset, length, mode);
    co_return done;
  }
  Task<Result<void>> fsync(v1::Durability durability) override {
    if (closed_) co_return bad_descriptor("is closed");
    co_await pass_growth();
    Result<void> committed = co_await state_->fsync(handle_, durability);
    co_return committed;
  }
  Task<Result<void>> flush() override {
    if (closed_) co_return bad_descriptor("is closed");
    co_await pass_growth();
    Result<void> committed = co_await state_->commit(v1::DURABILITY_UNSPECIFIED);
    co_return committed;
  }
  Task<Result<void>> close() override {
    closed_ = true;
    Result<void> closed = co_await state_->close(handle_);
    co_return closed;
  }
  Task<Result<void>> release() override {
    closed_ = true;
    Result<void> closed = co_await state_->release(handle_);
    co_return closed;
  }
  v1::Attr opened_attr() const override {
    v1::Attr attr = handle_->attr;
    state_->merge_into(attr);
    return attr;
  }
  Task<Result<v1::Attr>> attr() override {
    v1::GetAttrRequest request;
    request.set_inode(inode().value);
    Result<v1::AttrReply> reply = co_await core_->session.call<v1::namespace_service::GetAttr>(handle_->who, request);
    if (!reply) co_return std::unexpected(std::move(reply).error());
    v1::Attr attr = reply->attr();
    co_await state_->leave_overtaken(attr.layout());
    state_->merge_into(attr);
    co_return attr;
  }

  Task<std::optional<Backing>> backing() override {
    if (closed_) co_return std::nullopt;
    std::optional<Backing> found = co_await state_->backing(handle_);
    co_return found;
  }

  std::shared_ptr<OpenHandle> handle() const { return handle_; }

 private:
  // What the kernel has written of a staged file waits here.
  Task<void> pass_growth() {
    const uint64_t bytes = state_->take_growth();
    if (bytes != 0 && core_->intake.is_on()) co_await core_->intake.pass(bytes, Intake::Bytes::kWritten);
  }
  Error bad_descriptor(std::string_view why) const {
    return rejected(EBADF, "the file of inode " + to_string(inode()) + " " + std::string(why));
  }
  Result<void> writable() const {
    if (closed_) return bad_descriptor("is closed");
    if (!handle_->flags.write) return bad_descriptor("is not open for writing");
    return {};
  }

  const std::shared_ptr<Core> core_;  // shared with the client, which may be gone before this file
  const std::shared_ptr<FileState> state_;
  const std::shared_ptr<OpenHandle> handle_;
  std::atomic<bool> closed_ = false;
};

}  // namespace

std::unique_ptr<File> make_file(std::shared_ptr<Core> core, std::shared_ptr<FileState> state,
                                std::shared_ptr<OpenHandle> handle) {
  return std::make_unique<OpenFile>(std::move(core), std::move(state), std::move(handle));
}

std::shared_ptr<OpenHandle> handle_of(File* file) { return file == nullptr ? nullptr : static_cast<OpenFile*>(file)->handle(); }

}  // namespace forebay::client
