// One frame of the protocol as bytes. docs/formats/frame.md says what each field is and which fault it detects.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/bytes.h"
#include "base/status.h"
#include "rpc/payload.h"

namespace forebay::rpc {

inline constexpr uint32_t kMagic = 0x31594246;  // "FBY1" on the wire
inline constexpr uint8_t kFormat = 1;
inline constexpr size_t kHeaderBytes = 48;
inline constexpr size_t kMaxContext = 16 << 10;         // an identity with 1,024 groups takes 6 KiB
inline constexpr uint32_t kMaxRemainingMs = 3'600'000;  // an hour

enum class Kind : uint8_t { kRequest = 1, kReply = 2, kCancel = 3 };
enum Flag : uint16_t { kHasDescriptor = 1, kFailed = 2 };

// A frame's header in memory.
struct Header {
  Kind kind = Kind::kRequest;
  uint16_t method = 0;
  uint64_t id = 0;            // chosen by the caller, echoed by the reply; unique among the calls outstanding on a connection
  uint32_t remaining_ms = 0;  // of a request: until the caller stops listening
  uint16_t flags = 0;         // of a reply: Flag
  uint16_t context_bytes = 0;
  uint32_t message_bytes = 0;
  uint32_t payload_bytes = 0;
  uint32_t body_crc = 0;  // crc32c of context and message
  uint32_t payload_crc = 0;

  size_t body_bytes() const { return size_t{context_bytes} + message_bytes; }
  bool has(Flag flag) const { return (flags & flag) != 0; }
  bool operator==(const Header&) const = default;
};

struct FrameLimits {
  size_t max_message = 4 << 20;
  size_t max_payload = kMaxPayload;
};

// Appends header, context and message to `out`, filling in lengths and checksums; the payload's bytes follow on the wire.
void append_frame(std::string& out, Header header, std::string_view context, std::string_view message, Bytes payload);

// Pure: bytes in, header or `invalid`/`corrupt` out. Nothing is allocated, and no length above the limits is let through, so a
// caller may allocate by what it gets. `bytes` holds at least kHeaderBytes.
Result<Header> decode_header(Bytes bytes, const FrameLimits& limits);
Result<void> check_body(const Header& header, Bytes body);  // context and message
Result<void> check_payload(const Header& header, Bytes payload);

// A whole frame at the front of `bytes`, as views into them.
struct FrameView {
  Header header;
  Bytes context, message, payload;
};
Result<FrameView> decode_frame(Bytes bytes, const FrameLimits& limits);

}  // namespace forebay::rpc
