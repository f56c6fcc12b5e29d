// A worker with very many objects starts again, at a master that goes on serving.
//   million_objects [OBJECTS] [DIRECTORY]      default: 1000000, below the temporary directory
// Metadata (one file of one extent for each object) and the worker's directory (empty files, and the index that says that they
// are sealed, as after a kill) are made first. Then the worker is started at a real master over real sockets, while a caller
// creates files and looks them up, one call after the other. Prints how long the store took to open, how long the worker was not
// live, what the calls took meanwhile, and before, and the resident memory of both roles together.
#include <stdlib.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <string>
#include <thread>
#include <vector>

#include "async/loop.h"
#include "async/sync.h"
#include "forebay/v1/namespace.rpc.h"
#include "kv/rocks_store.h"
#include "kv/txn.h"
#include "master/master.h"
#include "master/schema.h"
#include "os/env.h"
#include "worker/store/index_log.h"
#include "worker/store/recovery.h"
#include "worker/worker.h"

namespace forebay::perf {
namespace {

namespace names = v1::namespace_service;
using Clock = std::chrono::steady_clock;

constexpr uint64_t kBytes = 100'000;  // of each object
constexpr uint64_t kBatch = 10'000;   // records written together

double seconds_since(Clock::time_point began) { return std::chrono::duration<double>(Clock::now() - began).count(); }

uint64_t resident_bytes() {
  std::ifstream status("/proc/self/status");
  for (std::string line; std::getline(status, line);)
    if (line.starts_with("VmRSS:")) return std::stoull(line.substr(6)) * 1024;
  return 0;
}

void must(const Result<void>& done) { FOREBAY_CHECK(done.has_value(), done ? "" : done.error().to_string()); }

class Cluster {
 public:
  explicit Cluster(const std::string& directory) : directory_(directory) {}

  void start_master() {
    master::MasterConfig config;
    config.listen = {{.host = "127.0.0.1", .port = 0}};
    config.sessions.lease = std::chrono::hours(24);
    auto open = [this] { return kv::open_rocks_store({.directory = directory_ + "/metadata"}); };
    master_ = std::make_unique<master::Master>(env_, config, open, commit_.executor(), std::vector{server_.executor()},
                                               obs::null_log(), master::no_events());
    must(async::block_on(server_.executor(), master_->start()));
  }
  void start_worker() {
    worker::WorkerConfig config;
    config.listen = {.host = "127.0.0.1", .port = 0};
    config.masters = master_->addresses();
    config.store.tiers = {{.alias = "SSD", .medium = "SSD", .paths = {{directory_ + "/tier", uint64_t{1} << 50}}}};
    worker_ = std::make_unique<worker::Worker>(env_, config, std::vector{worker_loop_.executor()}, obs::null_log(),
                                               worker::no_worker_events(), nullptr);
    must(async::block_on(worker_loop_.executor(), worker_->start()));
  }
  bool is_registered() const { return worker_->is_registered(); }
  void stop_worker() {
    async::block_on(worker_loop_.executor(), stop(worker_.get()));
    worker_.reset();
  }
  void stop_master() {
    async::block_on(server_.executor(), stop(master_.get()));
    master_.reset();
  }

  // What a worker with so many objects leaves, and what a master knows of them.
  void fill(uint64_t objects, WorkerId worker) {
    {
      auto opened = kv::open_rocks_store({.directory = directory_ + "/metadata"});
      FOREBAY_CHECK(opened.has_value(), "the metadata opens");
      for (uint64_t first = 1; first <= objects; first += kBatch) write_records(**opened, first, objects, worker);
    }
    std::vector<worker::IndexRecord> index;
    index.reserve(objects);
    for (uint64_t object = 1; object <= objects; ++object) {
      index.push_back({.object = ObjectId{object}, .length = kBytes, .crc32c = 1});
      auto file = env_.files.open(worker::object_path(directory_ + "/tier", ObjectId{object}), os::OpenMode::kCreateNew);
      FOREBAY_CHECK(file.has_value(), file ? "" : file.error().to_string());
    }
    worker::IndexLog log(env_.files, directory_ + "/tier", env_.host_id);
    must(log.rewrite(index));
  }

  void open_session() {
    v1::OpenSessionRequest request;
    request.set_nonce(1);
    session_ = call<names::OpenSession>(request).session();
  }
  void create(uint64_t number) {
    v1::CreateRequest request;
    request.set_parent(1);
    request.set_name("new-" + std::to_string(number));
    request.set_mode(0644);
    request.set_access(v1::ACCESS_WRITE);
    const v1::OpenReply open = call<names::Create>(request);
    v1::CommitRequest commit;
    commit.set_handle(open.handle());
    commit.set_close(true);
    call<names::Commit>(commit);
  }
  void lookup(uint64_t number) {
    v1::LookupRequest request;
    request.set_parent(1);
    request.set_name("new-" + std::to_string(number));
    call<names::Lookup>(request);
  }
  bool is_live() { return call<names::StatFs>({}).live_workers() == 1 && is_registered(); }

