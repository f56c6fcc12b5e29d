// Metadata operations a second, end to end: a master with its metadata on a disk, and one client with many calls outstanding,
// over TCP on this host. Client and server share the process, each on threads of its own.
//   meta_bench [--benchmark_filter=…]      FOREBAY_BENCH_DIR: where the metadata is put (default: the temporary directory)
// "items_per_second" is the figure. CPU time is what client and server use together.
#include <benchmark/benchmark.h>
#include <stdlib.h>

#include <filesystem>
#include <string>
#include <vector>

#include "async/loop.h"
#include "async/sync.h"
#include "forebay/v1/namespace.rpc.h"
#include "kv/rocks_store.h"
#include "master/master.h"
#include "os/env.h"
#include "rpc/channel.h"

namespace forebay::perf {
namespace {

namespace names = v1::namespace_service;

constexpr int kOutstanding = 64;
constexpr int kCallsPerIteration = 20'000;

std::string metadata_directory() {
  const char* asked = getenv("FOREBAY_BENCH_DIR");
  std::string name = (asked ? std::filesystem::path(asked) : std::filesystem::temp_directory_path()) / "forebay-meta-XXXXXX";
  return mkdtemp(name.data());
}

class World {
 public:
  World() : directory_(metadata_directory()) {
    master::MasterConfig config;
    config.listen = {{.host = "127.0.0.1"}};
    config.sessions.lease = std::chrono::hours(1);  // nobody renews it here
    auto open = [this] { return kv::open_rocks_store({.directory = directory_ + "/metadata"}); };
    master_ = std::make_unique<master::Master>(env_, config, open, commit_.executor(), std::vector{server_.executor()},
                                               obs::null_log(), master::no_events());
    Result<void> started = async::block_on(server_.executor(), master_->start());
    FOREBAY_CHECK(started.has_value(), started ? "" : started.error().to_string());
    channel_ = std::make_unique<rpc::Channel>(env_, master_->addresses().front(), rpc::ChannelConfig(), client_.executor());
    v1::OpenSessionRequest request;
    request.set_nonce(1);
    session_ = call<names::OpenSession>(request).session();
  }
  ~World() {
    async::block_on(client_.executor(), stop_channel(channel_.get()));
    async::block_on(server_.executor(), stop_master(master_.get()));
    std::filesystem::remove_all(directory_);
  }

  template <class M>
  typename M::Reply call(typename M::Request request) {
    rpc::CallOptions options;
    options.context = context();
    auto reply = async::block_on(client_.executor(), channel_->call<M>(std::move(request), std::move(options)));
    FOREBAY_CHECK(reply.has_value(), reply ? "" : reply.error().to_string());
    return std::move(reply->message);
  }
  // Makes `calls` calls, kOutstanding at a time.
  template <class M>
  void run(int calls, std::function<typename M::Request(int)> request) {
    Batch<M> batch{this, std::move(request), calls};
    async::block_on(client_.executor(), run_batch<M>(&batch));
  }
  uint64_t make_dir(const std::string& name) {
    v1::MakeDirRequest request;
    request.set_parent(1);
    request.set_name(name);
    request.set_mode(0755);
    return call<names::MakeDir>(request).attr().inode();
  }

 private:
  template <class M>
  struct Batch {
    World* world;
    std::function<typename M::Request(int)> request;
    int left;
    int running = 0;
    async::Event done;
  };
  template <class M>
  static Task<bool> run_batch(Batch<M>* batch) {
    batch->running = kOutstanding;
    for (int i = 0; i < kOutstanding; ++i) async::spawn_detached(batch->world->client_.executor(), caller<M>(batch));
    co_await batch->done.wait();
    co_return true;
  }
  template <class M>
  static Task<void> caller(Batch<M>* batch) {
    while (batch->left > 0) {
      typename M::Request request = batch->request(--batch->left);
      rpc::CallOptions options;
      options.context = batch->world->context();
      auto reply = co_await batch->world->channel_->template call<M>(std::move(request), std::move(options));
      FOREBAY_CHECK(reply.has_value(), reply ? "" : reply.error().to_string());
    }
    if (--batch->running == 0) batch->done.set();
  }
  static Task<bool> stop_channel(rpc::Channel* channel) {
    co_await channel->stop();
    co_return true;
  }
  static Task<bool> stop_master(master::Master* master) {
    co_await master->stop();
    co_return true;
  }
  v1::RequestContext context() {
    v1::RequestContext context;
    context.set_session(session_);
    context.set_sequence(++sequence_);
    return context;
  }

  const std::string directory_;
  async::Loop blocking_{"blocking", 2}, commit_{"commit"}, server_{"server"}, client_{"client"};
  os::Env env_{os::real_clock(), os::real_random(), os::real_files(), os::real_network(), blocking_.executor(), "host"};
  std::unique_ptr<master::Master> master_;
  std::unique_ptr<rpc::Channel> channel_;
  uint64_t session_ = 0, sequence_ = 0;
};

void create(benchmark::State& state, v1::Durability durability) {
  World world;
  int round = 0;
  for (auto _ : state) {
    const uint64_t parent = world.make_dir("d" + std::to_string(round++));
    world.run<names::Create>(kCallsPerIteration, [&](int number) {
      v1::CreateRequest request;
      request.set_parent(parent);
      request.set_name("file" + std::to_string(number));
      request.set_mode(0644);
      request.set_access(v1::ACCESS_WRITE);
      request.set_exclusive(true);
      request.set_durability(durability);
      return request;
    });
  }
  state.SetItemsProcessed(state.iterations() * kCallsPerIteration);
}
void create_page_cache(benchmark::State& state) { create(state, v1::DURABILITY_PAGE_CACHE); }
void create_fsync(benchmark::State& state) { create(state, v1::DURABILITY_FSYNC); }

void make_dir(benchmark::State& state) {
  World world;
  int round = 0;
  for (auto _ : state) {
    const uint64_t parent = world.make_dir("d" + std::to_string(round++));
    world.run<names::MakeDir>(kCallsPerIteration, [&](int number) {
      v1::MakeDirRequest request;
      request.set_parent(parent);
      request.set_name("directory" + std::to_string(number));
      request.set_mode(0755);
      return request;
    });
  }
  state.SetItemsProcessed(state.iterations() * kCallsPerIteration);
}

void lookup(benchmark::State& state) {
  World world;
  const uint64_t parent = world.make_dir("d");
  world.run<names::MakeDir>(kCallsPerIteration, [&](int number) {
    v1::MakeDirRequest request;
    request.set_parent(parent);
    request.set_name("directory" + std::to_string(number));
    request.set_mode(0755);
    return request;
  });
  for (auto _ : state)
    world.run<names::Lookup>(kCallsPerIteration, [&](int number) {
      v1::LookupRequest request;
      request.set_parent(parent);
      request.set_name("directory" + std::to_string(number));
      return request;
    });
  state.SetItemsProcessed(state.iterations() * kCallsPerIteration);
}

BENCHMARK(create_page_cache)->UseRealTime()->MeasureProcessCPUTime()->Unit(benchmark::kMillisecond)->MinTime(5);
BENCHMARK(create_fsync)->UseRealTime()->MeasureProcessCPUTime()->Unit(benchmark::kMillisecond)->MinTime(5);
BENCHMARK(make_dir)->UseRealTime()->MeasureProcessCPUTime()->Unit(benchmark::kMillisecond)->MinTime(3);
BENCHMARK(lookup)->UseRealTime()->MeasureProcessCPUTime()->Unit(benchmark::kMillisecond)->MinTime(3);

}  // namespace
}  // namespace forebay::perf

BENCHMARK_MAIN();
