// Metadata operations a second, end to end: a master process with its metadata on a disk, and one client process with many calls
// outstanding, over TCP on this host.
//   meta_bench [--benchmark_filter=…]      FOREBAY_BENCH_DIR: where the metadata is put (default: the temporary directory)
// "items_per_second" is the figure; CPU time is the client's alone. After each measurement of creates the master is killed
// (SIGKILL) under load and started again: the program aborts if a file is missing whose creation had been answered.
#include <benchmark/benchmark.h>
#include <stdlib.h>

#include <filesystem>
#include <set>
#include <string>
#include <vector>

#include "async/loop.h"
#include "async/sync.h"
#include "base/crc32c.h"
#include "forebay/v1/namespace.rpc.h"
#include "master_process.h"
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

Task<bool> stopped(rpc::Channel* channel) {
  co_await channel->stop();
  co_return true;
}

// One client's side: its thread, its connection, its session.
class Client {
 public:
  Client(const os::Address& master, uint64_t nonce) {
    channel_ = std::make_unique<rpc::Channel>(env_, master, rpc::ChannelConfig(), loop_.executor());
    v1::OpenSessionRequest request;
    request.set_nonce(nonce);
    session_ = call<names::OpenSession>(request).session();
  }
  ~Client() { async::block_on(loop_.executor(), stopped(channel_.get())); }

  template <class M>
  typename M::Reply call(typename M::Request request) {
    auto reply = async::block_on(loop_.executor(), channel_->call<M>(std::move(request), options()));
    FOREBAY_CHECK(reply.has_value(), reply ? "" : reply.error().to_string());
    return std::move(reply->message);
  }

  template <class M>
  struct Batch {
    std::function<typename M::Request(int number)> request;
    std::function<bool(int number, bool good)> answered;  // false: that is enough
    int left = kCallsPerIteration;
    int running = 0;
    async::Event done = {};
  };
  // All its calls, kOutstanding at a time.
  template <class M>
  void run(Batch<M>& batch) {
    async::block_on(loop_.executor(), run_batch<M>(this, &batch));
  }
  template <class M>
  void run(std::function<typename M::Request(int)> request) {
    auto must_be_good = [](int, bool good) {
      FOREBAY_CHECK(good, "a call failed");
      return true;
    };
    Batch<M> batch{std::move(request), must_be_good};
    run(batch);
  }

 private:
  template <class M>
  static Task<bool> run_batch(Client* self, Batch<M>* batch) {
    batch->running = kOutstanding;
    for (int i = 0; i < kOutstanding; ++i) async::spawn_detached(self->loop_.executor(), caller<M>(self, batch));
    co_await batch->done.wait();
    co_return true;
  }
  template <class M>
  static Task<void> caller(Client* self, Batch<M>* batch) {
    while (batch->left > 0) {
      const int number = --batch->left;
      auto reply = co_await self->channel_->template call<M>(batch->request(number), self->options());
      if (!batch->answered(number, reply.has_value())) break;
    }
    if (--batch->running == 0) batch->done.set();
  }
  rpc::CallOptions options() {
    rpc::CallOptions options;
    options.context.set_session(session_);
    options.context.set_sequence(++sequence_);
    return options;
  }

  async::Loop blocking_{"blocking", 1}, loop_{"client"};
  os::Env env_{os::real_clock(), os::real_random(), os::real_files(), os::real_network(), blocking_.executor(), "host"};
  std::unique_ptr<rpc::Channel> channel_;
  uint64_t session_ = 0, sequence_ = 0;
};

// A master and its client, which can be killed and comes back.
class World {
 public:
  World() { start(); }
  ~World() {
    client_.reset();
    master_.reset();
    std::filesystem::remove_all(directory_);
  }
  Client& client() { return *client_; }