 private:
  template <class Role>
  static Task<bool> stop(Role* role) {
    co_await role->stop();
    co_return true;
  }
  template <class M>
  static Task<typename M::Reply> answer(Cluster* self, typename M::Request request) {
    rpc::Call call;
    call.deadline = self->env_.clock.now() + std::chrono::minutes(1);
    call.context.set_session(self->session_);
    call.context.set_sequence(++self->sequence_);
    Result<rpc::Router::Reply> raw =
        co_await self->master_->router().find(M::kMethod.number)->invoke(std::move(call), request.SerializeAsString());
    FOREBAY_CHECK(raw.has_value(), raw ? "" : raw.error().to_string());
    typename M::Reply reply;
    reply.ParseFromString(raw->message);
    co_return reply;
  }
  template <class M>
  typename M::Reply call(typename M::Request request) {
    return async::block_on(caller_.executor(), answer<M>(this, std::move(request)));
  }
  void write_records(kv::Store& store, uint64_t first, uint64_t objects, WorkerId worker) {
    namespace key = master::key;
    kv::Txn txn(store);
    for (uint64_t object = first; object < first + kBatch && object <= objects; ++object) {
      v1::ObjectRecord record;
      record.set_inode(object + 1);
      record.set_sealed(true);
      record.set_length(kBytes);
      record.set_crc32c(1);
      record.add_workers(worker.value);
      master::write_record(txn, key::object(ObjectId{object}), record);
      txn.put(key::copy(worker, ObjectId{object}), {});
    }
    std::string next;
    append_big_endian(next, objects + 1);
    txn.put(key::counter("object"), std::move(next));
    must(store.write(txn.to_batch()));
  }

  const std::string directory_;
  async::Loop blocking_{"blocking", 4}, commit_{"commit"}, server_{"server"}, worker_loop_{"worker"}, caller_{"caller"};
  os::Env env_{os::real_clock(),   os::real_random(),    os::real_files(),
               os::real_network(), blocking_.executor(), os::real_host_id()};
  std::unique_ptr<master::Master> master_;
  std::unique_ptr<worker::Worker> worker_;
  uint64_t session_ = 0, sequence_ = 0;
};

// One create, close and lookup after the other, until `done`; the times of each round.
template <class Done>
std::vector<double> serve(Cluster& cluster, uint64_t& number, Done done) {
  std::vector<double> took;
  while (!done()) {
    const auto began = Clock::now();
    cluster.create(++number);
    cluster.lookup(number);
    took.push_back(seconds_since(began));
  }
  std::ranges::sort(took);
  return took;
}

void print(const char* when, const std::vector<double>& took) {
  if (took.empty()) return;
  std::printf("%s: %zu rounds of create, close, lookup; median %.2f ms, 99 %% %.2f ms, slowest %.2f ms\n", when, took.size(),
              1e3 * took[took.size() / 2], 1e3 * took[took.size() * 99 / 100], 1e3 * took.back());
  std::fflush(stdout);
}

void wait_until_live(Cluster& cluster) {
  while (!cluster.is_live()) std::this_thread::sleep_for(std::chrono::milliseconds(1));
}

int run(uint64_t objects, const std::string& directory) {
  const auto making = Clock::now();
  {
    Cluster cluster(directory);
    cluster.start_master();
    cluster.start_worker();
    cluster.open_session();
    wait_until_live(cluster);
    cluster.stop_worker();
    cluster.stop_master();
    cluster.fill(objects, WorkerId{1});
  }
  std::printf("made %llu objects in %.1f s\n", static_cast<unsigned long long>(objects), seconds_since(making));
  Cluster cluster(directory);
  cluster.start_master();
  cluster.open_session();
  uint64_t number = 0;
  const auto calm = Clock::now();
  print("before", serve(cluster, number, [&] { return seconds_since(calm) > 2; }));
  const auto began = Clock::now();
  std::atomic<bool> started = false;
  std::thread starting([&] {
    cluster.start_worker();
    started = true;
  });
  print("while the store is opened", serve(cluster, number, [&] { return started.load(); }));
  starting.join();
  const double opened = seconds_since(began);
  print("while it registers", serve(cluster, number, [&] { return cluster.is_live(); }));
  std::printf("store open after %.2f s, worker live after %.2f s; resident memory %.2f GiB\n", opened, seconds_since(began),
              static_cast<double>(resident_bytes()) / static_cast<double>(kGiB));
  cluster.stop_worker();
  cluster.stop_master();
  return 0;
}

}  // namespace
}  // namespace forebay::perf

int main(int argc, char** argv) {
  const uint64_t objects = argc > 1 ? std::stoull(argv[1]) : 1'000'000;
  std::string below =
      (argc > 2 ? std::filesystem::path(argv[2]) : std::filesystem::temp_directory_path()) / "forebay-million-XXXXXX";
  if (mkdtemp(below.data()) == nullptr) return 1;
  const int result = forebay::perf::run(objects, below);
  std::filesystem::remove_all(below);
  return result;
}
