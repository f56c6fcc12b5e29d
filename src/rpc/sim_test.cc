// Channel and server in the simulation: bad links, deadlines in virtual time, a server that is killed and started again.
#include <gtest/gtest.h>

#include <map>
#include <set>

#include "os/simulation.h"
#include "rpc/test_world.h"

namespace forebay::rpc {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

const os::Address kAt{.host = "0.0.0.0", .port = 7}, kTo{.host = "server", .port = 7};

// Answers after a random time, and remembers what it has seen. A question that came twice would be one.
struct Oracle {
  explicit Oracle(os::Env& e) : env(e) {
    router.handle<EchoPayload>(
        [this](Call call, v1::ResolveRequest request) { return answer(this, std::move(call), std::move(request)); });
  }
  static Task<Result<Answer<v1::DirEntry>>> answer(Oracle* self, Call call, v1::ResolveRequest request) {
    self->seen.insert(request.path());
    Task<bool> thinking = self->env.clock.sleep(milliseconds(self->env.random.below(50)), call.abandoned);
    co_await std::move(thinking);
    v1::DirEntry entry;
    entry.set_name("re: " + request.path());
    co_return Answer<v1::DirEntry>(std::move(entry), std::move(call.payload));
  }
  os::Env& env;
  Router router;
  std::multiset<std::string> seen;
};

struct Tally {
  int answered = 0, unknown = 0, not_done = 0, running = 0;
  std::set<std::string> certain, denied;  // must have been seen; must not
  std::vector<std::string> wrong;
};

Task<void> ask(os::Env* env, Channel* to, std::string name, int rounds, Tally* tally) {
  for (int i = 0; i < rounds; ++i) {
    Task<bool> resting = env->clock.sleep(milliseconds(env->random.below(20)), {});
    co_await std::move(resting);
    std::string question = name + "/" + std::to_string(i);
    std::string payload(env->random.below(4) == 0 ? env->random.below(300'000) : 0, static_cast<char>('a' + i % 26));
    Task<Result<Received<v1::DirEntry>>> asking = to->call<EchoPayload>(
        text(question), {.timeout = milliseconds(1 + env->random.below(400)), .payload = as_bytes(payload)});
    Result<Received<v1::DirEntry>> reply = co_await std::move(asking);
    if (reply) {
      ++tally->answered;
      tally->certain.insert(question);
      if (reply->message.name() != "re: " + question || as_text(reply->payload.view()) != payload)
        tally->wrong.push_back(question);
    } else if (reply.error().is(Code::kUnknown)) {
      ++tally->unknown;
    } else {
      ++tally->not_done;
      tally->denied.insert(question);
      if (!reply.error().is(Code::kElsewhere) && !reply.error().is(Code::kBusy))
        tally->wrong.push_back(reply.error().to_string());
    }
  }
  --tally->running;
}

Task<bool> stop_all(std::vector<std::unique_ptr<Channel>>* channels, Server* server) {
  for (auto& channel : *channels) co_await channel->stop();
  if (server != nullptr) co_await server->stop();
  co_return true;
}

struct Outcome {
  Tally tally;
  std::multiset<std::string> seen;
  uint64_t digest = 0;
};

// Three client processes with four callers each, on links that lose and reset.
Outcome run_seed(uint64_t seed) {
  os::SimWorld world({.seed = seed, .links = {.lose_one_in = 40, .reset_one_in = 150, .refuse_one_in = 20}});
  auto machine = world.start_process("server", "server");
  Oracle oracle(machine->env());
  Server server(machine->env(), oracle.router, {}, {world.executor()}, nullptr);
  EXPECT_TRUE(server.listen(kAt));
  Outcome outcome;
  std::vector<std::shared_ptr<os::SimProcess>> processes;
  std::vector<std::unique_ptr<Channel>> channels;
  for (std::string name : {"a", "b", "c"}) {
    processes.push_back(world.start_process(name, name));
    os::Env& env = processes.back()->env();
    channels.push_back(std::make_unique<Channel>(env, kTo, ChannelConfig{.max_outstanding = 2}, world.executor()));
    for (int caller = 0; caller < 4; ++caller) {
      ++outcome.tally.running;
      async::spawn_detached(world.executor(),
                            ask(&env, channels.back().get(), name + std::to_string(caller), 30, &outcome.tally));
    }
  }
  EXPECT_TRUE(world.run_until([&] { return outcome.tally.running == 0; }, std::chrono::minutes(10))) << "seed " << seed;
  EXPECT_TRUE(world.complete(stop_all(&channels, &server), std::chrono::minutes(10))) << "seed " << seed;
  outcome.seen = oracle.seen;
  outcome.digest = world.history().digest();
  return outcome;
}

TEST(SimulatedRpc, every_error_tells_the_truth_about_what_happened) {
  Tally all;
  for (uint64_t seed = 1; seed <= 25; ++seed) {
    Outcome outcome = run_seed(seed);
    EXPECT_TRUE(outcome.tally.wrong.empty()) << "seed " << seed << ": " << outcome.tally.wrong.front();
    for (const std::string& question : outcome.tally.certain) EXPECT_EQ(outcome.seen.count(question), 1u) << "seed " << seed;
    for (const std::string& question : outcome.tally.denied) EXPECT_EQ(outcome.seen.count(question), 0u) << "seed " << seed;
    all.answered += outcome.tally.answered;
    all.unknown += outcome.tally.unknown;
    all.not_done += outcome.tally.not_done;
  }
  // Each kind of end has been met often enough to mean something.
  EXPECT_GT(all.answered, 2'000);
  EXPECT_GT(all.unknown, 400);
  EXPECT_GT(all.not_done, 40);
}

TEST(SimulatedRpc, one_seed_gives_one_history) {
  for (uint64_t seed : {3, 14, 15}) EXPECT_EQ(run_seed(seed).digest, run_seed(seed).digest) << "seed " << seed;
  EXPECT_NE(run_seed(3).digest, run_seed(4).digest);
}

TEST(SimulatedRpc, a_server_that_is_killed_ends_calls_with_unknown_and_is_found_again) {
  os::SimWorld world({.seed = 5});
  auto client = world.start_process("client", "client");
  Channel channel(client->env(), kTo, {}, world.executor());
  Tally tally;
  auto first = world.start_process("server", "server");
  Oracle oracle(first->env());
  auto server = std::make_unique<Server>(first->env(), oracle.router, ServerConfig(), std::vector{world.executor()}, nullptr);
  ASSERT_TRUE(server->listen(kAt));
  for (tally.running = 0; tally.running < 20; ++tally.running)
    async::spawn_detached(world.executor(), ask(&client->env(), &channel, std::to_string(tally.running), 50, &tally));
  ASSERT_TRUE(world.run_until([&] { return tally.answered >= 50; }, seconds(60)));
  first->crash();
  ASSERT_TRUE(world.run_until([&] { return tally.not_done >= 20; }, seconds(60)));
  EXPECT_GT(tally.unknown, 0);
  int before = tally.answered;
  auto second = world.start_process("server", "server");
  Oracle successor(second->env());
  Server again(second->env(), successor.router, {}, {world.executor()}, nullptr);
  ASSERT_TRUE(again.listen(kAt));
  ASSERT_TRUE(world.run_until([&] { return tally.running == 0; }, seconds(600)));
  EXPECT_GT(tally.answered, before);
  EXPECT_TRUE(tally.wrong.empty()) << tally.wrong.front();
  ASSERT_TRUE(world.complete(
      [](Channel* c, Server* s, Server* t) -> Task<bool> {
        co_await c->stop();
        co_await s->stop();
        co_await t->stop();
        co_return true;
      }(&channel, server.get(), &again),
      seconds(600)));
}

TEST(SimulatedRpc, a_peer_behind_a_cut_link_is_unknown_at_the_deadline_and_reached_after_it_heals) {
  os::SimWorld world({.seed = 6});
  auto client = world.start_process("client", "client"), machine = world.start_process("server", "server");
  Oracle oracle(machine->env());
  Server server(machine->env(), oracle.router, {}, {world.executor()}, nullptr);
  ASSERT_TRUE(server.listen(kAt));
  Channel channel(client->env(), kTo, {}, world.executor());
  auto call = [&](const char* question) { return world.complete(channel.call<EchoPayload>(text(question)), seconds(100)); };
  ASSERT_TRUE(call("one").value());
  world.links().cut("server", "client");  // requests arrive, replies do not
  os::Instant before = client->env().clock.now();
  auto lost = call("two");
  ASSERT_FALSE(lost.value());
  EXPECT_TRUE(lost->error().is(Code::kUnknown)) << lost->error().to_string();
  EXPECT_GE(client->env().clock.now() - before, seconds(5));
  EXPECT_LT(client->env().clock.now() - before, seconds(6));
  EXPECT_EQ(oracle.seen.count("two"), 1u);
  world.links().heal_all();
  world.run_for(seconds(5));
  EXPECT_TRUE(call("three").value());

  ASSERT_TRUE(world.complete(
      [](Channel* c, Server* s) -> Task<bool> {
        co_await c->stop();
        co_await s->stop();
        co_return true;
      }(&channel, &server),
      seconds(600)));
}

}  // namespace
}  // namespace forebay::rpc