  uint64_t make_dir() {
    v1::MakeDirRequest request;
    request.set_parent(1);
    request.set_name("d" + std::to_string(directories_++));
    request.set_mode(0755);
    return client_->call<names::MakeDir>(request).attr().inode();
  }
  std::set<std::string> list(uint64_t directory) {
    std::set<std::string> found;
    v1::ReadDirRequest request;
    request.set_inode(directory);
    for (v1::ReadDirReply page; !page.end();) {
      page = client_->call<names::ReadDir>(request);
      for (const v1::DirEntry& entry : page.entries()) found.insert(entry.name());
      if (!found.empty()) request.set_after(*found.rbegin());
    }
    return found;
  }
  void send_kill() { master_->send_kill(); }
  void restart() {
    client_.reset();
    master_.reset();
    start();
  }

 private:
  void start() {
    master_ = std::make_unique<MasterProcess>(directory_);
    client_ = std::make_unique<Client>(master_->address(), ++starts_);
  }

  const std::string directory_ = metadata_directory();
  std::unique_ptr<MasterProcess> master_;
  std::unique_ptr<Client> client_;
  uint64_t starts_ = 0, directories_ = 0;
};

std::string file_name(int number) { return "file" + std::to_string(number); }

std::function<v1::CreateRequest(int)> creates_in(uint64_t parent, v1::Durability durability) {
  return [=](int number) {
    v1::CreateRequest request;
    request.set_parent(parent);
    request.set_name(file_name(number));
    request.set_mode(0644);
    request.set_access(v1::ACCESS_WRITE);
    request.set_exclusive(true);
    request.set_durability(durability);
    return request;
  };
}

std::function<v1::MakeDirRequest(int)> directories_in(uint64_t parent) {
  return [=](int number) {
    v1::MakeDirRequest request;
    request.set_parent(parent);
    request.set_name("directory" + std::to_string(number));
    request.set_mode(0755);
    return request;
  };
}

// Whole files of 4 KiB, made in one call each.
std::function<v1::PutManyRequest(int)> puts_in(uint64_t parent, v1::Durability durability) {
  std::string content(4096, '\0');
  for (size_t i = 0; i < content.size(); ++i) content[i] = static_cast<char>(i * 131 % 251);
  const uint32_t crc = crc32c(as_bytes(content));
  return [=](int number) {
    v1::PutManyRequest request;
    request.set_durability(durability);
    v1::PutItem& file = *request.add_files();
    file.set_parent(parent);
    file.set_name(file_name(number));
    file.set_mode(0644);
    file.set_content(content);
    file.set_crc32c(crc);
    return request;
  };
}

// Kills the master when half of a round is answered; what was answered of it, and all of the earlier rounds, must be there.
void check_after_kill(World& world, const std::vector<uint64_t>& full, v1::Durability durability) {
  const uint64_t parent = world.make_dir();
  std::set<std::string> answered;
  auto on_answer = [&](int number, bool good) {
    if (good) answered.insert(file_name(number));
    if (answered.size() == kCallsPerIteration / 2) world.send_kill();
    return good;
  };
  Client::Batch<names::Create> batch{creates_in(parent, durability), on_answer};
  world.client().run(batch);
  FOREBAY_CHECK(answered.size() < kCallsPerIteration, "the master died under load");
  world.restart();
  const std::set<std::string> found = world.list(parent);
  for (const std::string& name : answered) FOREBAY_CHECK(found.contains(name), "acknowledged and lost: " + name);
  for (uint64_t directory : full) FOREBAY_CHECK(world.list(directory).size() == kCallsPerIteration, "acknowledged and lost");
}

void create(benchmark::State& state, v1::Durability durability) {
  World world;
  std::vector<uint64_t> full;
  for (auto _ : state) {
    full.push_back(world.make_dir());
    world.client().run<names::Create>(creates_in(full.back(), durability));
  }
  state.SetItemsProcessed(state.iterations() * kCallsPerIteration);
  check_after_kill(world, full, durability);
}
void create_page_cache(benchmark::State& state) { create(state, v1::DURABILITY_PAGE_CACHE); }
void create_fsync(benchmark::State& state) { create(state, v1::DURABILITY_FSYNC); }

