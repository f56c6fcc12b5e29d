#include "rpc/retry.h"

#include <gtest/gtest.h>

#include "rpc/error_detail.h"
#include "rpc/payload.h"

namespace forebay::rpc {
namespace {

Next next(Retry retry, Code code) {
  return after_failure(Method{.number = 1, .name = "m", .retry = retry}, Status(code, EIO, ""));
}

TEST(Retry, what_was_not_done_may_be_repeated_by_anyone) {
  for (Retry retry : {Retry::kRead, Retry::kSameId, Retry::kAbsolute, Retry::kNever}) {
    EXPECT_EQ(next(retry, Code::kBusy), Next::kSameServer);
    EXPECT_EQ(next(retry, Code::kElsewhere), Next::kOtherServer);
  }
}

TEST(Retry, an_unknown_outcome_is_repeated_as_the_method_allows) {
  EXPECT_EQ(next(Retry::kRead, Code::kUnknown), Next::kOtherServer);
  EXPECT_EQ(next(Retry::kSameId, Code::kUnknown), Next::kOtherServer);
  EXPECT_EQ(next(Retry::kAbsolute, Code::kUnknown), Next::kSameServer);
  EXPECT_EQ(next(Retry::kNever, Code::kUnknown), Next::kGiveUp);
}

TEST(Retry, final_answers_are_final) {
  for (Retry retry : {Retry::kRead, Retry::kSameId, Retry::kAbsolute, Retry::kNever})
    for (Code code : {Code::kRejected, Code::kInvalid, Code::kStale, Code::kCancelled})
      EXPECT_EQ(next(retry, code), Next::kGiveUp);
}

TEST(Retry, a_damaged_copy_is_never_asked_again) {
  EXPECT_EQ(next(Retry::kRead, Code::kCorrupt), Next::kOtherServer);
  for (Retry retry : {Retry::kSameId, Retry::kAbsolute, Retry::kNever}) EXPECT_EQ(next(retry, Code::kCorrupt), Next::kGiveUp);
}

class FixedRandom final : public os::Random {
 public:
  explicit FixedRandom(uint64_t value) : value_(value) {}
  uint64_t next() override { return value_; }

 private:
  uint64_t value_;
};

TEST(Backoff, doubles_up_to_the_limit_and_never_beyond) {
  using std::chrono::milliseconds;
  Backoff backoff{.first = milliseconds(5), .most = milliseconds(100)};
  FixedRandom lowest(0);
  EXPECT_EQ(backoff.pause(0, lowest), Duration(1));
  for (auto [attempt, bound] : {std::pair{0, 5}, {1, 10}, {4, 80}, {5, 100}, {1000, 100}}) {
    FixedRandom highest(static_cast<uint64_t>(Duration(milliseconds(bound)).count()) - 1);
    EXPECT_EQ(backoff.pause(attempt, highest), Duration(milliseconds(bound))) << attempt;
  }
}

TEST(ErrorDetail, keeps_every_code_and_survives_nonsense) {
  for (int code = 1; code <= 9; ++code) {
    Status status(static_cast<Code>(code), ENOSPC, "text");
    Status back = from_detail(to_detail(status));
    EXPECT_EQ(back.to_string(), status.to_string());
    EXPECT_EQ(back.leader(), "");
  }
  Status led = from_detail(to_detail(not_the_leader("m2:1000").error().with_context("make a directory")));
  EXPECT_TRUE(led.is(Code::kElsewhere));
  EXPECT_EQ(led.leader(), "m2:1000");
  v1::ErrorDetail nonsense;
  nonsense.set_code(77);
  nonsense.set_error(-5);
  EXPECT_TRUE(from_detail(nonsense).is(Code::kUnknown));
  EXPECT_TRUE(from_detail(nonsense).is_errno(EIO));
  nonsense.set_leader(std::string(1000, 'm'));
  EXPECT_EQ(from_detail(nonsense).leader(), "");
}

TEST(ErrorDetail, makes_any_text_readable) {
  for (const char* bad :
       {"\xc0\x80", "\xe0\x80\x80", "\xed\xa0\x80", "\xf4\x90\x80\x80", "\xf8\x88\x80\x80\x80", "\xe2\x82", "\x80"}) {
    v1::ErrorDetail detail = to_detail(Status(Code::kInvalid, EINVAL, bad));
    v1::ErrorDetail parsed;
    ASSERT_TRUE(parsed.ParseFromString(detail.SerializeAsString()));
    EXPECT_EQ(parsed.message()[0], '?');
  }
  std::string fine = "a \xc3\xa9 \xe2\x82\xac \xf0\x9f\x98\x80";
  EXPECT_EQ(to_detail(Status(Code::kInvalid, EINVAL, fine)).message(), fine);
  EXPECT_LE(to_detail(Status(Code::kInvalid, EINVAL, std::string(100'000, 'x'))).message().size(), 4096u);
}

TEST(Payload, moves_shrinks_and_returns_to_the_pool) {
  const std::byte* first = nullptr;
  {
    Payload payload = Payload::allocate(kMaxPayload);
    first = payload.view().data();
    EXPECT_EQ(reinterpret_cast<uintptr_t>(first) % 4096, 0u);
    Payload moved = std::move(payload);
    EXPECT_EQ(payload.size(), 0u);  // NOLINT(bugprone-use-after-move): a moved-from payload is empty
    moved.shrink(10);
    EXPECT_EQ(moved.size(), 10u);
  }
  EXPECT_EQ(Payload::allocate(kMaxPayload - 1).view().data(), first);
  EXPECT_EQ(Payload::allocate(0).size(), 0u);
  Payload small = Payload::allocate(100);
  EXPECT_EQ(reinterpret_cast<uintptr_t>(small.view().data()) % 4096, 0u);
}

}  // namespace
}  // namespace forebay::rpc
