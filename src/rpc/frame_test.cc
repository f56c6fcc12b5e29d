#include "rpc/frame.h"

#include <gtest/gtest.h>

#include <string>

namespace forebay::rpc {
namespace {

constexpr std::string_view kContext = "who and which", kMessage = "what", kPayload = "raw bytes";

Header request_header() { return {.kind = Kind::kRequest, .method = 300, .id = 77, .remaining_ms = 5000}; }

std::string encode(Header header, std::string_view context, std::string_view message, std::string_view payload) {
  std::string bytes;
  append_frame(bytes, header, context, message, as_bytes(payload));
  bytes += payload;
  return bytes;
}
std::string request() { return encode(request_header(), kContext, kMessage, kPayload); }

Result<FrameView> decode(const std::string& bytes, FrameLimits limits = {}) { return decode_frame(as_bytes(bytes), limits); }

TEST(Frame, comes_back_as_it_was_encoded) {
  std::string bytes = request();
  EXPECT_EQ(bytes.size(), kHeaderBytes + kContext.size() + kMessage.size() + kPayload.size());
  Result<FrameView> frame = decode(bytes);
  ASSERT_TRUE(frame) << frame.error().to_string();
  EXPECT_EQ(frame->header.kind, Kind::kRequest);
  EXPECT_EQ(frame->header.method, 300);
  EXPECT_EQ(frame->header.id, 77u);
  EXPECT_EQ(frame->header.remaining_ms, 5000u);
  EXPECT_EQ(as_text(frame->context), kContext);
  EXPECT_EQ(as_text(frame->message), kMessage);
  EXPECT_EQ(as_text(frame->payload), kPayload);
}

TEST(Frame, every_flipped_bit_is_refused) {
  const std::string good = request();
  for (size_t at = 0; at < good.size(); ++at)
    for (int bit = 0; bit < 8; ++bit) {
      std::string bad = good;
      bad[at] = static_cast<char>(bad[at] ^ (1 << bit));
      Result<FrameView> frame = decode(bad);
      ASSERT_FALSE(frame) << "byte " << at << " bit " << bit;
      EXPECT_TRUE(frame.error().is(Code::kCorrupt) || frame.error().is(Code::kInvalid)) << frame.error().to_string();
    }
}

TEST(Frame, every_truncation_is_refused) {
  const std::string good = request();
  for (size_t size = 0; size < good.size(); ++size) {
    Result<FrameView> frame = decode(good.substr(0, size));
    ASSERT_FALSE(frame) << size;
    EXPECT_TRUE(frame.error().is(Code::kInvalid)) << frame.error().to_string();
  }
}

void expect_invalid(const std::string& bytes, std::string_view why, FrameLimits limits = {}) {
  Result<FrameView> frame = decode(bytes, limits);
  ASSERT_FALSE(frame) << why;
  EXPECT_TRUE(frame.error().is(Code::kInvalid)) << frame.error().to_string();
  EXPECT_NE(frame.error().message().find(why), std::string::npos) << frame.error().message();
}

TEST(Frame, lengths_above_the_limits_are_refused_by_the_header_alone) {
  expect_invalid(request(), "message is too long", {.max_message = kMessage.size() - 1});
  expect_invalid(request(), "payload is too long", {.max_payload = kPayload.size() - 1});
  EXPECT_TRUE(decode(request(), {.max_message = kMessage.size(), .max_payload = kPayload.size()}));
}

TEST(Frame, fields_without_meaning_for_the_kind_are_refused) {
  Header header = request_header();
  header.remaining_ms = 0;
  expect_invalid(encode(header, "", "", ""), "deadline");
  header.remaining_ms = kMaxRemainingMs + 1;
  expect_invalid(encode(header, "", "", ""), "deadline");
  header = request_header();
  header.flags = kHasDescriptor;
  expect_invalid(encode(header, "", "", ""), "flags");
  header = request_header();
  header.method = 0;
  expect_invalid(encode(header, "", "", ""), "no method");

  Header reply{.kind = Kind::kReply, .method = 1, .id = 1};
  EXPECT_TRUE(decode(encode(reply, "", "m", "p")));
  expect_invalid(encode(reply, "c", "", ""), "context");
  reply.flags = 4;
  expect_invalid(encode(reply, "", "", ""), "unknown flag");
  reply.flags = kFailed | kHasDescriptor;
  expect_invalid(encode(reply, "", "", ""), "no descriptor");
  reply.flags = kFailed;
  expect_invalid(encode(reply, "", "m", "p"), "no payload");
  reply.flags = 0;
  reply.remaining_ms = 1;
  expect_invalid(encode(reply, "", "", ""), "deadline");

  Header cancel{.kind = Kind::kCancel, .method = 1, .id = 1};
  EXPECT_TRUE(decode(encode(cancel, "", "", "")));
  expect_invalid(encode(cancel, "", "m", ""), "carries nothing");
  cancel.kind = static_cast<Kind>(4);
  expect_invalid(encode(cancel, "", "", ""), "unknown kind");
}

TEST(Frame, another_protocol_is_named) {
  expect_invalid("GET / HTTP/1.1\r\nHost: example.com\r\nAccept: */*\r\n\r\n", "not a Forebay peer");
}

}  // namespace
}  // namespace forebay::rpc
