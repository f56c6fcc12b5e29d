#include "os/simulation.h"

#include <gtest/gtest.h>

namespace forebay::os {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

TEST(SimRandom, is_what_it_always_was) {
  SimRandom random(42);
  EXPECT_EQ(random.next(), 13679457532755275413u);
  EXPECT_EQ(random.next(), 2949826092126892291u);
}

TEST(SimRandom, splits_do_not_depend_on_what_was_drawn) {
  SimRandom one(7), other(7);
  one.next();
  EXPECT_EQ(one.split("a").next(), other.split("a").next());
  EXPECT_NE(one.split("a").next(), one.split("b").next());
  EXPECT_NE(one.split("a").next(), SimRandom(8).split("a").next());
}

TEST(VirtualTime, keeps_the_order_of_equal_moments) {
  VirtualTime time;
  std::string order;
  Instant when = time.now() + seconds(1);
  for (char c : {'a', 'b', 'c'}) time.at(when, [&order, c] { order += c; });
  time.at(when - milliseconds(1), [&order] { order += '1'; });
  uint64_t never = time.at(when, [&order] { order += 'x'; });
  EXPECT_TRUE(time.cancel(never));
  EXPECT_FALSE(time.cancel(never));
  while (time.advance()) {
  }
  EXPECT_EQ(order, "1abc");
  EXPECT_EQ(time.now(), when);
}

Task<void> sleep_into(Clock* clock, Duration time, std::stop_token stop, std::string* log, char name) {
  Task<bool> sleeping = clock->sleep(time, stop);
  bool slept = co_await std::move(sleeping);
  *log += name;
  if (!slept) *log += '!';
}

TEST(SimClock, wakes_sleepers_in_order_and_early_when_stopped) {
  SimWorld world({});
  auto process = world.start_process("h", "p");
  Clock& clock = process->env().clock;
  std::string log;
  std::stop_source stop;
  async::spawn_detached(world.executor(), sleep_into(&clock, seconds(20), {}, &log, 'b'));
  async::spawn_detached(world.executor(), sleep_into(&clock, seconds(10), {}, &log, 'a'));
  async::spawn_detached(world.executor(), sleep_into(&clock, seconds(15), stop.get_token(), &log, 'x'));
  EXPECT_FALSE(world.run_until([] { return false; }, seconds(5)));
  EXPECT_EQ(clock.now(), VirtualTime::kStart + seconds(5));
  stop.request_stop();
  EXPECT_TRUE(world.run_until([&] { return log.size() == 4; }, seconds(60)));
  EXPECT_EQ(log, "x!ab");
}

TEST(SimClock, drifts_and_never_wakes_early) {
  for (int64_t ppm : {-100'000, -3, 0, 7, 100'000}) {
    SimWorld world({});
    world.host("h").skew = {.wall_offset = seconds(100), .drift_ppm = ppm};
    auto process = world.start_process("h", "p");
    Clock& clock = process->env().clock;
    std::string log;
    Instant due = clock.now() + seconds(1'000);
    async::spawn_detached(world.executor(), sleep_into(&clock, seconds(1'000), {}, &log, 'a'));
    EXPECT_TRUE(world.run_until([&] { return !log.empty(); }, seconds(2'000)));
    EXPECT_GE(clock.now(), due);
    EXPECT_LT(clock.now(), due + milliseconds(1));
    double real = std::chrono::duration<double>(world.time().now() - VirtualTime::kStart).count();
    EXPECT_NEAR(real, 1'000.0 / (1 + static_cast<double>(ppm) / 1e6), 0.01);
  }
}

TEST(History, tells_events_apart_and_orders_them) {
  auto digest = [](std::initializer_list<std::pair<std::string_view, std::string_view>> events) {
    History history;
    for (auto [what, who] : events) history.record(what, who, {1});
    return history.digest();
  };
  EXPECT_EQ(digest({{"a", "b"}, {"c", "d"}}), digest({{"a", "b"}, {"c", "d"}}));
  EXPECT_NE(digest({{"a", "b"}, {"c", "d"}}), digest({{"c", "d"}, {"a", "b"}}));
  EXPECT_NE(digest({{"ab", "c"}}), digest({{"a", "bc"}}));
}

// A server that echoes, and clients that ask it at random moments over bad links.
Task<void> echo(std::unique_ptr<Connection> stream) {
  std::string buffer(100, '\0');
  for (;;) {
    Task<Result<size_t>> reading = stream->read_some(std::as_writable_bytes(std::span(buffer)));
    Result<size_t> got = co_await std::move(reading);
    if (!got || *got == 0) co_return;
    Bytes parts[] = {as_bytes(buffer).first(*got)};
    Task<Result<void>> writing = stream->write(parts);
    Result<void> written = co_await std::move(writing);
    if (!written) co_return;
  }
}

Task<void> serve(Env* env, int* running) {
  auto listener = *env->network.listen({.host = "0.0.0.0", .port = 1}, env->blocking);
  for (;;) {
    Task<Result<std::unique_ptr<Connection>>> accepting = listener->accept(env->blocking);
    Result<std::unique_ptr<Connection>> stream = co_await std::move(accepting);
    if (!stream) break;
    async::spawn_detached(env->blocking, echo(*std::move(stream)));
  }
  --*running;
}

Task<void> ask(Env* env, int rounds, uint64_t* answered, int* running) {
  for (int i = 0; i < rounds; ++i) {
    Task<bool> sleeping = env->clock.sleep(Duration(env->random.below(10'000'000)), {});
    co_await std::move(sleeping);
    Task<Result<std::unique_ptr<Connection>>> connecting =
        env->network.connect({.host = "server", .port = 1}, env->clock.now() + seconds(1));
    Result<std::unique_ptr<Connection>> stream = co_await std::move(connecting);
    if (!stream) continue;
    std::string question = std::to_string(env->random.next()), answer(question.size(), '\0');
    Bytes parts[] = {as_bytes(question)};
    Task<Result<void>> writing = (*stream)->write(parts);
    co_await std::move(writing);
    size_t have = 0;
    while (have < answer.size()) {
      Task<Result<size_t>> reading = (*stream)->read_some(std::as_writable_bytes(std::span(answer)).subspan(have));
      Result<size_t> got = co_await std::move(reading);
      if (!got || *got == 0) break;
      have += *got;
    }
    if (answer == question) ++*answered;
  }
  --*running;
}

struct Echoed {
  uint64_t digest, events, answered;
};

Echoed run_echo(uint64_t seed) {
  SimWorld world({.seed = seed, .links = {.lose_one_in = 50, .reset_one_in = 100, .refuse_one_in = 20}});
  auto server = world.start_process("server", "server");
  std::vector<std::shared_ptr<SimProcess>> clients;
  uint64_t answered = 0;
  int asking = 3, serving = 1;
  async::spawn_detached(world.executor(), serve(&server->env(), &serving));
  for (int i = 0; i < 3; ++i) {
    clients.push_back(world.start_process("client" + std::to_string(i), "client" + std::to_string(i)));
    async::spawn_detached(world.executor(), ask(&clients.back()->env(), 100, &answered, &asking));
  }
  EXPECT_TRUE(world.run_until([&] { return asking == 0; }, std::chrono::hours(1)));
  server->crash();
  EXPECT_TRUE(world.run_until([&] { return serving == 0; }, seconds(1)));
  world.run_for(seconds(60));
  EXPECT_EQ(world.wires().open_streams(), 0u);
  return {world.history().digest(), world.history().events(), answered};
}

TEST(SimWorld, one_seed_gives_one_history) {
  for (uint64_t seed = 1; seed <= 5; ++seed) {
    Echoed first = run_echo(seed);
    // Other addresses for everything: nothing may be ordered by them.
    auto moved = std::make_unique<std::array<char, 12'345>>();
    Echoed second = run_echo(seed);
    EXPECT_EQ(first.digest, second.digest);
    EXPECT_EQ(first.events, second.events);
    EXPECT_GT(first.answered, 100u);
    EXPECT_LT(first.answered, 300u);
  }
  EXPECT_NE(run_echo(1).digest, run_echo(2).digest);
}

Task<void> spin() {
  for (;;) co_await async::yield();
}

TEST(SimWorld, ends_a_livelock) {
  SimWorld world({.turns_per_moment = 1'000});
  async::spawn_detached(world.executor(), spin());
  EXPECT_FALSE(world.run_until([] { return false; }, seconds(1)));
  EXPECT_EQ(world.time().now(), VirtualTime::kStart);
}

TEST(SimWorld, a_watch_kills_a_process_at_the_call_it_chooses) {
  SimWorld world({});
  std::shared_ptr<SimProcess> process;
  SeamSweep sweep(1, {.error = EIO, .then = [&] { process->crash(); }}, "file.rename");
  process = world.start_process("h", "p", &sweep);
  ASSERT_TRUE(process->env().files.write_whole("/a", as_bytes("1")).error().is_errno(EIO));
  EXPECT_TRUE(process->is_dead());
  EXPECT_EQ(process->env().files.exists("/a").error().code(), Code::kBroken);
  auto next = world.start_process("h", "p");
  EXPECT_FALSE(*next->env().files.exists("/a"));
  EXPECT_TRUE(*next->env().files.exists("/a.new"));
}

TEST(SimWorld, a_power_cut_kills_the_processes_of_that_machine_only) {
  SimWorld world({});
  auto one = world.start_process("h1", "p"), other = world.start_process("h2", "p");
  world.power_cut("h1");
  EXPECT_TRUE(one->is_dead());
  EXPECT_FALSE(other->is_dead());
  EXPECT_NE(world.start_process("h1", "q")->env().host_id, one->env().host_id);
  EXPECT_EQ(world.start_process("h2", "q")->env().host_id, other->env().host_id);
  auto again = world.start_process("h1", "p");
  EXPECT_TRUE(again->env().files.write_whole("/a", as_bytes("1")));
}

}  // namespace
}  // namespace forebay::os
