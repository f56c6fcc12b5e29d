// For tests of the queues that the coordinator waits at.
#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <optional>
#include <string>

#include "kv/memory_store.h"
#include "master/schema.h"
#include "os/simulation.h"
#include "rpc/server.h"

namespace forebay::master {

// A queue over a store in memory, asked as its server would.
template <class Queue, class Method>
class DueQueueTest : public testing::Test {
 protected:
  DueQueueTest() { queue_.bind(router_); }
  ~DueQueueTest() override {
    queue_.stop();
    world_.run_for(std::chrono::seconds(1));
  }

  os::Clock& clock() { return process_->env().clock; }
  int64_t now_ns() { return os::unix_nanos(clock().wall_now()); }
  void commit(const std::string& key, const std::string& value) {
    kv::WriteBatch batch;
    batch.put(key, value);
    EXPECT_TRUE(store_->write(batch));
    queue_.look(batch);
  }
  void ask(Duration wait, typename Method::Request request = {}, rpc::Call call = {}) {
    request.set_wait_ms(static_cast<uint32_t>(wait / std::chrono::milliseconds(1)));
    answer_.reset();
    async::spawn_detached(world_.executor(), run(this, std::move(call), request.SerializeAsString()));
  }
  static Task<void> run(DueQueueTest* test, rpc::Call call, std::string request) {
    Task<Result<rpc::Router::Reply>> asking =
        test->router_.find(Method::kMethod.number)->invoke(std::move(call), std::move(request));
    Result<rpc::Router::Reply> reply = co_await std::move(asking);
    test->is_refused_ = !reply;
    typename Method::Reply& answer = test->answer_.emplace();
    if (reply) EXPECT_TRUE(answer.ParseFromString(reply->message));
  }

  os::SimWorld world_{os::WorldConfig{}};
  std::shared_ptr<os::SimProcess> process_ = world_.start_process("host", "master");
  std::shared_ptr<kv::MemoryDisk> disk_ = kv::MemoryDisk::create();
  std::unique_ptr<kv::Store> store_ = *disk_->open();
  rpc::Router router_;
  Queue queue_{*store_, clock()};
  std::optional<typename Method::Reply> answer_;
  bool is_refused_ = false;
};

}  // namespace forebay::master
