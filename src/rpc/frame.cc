#include "rpc/frame.h"

#include <cstring>

#include "base/check.h"
#include "base/crc32c.h"

namespace forebay::rpc {
namespace {

// On the wire, little-endian.
struct WireHeader {
  uint32_t magic;
  uint8_t format;
  uint8_t kind;
  uint16_t method;
  uint64_t id;
  uint32_t remaining_ms;
  uint16_t flags;
  uint16_t context_bytes;
  uint32_t message_bytes;
  uint32_t payload_bytes;
  uint32_t body_crc;
  uint32_t payload_crc;
  uint32_t reserved;
  uint32_t header_crc;
};
static_assert(sizeof(WireHeader) == kHeaderBytes);
static_assert(offsetof(WireHeader, id) == 8 && offsetof(WireHeader, message_bytes) == 24 &&
              offsetof(WireHeader, header_crc) == 44);
static_assert(std::endian::native == std::endian::little);

Error bad_frame(std::string_view what) { return invalid("malformed frame: " + std::string(what)); }

uint32_t header_crc(const WireHeader& wire) {
  return crc32c(std::as_bytes(std::span(&wire, 1)).first(offsetof(WireHeader, header_crc)));
}

// What the kinds may carry. Strict, so that every field either has a meaning or is zero: room for a later format.
Result<void> check_kind(const WireHeader& wire) {
  switch (static_cast<Kind>(wire.kind)) {
    case Kind::kRequest:
      if (wire.flags != 0) return bad_frame("a request has no flags");
      if (wire.remaining_ms == 0 || wire.remaining_ms > kMaxRemainingMs) return bad_frame("deadline out of range");
      return {};
    case Kind::kReply:
      if ((wire.flags & ~(kHasDescriptor | kFailed)) != 0) return bad_frame("unknown flag");
      if (wire.flags == (kHasDescriptor | kFailed)) return bad_frame("a failure carries no descriptor");
      if ((wire.flags & kFailed) != 0 && wire.payload_bytes != 0) return bad_frame("a failure carries no payload");
      if (wire.remaining_ms != 0 || wire.context_bytes != 0) return bad_frame("a reply has no deadline and no context");
      return {};
    case Kind::kCancel:
      if (wire.flags != 0 || wire.remaining_ms != 0 || wire.context_bytes != 0 || wire.message_bytes != 0 ||
          wire.payload_bytes != 0)
        return bad_frame("a cancellation carries nothing");
      return {};
  }
  return bad_frame("unknown kind");
}

Result<void> check_limits(const WireHeader& wire, const FrameLimits& limits) {
  if (wire.context_bytes > kMaxContext) return bad_frame("the context is too long");
  if (wire.message_bytes > limits.max_message) return bad_frame("the message is too long");
  if (wire.payload_bytes > limits.max_payload) return bad_frame("the payload is too long");
  return {};
}

}  // namespace

void append_frame(std::string& out, Header header, std::string_view context, std::string_view message, Bytes payload) {
  FOREBAY_CHECK(context.size() <= kMaxContext && message.size() <= UINT32_MAX && payload.size() <= kMaxPayload,
                "a frame is encoded beyond the limits of the format");
  WireHeader wire{
      .magic = kMagic,
      .format = kFormat,
      .kind = static_cast<uint8_t>(header.kind),
      .method = header.method,
      .id = header.id,
      .remaining_ms = header.remaining_ms,
      .flags = header.flags,
      .context_bytes = static_cast<uint16_t>(context.size()),
      .message_bytes = static_cast<uint32_t>(message.size()),
      .payload_bytes = static_cast<uint32_t>(payload.size()),
      .body_crc = crc32c(as_bytes(message), crc32c(as_bytes(context))),
      .payload_crc = crc32c(payload),
      .reserved = 0,
      .header_crc = 0,
  };
  wire.header_crc = header_crc(wire);
  out.append(reinterpret_cast<const char*>(&wire), sizeof wire);
  out.append(context);
  out.append(message);
}

Result<Header> decode_header(Bytes bytes, const FrameLimits& limits) {
  WireHeader wire;
  if (bytes.size() < sizeof wire) return bad_frame("shorter than a header");
  std::memcpy(&wire, bytes.data(), sizeof wire);
  // In this order: another protocol is named as such, and a flipped bit in any later field is seen as one.
  if (wire.magic != kMagic) return bad_frame("not a Forebay peer (wrong magic)");
  if (wire.format != kFormat) return bad_frame("format " + std::to_string(wire.format) + ", this build speaks 1");
  if (wire.header_crc != header_crc(wire)) return corrupt("malformed frame: header checksum");
  if (wire.reserved != 0) return bad_frame("reserved field is not zero");
  if (wire.method == 0) return bad_frame("no method");
  TRY(check_kind(wire));
  TRY(check_limits(wire, limits));
  return Header{.kind = static_cast<Kind>(wire.kind),
                .method = wire.method,
                .id = wire.id,
                .remaining_ms = wire.remaining_ms,
                .flags = wire.flags,
                .context_bytes = wire.context_bytes,
                .message_bytes = wire.message_bytes,
                .payload_bytes = wire.payload_bytes,
                .body_crc = wire.body_crc,
                .payload_crc = wire.payload_crc};
}

Result<void> check_body(const Header& header, Bytes body) {
  if (body.size() != header.body_bytes()) return bad_frame("body length");
  if (crc32c(body) != header.body_crc) return corrupt("malformed frame: body checksum");
  return {};
}

Result<void> check_payload(const Header& header, Bytes payload) {
  if (payload.size() != header.payload_bytes) return bad_frame("payload length");
  if (crc32c(payload) != header.payload_crc) return corrupt("malformed frame: payload checksum");
  return {};
}

Result<FrameView> decode_frame(Bytes bytes, const FrameLimits& limits) {
  ASSIGN_OR_RETURN(Header header, decode_header(bytes, limits));
  Bytes rest = bytes.subspan(kHeaderBytes);
  if (rest.size() < header.body_bytes() + header.payload_bytes) return bad_frame("cut short");
  FrameView view{.header = header,
                 .context = rest.first(header.context_bytes),
                 .message = rest.subspan(header.context_bytes, header.message_bytes),
                 .payload = rest.subspan(header.body_bytes(), header.payload_bytes)};
  TRY(check_body(header, rest.first(header.body_bytes())));
  TRY(check_payload(header, view.payload));
  return view;
}

}  // namespace forebay::rpc
