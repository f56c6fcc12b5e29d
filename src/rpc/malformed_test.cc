// Peers that do not keep to the protocol, are stuck, or take no data.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include "rpc/byte_budget.h"
#include "rpc/test_world.h"

namespace forebay::rpc {
namespace {

// -- a server against bad clients --

class BadClientTest : public RpcTest {
 protected:
  BadClientTest() { message = text("m").SerializeAsString(); }
  // The connection is closed and nothing else is.
  void expect_closed(const std::string& bytes, const std::string& what) {
    RawPeer bad = peer();
    ASSERT_TRUE(bad.send(bytes)) << what;
    EXPECT_TRUE(bad.is_closed()) << what;
    ASSERT_TRUE(good->send(request_frame(60000, ++id, message))) << what;
    auto answer = good->receive();
    ASSERT_TRUE(answer) << what;
    EXPECT_EQ(answer->header.id, id) << what;
  }
  void serve_and_connect(ServerConfig config = {}) {
    serve(config);
    good = std::make_unique<RawPeer>(env.network, client.executor(), tcp);
  }
  void TearDown() override { good.reset(); }

  std::string message;
  std::unique_ptr<RawPeer> good;
  uint64_t id = 0;
};

TEST_F(BadClientTest, every_changed_header_byte_closes_just_that_connection) {
  serve_and_connect();
  const std::string frame = request_frame(60001, 7, message, "payload");
  for (size_t at = 0; at < kHeaderBytes; ++at) {
    std::string bad = frame;
    bad[at] = static_cast<char>(bad[at] ^ 0x40);
    expect_closed(bad, "byte " + std::to_string(at));
  }
  EXPECT_EQ(events.seen().size(), kHeaderBytes);
  EXPECT_EQ(events.succeeded, static_cast<int>(kHeaderBytes));
}

TEST_F(BadClientTest, changed_body_and_payload_close_just_that_connection) {
  serve_and_connect();
  const std::string frame = request_frame(60001, 7, message, "payload");
  for (size_t at : {kHeaderBytes, frame.size() - 1}) {
    std::string bad = frame;
    bad[at] = static_cast<char>(bad[at] ^ 1);
    expect_closed(bad, "byte " + std::to_string(at));
  }
  for (const Status& why : events.seen()) EXPECT_TRUE(why.is(Code::kCorrupt)) << why.to_string();
}

TEST_F(BadClientTest, lengths_beyond_the_limits_are_refused_before_the_bytes_come) {
  serve_and_connect({.max_message_bytes = 100});
  std::string frame = request_frame(60000, 1, std::string(101, 'x'));
  expect_closed(frame.substr(0, kHeaderBytes), "message");
  frame = request_frame(60000, 1, message, "x");  // a method without payload
  expect_closed(frame, "payload");
  frame = request_frame(60007, 1, message, std::string(17, 'x'));  // its limit is 16
  expect_closed(frame, "payload beyond the method's limit");
}

TEST_F(BadClientTest, a_request_id_in_use_and_a_reply_to_the_server_close_the_connection) {
  serve_and_connect();
  expect_closed(request_frame(60004, 1, message) + request_frame(60004, 1, message), "same id");
  std::string reply;
  append_frame(reply, {.kind = Kind::kReply, .method = 60000, .id = 1}, "", message, {});
  expect_closed(reply, "reply");
  EXPECT_TRUE(eventually([&] { return handlers.abandoned == 1; }));
}

TEST_F(BadClientTest, what_does_not_parse_is_answered_and_the_connection_lives) {
  serve_and_connect();
  ASSERT_TRUE(good->send(request_frame(60000, 1, "\xff\xff\xff")));
  auto answer = good->receive();
  ASSERT_TRUE(answer);
  EXPECT_TRUE(answer->header.has(kFailed));
  std::string frame;
  append_frame(frame, {.kind = Kind::kRequest, .method = 60000, .id = 2, .remaining_ms = 1}, "\xff\xff", message, {});
  ASSERT_TRUE(good->send(frame));
  answer = good->receive();
  ASSERT_TRUE(answer);
  v1::ErrorDetail detail;
  ASSERT_TRUE(detail.ParseFromString(answer->message));
  EXPECT_EQ(detail.code(), static_cast<uint32_t>(Code::kInvalid));
  EXPECT_NE(detail.message().find("context"), std::string::npos);
}

TEST_F(BadClientTest, cancelling_what_is_not_there_is_ignored) {
  serve_and_connect();
  std::string frame;
  append_frame(frame, {.kind = Kind::kCancel, .method = 60000, .id = 5}, "", "", {});
  ASSERT_TRUE(good->send(frame + request_frame(60000, 6, message)));
  auto answer = good->receive();
  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->header.id, 6u);
}

TEST_F(BadClientTest, frames_cut_anywhere_into_pieces_are_put_together_again) {
  serve_and_connect();
  const std::string frame = request_frame(60001, 1, message, "payload");
  for (size_t cut = 1; cut < frame.size(); ++cut) {
    ASSERT_TRUE(good->send(frame.substr(0, cut)));
    ASSERT_TRUE(good->send(frame.substr(cut)));
    auto answer = good->receive();
    ASSERT_TRUE(answer) << cut;
    EXPECT_EQ(answer->payload, "payload");
  }
}

TEST_F(BadClientTest, a_half_sent_frame_times_out_and_an_idle_connection_does_not) {
  serve_and_connect({.frame_timeout = std::chrono::seconds(4)});
  const std::string frame = request_frame(60001, 1, message, "payload");
  for (size_t size : {size_t{1}, kHeaderBytes, kHeaderBytes + 1, frame.size() - 1}) {
    RawPeer bad = peer();
    ASSERT_TRUE(bad.send(frame.substr(0, size)));
    // The server has to have seen it before time passes.
    size_t before = events.seen().size();
    EXPECT_TRUE(eventually([&] {
      clock.advance(std::chrono::seconds(1));
      return events.seen().size() > before;
    })) << size;
    EXPECT_TRUE(bad.is_closed());
  }
  ASSERT_TRUE(good->send(request_frame(60000, 9, message)));
  EXPECT_TRUE(good->receive());
}

TEST_F(BadClientTest, a_client_that_never_reads_is_bounded_and_cut) {
  serve_and_connect({.max_unwritten_bytes = 4 << 20, .frame_timeout = std::chrono::seconds(4)});
  RawPeer bad(env.network, client.executor(), local);
  int sent = 0;
  std::atomic<bool> ended = false;
  std::thread sending([&] {
    for (uint64_t i = 1; i <= 200 && bad.send(request_frame(60001, i, message, std::string(kMaxPayload, 'x'))); ++i) ++sent;
    ended = true;
  });
  EXPECT_TRUE(eventually([&] {
    clock.advance(std::chrono::milliseconds(500));
    return ended.load();
  }));
  sending.join();
  EXPECT_LT(sent, 50);  // what buffers hold, and the limit of unwritten replies; not all 200
  ASSERT_TRUE(good->send(request_frame(60000, 1, message)));
  EXPECT_TRUE(good->receive());
}

TEST_F(BadClientTest, requests_beyond_the_calls_of_a_connection_wait) {
  serve_and_connect({.max_calls_per_connection = 3});
  for (uint64_t i = 1; i <= 5; ++i) ASSERT_TRUE(good->send(request_frame(60004, i, message)));
  ASSERT_TRUE(eventually([&] { return handlers.waiting == 3; }));
  RawPeer other = peer();
  ASSERT_TRUE(other.send(request_frame(60000, 1, message)));
  ASSERT_TRUE(other.receive());
  EXPECT_EQ(handlers.waiting, 3);
  handlers.release.set();
  for (int i = 0; i < 5; ++i) EXPECT_TRUE(good->receive());
}

TEST_F(BadClientTest, the_bytes_of_the_whole_server_are_bounded) {
  serve_and_connect({.max_bytes = 3 << 20});
  // Each may take 2 MiB, request and reply: one at a time.
  std::vector<std::unique_ptr<RawPeer>> peers;
  for (int i = 0; i < 4; ++i) {
    peers.push_back(std::make_unique<RawPeer>(env.network, client.executor(), tcp));
    ASSERT_TRUE(peers.back()->send(request_frame(60001, 1, message, std::string(1 << 20, 'x'))));
  }
  for (auto& one_of_them : peers) EXPECT_TRUE(one_of_them->receive());
}

// -- a channel against bad servers --

class BadServerTest : public RpcTest {
 protected:
  using Outcome = Result<Received<v1::DirEntry>>;
  BadServerTest() {
    auto made = env.network.listen({.path = directory + "/bad"}, client.executor());
    listener = std::move(*made);
    to = channel(listener->address());
  }
  void TearDown() override {
    stop(*to);
    listener->close();
  }
  static Task<void> call_into(Channel* channel, std::shared_ptr<async::OneShot<Outcome>> into) {
    Task<Outcome> calling = channel->call<EchoPayload>(text("m"));
    Outcome outcome = co_await std::move(calling);
    into->set(std::move(outcome));
  }
  // Takes one request, sends what `answer` makes of it, and closes.
  template <class Answer>
  void serve_one(Answer answer, bool with_descriptor) {
    auto stream = run(listener->accept(client.executor()));
    ASSERT_TRUE(stream);
    RawPeer server_side(client.executor(), std::move(*stream));
    auto request = server_side.receive();
    ASSERT_TRUE(request);
    int descriptor = with_descriptor ? ::open("/dev/null", O_RDONLY | O_CLOEXEC) : -1;
    EXPECT_TRUE(server_side.send(answer(request->header), descriptor));
    if (descriptor >= 0) ::close(descriptor);
  }
  // Calls, lets `answer` make bytes of the request's header, sends them, and returns what the caller gets.
  template <class Answer>
  Outcome exchange(Answer answer, bool with_descriptor = false) {
    auto outcome = std::make_shared<async::OneShot<Outcome>>();
    async::spawn_detached(client.executor(), call_into(to.get(), outcome));
    serve_one(answer, with_descriptor);
    Outcome got = run(outcome->wait());
    clock.advance(std::chrono::seconds(2));  // over the pause before the next connect
    return got;
  }
  static std::string reply(const Header& request, uint16_t flags = 0, std::string_view payload = "p") {
    std::string bytes;
    append_frame(bytes, {.kind = Kind::kReply, .method = request.method, .id = request.id, .flags = flags}, "", "",
                 as_bytes(payload));
    bytes += payload;
    return bytes;
  }
  std::unique_ptr<os::Listener> listener;
  std::unique_ptr<Channel> to;
};

TEST_F(BadServerTest, a_right_reply_is_taken) {
  Outcome outcome = exchange([](const Header& request) { return reply(request); });
  ASSERT_TRUE(outcome) << outcome.error().to_string();
  EXPECT_EQ(as_text(outcome->payload.view()), "p");
}

TEST_F(BadServerTest, every_changed_byte_of_a_reply_is_an_unknown_outcome) {
  for (size_t at = 0; at < kHeaderBytes + 1; ++at) {
    Outcome outcome = exchange([&](const Header& request) {
      std::string bytes = reply(request);
      bytes[at] = static_cast<char>(bytes[at] ^ 0x20);
      return bytes;
    });
    ASSERT_FALSE(outcome) << at;
    EXPECT_TRUE(outcome.error().is(Code::kUnknown)) << at << " " << outcome.error().to_string();
  }
}

TEST_F(BadServerTest, replies_that_do_not_fit_the_call_are_unknown_outcomes) {
  auto expect_unknown = [&](const char* what, auto answer, bool with_descriptor = false) {
    Outcome outcome = exchange(answer, with_descriptor);
    ASSERT_FALSE(outcome) << what;
    EXPECT_TRUE(outcome.error().is(Code::kUnknown)) << what << ": " << outcome.error().to_string();
  };
  expect_unknown("another method", [](Header request) {
    ++request.method;
    return reply(request);
  });
  expect_unknown("a missing descriptor", [](const Header& request) { return reply(request, kHasDescriptor); });
  expect_unknown("an error that does not parse", [](const Header& request) {
    std::string bytes;
    append_frame(bytes, {.kind = Kind::kReply, .method = request.method, .id = request.id, .flags = kFailed}, "", "\xff", {});
    return bytes;
  });
  expect_unknown("a message that does not parse", [](const Header& request) {
    std::string bytes;
    append_frame(bytes, {.kind = Kind::kReply, .method = request.method, .id = request.id}, "", "\xff", {});
    return bytes;
  });
  expect_unknown("a request", [](const Header& request) { return request_frame(request.method, request.id, ""); });
  expect_unknown("the end of the stream", [](const Header&) { return std::string(); });
  expect_unknown("half a reply", [](const Header& request) { return reply(request).substr(0, kHeaderBytes / 2); });
}

TEST_F(BadServerTest, a_late_reply_is_dropped_with_its_descriptor) {
  auto open_descriptors = [] { return std::distance(std::filesystem::directory_iterator("/proc/self/fd"), {}); };
  auto before = open_descriptors();
  Outcome outcome = exchange(
      [](const Header& request) {
        Header late = request;
        ++late.id;
        return reply(late, kHasDescriptor) + reply(request);
      },
      /*with_descriptor=*/true);
  EXPECT_TRUE(outcome) << outcome.error().to_string();
  stop(*to);
  EXPECT_LE(open_descriptors(), before);
}

TEST(ByteBudget, lets_a_large_request_through_when_nothing_else_is_there_and_keeps_the_order) {
  async::ManualLoop loop;
  ByteBudget budget(100);
  std::vector<int> order;
  auto take = [](ByteBudget* from, size_t bytes, int me, std::vector<int>* into) -> Task<void> {
    Task<void> taking = from->take(bytes);
    co_await std::move(taking);
    into->push_back(me);
  };
  EXPECT_TRUE(budget.try_take(200));
  async::spawn_detached(loop.executor(), take(&budget, 90, 1, &order));
  async::spawn_detached(loop.executor(), take(&budget, 20, 2, &order));
  async::spawn_detached(loop.executor(), take(&budget, 5, 3, &order));
  loop.run_ready();
  EXPECT_TRUE(order.empty());
  EXPECT_FALSE(budget.try_take(1));
  budget.release(200);
  loop.run_ready();
  EXPECT_EQ(order, (std::vector<int>{1}));
  budget.release(90);
  loop.run_ready();
  EXPECT_EQ(order, (std::vector<int>{1, 2, 3}));
  EXPECT_EQ(budget.used(), 25u);
}

}  // namespace
}  // namespace forebay::rpc
