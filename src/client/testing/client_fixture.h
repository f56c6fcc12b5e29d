// A client in a simulated cluster of fakes.
#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <string>

#include "client/client.h"
#include "client/testing/fake_master.h"
#include "client/testing/fake_worker.h"
#include "obs/log.h"
#include "os/simulation.h"

namespace forebay::client {

// Master on host "m", workers 1 and 2 on "w1" and "w2", the client on "c". Time is virtual.
class ClientTest : public ::testing::Test {
 protected:
  ClientTest() {
    add_master("m");
    add_worker(1, "w1");
    add_worker(2, "w2");
  }
  ~ClientTest() override {
    if (client) stop();
    for (auto& fake : masters) world.complete(FakeServer::stop(fake.get()), kLimit);
    for (auto& fake : workers) world.complete(FakeServer::stop(fake.get()), kLimit);
  }

  FakeMaster& add_master(const std::string& host) {
    masters.push_back(std::make_unique<FakeMaster>(world.start_process(host, "master " + host)));
    Result<os::Address> at = masters.back()->listen(*os::Address::parse(host + ":1000"));
    EXPECT_TRUE(at) << at.error().to_string();
    config.masters.push_back(*at);
    return *masters.back();
  }
  FakeWorker& add_worker(uint64_t id, const std::string& host) {
    workers.push_back(std::make_unique<FakeWorker>(world.start_process(host, "worker " + std::to_string(id)), id));
    FakeWorker& worker = *workers.back();
    const std::string socket = "unix:/worker-" + std::to_string(id);
    EXPECT_TRUE(worker.listen(*os::Address::parse(socket)));
    worker.address.set_unix_address(socket);
    worker.address.set_address(worker.listen(*os::Address::parse(host + ":" + std::to_string(2000 + id)))->to_string());
    for (auto& master : masters) master->workers.push_back(worker.address);
    return worker;
  }
  void start() {
    client_process = world.start_process("c", "client");
    auto started = run(Client::start(client_process->env(), log ? *log : obs::null_log(), config, {world.executor()}));
    ASSERT_TRUE(started) << started.error().to_string();
    client = *std::move(started);
  }
  static Task<bool> stop_client(Client* client) {
    co_await client->stop();
    co_return true;
  }
  void stop() {
    run(stop_client(client.get()));
    client.reset();
  }

  template <class T>
  T run(Task<T> task) {
    std::optional<T> result = world.complete(std::move(task), kLimit);
    EXPECT_TRUE(result) << "it never ends";
    return *std::move(result);
  }

  std::unique_ptr<File> create(const std::string& name, OpenFlags flags = {.read = true, .write = true}) {
    auto created = run(client->create({}, kRootInode, name, 0644, flags, false));
    EXPECT_TRUE(created) << created.error().to_string();
    return created ? std::move(created->file) : nullptr;
  }
  std::unique_ptr<File> open(InodeId inode, OpenFlags flags = {}) {
    auto opened = run(client->open({}, inode, flags));
    EXPECT_TRUE(opened) << opened.error().to_string();
    return opened ? *std::move(opened) : nullptr;
  }
  Result<void> write(File& file, uint64_t offset, std::string_view text) { return run(file.pwrite(as_bytes(text), offset)); }
  Result<void> append(File& file, std::string_view text) { return run(file.append(as_bytes(text))); }
  Result<std::string> read(File& file, uint64_t offset, size_t length) {
    std::string text(length, '#');
    Result<size_t> got = run(file.pread(std::as_writable_bytes(std::span(text)), offset));
    if (!got) return std::unexpected(got.error());
    text.resize(*got);
    return text;
  }
  std::string must_read(File& file, uint64_t offset, size_t length) {
    Result<std::string> text = read(file, offset, length);
    EXPECT_TRUE(text) << text.error().to_string();
    return text.value_or("(error)");
  }
  // What another client would read.
  std::string committed(InodeId inode) {
    const FakeMaster::FakeFile& file = masters.front()->files.at(inode.value);
    std::string text(file.size, '\0');
    for (const Extent& extent : file.extents.all()) {
      if (const std::string& kept = masters.front()->objects.at(extent.object.value).content; !kept.empty()) {
        text.replace(extent.offset, extent.length, kept.substr(extent.object_offset, extent.length));
        continue;
      }
      const uint64_t id = masters.front()->objects.at(extent.object.value).workers.front();
      for (auto& worker : workers) {
        if (worker->address.worker() != id) continue;
        text.replace(extent.offset, extent.length,
                     worker->content(extent.object.value).substr(extent.object_offset, extent.length));
      }
    }
    return text;
  }
  FakeMaster& master() { return *masters.front(); }
  FakeWorker& worker(size_t index) { return *workers[index - 1]; }
  static std::string pattern(size_t length, uint64_t seed) {
    std::string text(length, '\0');
    os::SimRandom random(seed);
    for (char& c : text) c = static_cast<char>(random.next());
    return text;
  }

  static constexpr Duration kLimit = std::chrono::hours(1);
  os::SimWorld world{{}};
  ClientConfig config{.name = "test"};
  obs::Log* log = nullptr;
  std::vector<std::unique_ptr<FakeMaster>> masters;
  std::vector<std::unique_ptr<FakeWorker>> workers;
  std::shared_ptr<os::SimProcess> client_process;
  std::unique_ptr<Client> client;
};

#define EXPECT_OK(...)                                                     \
  do {                                                                     \
    auto expect_ok_result = (__VA_ARGS__);                                 \
    EXPECT_TRUE(expect_ok_result) << expect_ok_result.error().to_string(); \
  } while (false)
#define ASSERT_OK(...)                                                     \
  do {                                                                     \
    auto assert_ok_result = (__VA_ARGS__);                                 \
    ASSERT_TRUE(assert_ok_result) << assert_ok_result.error().to_string(); \
  } while (false)

}  // namespace forebay::client
