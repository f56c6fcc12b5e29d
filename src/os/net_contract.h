// What every Network does. Instantiated by the test of each implementation with a type that has
//   Network& network();
//   async::Executor executor();                   single-threaded
//   Instant now();                                of the clock that deadlines are compared with
//   template <class T> T run(Task<T> task);       on the executor, to its end
//   Address tcp();                                port 0: a free one
//   Address local();                              a Unix socket path, free, removed with the object
//   int descriptor(const std::string& content);   of a new file with that content, 0 on the read position
//   std::string content(int descriptor);          of the file behind it; closes it
#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "async/sync.h"
#include "os/net.h"

namespace forebay::os {

template <class World>
class NetContract : public ::testing::Test {
 protected:
  using Stream = std::unique_ptr<Connection>;
  struct Pair {
    Stream client, server;
  };

  static Task<Result<Stream>> accept_on(Listener* listener, async::Executor executor) { return listener->accept(executor); }

  // Accepts in the background while connecting.
  static Task<void> accept_into(Listener* listener, async::Executor executor,
                                std::shared_ptr<async::OneShot<Result<Stream>>> into) {
    Task<Result<Stream>> accepting = listener->accept(executor);
    Result<Stream> accepted = co_await std::move(accepting);
    into->set(std::move(accepted));
  }
  static Task<Pair> connect_pair(Network* network, Listener* listener, async::Executor executor, Instant deadline) {
    auto accepted = std::make_shared<async::OneShot<Result<Stream>>>();
    async::spawn_detached(executor, accept_into(listener, executor, accepted));
    Task<Result<Stream>> connecting = network->connect(listener->address(), deadline);
    Result<Stream> client = co_await std::move(connecting);
    EXPECT_TRUE(client) << client.error().to_string();
    Task<Result<Stream>> waiting = accepted->wait();
    Result<Stream> server = co_await std::move(waiting);
    EXPECT_TRUE(server) << server.error().to_string();
    co_return Pair{std::move(*client), std::move(*server)};
  }
  static Task<std::string> read_all(Connection* stream, size_t size) {
    std::string text(size, '\0');
    size_t have = 0;
    while (have < size) {
      Task<Result<size_t>> reading = stream->read_some(std::as_writable_bytes(std::span(text)).subspan(have));
      Result<size_t> got = co_await std::move(reading);
      if (!got || *got == 0) break;
      have += *got;
    }
    text.resize(have);
    co_return text;
  }
  static Task<Result<void>> send(Connection* stream, std::string text, int descriptor) {
    Bytes parts[] = {as_bytes(text).first(text.size() / 2), Bytes(), as_bytes(text).subspan(text.size() / 2)};
    Task<Result<void>> writing = descriptor < 0 ? stream->write(parts) : stream->write_with_descriptor(parts, descriptor);
    Result<void> written = co_await std::move(writing);
    co_return written;
  }
  static Task<Result<size_t>> read_once(Connection* stream, std::shared_ptr<std::string> buffer) {
    Task<Result<size_t>> reading = stream->read_some(std::as_writable_bytes(std::span(*buffer)));
    Result<size_t> got = co_await std::move(reading);
    co_return got;
  }
  static Task<void> send_detached(Connection* stream, std::string text, std::shared_ptr<async::OneShot<Result<void>>> done) {
    Task<Result<void>> sending = send(stream, std::move(text), -1);
    Result<void> sent = co_await std::move(sending);
    done->set(std::move(sent));
  }
  // Sends more than any buffer holds while the other end reads it.
  static Task<std::string> exchange(async::Executor executor, Connection* from, Connection* to, std::string text) {
    auto done = std::make_shared<async::OneShot<Result<void>>>();
    size_t size = text.size();
    async::spawn_detached(executor, send_detached(from, std::move(text), done));
    Task<std::string> reading = read_all(to, size);
    std::string got = co_await std::move(reading);
    Task<Result<void>> waiting = done->wait();
    Result<void> sent = co_await std::move(waiting);
    EXPECT_TRUE(sent);
    co_return got;
  }
  // Closes the stream from another coroutine while a read waits.
  static Task<Result<size_t>> read_until_closed(async::Executor executor, Connection* stream) {
    async::post(executor, [stream] { stream->close(); });
    auto buffer = std::make_shared<std::string>(16, '\0');
    Task<Result<size_t>> reading = read_once(stream, buffer);
    Result<size_t> got = co_await std::move(reading);
    co_return got;
  }
  static Task<Result<Stream>> accept_until_closed(async::Executor executor, Listener* listener) {
    async::post(executor, [listener] { listener->close(); });
    Task<Result<Stream>> accepting = listener->accept(executor);
    Result<Stream> accepted = co_await std::move(accepting);
    co_return accepted;
  }
  // Every call on a connection, its destruction too, happens on its executor.
  static Task<int> drop(Pair pair) {
    pair.client->close();
    pair.server->close();
    co_return 0;
  }

