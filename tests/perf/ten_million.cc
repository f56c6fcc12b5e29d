// A master with many files: builds them through the commit loop, dies without a word, starts again.
//   ten_million [FILES] [DIRECTORY]      default: 10000000 files, below the temporary directory
// Each file has an entry, an inode, one extent, one object and one copy; a tenth of them is in one directory. Prints the
// metadata's size on disk; how long the next start took until a call was answered, and the inventory of the worker; the listing
// of the large directory and its removal while others go on creating files; and the resident memory of the master after each of
// these.
#include <fcntl.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "async/loop.h"
#include "async/sync.h"
#include "forebay/v1/cluster.rpc.h"
#include "forebay/v1/namespace.rpc.h"
#include "kv/rocks_store.h"
#include "master/master.h"
#include "os/env.h"

namespace forebay::perf {
namespace {

namespace names = v1::namespace_service;
namespace clusters = v1::cluster_service;
using Seconds = std::chrono::duration<double>;

constexpr uint64_t kFilesPerDirectory = 1'000;
constexpr int kOutstanding = 256;
constexpr int kReads = 200'000;
constexpr uint64_t kFileBytes = 100'000;
constexpr int kInventoryPage = 10'000;

uint32_t checksum_of(uint64_t object) { return static_cast<uint32_t>(object * 2'654'435'761u); }

uint64_t resident_bytes() {
  std::ifstream status("/proc/self/status");
  for (std::string line; std::getline(status, line);)
    if (line.starts_with("VmRSS:")) return std::stoull(line.substr(6)) * 1024;
  return 0;
}

uint64_t bytes_below(const std::string& directory) {
  uint64_t bytes = 0;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(directory))
    if (entry.is_regular_file()) bytes += entry.file_size();
  return bytes;
}

double seconds_since(std::chrono::steady_clock::time_point began) {
  return Seconds(std::chrono::steady_clock::now() - began).count();
}

class Serving {
 public:
  explicit Serving(const std::string& directory) {
    master::MasterConfig config;
    config.sessions.lease = std::chrono::hours(24);
    config.workers.lost_after = std::chrono::hours(24);
    auto open = [directory] { return kv::open_rocks_store({.directory = directory}); };
    master_ = std::make_unique<master::Master>(env_, config, open, commit_.executor(), std::vector{server_.executor()},
                                               obs::null_log(), master::no_events());
    const Result<void> started = async::block_on(server_.executor(), master_->start());
    FOREBAY_CHECK(started.has_value(), started ? "" : started.error().to_string());
  }

  template <class M>
  static Task<typename M::Reply> call(Serving* self, typename M::Request request) {
    rpc::Call call;
    call.deadline = self->env_.clock.now() + std::chrono::minutes(10);
    call.context.set_session(self->session_);
    call.context.set_sequence(++self->sequence_);
    const auto* entry = self->master_->router().find(M::kMethod.number);
    Result<rpc::Router::Reply> raw = co_await entry->invoke(std::move(call), request.SerializeAsString());
    FOREBAY_CHECK(raw.has_value(), raw ? "" : raw.error().to_string());
    typename M::Reply reply;
    reply.ParseFromString(raw->message);
    co_return reply;
  }
  template <class T>
  T wait(Task<T> task) {
    return async::block_on(server_.executor(), std::move(task));
  }

  void open_session(uint64_t nonce) {
    v1::OpenSessionRequest request;
    request.set_nonce(nonce);
    const v1::OpenSessionReply opened = wait(call<names::OpenSession>(this, request));
    session_ = opened.session();
    cluster_ = opened.cluster();
  }
  // The client of the first life is gone for good: nothing counts as open on its account.
  void end_session(uint64_t nonce) {
    open_session(nonce);
    v1::CloseSessionRequest request;
    request.set_session(session_);
    wait(call<names::CloseSession>(this, request));
  }
  // A new one (id 0), or one that was started again and holds the objects from 1 to `objects`.
  void add_worker(uint64_t id, uint64_t objects) {
    v1::RegisterWorkerRequest request;
    request.set_worker(id);
    if (id != 0) request.set_cluster(cluster_);
    request.mutable_address()->set_address("nowhere:1");
    request.mutable_address()->set_host_id("nowhere");
    request.set_start_nonce(1);
    request.add_tiers()->set_available_bytes(uint64_t{1} << 60);
    const v1::RegisterWorkerReply registered = wait(call<clusters::RegisterWorker>(this, request));
    worker_ = registered.worker();
    registration_ = registered.registration();
    for (uint64_t from = 0; from <= objects; from += kInventoryPage) report_page(from, objects);
  }

  void build(uint64_t files) {
    const auto began = std::chrono::steady_clock::now();
    large_left_ = files / 10;
    left_ = files - large_left_;
    large_ = wait(make_directory(this, "large"));
    wait(run_all(this, &Serving::builder));
    std::printf("built %llu files in %.1f s (%.0f files/s)\n", static_cast<unsigned long long>(files), seconds_since(began),
                static_cast<double>(files) / seconds_since(began));
  }
  void read_at_random() {
    left_ = kReads;
    wait(run_all(this, &Serving::reader));
  }
  uint64_t lookup(const std::string& name) {
    v1::LookupRequest request;
    request.set_parent(1);
    request.set_name(name);
    return wait(call<names::Lookup>(this, request)).attr().inode();
  }
  uint64_t list(uint64_t directory) {
    uint64_t entries = 0;
    v1::ReadDirRequest request;
    request.set_inode(directory);
    request.set_attributes(true);
    for (v1::ReadDirReply page; !page.end();) {
      page = wait(call<names::ReadDir>(this, request));
      entries += static_cast<uint64_t>(page.entries_size());
      if (page.entries_size() > 0) request.set_after(page.entries(page.entries_size() - 1).name());
    }
    return entries;
  }
  void remove_tree(const std::string& name) {
    v1::RemoveTreeRequest request;
    request.set_parent(1);
    request.set_name(name);
    wait(call<names::RemoveTree>(this, request));
  }
  // Until so few inodes are left, one file after the other is created; the longest that one of them took, and how many there
  // were.
  std::pair<double, uint64_t> create_until(uint64_t inodes) {
    const uint64_t directory = lookup("d0");
    double longest = 0;
    uint64_t created = 0;
    while (files() > inodes + created) {
      const auto began = std::chrono::steady_clock::now();
      wait(write_file(this, directory, 1'000'000 + created++));
      longest = std::max(longest, seconds_since(began));
    }
    return {longest, created};
  }
  // Does what the master asks the worker to do until nothing is left of it.
  uint64_t delete_objects() {
    uint64_t deleted = 0;
    v1::WorkerHeartbeatRequest request;
    request.set_worker(worker_);
    request.set_registration(registration_);
    request.add_tiers()->set_available_bytes(uint64_t{1} << 60);
    for (bool more = true; more;) {
      const v1::WorkerHeartbeatReply reply = wait(call<clusters::WorkerHeartbeat>(this, request));
      request.clear_removed();
      for (const v1::Duty& duty : reply.duties())
        if (duty.remove()) request.add_removed(duty.object());
      deleted += static_cast<uint64_t>(request.removed_size());
      more = request.removed_size() > 0;
    }
    return deleted;
  }
  uint64_t files() {
    v1::Empty request;
    return wait(call<names::StatFs>(this, request)).files();
  }

 private:
  static Task<bool> run_all(Serving* self, Task<void> (*actor)(Serving*)) {
    self->running_ = kOutstanding;
    self->done_ = std::make_unique<async::Event>();
    for (int i = 0; i < kOutstanding; ++i) async::spawn_detached(self->server_.executor(), actor(self));
    co_await self->done_->wait();
    co_return true;
  }
  void finished() {
    if (--running_ == 0) done_->set();
  }
  void report_page(uint64_t from, uint64_t objects) {
    v1::ReportInventoryRequest page;
    page.set_worker(worker_);
    page.set_registration(registration_);
    page.set_from(from);
    page.set_last(objects < from + kInventoryPage);
    page.set_to(page.last() ? UINT64_MAX : from + kInventoryPage);
    for (uint64_t object = std::max<uint64_t>(from, 1); object < from + kInventoryPage && object <= objects; ++object) {
      v1::StoredObject& stored = *page.add_objects();
      stored.set_object(object);
      stored.set_length(kFileBytes);
      stored.set_sealed(true);
      stored.set_crc32c(checksum_of(object));
    }
    wait(call<clusters::ReportInventory>(this, page));
  }
  static Task<uint64_t> make_directory(Serving* self, std::string name) {
    v1::MakeDirRequest directory;
    directory.set_parent(1);
    directory.set_name(std::move(name));
    directory.set_mode(0755);
    const v1::AttrReply made = co_await call<names::MakeDir>(self, directory);
    co_return made.attr().inode();
  }
  // Each actor makes whole directories; then all fill the large one.
  static Task<void> builder(Serving* self) {
    while (self->left_ > 0) {
      const uint64_t files = std::min(self->left_, kFilesPerDirectory);
      self->left_ -= files;
      const uint64_t directory = co_await make_directory(self, "d" + std::to_string(self->directories_++));
      for (uint64_t i = 0; i < files; ++i) co_await write_file(self, directory, i);
    }
    while (self->large_left_ > 0) {
      const uint64_t number = self->large_left_--;
      co_await write_file(self, self->large_, number);
    }
    self->finished();
  }
  static Task<bool> write_file(Serving* self, uint64_t parent, uint64_t number) {
    v1::CreateRequest create;
    create.set_parent(parent);
    create.set_name("part-" + std::to_string(100'000 + number) + ".parquet");
    create.set_mode(0644);
    create.set_access(v1::ACCESS_WRITE);
    create.mutable_placement()->set_bytes(kMiB);
    const v1::OpenReply open = co_await call<names::Create>(self, create);
    v1::CommitRequest commit;
    commit.set_handle(open.handle());
    v1::Extent& extent = *commit.add_extents()->mutable_extent();
    extent.set_length(kFileBytes);
    extent.set_object(open.grants(0).object());
    v1::SealedObject& sealed = *commit.add_sealed();
    sealed.set_object(open.grants(0).object());
    sealed.set_length(kFileBytes);
    sealed.set_crc32c(checksum_of(open.grants(0).object()));
    commit.set_close(true);
    co_await call<names::Commit>(self, commit);
    co_return true;
  }
  static Task<void> reader(Serving* self) {
    const uint64_t inodes = self->inodes_;
    while (self->left_ > 0) {
      --self->left_;
      v1::ReadDirRequest request;
      request.set_inode(1);
      request.set_limit(1);
      request.set_after("d" + std::to_string(self->env_.random.below(inodes / kFilesPerDirectory + 1)));
      request.set_attributes(true);
      const v1::ReadDirReply page = co_await call<names::ReadDir>(self, request);
      if (page.entries_size() == 0) continue;
      v1::LookupRequest lookup;
      lookup.set_parent(page.entries(0).inode());
      lookup.set_name("part-" + std::to_string(100'000 + self->env_.random.below(kFilesPerDirectory)) + ".parquet");
      rpc::Call call;
      call.deadline = self->env_.clock.now() + std::chrono::minutes(1);
      co_await self->master_->router().find(names::Lookup::kMethod.number)->invoke(std::move(call), lookup.SerializeAsString());
    }
    self->finished();
  }

 public:
  uint64_t inodes_ = 0;

 private:
  async::Loop blocking_{"blocking", 2}, commit_{"commit"}, server_{"server"};
  os::Env env_{os::real_clock(), os::real_random(), os::real_files(), os::real_network(), blocking_.executor(), "host"};
  std::unique_ptr<master::Master> master_;
  std::string cluster_;
  uint64_t session_ = 0, sequence_ = 0, worker_ = 0, registration_ = 0;
  uint64_t left_ = 0, large_ = 0, large_left_ = 0, directories_ = 0;
  int running_ = 0;
  std::unique_ptr<async::Event> done_;
};

void print_memory(const char* when) {
  std::printf("resident memory %s: %.2f GiB\n", when, static_cast<double>(resident_bytes()) / static_cast<double>(kGiB));
  std::fflush(stdout);
}

void build(const std::string& directory, uint64_t files) {
  Serving serving(directory);
  serving.open_session(1);
  serving.add_worker(0, 0);
  serving.build(files);
  print_memory("after building");
  std::printf("metadata on disk: %.2f GiB\n", static_cast<double>(bytes_below(directory)) / static_cast<double>(kGiB));
  std::fflush(stdout);
  _exit(0);  // as if killed: nothing is flushed, nothing is closed
}

void list_large(Serving& serving, uint64_t expected) {
  const auto began = std::chrono::steady_clock::now();
  const uint64_t listed = serving.list(serving.lookup("large"));
  FOREBAY_CHECK(listed == expected, "every entry is listed");
  std::printf("ls -l of %llu entries: %.1f s\n", static_cast<unsigned long long>(listed), seconds_since(began));
  print_memory("after the listing");
}

void remove_large(Serving& serving, uint64_t entries) {
  const uint64_t before = serving.files();
  const auto began = std::chrono::steady_clock::now();
  serving.remove_tree("large");
  std::printf("rm -r of %llu entries: answered in %.1f ms\n", static_cast<unsigned long long>(entries),
              1e3 * seconds_since(began));
  const auto [longest, created] = serving.create_until(before - entries - 1);
  std::printf("its inodes are gone after %.1f s; %llu files were written meanwhile, the slowest took %.1f ms\n",
              seconds_since(began), static_cast<unsigned long long>(created), 1e3 * longest);
  const auto deleting = std::chrono::steady_clock::now();
  const uint64_t deleted = serving.delete_objects();
  std::printf("%llu objects deleted by the worker: %.1f s\n", static_cast<unsigned long long>(deleted), seconds_since(deleting));
  FOREBAY_CHECK(deleted == entries, "every object is given back");
  print_memory("after the removal");
}

void serve(const std::string& directory, uint64_t files) {
  const auto began = std::chrono::steady_clock::now();
  Serving serving(directory);
  FOREBAY_CHECK(serving.lookup("d0") != 0, "the first directory is there");
  std::printf("start until the first answer: %.2f s\n", seconds_since(began));
  print_memory("after the start");
  serving.inodes_ = serving.files();
  FOREBAY_CHECK(serving.inodes_ >= files, "every file is there");
  const auto reporting = std::chrono::steady_clock::now();
  serving.end_session(1);
  serving.open_session(2);
  serving.add_worker(1, files);
  std::printf("inventory of the worker: %.1f s\n", seconds_since(reporting));
  const auto reading = std::chrono::steady_clock::now();
  serving.read_at_random();
  std::printf("%d random lookups and listings: %.1f s\n", kReads, seconds_since(reading));
  print_memory("after random reads");
  list_large(serving, files / 10);
  remove_large(serving, files / 10);
  _exit(0);
}

int run_child(void (*function)(const std::string&, uint64_t), const std::string& directory, uint64_t files) {
  std::fflush(stdout);
  const pid_t child = fork();  // no thread exists yet
  if (child == 0) function(directory, files);
  int status = 0;
  waitpid(child, &status, 0);
  return WIFEXITED(status) ? WEXITSTATUS(status) : 1;
}

int run(int count, char** arguments) {
  const uint64_t files = count > 1 ? std::stoull(arguments[1]) : 10'000'000;
  const std::filesystem::path base = count > 2 ? std::filesystem::path(arguments[2]) : std::filesystem::temp_directory_path();
  std::string name = base / "forebay-files-XXXXXX";
  const std::string directory = mkdtemp(name.data());
  int failed = run_child(build, directory + "/metadata", files);
  if (failed == 0) failed = run_child(serve, directory + "/metadata", files);
  std::filesystem::remove_all(directory);
  return failed;
}

}  // namespace
}  // namespace forebay::perf

int main(int count, char** arguments) { return forebay::perf::run(count, arguments); }
