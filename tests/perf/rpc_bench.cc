// Cost of a call and of a byte, beside bare sockets measured in the same run. Client and server share the process, each on
// threads of its own.
//   rpc_bench [--benchmark_filter=…]
// "Time" is what a caller waits; "CPU" is what client and server use together, and is the figure to compare on a busy machine.
#include <benchmark/benchmark.h>
#include <stdlib.h>

#include <filesystem>

#include "async/loop.h"
#include "async/sync.h"
#include "forebay/v1/namespace.rpc.h"
#include "forebay/v1/worker.rpc.h"
#include "os/env.h"
#include "plain_sockets.h"
#include "rpc/channel.h"
#include "rpc/server.h"

namespace forebay::perf {
namespace {

using v1::namespace_service::Lookup;
using v1::worker_service::WriteObject;
using Kind = PlainSockets::Kind;

constexpr Duration kBusyPoll = std::chrono::microseconds(50);  // the default of forebay.rpc.busy_poll
constexpr size_t kPiece = 1 << 20;
constexpr uint64_t kFileBytes = 256 << 20;
constexpr int kCallsPerIteration = 1'000;
constexpr int kPiecesPerIteration = 256;

std::string memory_directory() {
  char name[] = "/dev/shm/forebay-bench-XXXXXX";
  return mkdtemp(name);
}

// A server whose handlers do nothing, or one write to a file in memory.
class World {
 public:
  explicit World(Kind kind, Duration busy_poll = kBusyPoll)
      : directory_(memory_directory()), client_("client", 1, busy_poll), serving_("server", 1, busy_poll) {
    file_ = std::move(*env_.files.open(directory_ + "/file", os::OpenMode::kCreate));
    router_.handle<Lookup>(lookup);
    router_.handle<WriteObject>([this](rpc::Call call, v1::WriteObjectRequest request) {
      return write(file_.get(), std::move(call), std::move(request));
    });
    server_ = std::make_unique<rpc::Server>(env_, router_, rpc::ServerConfig(), std::vector{serving_.executor()}, nullptr);
    os::Address at = kind == Kind::kTcp ? os::Address{.host = "127.0.0.1"} : os::Address{.path = directory_ + "/socket"};
    channel_ = std::make_unique<rpc::Channel>(env_, *server_->listen(at), rpc::ChannelConfig(), client_.executor());
  }
  ~World() {
    async::block_on(client_.executor(), stop(this));
    client_.stop();
    serving_.stop();
    std::filesystem::remove_all(directory_);
  }
  rpc::Channel& channel() { return *channel_; }
  async::Executor client() { return client_.executor(); }

 private:
  static Task<Result<rpc::Answer<v1::AttrReply>>> lookup(rpc::Call, v1::LookupRequest request) {
    v1::AttrReply reply;
    reply.mutable_attr()->set_inode(request.parent() + 1);
    co_return reply;
  }
  static Task<Result<rpc::Answer<v1::WriteObjectReply>>> write(os::File* file, rpc::Call call, v1::WriteObjectRequest request) {
    CO_TRY(file->write_at(call.payload.view(), request.offset()));
    co_return v1::WriteObjectReply();
  }
  static Task<bool> stop(World* self) {
    co_await self->channel_->stop();
    co_await self->server_->stop();
    co_return true;
  }

