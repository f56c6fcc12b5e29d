#include "client/under_path/under_file.h"

#include <algorithm>
#include <atomic>
#include <cstring>

#include "client/file_state.h"

namespace forebay::client {
namespace {

namespace rpcs = v1::under_service;

struct Piece {
  uint64_t offset = 0;
  MutableBytes into;
};

Task<Result<void>> read_piece(std::shared_ptr<UnderCore> under, Identity who, v1::ReadUnderRequest request, Piece piece) {
  request.set_offset(piece.offset);
  request.set_length(static_cast<uint32_t>(piece.into.size()));
  const uint64_t seed = under_seed(request.mount(), request.key(), piece.offset / kUnderStripe);
  auto reply = co_await under->workers.call<rpcs::ReadUnder>(seed, std::move(request), std::move(who));
  if (!reply) co_return std::unexpected(std::move(reply).error());
  const Bytes bytes = reply->payload.view();
  if (bytes.size() != piece.into.size()) co_return broken("a worker sent fewer bytes of an object than it has");
  std::memcpy(piece.into.data(), bytes.data(), bytes.size());
  co_return Result<void>{};
}

class UnderFile final : public File {
 public:
  UnderFile(std::shared_ptr<UnderCore> under, Identity who, UnderNode node, CachedContent cached)
      : under_(std::move(under)), who_(std::move(who)), node_(std::move(node)), cached_(std::move(cached)) {
    under_->nodes.opened(inode(), node_.attr);
    request_.set_mount(node_.mount);
    request_.set_key(node_.key);
    request_.set_identity(node_.identity);
    request_.set_object_length(node_.attr.size());
    request_.set_stripe(kUnderStripe);
  }
  ~UnderFile() override {
    if (!closed_) under_->nodes.closed(inode());
  }

  InodeId inode() const override { return InodeId{node_.attr.inode()}; }

  Task<Result<size_t>> pread(MutableBytes into, uint64_t offset) override {
    if (closed_) co_return rejected(EBADF, "the file is closed");
    if (offset >= node_.attr.size()) co_return size_t{0};
    into = into.first(std::min<uint64_t>(into.size(), node_.attr.size() - offset));
    if (into.empty()) co_return size_t{0};
    const bool is_read = co_await read_cached(into, offset);
    if (is_read) co_return into.size();
    CO_TRY(co_await read_from_workers(into, offset));
    expect_more(offset, into.size());
    co_return into.size();
  }
  Task<Result<void>> pwrite(Bytes, uint64_t) override { co_return read_only(); }
  Task<Result<void>> append(Bytes) override { co_return read_only(); }
  Task<Result<void>> truncate(uint64_t) override { co_return read_only(); }
  Task<Result<void>> fallocate(uint64_t, uint64_t, FallocateMode) override { co_return read_only(); }
  Task<Result<void>> fsync(v1::Durability) override { co_return Result<void>{}; }
  Task<Result<void>> flush() override { co_return Result<void>{}; }
  Task<Result<void>> close() override {
    if (closed_.exchange(true)) co_return Result<void>{};
    under_->nodes.closed(inode());
    if (cached_.file) co_return co_await cached_.file->close();
    co_return Result<void>{};
  }
  Task<Result<void>> release() override { return close(); }
  Task<Result<v1::Attr>> attr() override { co_return node_.attr; }
  v1::Attr opened_attr() const override { return node_.attr; }

 private:
  Error read_only() const { return rejected(EBADF, "the file is open for reading only"); }

  // The bytes are those of the object if nothing has changed in this client's eyes, before and after.
  Task<bool> read_cached(MutableBytes into, uint64_t offset) {
    if (!cached_.file || cached_gone_) co_return false;
    if (cached_.state->content().changes() == cached_.changes) {
      const Result<size_t> read = co_await cached_.file->pread(into, offset);
      if (read && *read == into.size() && cached_.state->content().changes() == cached_.changes) co_return true;
    }
    cached_gone_ = true;
    co_return false;
  }

  // Cut where frames and stripes end.
  Task<Result<void>> read_from_workers(MutableBytes into, uint64_t offset) {
    std::vector<Piece> pieces;
    for (size_t at = 0; at < into.size();) {
      const uint64_t next = ((offset + at) / rpc::kMaxPayload + 1) * rpc::kMaxPayload;
      const size_t length = std::min<uint64_t>(next - (offset + at), into.size() - at);
      pieces.push_back({offset + at, into.subspan(at, length)});
      at += length;
    }
    if (pieces.size() == 1) co_return co_await read_piece(under_, who_, request_, pieces.front());
    std::vector<Task<Result<void>>> tasks;
    tasks.reserve(pieces.size());
    for (const Piece& piece : pieces) tasks.push_back(read_piece(under_, who_, request_, piece));
    Background& background = under_->core->background;
    async::Executor executor = co_await async::current_executor();
    const std::vector<Result<void>> results =
        co_await background.run_all(background.index_of(executor), std::move(tasks), under_->core->config.read_window);
    for (const Result<void>& result : results) CO_TRY(result);
    co_return Result<void>{};
  }

  // Workers fetch ahead within their stripe; the one that has the next is told when a reader who goes on has half of this one.
  void expect_more(uint64_t offset, size_t length) {
    const bool goes_on = expected_.exchange(offset + length) == offset && offset != 0;
    const uint64_t next = ((offset + length) / kUnderStripe + 1) * kUnderStripe;
    const bool is_far = next - (offset + length) > kUnderStripe / 2;
    if (!goes_on || is_far || next >= node_.attr.size() || hinted_.exchange(next) == next) return;
    v1::ReadUnderRequest hint = request_;
    hint.set_offset(next);
    hint.set_length(1);
    hint.set_fetch_only(true);
    const auto seed = under_seed(hint.mount(), hint.key(), next / kUnderStripe);
    under_->workers.hint(seed, std::move(hint));
  }

  const std::shared_ptr<UnderCore> under_;  // shared with the client, which may be gone before this file
  const Identity who_;
  const UnderNode node_;
  const CachedContent cached_;
  v1::ReadUnderRequest request_;
  std::atomic<bool> closed_ = false, cached_gone_ = false;
  std::atomic<uint64_t> expected_ = 0, hinted_ = 0;
};

}  // namespace

std::unique_ptr<File> open_under_file(std::shared_ptr<UnderCore> under, Identity who, UnderNode node, CachedContent cached) {
  return std::make_unique<UnderFile>(std::move(under), std::move(who), std::move(node), std::move(cached));
}

}  // namespace forebay::client
