#include "rpc/frame_reader.h"

#include <algorithm>
#include <cstring>

namespace forebay::rpc {
namespace {

constexpr size_t kQuietBuffer = 4 << 10;  // 10,000 idle connections keep 40 MiB
constexpr size_t kBusyBuffer = 64 << 10;
constexpr int kSmallReadsBeforeShrinking = 64;

Error cut_short() { return unknown_outcome("the connection ended in the middle of a frame", ECONNRESET); }

}  // namespace

FrameReader::FrameReader(os::Connection& connection, os::Clock& clock, FrameLimits limits)
    : connection_(connection), clock_(clock), limits_(limits), wanted_capacity_(kQuietBuffer) {}

Result<bool> FrameReader::have_head() {
  if (body_checked_) return true;
  if (!header_) {
    if (buffered() < kHeaderBytes) return false;
    ASSIGN_OR_RETURN(header_, decode_header({buffer_.get() + begin_, buffered()}, limits_));
    consumed_ = kHeaderBytes + header_->body_bytes();
  }
  if (buffered() < consumed_) return false;
  TRY(check_body(*header_, {buffer_.get() + begin_ + kHeaderBytes, header_->body_bytes()}));
  body_checked_ = true;
  return true;
}

std::string_view FrameReader::context() const { return as_text({buffer_.get() + begin_ + kHeaderBytes, header_->context_bytes}); }

std::string_view FrameReader::message() const {
  return as_text({buffer_.get() + begin_ + kHeaderBytes + header_->context_bytes, header_->message_bytes});
}

Task<Result<Payload>> FrameReader::read_payload() {
  Payload payload = Payload::allocate(header_->payload_bytes);
  MutableBytes missing = payload.writable();
  size_t here = std::min(buffered() - consumed_, missing.size());
  if (here > 0) std::memcpy(missing.data(), buffer_.get() + begin_ + consumed_, here);
  consumed_ += here;
  missing = missing.subspan(here);
  if (!missing.empty()) waiting_since_ = clock_.now();
  while (!missing.empty()) {
    Task<Result<size_t>> reading = connection_.read_some(missing);
    Result<size_t> got = co_await std::move(reading);
    if (!got) co_return std::unexpected(std::move(got).error());
    if (*got == 0) co_return cut_short();
    missing = missing.subspan(*got);
  }
  CO_TRY(check_payload(*header_, payload.view()));
  co_return payload;
}

void FrameReader::next() {
  begin_ += consumed_;
  consumed_ = 0;
  header_.reset();
  body_checked_ = false;
  waiting_since_.reset();
  if (begin_ == end_) begin_ = end_ = 0;
}

Task<Result<bool>> FrameReader::fill() {
  make_room();
  if (buffered() > 0 && !waiting_since_) waiting_since_ = clock_.now();
  size_t room = capacity_ - end_;
  Task<Result<size_t>> reading = connection_.read_some({buffer_.get() + end_, room});
  Result<size_t> got = co_await std::move(reading);
  if (!got) co_return std::unexpected(std::move(got).error());
  if (*got == 0 && buffered() > 0) co_return cut_short();
  if (*got == 0) co_return false;
  end_ += *got;
  adapt(*got, room);
  co_return true;
}

// For the rest of the current head, or for some bytes of the next one.
void FrameReader::make_room() {
  size_t need = header_ ? consumed_ : kHeaderBytes;
  size_t capacity = std::max(wanted_capacity_, need);
  if (capacity != capacity_ && (buffered() == 0 || capacity > capacity_)) {
    resize(capacity);
  } else if (begin_ > 0) {
    std::memmove(buffer_.get(), buffer_.get() + begin_, buffered());
    end_ = buffered();
    begin_ = 0;
  }
}

void FrameReader::resize(size_t capacity) {
  auto larger = std::make_unique_for_overwrite<std::byte[]>(capacity);
  if (buffered() > 0) std::memcpy(larger.get(), buffer_.get() + begin_, buffered());
  end_ = buffered();
  begin_ = 0;
  buffer_ = std::move(larger);
  capacity_ = capacity;
}

void FrameReader::adapt(size_t got, size_t room) {
  if (got == room) {
    wanted_capacity_ = kBusyBuffer;
    small_reads_ = 0;
  } else if (got > kQuietBuffer / 2) {
    small_reads_ = 0;
  } else if (++small_reads_ >= kSmallReadsBeforeShrinking) {
    wanted_capacity_ = kQuietBuffer;
  }
}

}  // namespace forebay::rpc
