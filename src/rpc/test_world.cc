#include "rpc/test_world.h"

#include <stdexcept>
#include <thread>

namespace forebay::rpc {
namespace {

Task<Result<Answer<v1::DirEntry>>> fail(Call, v1::ResolveRequest request) {
  co_return stale("view of '" + request.path() + "' is old");
}

Task<Result<Answer<v1::DirEntry>>> fail_by_throwing(Call, v1::ResolveRequest) {
  throw std::runtime_error("thrown");
  co_return v1::DirEntry();
}

Task<Result<Answer<v1::DirEntry>>> answer_too_much(Call, v1::ResolveRequest) {
  co_return Answer<v1::DirEntry>(v1::DirEntry(), Payload::allocate(17));
}

Task<void> wake_when_abandoned(std::shared_ptr<async::OneShot<bool>> done, async::Event* release) {
  co_await release->wait();
  done->set(true);
}

}  // namespace

TestHandlers::TestHandlers() {
  router.handle<Echo>([this](Call call, v1::ResolveRequest request) { return echo(this, std::move(call), std::move(request)); });
  router.handle<EchoPayload>(
      [this](Call call, v1::ResolveRequest request) { return echo(this, std::move(call), std::move(request)); });
  router.handle<PassDescriptor>(
      [this](Call call, v1::ResolveRequest request) { return echo(this, std::move(call), std::move(request)); });
  router.handle<Wait>([this](Call call, v1::ResolveRequest request) { return wait(this, std::move(call), std::move(request)); });
  router.handle<Fail>(fail);
  router.handle<Throw>(fail_by_throwing);
  router.handle<TooMuchPayload>(answer_too_much);
}

Task<Result<Answer<v1::DirEntry>>> TestHandlers::echo(TestHandlers* self, Call call, v1::ResolveRequest request) {
  Answer<v1::DirEntry> answer{v1::DirEntry()};
  answer.message.set_name(request.path());
  answer.payload = std::move(call.payload);
  if (request.path() == "descriptor") {
    answer.descriptor = self->file->descriptor();
    answer.descriptor_owner = self->file;
  }
  if (request.path() == "yield") co_await async::yield();
  std::lock_guard lock(self->mutex);
  if (call.is_one_of_few) ++self->few;
  self->last = std::move(call);
  co_return answer;
}

Task<Result<Answer<v1::DirEntry>>> TestHandlers::wait(TestHandlers* self, Call call, v1::ResolveRequest request) {
  auto done = std::make_shared<async::OneShot<bool>>();
  async::Executor executor = co_await async::current_executor();
  async::spawn_detached(executor, wake_when_abandoned(done, &self->release));
  ++self->waiting;
  bool released = false;
  {
    std::stop_callback on_stop(call.abandoned, [done] { done->set(false); });
    Task<bool> waiting = done->wait();
    released = co_await std::move(waiting);
  }
  --self->waiting;
  ++(released ? self->finished : self->abandoned);
  v1::DirEntry entry;
  entry.set_name(request.path());
  co_return entry;
}

RawPeer::RawPeer(os::Network& network, async::Executor executor, const os::Address& to) : executor_(executor) {
  os::Instant deadline = os::Instant(std::chrono::steady_clock::now()) + std::chrono::seconds(10);
  auto connection = async::block_on(executor_, network.connect(to, deadline));
  EXPECT_TRUE(connection) << connection.error().to_string();
  connection_ = std::move(*connection);
}

RawPeer::RawPeer(async::Executor executor, std::unique_ptr<os::Connection> connection)
    : executor_(std::move(executor)), connection_(std::move(connection)) {}

RawPeer::~RawPeer() {
  async::block_on(executor_, [](os::Connection* connection) -> Task<bool> {
    connection->close();
    co_return true;
  }(connection_.get()));
}

Task<Result<void>> RawPeer::send_task(os::Connection* connection, std::string bytes, int descriptor) {
  Bytes parts[] = {as_bytes(bytes)};
  Task<Result<void>> writing = descriptor < 0 ? connection->write(parts) : connection->write_with_descriptor(parts, descriptor);
  Result<void> written = co_await std::move(writing);
  co_return written;
}

Result<void> RawPeer::send(std::string bytes, int descriptor) {
  return async::block_on(executor_, send_task(connection_.get(), std::move(bytes), descriptor));
}

Task<std::optional<std::string>> RawPeer::read_task(os::Connection* connection, size_t size) {
  std::string bytes(size, '\0');
  for (size_t have = 0; have < size;) {
    Task<Result<size_t>> reading = connection->read_some(std::as_writable_bytes(std::span(bytes)).subspan(have));
    Result<size_t> got = co_await std::move(reading);
    if (!got || *got == 0) co_return std::nullopt;
    have += *got;
  }
  co_return bytes;
}

std::optional<RawPeer::Frame> RawPeer::receive() {
  auto read = [&](size_t size) { return async::block_on(executor_, read_task(connection_.get(), size)); };
  std::optional<std::string> head = read(kHeaderBytes);
  if (!head) return std::nullopt;
  Result<Header> header = decode_header(as_bytes(*head), {});
  EXPECT_TRUE(header) << header.error().to_string();
  if (!header) return std::nullopt;
  std::optional<std::string> body = read(header->body_bytes()), payload = read(header->payload_bytes);
  if (!body || !payload) return std::nullopt;
  return Frame{*header, body->substr(header->context_bytes), *payload};
}

std::string request_frame(uint16_t method, uint64_t id, std::string_view message, std::string_view payload) {
  std::string bytes;
  append_frame(bytes, {.kind = Kind::kRequest, .method = method, .id = id, .remaining_ms = 5000}, "", message, as_bytes(payload));
  bytes += payload;
  return bytes;
}

RpcTest::RpcTest() {
  char name[] = "/tmp/forebay-rpc-XXXXXX";
  directory = mkdtemp(name);
}

RpcTest::~RpcTest() {
  if (server) stop_server();
  for (async::Loop* loop : {&client, &one, &two}) loop->stop();
  std::filesystem::remove_all(directory);
}

void RpcTest::serve(ServerConfig config) {
  server = std::make_unique<Server>(env, handlers.router, config, std::vector{one.executor(), two.executor()}, &events);
  Result<os::Address> at = server->listen({.host = "127.0.0.1"});
  ASSERT_TRUE(at) << at.error().to_string();
  tcp = *at;
  at = server->listen({.path = directory + "/socket"});
  ASSERT_TRUE(at) << at.error().to_string();
  local = *at;
}

Task<bool> RpcTest::done(Task<void> task) {
  co_await std::move(task);
  co_return true;
}

void RpcTest::stop_server() {
  handlers.release.set();
  run(done(server->stop()));
  server.reset();
}

std::unique_ptr<Channel> RpcTest::channel(const os::Address& to, ChannelConfig config) {
  return std::make_unique<Channel>(env, to, config, client.executor());
}

}  // namespace forebay::rpc
