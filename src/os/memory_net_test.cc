#include "os/memory_net.h"

#include <gtest/gtest.h>

#include "os/net_contract.h"
#include "os/simulation.h"

namespace forebay::os {
namespace {

constexpr Duration kLong = std::chrono::minutes(5);

class MemoryNetWorld {
 public:
  Network& network() { return process_->env().network; }
  async::Executor executor() { return world_.executor(); }
  Instant now() { return world_.time().now(); }
  template <class T>
  T run(Task<T> task) {
    std::optional<T> result = world_.complete(std::move(task), kLong);
    EXPECT_TRUE(result) << "the task does not end";
    return *std::move(result);
  }
  Address tcp() { return {.host = "127.0.0.1"}; }
  Address local() { return {.path = "/run/s" + std::to_string(++names_)}; }
  int descriptor(const std::string& content) { return world_.descriptors().add(std::make_shared<std::string>(content)); }
  std::string content(int descriptor) {
    auto text = std::static_pointer_cast<std::string>(world_.descriptors().find(descriptor));
    world_.descriptors().close(descriptor);
    return text ? *text : "closed";
  }

 private:
  SimWorld world_{{}};
  std::shared_ptr<SimProcess> process_ = world_.start_process("host", "process");
  int names_ = 0;
};

INSTANTIATE_TYPED_TEST_SUITE_P(Memory, NetContract, MemoryNetWorld);

// Two hosts, a connection between them.
class MemoryNetTest : public ::testing::Test {
 protected:
  using Stream = std::unique_ptr<Connection>;

  static Task<Result<Stream>> connect(Env* env, Address to, Duration timeout) {
    Task<Result<Stream>> connecting = env->network.connect(std::move(to), env->clock.now() + timeout);
    co_return co_await std::move(connecting);
  }
  static Task<Result<Stream>> accept(Listener* listener, async::Executor executor) {
    Task<Result<Stream>> accepting = listener->accept(executor);
    co_return co_await std::move(accepting);
  }
  static Task<Result<void>> write(Connection* stream, std::string text) {
    Bytes parts[] = {as_bytes(text)};
    Task<Result<void>> writing = stream->write(parts);
    co_return co_await std::move(writing);
  }
  static Task<Result<std::string>> read(Connection* stream, size_t size) {
    std::string text(size, '\0');
    for (size_t have = 0; have < size;) {
      Task<Result<size_t>> reading = stream->read_some(std::as_writable_bytes(std::span(text)).subspan(have));
      Result<size_t> got = co_await std::move(reading);
      if (!got) co_return std::unexpected(std::move(got).error());
      if (*got == 0) co_return text.substr(0, have);
      have += *got;
    }
    co_return text;
  }
  template <class T>
  T run(Task<T> task) {
    std::optional<T> result = world_.complete(std::move(task), kLong);
    EXPECT_TRUE(result) << "the task does not end";
    return *std::move(result);
  }
  void connect_both() {
    listener_ = *server_->env().network.listen({.host = "0.0.0.0", .port = 7}, world_.executor());
    client_stream_ = *run(connect(&client_->env(), {.host = "b", .port = 7}, std::chrono::seconds(5)));
    server_stream_ = *run(accept(listener_.get(), world_.executor()));
  }