  std::string directory_;
  async::Loop client_, serving_;
  os::Env env_{os::real_clock(), os::real_random(), os::real_files(), os::real_network(), client_.executor(), "host"};
  std::unique_ptr<os::File> file_;
  rpc::Router router_;
  std::unique_ptr<rpc::Server> server_;
  std::unique_ptr<rpc::Channel> channel_;
};

v1::LookupRequest a_lookup() {
  v1::LookupRequest request;
  request.set_parent(1234567);
  request.set_name("file-000001");
  return request;
}

Task<bool> call_in_turn(rpc::Channel* channel, int calls) {
  bool good = true;
  for (int i = 0; i < calls; ++i) {
    Task<Result<rpc::Received<v1::AttrReply>>> calling = channel->call<Lookup>(a_lookup());
    auto reply = co_await std::move(calling);
    good = good && reply.has_value();
  }
  co_return good;
}

// One caller, one call after the other, as a coroutine of the channel's executor.
void unary(benchmark::State& state, Kind kind, Duration busy_poll = kBusyPoll) {
  World world(kind, busy_poll);
  for (auto _ : state)
    if (!async::block_on(world.client(), call_in_turn(&world.channel(), kCallsPerIteration)))
      state.SkipWithError("a call failed");
  state.SetItemsProcessed(state.iterations() * kCallsPerIteration);
}

// The same from a thread that blocks for each call, as FUSE and the CLI do.
void unary_blocking(benchmark::State& state, Kind kind) {
  World world(kind);
  for (auto _ : state)
    for (int i = 0; i < kCallsPerIteration; ++i)
      if (!async::block_on(world.client(), call_in_turn(&world.channel(), 1))) state.SkipWithError("a call failed");
  state.SetItemsProcessed(state.iterations() * kCallsPerIteration);
}

void unary_plain(benchmark::State& state, Kind kind) {
  PlainSockets sockets(kind, PlainSockets::Work::kEcho);
  for (auto _ : state)
    for (int i = 0; i < kCallsPerIteration; ++i) sockets.exchange(80);
  state.SetItemsProcessed(state.iterations() * kCallsPerIteration);
}

Task<void> call_part(rpc::Channel* channel, int calls, std::atomic<int>* left, async::Event* all) {
  Task<bool> calling = call_in_turn(channel, calls);
  co_await std::move(calling);
  if (--*left == 0) all->set();
}

Task<bool> call_together(rpc::Channel* channel, int callers, int calls) {
  async::Executor executor = co_await async::current_executor();
  std::atomic<int> left = callers;
  async::Event all;
  for (int i = 0; i < callers; ++i) async::spawn_detached(executor, call_part(channel, calls, &left, &all));
  co_await all.wait();
  co_return true;
}

// Many calls outstanding on one connection.
void pipelined(benchmark::State& state, Kind kind) {
  World world(kind);
  int callers = static_cast<int>(state.range(0));
  for (auto _ : state) async::block_on(world.client(), call_together(&world.channel(), callers, kCallsPerIteration));
  state.SetItemsProcessed(state.iterations() * kCallsPerIteration * callers);
}

Task<void> write_part(rpc::Channel* channel, uint64_t first, uint64_t step, Bytes piece, int* left, async::Event* all) {
  for (uint64_t i = first; i < kPiecesPerIteration; i += step) {
    v1::WriteObjectRequest request;
    request.set_object(1);
    request.set_offset(i * kPiece % kFileBytes);
    Task<Result<rpc::Received<v1::WriteObjectReply>>> writing =
        channel->call<WriteObject>(std::move(request), {.payload = piece});
    auto written = co_await std::move(writing);
    if (!written) std::abort();
  }
  if (--*left == 0) all->set();
}

Task<bool> write_all(rpc::Channel* channel, int window, Bytes piece) {
  async::Executor executor = co_await async::current_executor();
  int left = window;
  async::Event all;
  for (int i = 0; i < window; ++i)
    async::spawn_detached(executor,
                          write_part(channel, static_cast<uint64_t>(i), static_cast<uint64_t>(window), piece, &left, &all));
  co_await all.wait();
  co_return true;
}

// Frames of 1 MiB, a window of 8, over one connection into a file in memory, checksums included.
void payloads(benchmark::State& state, Kind kind) {
  World world(kind);
  std::string piece(kPiece, 'x');
  for (auto _ : state) async::block_on(world.client(), write_all(&world.channel(), 8, as_bytes(piece)));
  state.SetBytesProcessed(state.iterations() * kPiecesPerIteration * static_cast<int64_t>(kPiece));
}

void payloads_plain(benchmark::State& state, Kind kind) {
  std::string directory = memory_directory();
  {
    PlainSockets sockets(kind, PlainSockets::Work::kStore, directory + "/file");
    std::string piece(kPiece, 'x');
    for (auto _ : state) {
      for (int i = 0; i < kPiecesPerIteration; ++i) sockets.send(piece.data(), piece.size());
      sockets.wait_for(kPiecesPerIteration);
    }
    state.SetBytesProcessed(state.iterations() * kPiecesPerIteration * static_cast<int64_t>(kPiece));
  }
  std::filesystem::remove_all(directory);
}

BENCHMARK_CAPTURE(unary_plain, tcp, Kind::kTcp)->MeasureProcessCPUTime()->UseRealTime();
BENCHMARK_CAPTURE(unary, tcp_sleeping, Kind::kTcp, Duration{0})->MeasureProcessCPUTime()->UseRealTime();
BENCHMARK_CAPTURE(unary, tcp, Kind::kTcp)->MeasureProcessCPUTime()->UseRealTime();
BENCHMARK_CAPTURE(unary_blocking, tcp, Kind::kTcp)->MeasureProcessCPUTime()->UseRealTime();
BENCHMARK_CAPTURE(unary_plain, unix, Kind::kUnix)->MeasureProcessCPUTime()->UseRealTime();
BENCHMARK_CAPTURE(unary, unix_sleeping, Kind::kUnix, Duration{0})->MeasureProcessCPUTime()->UseRealTime();
BENCHMARK_CAPTURE(unary, unix, Kind::kUnix)->MeasureProcessCPUTime()->UseRealTime();
BENCHMARK_CAPTURE(unary_blocking, unix, Kind::kUnix)->MeasureProcessCPUTime()->UseRealTime();
BENCHMARK_CAPTURE(pipelined, tcp, Kind::kTcp)->Arg(64)->MeasureProcessCPUTime()->UseRealTime();
BENCHMARK_CAPTURE(pipelined, unix, Kind::kUnix)->Arg(64)->MeasureProcessCPUTime()->UseRealTime();
BENCHMARK_CAPTURE(payloads_plain, tcp, Kind::kTcp)->MeasureProcessCPUTime()->UseRealTime();
BENCHMARK_CAPTURE(payloads, tcp, Kind::kTcp)->MeasureProcessCPUTime()->UseRealTime();
BENCHMARK_CAPTURE(payloads_plain, unix, Kind::kUnix)->MeasureProcessCPUTime()->UseRealTime();
BENCHMARK_CAPTURE(payloads, unix, Kind::kUnix)->MeasureProcessCPUTime()->UseRealTime();

}  // namespace
}  // namespace forebay::perf

BENCHMARK_MAIN();
