// Any bytes as a stream of frames. They arrive in pieces cut where the input says, go through the reader that server and channel
// use, and must come out as the pure decoder sees them, or as an error; what was decoded must encode to the same bytes.
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string>

#include "async/loop.h"
#include "base/check.h"
#include "base/crc32c.h"
#include "forebay/v1/common.pb.h"
#include "rpc/error_detail.h"
#include "rpc/frame.h"
#include "rpc/frame_reader.h"

namespace forebay::rpc {
namespace {

constexpr FrameLimits kLimits{.max_message = 1000, .max_payload = 3000};

class StillClock final : public os::Clock {
 public:
  os::Instant now() const override { return os::Instant(std::chrono::hours(1)); }
  os::WallTime wall_now() const override { return {}; }
  Task<bool> sleep_until(os::Instant, std::stop_token) override { co_return false; }
};

// Hands out its bytes a few at a time.
class Pieces final : public os::Connection {
 public:
  Pieces(Bytes bytes, uint8_t rhythm) : bytes_(bytes), rhythm_(rhythm) {}
  Task<Result<size_t>> read_some(MutableBytes into) override {
    rhythm_ = static_cast<uint8_t>(rhythm_ * 5 + 1);
    size_t size = std::min({bytes_.size(), into.size(), size_t{1} + rhythm_ * size_t{3}});
    std::memcpy(into.data(), bytes_.data(), size);
    bytes_ = bytes_.subspan(size);
    co_return size;
  }
  Task<Result<void>> write(std::span<const Bytes>) override { co_return Result<void>(); }
  Task<Result<void>> write_with_descriptor(std::span<const Bytes>, int) override { co_return Result<void>(); }
  std::vector<int> take_descriptors() override { return {}; }
  void close() override {}
  std::string peer() const override { return "fuzzer"; }
  bool peer_is_local() const override { return true; }

 private:
  Bytes bytes_;
  uint8_t rhythm_;
};

// A whole frame, from its views.
std::string encode(const FrameView& frame) {
  std::string bytes;
  append_frame(bytes, frame.header, as_text(frame.context), as_text(frame.message), frame.payload);
  bytes += as_text(frame.payload);
  return bytes;
}

// Gives back the number of frames that were whole, and checks each against what the stream holds at its place.
Task<void> read_stream(Bytes bytes, uint8_t rhythm) {
  Pieces pieces(bytes, rhythm);
  StillClock clock;
  FrameReader reader(pieces, clock, kLimits);
  for (;;) {
    Result<bool> head = reader.have_head();
    if (!head) break;
    if (!*head) {
      Task<Result<bool>> filling = reader.fill();
      Result<bool> more = co_await std::move(filling);
      if (!more || !*more) break;
      continue;
    }
    Result<FrameView> expected = decode_frame(bytes, kLimits);
    std::string message(reader.message());
    v1::RequestContext context;
    (void)context.ParseFromArray(reader.context().data(), static_cast<int>(reader.context().size()));
    Task<Result<Payload>> reading = reader.read_payload();
    Result<Payload> payload = co_await std::move(reading);
    FOREBAY_CHECK(payload.has_value() == expected.has_value(), "reader and decoder disagree about a frame");
    if (!payload) break;
    FOREBAY_CHECK(message == as_text(expected->message), "reader and decoder disagree about a message");
    FOREBAY_CHECK(as_text(payload->view()) == as_text(expected->payload), "reader and decoder disagree about a payload");
    std::string again = encode(*expected);
    FOREBAY_CHECK(again == as_text(bytes.first(again.size())), "a frame does not encode to what it was decoded from");
    if (reader.header().has(kFailed)) {
      v1::ErrorDetail detail;
      if (detail.ParseFromString(message)) (void)from_detail(detail).to_string();
    }
    bytes = bytes.subspan(again.size());
    reader.next();
  }
}

// Makes the checksums of the first frame right, so that mutations reach what lies behind them.
void mend(std::string& bytes) {
  if (bytes.size() < kHeaderBytes) return;
  auto* header = reinterpret_cast<std::byte*>(bytes.data());
  size_t body = load_little_endian<uint16_t>(header + 22) + size_t{load_little_endian<uint32_t>(header + 24)};
  size_t payload = load_little_endian<uint32_t>(header + 28);
  if (kHeaderBytes + body + payload <= bytes.size()) {
    store_little_endian(header + 32, crc32c(as_bytes(bytes).subspan(kHeaderBytes, body)));
    store_little_endian(header + 36, crc32c(as_bytes(bytes).subspan(kHeaderBytes + body, payload)));
  }
  store_little_endian(header + 44, crc32c(as_bytes(bytes).first(44)));
}

}  // namespace
}  // namespace forebay::rpc

// The first byte is the rhythm of the pieces; an odd one asks for right checksums.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0) return 0;
  std::string bytes(reinterpret_cast<const char*>(data) + 1, size - 1);
  if (data[0] % 2 == 1) forebay::rpc::mend(bytes);
  forebay::async::ManualLoop loop;
  forebay::async::spawn_detached(loop.executor(), forebay::rpc::read_stream(forebay::as_bytes(bytes), data[0]));
  loop.run_ready();
  return 0;
}