  SimWorld world_{{}};
  std::shared_ptr<SimProcess> client_ = world_.start_process("a", "client"), server_ = world_.start_process("b", "server");
  std::unique_ptr<Listener> listener_;
  Stream client_stream_, server_stream_;
};

TEST_F(MemoryNetTest, hosts_are_reached_by_name_and_are_not_local) {
  connect_both();
  EXPECT_FALSE(client_stream_->peer_is_local());
  EXPECT_TRUE(run(write(client_stream_.get(), "hello")));
  EXPECT_EQ(*run(read(server_stream_.get(), 5)), "hello");
  EXPECT_GT(world_.time().now(), VirtualTime::kStart);
}

TEST_F(MemoryNetTest, unix_sockets_are_not_reached_from_another_host) {
  auto listener = *server_->env().network.listen({.path = "/run/worker"}, world_.executor());
  auto stream = run(connect(&client_->env(), {.path = "/run/worker"}, std::chrono::seconds(5)));
  ASSERT_FALSE(stream);
  EXPECT_EQ(stream.error().error(), ECONNREFUSED);
}

TEST_F(MemoryNetTest, a_cut_link_delays_until_healed) {
  connect_both();
  world_.links().cut("a", "b");
  EXPECT_TRUE(run(write(client_stream_.get(), "late")));
  EXPECT_TRUE(run(write(server_stream_.get(), "back")));  // the other way is open
  EXPECT_EQ(*run(read(client_stream_.get(), 4)), "back");
  world_.run_for(std::chrono::seconds(5));
  world_.links().heal("a", "b");
  EXPECT_EQ(*run(read(server_stream_.get(), 4)), "late");
}

TEST_F(MemoryNetTest, a_sender_gives_up_on_a_cut_link_and_the_other_end_learns_it_when_it_sends) {
  connect_both();
  world_.links().cut("a", "b");
  EXPECT_TRUE(run(write(client_stream_.get(), "lost")));
  Result<std::string> answer = run(read(client_stream_.get(), 1));
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().code(), Code::kUnknown);
  EXPECT_EQ(answer.error().error(), ETIMEDOUT);
  world_.links().heal_all();
  client_stream_.reset();
  EXPECT_TRUE(run(write(server_stream_.get(), "anybody?")));
  Result<std::string> reset = run(read(server_stream_.get(), 1));
  ASSERT_FALSE(reset);
  EXPECT_EQ(reset.error().error(), ECONNRESET);
}

TEST_F(MemoryNetTest, connecting_over_a_cut_link_ends_at_the_deadline) {
  listener_ = *server_->env().network.listen({.host = "0.0.0.0", .port = 7}, world_.executor());
  world_.links().cut("b", "a");
  Instant before = world_.time().now();
  auto stream = run(connect(&client_->env(), {.host = "b", .port = 7}, std::chrono::seconds(2)));
  ASSERT_FALSE(stream);
  EXPECT_EQ(stream.error().code(), Code::kElsewhere);
  EXPECT_EQ(stream.error().error(), ETIMEDOUT);
  EXPECT_EQ(world_.time().now() - before, std::chrono::seconds(2));
}

TEST_F(MemoryNetTest, a_dead_process_closes_its_connections_and_reaches_nothing) {
  connect_both();
  server_->crash();
  EXPECT_EQ(*run(read(client_stream_.get(), 1)), "");
  EXPECT_EQ(run(write(server_stream_.get(), "x")).error().code(), Code::kUnknown);
  auto refused = run(connect(&client_->env(), {.host = "b", .port = 7}, std::chrono::seconds(5)));
  EXPECT_EQ(refused.error().error(), ECONNREFUSED);
  EXPECT_EQ(run(accept(listener_.get(), world_.executor())).error().code(), Code::kCancelled);
  EXPECT_EQ(run(connect(&server_->env(), {.host = "a", .port = 7}, std::chrono::seconds(5))).error().code(), Code::kBroken);
  auto next = world_.start_process("b", "server");
  EXPECT_TRUE(next->env().network.listen({.host = "0.0.0.0", .port = 7}, world_.executor()));
}

TEST_F(MemoryNetTest, a_machine_without_power_says_nothing) {
  connect_both();
  world_.power_off("b");
  auto silent = run(connect(&client_->env(), {.host = "b", .port = 7}, std::chrono::seconds(3)));
  EXPECT_EQ(silent.error().error(), ETIMEDOUT);
  EXPECT_FALSE(world_.run_until([&] { return false; }, std::chrono::seconds(30)));
  world_.power_on("b");
  EXPECT_TRUE(run(write(client_stream_.get(), "still there?")));
  EXPECT_EQ(run(read(client_stream_.get(), 1)).error().error(), ECONNRESET);
}

TEST_F(MemoryNetTest, a_full_pipe_makes_the_writer_wait) {
  connect_both();
  std::optional<Result<void>> written =
      world_.complete(write(client_stream_.get(), std::string(1 << 20, 'x')), std::chrono::seconds(30));
  EXPECT_FALSE(written);
  EXPECT_EQ(run(read(server_stream_.get(), 1 << 20))->size(), 1u << 20);
  world_.run_for(std::chrono::seconds(1));
}

TEST_F(MemoryNetTest, a_full_backlog_refuses) {
  listener_ = *server_->env().network.listen({.host = "0.0.0.0", .port = 7}, world_.executor());
  std::vector<Stream> streams;
  for (size_t i = 0; i < MemoryNetConfig{}.backlog; ++i) {
    streams.push_back(*run(connect(&client_->env(), {.host = "b", .port = 7}, std::chrono::seconds(5))));
  }
  EXPECT_EQ(run(connect(&client_->env(), {.host = "b", .port = 7}, std::chrono::seconds(5))).error().error(), ECONNREFUSED);
}

TEST_F(MemoryNetTest, faults_of_the_policy_break_connections) {
  connect_both();
  world_.links().set({.reset_one_in = 1});
  EXPECT_TRUE(run(write(client_stream_.get(), "x")));
  EXPECT_EQ(run(read(server_stream_.get(), 1)).error().error(), ECONNRESET);
  world_.links().set({.refuse_one_in = 1});
  EXPECT_EQ(run(connect(&client_->env(), {.host = "b", .port = 7}, std::chrono::seconds(5))).error().error(), ECONNREFUSED);
}

}  // namespace
}  // namespace forebay::os