// One client's `put` of small files: create, write, close and seal, each in a call of its own.
void put(benchmark::State& state, v1::Durability durability) {
  World world;
  std::vector<uint64_t> full;
  for (auto _ : state) {
    full.push_back(world.make_dir());
    world.client().run<names::PutMany>(puts_in(full.back(), durability));
  }
  state.SetItemsProcessed(state.iterations() * kCallsPerIteration);
  for (uint64_t directory : full) FOREBAY_CHECK(world.list(directory).size() == kCallsPerIteration, "put and not there");
}
void put_page_cache(benchmark::State& state) { put(state, v1::DURABILITY_PAGE_CACHE); }
void put_fsync(benchmark::State& state) { put(state, v1::DURABILITY_FSYNC); }

void make_dir(benchmark::State& state) {
  World world;
  for (auto _ : state) world.client().run<names::MakeDir>(directories_in(world.make_dir()));
  state.SetItemsProcessed(state.iterations() * kCallsPerIteration);
}

void lookup(benchmark::State& state) {
  World world;
  const uint64_t parent = world.make_dir();
  world.client().run<names::MakeDir>(directories_in(parent));
  auto request = [parent](int number) {
    v1::LookupRequest lookup;
    lookup.set_parent(parent);
    lookup.set_name("directory" + std::to_string(number));
    return lookup;
  };
  for (auto _ : state) world.client().run<names::Lookup>(request);
  state.SetItemsProcessed(state.iterations() * kCallsPerIteration);
}

void get_attr(benchmark::State& state) {
  World world;
  const uint64_t parent = world.make_dir();
  auto request = [parent](int) {
    v1::GetAttrRequest get;
    get.set_inode(parent);
    return get;
  };
  for (auto _ : state) world.client().run<names::GetAttr>(request);
  state.SetItemsProcessed(state.iterations() * kCallsPerIteration);
}

// Entries with attributes, 100 in a page: what a listing of many small directories asks for.
void read_dir(benchmark::State& state) {
  constexpr uint32_t kEntries = 100;
  World world;
  const uint64_t parent = world.make_dir();
  world.client().run<names::MakeDir>(directories_in(parent));
  auto request = [parent](int number) {
    v1::ReadDirRequest list;
    list.set_inode(parent);
    list.set_after("directory1" + std::to_string(number % 10));
    list.set_limit(kEntries);
    list.set_attributes(true);
    return list;
  };
  auto must_be_good = [](int, bool good) {
    FOREBAY_CHECK(good, "a call failed");
    return true;
  };
  constexpr int kPages = kCallsPerIteration / kEntries;
  for (auto _ : state) {
    Client::Batch<names::ReadDir> batch{request, must_be_good, kPages};
    world.client().run(batch);
  }
  state.SetItemsProcessed(state.iterations() * kPages * kEntries);
}

BENCHMARK(create_page_cache)->UseRealTime()->MeasureProcessCPUTime()->Unit(benchmark::kMillisecond)->MinTime(5);
BENCHMARK(create_fsync)->UseRealTime()->MeasureProcessCPUTime()->Unit(benchmark::kMillisecond)->MinTime(5);
BENCHMARK(put_page_cache)->UseRealTime()->MeasureProcessCPUTime()->Unit(benchmark::kMillisecond)->MinTime(3);
BENCHMARK(put_fsync)->UseRealTime()->MeasureProcessCPUTime()->Unit(benchmark::kMillisecond)->MinTime(3);
BENCHMARK(make_dir)->UseRealTime()->MeasureProcessCPUTime()->Unit(benchmark::kMillisecond)->MinTime(3);
BENCHMARK(lookup)->UseRealTime()->MeasureProcessCPUTime()->Unit(benchmark::kMillisecond)->MinTime(3);
BENCHMARK(get_attr)->UseRealTime()->MeasureProcessCPUTime()->Unit(benchmark::kMillisecond)->MinTime(3);
BENCHMARK(read_dir)->UseRealTime()->MeasureProcessCPUTime()->Unit(benchmark::kMillisecond)->MinTime(3);

}  // namespace
}  // namespace forebay::perf

BENCHMARK_MAIN();