  Instant soon() { return world_.now() + std::chrono::seconds(10); }
  std::unique_ptr<Listener> listen(const Address& at) {
    Result<std::unique_ptr<Listener>> listener = world_.network().listen(at, world_.executor());
    EXPECT_TRUE(listener) << listener.error().to_string();
    return std::move(*listener);
  }
  Pair pair(Listener& listener) { return world_.run(connect_pair(&world_.network(), &listener, world_.executor(), soon())); }
  void finish(Pair pair) { world_.run(drop(std::move(pair))); }

  World world_;
};

TYPED_TEST_SUITE_P(NetContract);

TYPED_TEST_P(NetContract, carries_bytes_both_ways_in_order) {
  for (const Address& at : {this->world_.tcp(), this->world_.local()}) {
    auto listener = this->listen(at);
    auto pair = this->pair(*listener);
    EXPECT_TRUE(this->world_.run(this->send(pair.client.get(), "question", -1)));
    EXPECT_EQ(this->world_.run(this->read_all(pair.server.get(), 8)), "question");
    EXPECT_TRUE(this->world_.run(this->send(pair.server.get(), "answer", -1)));
    EXPECT_EQ(this->world_.run(this->read_all(pair.client.get(), 6)), "answer");
    EXPECT_TRUE(pair.client->peer_is_local());
    EXPECT_TRUE(pair.server->peer_is_local());
    this->finish(std::move(pair));
  }
}

TYPED_TEST_P(NetContract, writes_more_than_buffers_hold) {
  for (const Address& at : {this->world_.tcp(), this->world_.local()}) {
    auto listener = this->listen(at);
    auto pair = this->pair(*listener);
    std::string text(16 << 20, '\0');
    for (size_t i = 0; i < text.size(); ++i) text[i] = static_cast<char>(i * 2654435761u >> 24);
    EXPECT_TRUE(this->world_.run(this->exchange(this->world_.executor(), pair.client.get(), pair.server.get(), text)) == text);
    this->finish(std::move(pair));
  }
}

TYPED_TEST_P(NetContract, write_now_takes_a_prefix_and_never_waits) {
  auto listener = this->listen(this->world_.local());
  auto pair = this->pair(*listener);
  std::string text(64 << 20, 'x');
  Bytes parts[] = {as_bytes(text)};
  Result<size_t> taken = pair.client->write_now(parts);
  ASSERT_TRUE(taken) << taken.error().to_string();
  EXPECT_LT(*taken, text.size());
  EXPECT_EQ(this->world_.run(this->read_all(pair.server.get(), *taken)).size(), *taken);
  this->finish(std::move(pair));
}

TYPED_TEST_P(NetContract, an_orderly_end_reads_as_zero_bytes) {
  auto listener = this->listen(this->world_.tcp());
  auto pair = this->pair(*listener);
  EXPECT_TRUE(this->world_.run(this->send(pair.client.get(), "last", -1)));
  pair.client->close();
  EXPECT_EQ(this->world_.run(this->read_all(pair.server.get(), 4)), "last");
  Result<size_t> end = this->world_.run(this->read_once(pair.server.get(), std::make_shared<std::string>(8, '\0')));
  ASSERT_TRUE(end) << end.error().to_string();
  EXPECT_EQ(*end, 0u);
  this->finish(std::move(pair));
}

TYPED_TEST_P(NetContract, close_ends_pending_and_later_calls_with_unknown) {
  auto listener = this->listen(this->world_.tcp());
  auto pair = this->pair(*listener);
  Result<size_t> got = this->world_.run(this->read_until_closed(this->world_.executor(), pair.client.get()));
  ASSERT_FALSE(got);
  EXPECT_TRUE(got.error().is(Code::kUnknown)) << got.error().to_string();
  pair.client->close();
  Result<void> sent = this->world_.run(this->send(pair.client.get(), "late", -1));
  ASSERT_FALSE(sent);
  EXPECT_TRUE(sent.error().is(Code::kUnknown)) << sent.error().to_string();
  this->finish(std::move(pair));
}

TYPED_TEST_P(NetContract, connecting_to_nobody_is_elsewhere) {
  Address tcp;
  {
    auto listener = this->listen(this->world_.tcp());
    tcp = listener->address();
    listener->close();
  }
  for (const Address& at : {tcp, this->world_.local()}) {
    auto connection = this->world_.run(this->world_.network().connect(at, this->soon()));
    ASSERT_FALSE(connection) << at.to_string();
    EXPECT_TRUE(connection.error().is(Code::kElsewhere)) << connection.error().to_string();
    EXPECT_NE(connection.error().message().find(at.to_string()), std::string::npos) << connection.error().to_string();
  }
}

TYPED_TEST_P(NetContract, an_address_in_use_is_invalid_and_named) {
  for (const Address& at : {this->world_.tcp(), this->world_.local()}) {
    auto listener = this->listen(at);
    auto second = this->world_.network().listen(listener->address(), this->world_.executor());
    ASSERT_FALSE(second);
    EXPECT_TRUE(second.error().is(Code::kInvalid)) << second.error().to_string();
    EXPECT_NE(second.error().message().find(listener->address().to_string()), std::string::npos) << second.error().to_string();
  }
}

TYPED_TEST_P(NetContract, an_address_is_free_again_after_close) {
  for (const Address& at : {this->world_.tcp(), this->world_.local()}) {
    auto listener = this->listen(at);
    Address bound = listener->address();
    listener->close();
    auto again = this->listen(bound);
    EXPECT_EQ(again->address(), bound);
    this->finish(this->pair(*again));
  }
}

TYPED_TEST_P(NetContract, closing_a_listener_cancels_its_accept) {
  auto listener = this->listen(this->world_.tcp());
  auto accepted = this->world_.run(this->accept_until_closed(this->world_.executor(), listener.get()));
  ASSERT_FALSE(accepted);
  EXPECT_TRUE(accepted.error().is(Code::kCancelled)) << accepted.error().to_string();
}

TYPED_TEST_P(NetContract, passes_descriptors_in_order_over_unix_sockets) {
  auto listener = this->listen(this->world_.local());
  auto pair = this->pair(*listener);
  int one = this->world_.descriptor("one"), two = this->world_.descriptor("two");
  EXPECT_TRUE(this->world_.run(this->send(pair.server.get(), "1st", one)));
  EXPECT_TRUE(this->world_.run(this->send(pair.server.get(), "2nd", two)));
  EXPECT_EQ(this->world_.run(this->read_all(pair.client.get(), 6)), "1st2nd");
  std::vector<int> taken = pair.client->take_descriptors();
  ASSERT_EQ(taken.size(), 2u);
  EXPECT_EQ(this->world_.content(taken[0]), "one");
  EXPECT_EQ(this->world_.content(taken[1]), "two");
  EXPECT_TRUE(pair.client->take_descriptors().empty());
  EXPECT_EQ(this->world_.content(one), "one");  // the sender's own stay open until it closes them
  EXPECT_EQ(this->world_.content(two), "two");
  this->finish(std::move(pair));
}

TYPED_TEST_P(NetContract, refuses_descriptors_over_tcp) {
  auto listener = this->listen(this->world_.tcp());
  auto pair = this->pair(*listener);
  int descriptor = this->world_.descriptor("x");
  Result<void> sent = this->world_.run(this->send(pair.server.get(), "x", descriptor));
  ASSERT_FALSE(sent);
  EXPECT_TRUE(sent.error().is_errno(EOPNOTSUPP)) << sent.error().to_string();
  EXPECT_EQ(this->world_.content(descriptor), "x");
  this->finish(std::move(pair));
}

TYPED_TEST_P(NetContract, too_many_untaken_descriptors_end_the_stream) {
  auto listener = this->listen(this->world_.local());
  auto pair = this->pair(*listener);
  int descriptor = this->world_.descriptor("x");
  for (int i = 0; i < 17; ++i) EXPECT_TRUE(this->world_.run(this->send(pair.server.get(), "x", descriptor)));
  EXPECT_LT(this->world_.run(this->read_all(pair.client.get(), 17)).size(), 17u);
  EXPECT_TRUE(pair.client->take_descriptors().empty());
  EXPECT_EQ(this->world_.content(descriptor), "x");
  this->finish(std::move(pair));
}

REGISTER_TYPED_TEST_SUITE_P(NetContract, carries_bytes_both_ways_in_order, writes_more_than_buffers_hold,
                            write_now_takes_a_prefix_and_never_waits, an_orderly_end_reads_as_zero_bytes,
                            close_ends_pending_and_later_calls_with_unknown, connecting_to_nobody_is_elsewhere,
                            an_address_in_use_is_invalid_and_named, an_address_is_free_again_after_close,
                            closing_a_listener_cancels_its_accept, passes_descriptors_in_order_over_unix_sockets,
                            refuses_descriptors_over_tcp, too_many_untaken_descriptors_end_the_stream);

}  // namespace forebay::os
