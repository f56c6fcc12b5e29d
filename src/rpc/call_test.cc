// Calls between a channel and a server that both keep to the protocol.
#include <gtest/gtest.h>

#include <thread>

#include "base/crc32c.h"
#include "rpc/test_world.h"

namespace forebay::rpc {
namespace {

using CallTest = RpcTest;

TEST_F(CallTest, answers_with_identity_and_deadline_known_to_the_handler) {
  serve();
  for (const os::Address& at : {tcp, local}) {
    auto to = channel(at);
    CallOptions options;
    options.context.set_uid(1000);
    options.context.add_groups(7);
    options.context.set_session(3);
    options.context.set_sequence(9);
    options.context.set_trace_lo(0xabc);
    options.timeout = std::chrono::seconds(42);
    auto reply = call<Echo>(*to, "hello", options);
    ASSERT_TRUE(reply) << reply.error().to_string();
    EXPECT_EQ(reply->message.name(), "hello");
    EXPECT_EQ(reply->payload.size(), 0u);
    EXPECT_TRUE(reply->descriptors.empty());
    std::lock_guard lock(handlers.mutex);
    EXPECT_EQ(handlers.last->context.SerializeAsString(), options.context.SerializeAsString());
    EXPECT_EQ(handlers.last->deadline, clock.now() + std::chrono::seconds(42));
    EXPECT_TRUE(handlers.last->peer_is_local);
    EXPECT_FALSE(handlers.last->peer.empty());
    stop(*to);
  }
  EXPECT_EQ(events.succeeded, 2);
}

TEST_F(CallTest, calls_that_wait_to_be_read_are_not_few) {
  serve();
  RawPeer from = peer();
  const auto calls_at_once = [&](int count) {
    handlers.few = 0;
    std::string frames;
    for (int id = 1; id <= count; ++id) frames += request_frame(Echo::kMethod.number, id, text("x").SerializeAsString());
    ASSERT_TRUE(from.send(frames));
    for (int id = 1; id <= count; ++id) ASSERT_TRUE(from.receive());
  };
  calls_at_once(4);
  EXPECT_EQ(handlers.few, 4);
  calls_at_once(40);
  EXPECT_EQ(handlers.few, 4);  // the last ones
}

TEST_F(CallTest, hands_over_code_errno_and_text_of_an_error) {
  serve();
  auto to = channel(tcp);
  auto reply = call<Fail>(*to, "a");
  ASSERT_FALSE(reply);
  EXPECT_TRUE(reply.error().is(Code::kStale));
  EXPECT_TRUE(reply.error().is_errno(ESTALE));
  EXPECT_EQ(reply.error().message(), "view of 'a' is old");
  reply = call<Fail>(*to, "caf\xc3\xa9 \xff\xc3");  // names are bytes, texts are UTF-8
  ASSERT_FALSE(reply);
  EXPECT_EQ(reply.error().message(), "view of 'caf\xc3\xa9 ?\?' is old");
  EXPECT_EQ(events.failed, 2);
  stop(*to);
}

TEST_F(CallTest, a_method_without_handler_is_invalid_and_the_connection_lives) {
  serve();
  auto to = channel(tcp);
  auto reply = call<Unhandled>(*to, "x");
  ASSERT_FALSE(reply);
  EXPECT_TRUE(reply.error().is(Code::kInvalid)) << reply.error().to_string();
  EXPECT_TRUE(reply.error().is_errno(ENOSYS));
  EXPECT_TRUE(call<Echo>(*to, "y"));
  EXPECT_EQ(events.connections, 1);
  stop(*to);
}

TEST_F(CallTest, an_exception_in_a_handler_is_an_unknown_outcome_of_that_call) {
  serve();
  auto to = channel(tcp);
  auto reply = call<Throw>(*to, "x");
  ASSERT_FALSE(reply);
  EXPECT_TRUE(reply.error().is(Code::kUnknown)) << reply.error().to_string();
  EXPECT_NE(reply.error().message().find("thrown"), std::string::npos);
  EXPECT_TRUE(call<Echo>(*to, "y"));
  stop(*to);
}

Task<void> call_many(Channel* to, int from, int count, std::atomic<int>* right, std::atomic<int>* left) {
  for (int i = from; i < from + count; ++i) {
    std::string value = std::to_string(i);
    Task<Result<Received<v1::DirEntry>>> calling = to->call<Echo>(text(i % 3 == 0 ? "yield" : value));
    auto reply = co_await std::move(calling);
    if (reply && reply->message.name() == (i % 3 == 0 ? "yield" : value)) ++*right;
  }
  --*left;
}

TEST_F(CallTest, many_callers_on_several_threads_get_their_own_answers) {
  serve();
  auto to = channel(tcp, {.max_outstanding = 50});
  async::Loop callers("callers", 2);
  std::atomic<int> right = 0, left = 200;
  for (int i = 0; i < 200; ++i) async::spawn_detached(callers.executor(), call_many(to.get(), i * 1000, 50, &right, &left));
  ASSERT_TRUE(eventually([&] { return left == 0; }));
  EXPECT_EQ(right, 200 * 50);
  EXPECT_EQ(events.connections, 1);
  stop(*to);
}

TEST_F(CallTest, payloads_travel_both_ways_whole_and_checked) {
  serve();
  for (const os::Address& at : {tcp, local})
    for (size_t size : {size_t{1}, size_t{4095}, size_t{70'000}, kMaxPayload}) {
      auto to = channel(at);
      std::string content(size, '\0');
      for (size_t i = 0; i < size; ++i) content[i] = static_cast<char>(i * 31 + i / 256);
      auto reply = call<EchoPayload>(*to, "p", {.payload = as_bytes(content)});
      ASSERT_TRUE(reply) << reply.error().to_string();
      EXPECT_TRUE(as_text(reply->payload.view()) == content) << size;
      EXPECT_EQ(reply->payload_crc, crc32c(as_bytes(content)));
      stop(*to);
    }
}

TEST_F(CallTest, a_request_larger_than_the_protocol_carries_is_refused_before_it_is_sent) {
  serve();
  auto to = channel(tcp, {.max_message_bytes = 1000});
  std::string payload(1, 'x');
  auto reply = call<Echo>(*to, "p", {.payload = as_bytes(payload)});  // a method without payload
  ASSERT_FALSE(reply);
  EXPECT_TRUE(reply.error().is_errno(EMSGSIZE));
  reply = call<Echo>(*to, std::string(1000, 'x'));
  ASSERT_FALSE(reply);
  EXPECT_TRUE(reply.error().is_errno(EMSGSIZE));
  EXPECT_EQ(events.connections, 0);
}

TEST_F(CallTest, an_answer_larger_than_the_protocol_carries_is_an_error_of_that_call) {
  serve({.max_message_bytes = 1000});
  auto to = channel(tcp);
  auto reply = call<TooMuchPayload>(*to, "x");
  ASSERT_FALSE(reply);
  EXPECT_TRUE(reply.error().is_errno(EMSGSIZE)) << reply.error().to_string();
  EXPECT_TRUE(call<Echo>(*to, "y"));
  stop(*to);
}

TEST_F(CallTest, passes_a_descriptor_over_a_unix_socket_only) {
  serve();
  auto made = os::real_files().open(directory + "/file", os::OpenMode::kCreateNew);
  ASSERT_TRUE(made);
  handlers.file = std::move(*made);
  ASSERT_TRUE(handlers.file->write_at(as_bytes("content"), 0));

  auto to = channel(local);
  auto reply = call<PassDescriptor>(*to, "descriptor");
  ASSERT_TRUE(reply) << reply.error().to_string();
  ASSERT_EQ(reply->descriptors.size(), 1u);
  EXPECT_NE(reply->descriptors[0], handlers.file->descriptor());
  auto received = os::real_files().adopt(reply->descriptors[0]);
  ASSERT_TRUE(received);
  std::string content(7, '\0');
  ASSERT_TRUE((*received)->read_at(std::as_writable_bytes(std::span(content)), 0));
  EXPECT_EQ(content, "content");
  stop(*to);

  auto over_tcp = channel(tcp);
  reply = call<PassDescriptor>(*over_tcp, "descriptor");
  ASSERT_FALSE(reply);
  EXPECT_TRUE(reply.error().is_errno(EOPNOTSUPP)) << reply.error().to_string();
  EXPECT_TRUE(call<Echo>(*over_tcp, "still there"));
  stop(*over_tcp);
}

Task<void> call_wait(Channel* to, CallOptions options, std::shared_ptr<async::OneShot<Result<Received<v1::DirEntry>>>> into) {
  Task<Result<Received<v1::DirEntry>>> calling = to->call<Wait>(text("w"), std::move(options));
  auto reply = co_await std::move(calling);
  into->set(std::move(reply));
}

class WaitTest : public RpcTest {
 protected:
  using Pending = std::shared_ptr<async::OneShot<Result<Received<v1::DirEntry>>>>;
  Pending begin(Channel& to, CallOptions options = {}) {
    auto into = std::make_shared<async::OneShot<Result<Received<v1::DirEntry>>>>();
    async::spawn_detached(client.executor(), call_wait(&to, std::move(options), into));
    return into;
  }
  Result<Received<v1::DirEntry>> end(const Pending& pending) { return run(pending->wait()); }
  bool server_waits(int calls) {
    return eventually([&] { return handlers.waiting == calls; });
  }
};

TEST_F(WaitTest, a_call_past_its_deadline_is_unknown_and_the_server_is_told) {
  serve();
  auto to = channel(tcp);
  ASSERT_TRUE(call<Echo>(*to, "x"));
  Pending pending = begin(*to, {.timeout = std::chrono::seconds(2)});
  ASSERT_TRUE(server_waits(1));
  clock.advance(std::chrono::milliseconds(1999));
  EXPECT_TRUE(call<Echo>(*to, "x"));
  EXPECT_FALSE(pending->is_set());
  clock.advance(std::chrono::milliseconds(1));
  auto reply = end(pending);
  ASSERT_FALSE(reply);
  EXPECT_TRUE(reply.error().is(Code::kUnknown)) << reply.error().to_string();
  EXPECT_TRUE(reply.error().is_errno(ETIMEDOUT));
  EXPECT_TRUE(eventually([&] { return handlers.abandoned == 1; }));
  EXPECT_TRUE(call<Echo>(*to, "still there"));
  EXPECT_EQ(events.connections, 1);
  stop(*to);
}

TEST_F(WaitTest, an_earlier_deadline_that_comes_later_is_kept_too) {
  serve();
  auto to = channel(tcp);
  Pending late = begin(*to, {.timeout = std::chrono::seconds(60)});
  Pending early = begin(*to, {.timeout = std::chrono::seconds(1)});
  ASSERT_TRUE(server_waits(2));
  clock.advance(std::chrono::seconds(1));
  EXPECT_TRUE(end(early).error().is(Code::kUnknown));
  EXPECT_TRUE(eventually([&] { return handlers.abandoned == 1; }));
  EXPECT_FALSE(late->is_set());
  handlers.release.set();
  EXPECT_TRUE(end(late));
  stop(*to);
}

TEST_F(WaitTest, a_server_silent_for_long_is_given_up_and_connected_to_again) {
  serve();
  auto to = channel(tcp, {.silence_limit = std::chrono::seconds(3)});
  ASSERT_TRUE(call<Echo>(*to, "x"));
  Pending other = begin(*to, {.timeout = std::chrono::seconds(60)});
  Pending pending = begin(*to, {.timeout = std::chrono::seconds(4)});
  ASSERT_TRUE(server_waits(2));
  clock.advance(std::chrono::seconds(4));
  EXPECT_TRUE(end(pending).error().is(Code::kUnknown));
  EXPECT_TRUE(end(other).error().is(Code::kUnknown));
  EXPECT_TRUE(eventually([&] { return handlers.abandoned == 2 && events.connections == 0; }));
  EXPECT_TRUE(call<Echo>(*to, "again"));
  stop(*to);
}

TEST_F(WaitTest, a_caller_that_gives_up_is_cancelled_at_once) {
  serve();
  auto to = channel(tcp);
  std::stop_source stop_call;
  Pending pending = begin(*to, {.stop = stop_call.get_token()});
  ASSERT_TRUE(server_waits(1));
  stop_call.request_stop();
  EXPECT_TRUE(end(pending).error().is(Code::kCancelled));
  EXPECT_TRUE(eventually([&] { return handlers.abandoned == 1; }));
  // A token that is stopped before the call.
  EXPECT_TRUE(end(begin(*to, {.stop = stop_call.get_token()})).error().is(Code::kCancelled));
  EXPECT_TRUE(call<Echo>(*to, "still there"));
  stop(*to);
}

TEST_F(WaitTest, stopping_a_channel_cancels_its_calls_and_refuses_new_ones) {
  serve();
  auto to = channel(tcp);
  Pending pending = begin(*to);
  ASSERT_TRUE(server_waits(1));
  stop(*to);
  EXPECT_TRUE(end(pending).error().is(Code::kCancelled));
  EXPECT_TRUE(call<Echo>(*to, "x").error().is(Code::kCancelled));
  EXPECT_TRUE(eventually([&] { return events.connections == 0; }));
}

TEST_F(WaitTest, calls_beyond_the_limit_wait_their_turn_until_their_deadline) {
  serve();
  auto to = channel(tcp, {.max_outstanding = 2, .max_waiting = 2});
  Pending first = begin(*to), second = begin(*to);
  ASSERT_TRUE(server_waits(2));
  Pending third = begin(*to), fourth = begin(*to, {.timeout = std::chrono::seconds(1)});
  auto fifth = end(begin(*to));
  ASSERT_FALSE(fifth);
  EXPECT_TRUE(fifth.error().is(Code::kBusy)) << fifth.error().to_string();
  EXPECT_EQ(handlers.waiting, 2);
  clock.advance(std::chrono::seconds(1));
  auto expired = end(fourth);
  ASSERT_FALSE(expired);
  EXPECT_TRUE(expired.error().is(Code::kBusy)) << expired.error().to_string();
  handlers.release.set();
  for (const Pending& pending : {first, second, third}) EXPECT_TRUE(end(pending));
  stop(*to);
}

TEST_F(WaitTest, a_stopping_server_lets_running_calls_finish_and_refuses_new_ones) {
  serve();
  auto to = channel(tcp);
  Pending pending = begin(*to);
  ASSERT_TRUE(server_waits(1));
  auto stopped = std::make_shared<async::OneShot<bool>>();
  async::spawn_detached(one.executor(), [](Server* stopping, std::shared_ptr<async::OneShot<bool>> into) -> Task<void> {
    co_await stopping->stop();
    into->set(true);
  }(server.get(), stopped));
  ASSERT_TRUE(eventually([&] { return error_of_echo(*to) == ESHUTDOWN; }));
  EXPECT_TRUE(call<Echo>(*to, "x").error().is(Code::kElsewhere));
  EXPECT_FALSE(stopped->is_set());
  handlers.release.set();
  EXPECT_TRUE(end(pending));
  run(stopped->wait());
  EXPECT_EQ(events.connections, 0);
  auto nobody = call<Echo>(*to, "x");
  ASSERT_FALSE(nobody);
  EXPECT_TRUE(nobody.error().is(Code::kElsewhere)) << nobody.error().to_string();
  stop(*to);
}

TEST_F(WaitTest, a_stopping_server_abandons_calls_at_their_deadline) {
  serve();
  auto to = channel(tcp);
  Pending pending = begin(*to, {.timeout = std::chrono::seconds(7)});
  ASSERT_TRUE(server_waits(1));
  std::atomic<bool> stopped = false;
  std::thread stopping([&] {
    run(done(server->stop()));
    stopped = true;
  });
  ASSERT_TRUE(eventually([&] { return error_of_echo(*to) == ESHUTDOWN; }));
  clock.advance(std::chrono::milliseconds(6999));
  EXPECT_FALSE(stopped);
  EXPECT_EQ(handlers.abandoned, 0);
  clock.advance(std::chrono::milliseconds(1));
  stopping.join();
  EXPECT_EQ(handlers.abandoned, 1);
  EXPECT_TRUE(end(pending).error().is(Code::kUnknown));
  stop(*to);
}

TEST_F(CallTest, nobody_at_the_address_is_elsewhere_and_fails_fast_until_the_pause_is_over) {
  serve();
  auto to = channel({.path = directory + "/later"}, {.reconnect_pause = std::chrono::seconds(1)});
  auto reply = call<Echo>(*to, "x");
  ASSERT_FALSE(reply);
  EXPECT_TRUE(reply.error().is(Code::kElsewhere)) << reply.error().to_string();
  EXPECT_TRUE(reply.error().is_errno(ENOENT));
  ASSERT_TRUE(server->listen(to->address()));
  EXPECT_TRUE(call<Echo>(*to, "x").error().is(Code::kElsewhere));  // not tried again yet
  clock.advance(std::chrono::seconds(1));
  EXPECT_TRUE(call<Echo>(*to, "x"));
  stop(*to);
}

TEST_F(CallTest, connects_again_after_the_server_came_back) {
  serve();
  os::Address at = tcp;
  auto to = channel(at);
  ASSERT_TRUE(call<Echo>(*to, "x"));
  stop_server();
  ASSERT_TRUE(eventually([&] { return error_of_echo(*to) == ECONNREFUSED; }));
  server = std::make_unique<Server>(env, handlers.router, ServerConfig(), std::vector{one.executor()}, &events);
  ASSERT_TRUE(server->listen(at));
  clock.advance(std::chrono::seconds(2));
  EXPECT_TRUE(call<Echo>(*to, "x"));
  stop(*to);
}

TEST_F(CallTest, client_and_server_work_on_one_executor) {
  server = std::make_unique<Server>(env, handlers.router, ServerConfig(), std::vector{client.executor()}, nullptr);
  auto at = server->listen({.host = "127.0.0.1"});
  ASSERT_TRUE(at);
  auto to = channel(*at);
  std::string payload(kMaxPayload, 'x');
  EXPECT_TRUE(call<EchoPayload>(*to, "x", {.payload = as_bytes(payload)}));
  EXPECT_TRUE(call<Echo>(*to, "x"));
  stop(*to);
}

TEST_F(CallTest, connections_beyond_the_limit_are_closed) {
  serve({.max_connections = 1});
  auto first = channel(tcp);
  ASSERT_TRUE(call<Echo>(*first, "x"));
  auto second = channel(tcp);
  auto reply = call<Echo>(*second, "x");
  ASSERT_FALSE(reply);
  EXPECT_TRUE(reply.error().is(Code::kUnknown) || reply.error().is(Code::kElsewhere)) << reply.error().to_string();
  EXPECT_EQ(events.refused, 1);
  EXPECT_TRUE(call<Echo>(*first, "x"));
  stop(*first);
  stop(*second);
}

}  // namespace
}  // namespace forebay::rpc
