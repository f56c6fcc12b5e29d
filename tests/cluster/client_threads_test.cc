// The client on real threads, sockets and files, used from many threads at once.
#include <gtest/gtest.h>
#include <stdlib.h>

#include <filesystem>
#include <thread>

#include "async/loop.h"
#include "client/client.h"
#include "kv/memory_store.h"
#include "master/master.h"
#include "os/sim_random.h"
#include "worker/worker.h"

namespace forebay::cluster {
namespace {

const client::Identity kSuperuser;

// Master, one worker and one client, each with threads of its own. `short_circuit`: whether the client uses descriptors.
class ThreadedCluster {
 public:
  explicit ThreadedCluster(bool short_circuit) {
    char pattern[] = "/tmp/forebay-client-threads-XXXXXX";
    directory_ = ::mkdtemp(pattern);
    env_.emplace(
        os::Env{os::real_clock(), os::real_random(), os::real_files(), os::real_network(), blocking_.executor(), "this host"});
    start_master();
    start_worker();
    start_client(short_circuit);
  }
  ~ThreadedCluster() {
    on(client_one_, client_->stop());
    client_.reset();
    on(server_, worker_->stop());
    worker_.reset();
    on(server_, master_->stop());
    master_.reset();
    for (async::Loop* loop : {&client_one_, &client_two_, &server_, &commit_, &blocking_}) loop->stop();
    std::filesystem::remove_all(directory_);
  }

  template <class T>
  T run(size_t thread, Task<T> task) {
    return async::block_on((thread % 2 == 0 ? client_one_ : client_two_).executor(), std::move(task));
  }
  client::Client& client() { return *client_; }

 private:
  static Task<bool> done(Task<void> task) {
    co_await std::move(task);
    co_return true;
  }
  void on(async::Loop& loop, Task<void> task) { async::block_on(loop.executor(), done(std::move(task))); }
  void must(Result<void> result) { ASSERT_TRUE(result) << result.error().to_string(); }

  void start_master() {
    master::MasterConfig config;
    config.listen = {{.host = "127.0.0.1", .port = 0, .path = {}}};
    config.version = "test";
    master_ = std::make_unique<master::Master>(
        *env_, config, [disk = disk_] { return disk->open(); }, commit_.executor(), std::vector{server_.executor()},
        obs::null_log(), master::no_events());
    must(async::block_on(server_.executor(), master_->start()));
  }
  void start_worker() {
    worker::WorkerConfig config;
    config.listen = {.host = "127.0.0.1", .port = 0, .path = {}};
    config.unix_listen = {.host = {}, .port = 0, .path = directory_ + "/worker.sock"};
    config.masters = master_->addresses();
    config.store.tiers = {{.alias = "SSD", .medium = "SSD", .paths = {{.path = directory_ + "/tier", .quota_bytes = kGiB}}}};
    worker_ = std::make_unique<worker::Worker>(*env_, config, std::vector{server_.executor()}, obs::null_log(),
                                               worker::no_worker_events(), nullptr);
    must(async::block_on(server_.executor(), worker_->start()));
    while (!worker_->is_registered()) std::this_thread::yield();
  }
  void start_client(bool short_circuit) {
    client::ClientConfig config;
    config.masters = master_->addresses();
    config.name = "threads";
    config.short_circuit = short_circuit;
    config.first_object_bytes = 64 * kKiB;
    config.object_bytes = 512 * kKiB;
    config.write_buffer_bytes = 4 * kMiB;
    config.descriptor_from_bytes = 16 * kKiB;
    auto started =
        async::block_on(client_one_.executor(),
                        client::Client::start(*env_, obs::null_log(), config, {client_one_.executor(), client_two_.executor()}));
    ASSERT_TRUE(started) << started.error().to_string();
    client_ = *std::move(started);
  }

