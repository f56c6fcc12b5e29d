// A worker on real sockets and a real disk, with descriptors passed to another "process".
#include <gtest/gtest.h>
#include <stdlib.h>

#include <filesystem>
#include <thread>

#include "async/loop.h"
#include "base/crc32c.h"
#include "worker/fake_master.h"
#include "worker/store/store_fixture.h"
#include "worker/worker.h"

namespace forebay::worker {
namespace {

namespace service = v1::worker_service;

class RealNetworkTest : public testing::Test {
 public:
  RealNetworkTest() {
    std::string name = (std::filesystem::temp_directory_path() / "forebay-worker-XXXXXX").string();
    directory = mkdtemp(name.data());
    config.listen = {.host = "127.0.0.1", .port = 0, .path = {}};
    config.unix_listen = {.host = {}, .port = 0, .path = directory + "/worker.sock"};
    config.masters = {master.address};
    config.store.tiers = {{.alias = "SSD", .medium = "SSD", .paths = {{directory + "/ssd", 512 * kMiB}}, .watermarks = {}}};
    worker = std::make_unique<Worker>(env, config, std::vector{loop.executor(), second.executor()}, obs::null_log(),
                                      no_worker_events(), nullptr);
    Result<void> started = async::block_on(loop.executor(), worker->start());
    EXPECT_TRUE(started) << started.error().to_string();
    wait_until_registered();
  }
  ~RealNetworkTest() override {
    for (auto& channel : channels) finish(client.executor(), channel->stop());
    finish(loop.executor(), worker->stop());
    finish(client.executor(), master.stop());
    worker.reset();
    std::filesystem::remove_all(directory);
  }

  static Task<bool> and_true(Task<void> task) {
    co_await std::move(task);
    co_return true;
  }
  static void finish(const async::Executor& executor, Task<void> task) { async::block_on(executor, and_true(std::move(task))); }
  // Objects can be created from the moment the worker has an identity; asked until then, as a client does on `busy`.
  void wait_until_registered() {
    while (!worker->store().identity()) std::this_thread::yield();
  }

  rpc::Channel& channel(const os::Address& to) {
    channels.push_back(std::make_unique<rpc::Channel>(env, to, rpc::ChannelConfig{}, client.executor()));
    return *channels.back();
  }
  template <class M>
  Result<rpc::Received<typename M::Reply>> call(rpc::Channel& to, typename M::Request request, Bytes payload = {}) {
    rpc::CallOptions options;
    options.payload = payload;
    return async::block_on(loop.executor(), to.call<M>(std::move(request), options));
  }

  std::string directory;
  async::Loop loop{"worker-1", 1}, second{"worker-2", 1}, client{"client", 1}, blocking{"blocking", 2};
  os::Env env{os::real_clock(), os::real_random(), os::real_files(), os::real_network(), blocking.executor(), os::real_host_id()};
  FakeMaster master{env, {.host = "127.0.0.1", .port = 0, .path = {}}, client.executor()};
  WorkerConfig config;
  std::unique_ptr<Worker> worker;
  std::vector<std::unique_ptr<rpc::Channel>> channels;
};

TEST_F(RealNetworkTest, streams_an_object_over_tcp_and_reads_it_back) {
  rpc::Channel& to = channel(worker->address());
  const std::string text = pattern(1, 4 * kMiB);
  for (uint64_t at = 0; at < text.size(); at += kMiB) {
    v1::WriteObjectRequest write;
    write.set_object(9);
    write.set_offset(at);
    write.set_create_bytes(text.size());
    auto written = call<service::WriteObject>(to, write, as_bytes(text).subspan(at, kMiB));
    ASSERT_TRUE(written) << written.error().to_string();
    EXPECT_EQ(written->message.length(), at + kMiB);
  }
  v1::SealObjectRequest seal;
  seal.set_object(9);
  seal.set_length(text.size());
  auto sealed = call<service::SealObject>(to, seal);
  ASSERT_TRUE(sealed) << sealed.error().to_string();
  EXPECT_EQ(sealed->message.crc32c(), crc32c(as_bytes(text)));
  v1::ReadObjectRequest read;
  read.set_object(9);
  read.set_offset(kMiB / 2);
  read.set_length(kMiB);
  auto got = call<service::ReadObject>(to, read);
  ASSERT_TRUE(got) << got.error().to_string();
  expect_bytes(std::string(as_text(got->payload.view())), text.substr(kMiB / 2, kMiB));
}

TEST_F(RealNetworkTest, a_client_writes_and_reads_through_descriptors_over_the_unix_socket) {
  rpc::Channel& to = channel(config.unix_listen);
  v1::OpenObjectRequest open;
  open.set_object(5);
  open.set_write(true);
  open.set_create_bytes(kMiB);
  auto opened = call<service::OpenObject>(to, open);
  ASSERT_TRUE(opened) << opened.error().to_string();
  ASSERT_EQ(opened->descriptors.size(), 1u);
  const std::string text = pattern(2, 700'000);
  {
    auto file = env.files.adopt(opened->descriptors[0]);
    ASSERT_TRUE(file);
    ASSERT_TRUE((*file)->write_at(as_bytes(text), opened->message.data_offset()));
  }
  v1::SealObjectRequest seal;
  seal.set_object(5);
  seal.set_length(text.size());
  seal.set_sync(true);
  auto sealed = call<service::SealObject>(to, seal);
  ASSERT_TRUE(sealed) << sealed.error().to_string();
  EXPECT_EQ(sealed->message.crc32c(), crc32c(as_bytes(text)));

  open.set_write(false);
  open.set_create_bytes(0);
  auto again = call<service::OpenObject>(to, open);
  ASSERT_TRUE(again) << again.error().to_string();
  EXPECT_EQ(again->message.length(), text.size());
  auto file = env.files.adopt(again->descriptors.at(0));
  ASSERT_TRUE(file);
  std::string got(text.size(), '\0');
  EXPECT_EQ((*file)->read_at(std::as_writable_bytes(std::span(got)), again->message.data_offset()).value(), text.size());
  expect_bytes(got, text);
  expect_error((*file)->write_at(as_bytes("x"), 0), Code::kRejected, EBADF);
}

TEST_F(RealNetworkTest, no_descriptor_goes_over_tcp) {
  rpc::Channel& to = channel(worker->address());
  v1::OpenObjectRequest open;
  open.set_object(5);
  open.set_create_bytes(kMiB);
  expect_error(call<service::OpenObject>(to, open), Code::kRejected, EOPNOTSUPP);
}

}  // namespace
}  // namespace forebay::worker
