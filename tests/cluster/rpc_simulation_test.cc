// The protocol over bad wires: an answer is right or an error, kills and cuts end no caller in a hang, one seed gives one
// history.
#include <gtest/gtest.h>

#include "forebay/v1/namespace.pb.h"
#include "os/simulation.h"
#include "rpc/channel.h"
#include "rpc/server.h"

namespace forebay::cluster {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

struct Echo {
  using Request = v1::ResolveRequest;
  using Reply = v1::DirEntry;
  static constexpr rpc::Method kMethod{60'000, "echo", "TestService", rpc::Retry::kRead, 3'000, rpc::kMaxPayload};
};

rpc::Payload copy_of(const rpc::Payload& payload) {
  rpc::Payload copy = rpc::Payload::allocate(payload.size());
  std::ranges::copy(payload.view(), copy.writable().begin());
  return copy;
}

Task<Result<rpc::Answer<v1::DirEntry>>> echo(rpc::Call call, v1::ResolveRequest request) {
  v1::DirEntry reply;
  reply.set_name(request.path());
  co_return rpc::Answer<v1::DirEntry>(std::move(reply), copy_of(call.payload));
}

// A server process with its successors.
struct ServerLife {
  std::shared_ptr<os::SimProcess> process;
  std::unique_ptr<rpc::Server> server;
};

struct Tally {
  uint64_t right = 0, wrong = 0, failed = 0, done = 0;
};

Task<void> ask(os::SimWorld* world, rpc::Channel* channel, os::SimRandom random, int calls, Tally* tally) {
  for (int i = 0; i < calls; ++i) {
    co_await world->time().wait_until(world->time().now() + Duration(static_cast<int64_t>(random.below(20'000'000))));
    v1::ResolveRequest request;
    request.set_path(std::to_string(random.next()));
    std::string payload(random.one_in(3) ? random.below(rpc::kMaxPayload) : random.below(100), static_cast<char>(random.next()));
    rpc::CallOptions options;
    options.payload = as_bytes(payload);
    const std::string path = request.path();
    auto reply = co_await channel->call<Echo>(std::move(request), std::move(options));
    if (!reply) {
      ++tally->failed;
    } else {
      ++(reply->message.name() == path && as_text(reply->payload.view()) == payload ? tally->right : tally->wrong);
    }
  }
  ++tally->done;
}

Task<bool> stop_channel(rpc::Channel* channel) {
  co_await channel->stop();
  co_return true;
}
Task<bool> stop_server(rpc::Server* server) {
  co_await server->stop();
  co_return true;
}

struct Outcome {
  Tally tally;
  uint64_t digest = 0;
};

Outcome run_calls(uint64_t seed) {
  os::SimWorld world({.seed = seed, .links = {.lose_one_in = 200, .reset_one_in = 300, .refuse_one_in = 10}});
  rpc::Router router;
  router.handle<Echo>(echo);
  std::vector<ServerLife> lives;
  auto start_server = [&] {
    auto process = world.start_process("server", "server");
    auto server = std::make_unique<rpc::Server>(process->env(), router, rpc::ServerConfig{},
                                                std::vector<async::Executor>{world.executor()}, nullptr);
    EXPECT_TRUE(server->listen({.host = "0.0.0.0", .port = 1}));
    lives.push_back({std::move(process), std::move(server)});
  };
  start_server();
  Outcome outcome;
  std::vector<std::shared_ptr<os::SimProcess>> clients;
  std::vector<std::unique_ptr<rpc::Channel>> channels;
  for (int i = 0; i < 3; ++i) {
    const std::string name = "client" + std::to_string(i);
    clients.push_back(world.start_process(name, name));
    channels.push_back(std::make_unique<rpc::Channel>(clients.back()->env(), os::Address{.host = "server", .port = 1},
                                                      rpc::ChannelConfig{}, world.executor()));
    for (int j = 0; j < 4; ++j) {
      async::spawn_detached(world.executor(),
                            ask(&world, channels.back().get(), world.random(name + std::to_string(j)), 40, &outcome.tally));
    }
  }
  os::SimRandom random = world.random("disturber");
  while (!world.run_until([&] { return outcome.tally.done == 12; }, milliseconds(random.below(400)))) {
    switch (random.below(3)) {
      case 0:
        lives.back().process->crash();
        start_server();
        break;
      case 1: world.links().cut("client0", "server"); break;
      default: world.links().heal_all();
    }
    if (world.time().now() > os::VirtualTime::kStart + seconds(300)) {
      ADD_FAILURE() << "callers hang, seed " << seed;
      break;
    }
  }
  world.links().heal_all();
  for (auto& channel : channels) EXPECT_TRUE(world.complete(stop_channel(channel.get()), seconds(60)));
  for (auto& life : lives) EXPECT_TRUE(world.complete(stop_server(life.server.get()), seconds(60)));
  world.run_for(seconds(60));
  outcome.digest = world.history().digest();
  return outcome;
}

TEST(RpcSimulation, answers_are_right_or_errors_under_kills_cuts_and_losses) {
  Tally all;
  for (uint64_t seed = 1; seed <= 20; ++seed) {
    Outcome outcome = run_calls(seed);
    EXPECT_EQ(outcome.tally.wrong, 0u) << "seed " << seed;
    EXPECT_EQ(outcome.tally.done, 12u) << "seed " << seed;
    all.right += outcome.tally.right;
    all.failed += outcome.tally.failed;
  }
  EXPECT_GT(all.right, 20u * 12 * 40 / 4);
  EXPECT_GT(all.failed, 20u);
}

TEST(RpcSimulation, one_seed_gives_one_history) {
  for (uint64_t seed = 1; seed <= 5; ++seed) EXPECT_EQ(run_calls(seed).digest, run_calls(seed).digest) << "seed " << seed;
}

}  // namespace
}  // namespace forebay::cluster