  std::string directory_;
  std::shared_ptr<kv::MemoryDisk> disk_ = kv::MemoryDisk::create();
  async::Loop blocking_{"blocking", 2}, commit_{"commit"}, server_{"server"}, client_one_{"client 1"}, client_two_{"client 2"};
  std::optional<os::Env> env_;
  std::unique_ptr<master::Master> master_;
  std::unique_ptr<worker::Worker> worker_;
  std::unique_ptr<client::Client> client_;
};

// Writes a file of its own in random pieces, reading back, and closes and compares it, again and again.
std::string own_files(ThreadedCluster& cluster, size_t thread, int rounds) {
  os::SimRandom random(thread + 1);
  for (int round = 0; round < rounds; ++round) {
    const std::string name = "own " + std::to_string(thread) + " " + std::to_string(round);
    auto created = cluster.run(thread, cluster.client().create(kSuperuser, kRootInode, name, 0644, {.write = true}, true));
    if (!created) return created.error().to_string();
    std::string model;
    for (int i = 0; i < 30; ++i) {
      const uint64_t offset = random.below(model.size() + 1'000);
      const std::string data(random.below(60'000) + 1, static_cast<char>(random.next()));
      if (model.size() < offset + data.size()) model.resize(offset + data.size());
      model.replace(offset, data.size(), data);
      Result<void> written = cluster.run(thread, created->file->pwrite(as_bytes(data), offset));
      if (!written) return written.error().to_string();
      if (random.below(10) == 0) {
        Result<void> synced = cluster.run(thread, created->file->fsync(v1::DURABILITY_UNSPECIFIED));
        if (!synced) return synced.error().to_string();
      }
      std::string text(data.size(), '#');
      auto read = cluster.run(thread + 1, created->file->pread(std::as_writable_bytes(std::span(text)), offset));
      if (!read) return read.error().to_string();
      if (text != data) return "read back other bytes";
    }
    Result<void> closed = cluster.run(thread, created->file->close());
    if (!closed) return closed.error().to_string();
    auto opened = cluster.run(thread, cluster.client().open(kSuperuser, created->file->inode(), {}));
    if (!opened) return opened.error().to_string();
    std::string text(model.size() + 10, '#');
    auto read = cluster.run(thread, (*opened)->pread(std::as_writable_bytes(std::span(text)), 0));
    if (!read) return read.error().to_string();
    text.resize(*read);
    if (text != model) return "closed file holds other bytes";
    closed = cluster.run(thread, (*opened)->close());
    if (!closed) return closed.error().to_string();
  }
  return "";
}

// Appends lines of its own to a file that all threads share, through a handle of its own.
std::string shared_lines(ThreadedCluster& cluster, size_t thread, int lines) {
  client::OpenFlags flags{.read = false, .write = true, .append = true};
  auto created = cluster.run(thread, cluster.client().create(kSuperuser, kRootInode, "shared", 0644, flags, false));
  if (!created) return created.error().to_string();
  for (int i = 0; i < lines; ++i) {
    const std::string line = std::to_string(thread) + " " + std::to_string(i) + "\n";
    Result<void> appended = cluster.run(thread, created->file->append(as_bytes(line)));
    if (!appended) return appended.error().to_string();
    if (i % 16 == 0) {
      Result<void> flushed = cluster.run(thread, created->file->flush());
      if (!flushed) return flushed.error().to_string();
    }
  }
  Result<void> closed = cluster.run(thread, created->file->close());
  return closed ? "" : closed.error().to_string();
}

class ClientThreads : public ::testing::TestWithParam<bool> {
 protected:
  template <class Program>
  void run_threads(size_t count, Program program) {
    std::vector<std::string> wrong(count);
    std::vector<std::thread> threads;
    for (size_t i = 0; i < count; ++i) threads.emplace_back([&, i] { wrong[i] = program(i); });
    for (std::thread& thread : threads) thread.join();
    for (size_t i = 0; i < count; ++i) EXPECT_EQ(wrong[i], "") << "thread " << i;
  }
};

TEST_P(ClientThreads, files_of_their_own_hold_what_each_wrote) {
  ThreadedCluster cluster(GetParam());
  run_threads(4, [&](size_t thread) { return own_files(cluster, thread, 6); });
}

TEST_P(ClientThreads, a_shared_file_holds_every_appended_line_once_and_in_its_writers_order) {
  constexpr size_t kThreads = 4;
  constexpr int kLines = 200;
  ThreadedCluster cluster(GetParam());
  run_threads(kThreads, [&](size_t thread) { return shared_lines(cluster, thread, kLines); });
  auto found = cluster.run(0, cluster.client().lookup(kSuperuser, kRootInode, "shared"));
  ASSERT_TRUE(found) << found.error().to_string();
  auto file = cluster.run(0, cluster.client().open(kSuperuser, InodeId{found->inode()}, {}));
  ASSERT_TRUE(file);
  std::string text(found->size(), '#');
  auto read = cluster.run(0, (*file)->pread(std::as_writable_bytes(std::span(text)), 0));
  ASSERT_TRUE(read) << read.error().to_string();
  std::vector<int> next(kThreads);
  std::istringstream in(text);
  size_t thread = 0, lines = 0;
  for (int number = 0; in >> thread >> number; ++lines) {
    ASSERT_LT(thread, kThreads);
    ASSERT_EQ(number, next[thread]++);
  }
  EXPECT_EQ(lines, kThreads * kLines);
}

INSTANTIATE_TEST_SUITE_P(carriers, ClientThreads, ::testing::Bool(),
                         [](const auto& with) { return with.param ? "descriptor" : "stream"; });

}  // namespace
}  // namespace forebay::cluster
