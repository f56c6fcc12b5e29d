// For tests: a coordinator's parts in a simulated world, with a master that the test plays.
#pragma once

#include <gtest/gtest.h>

#include <memory>

#include "coordinator/fake_master.h"
#include "coordinator/master_session.h"
#include "os/simulation.h"

namespace forebay::coordinator {

// A session is begun. Tests stop what they have built upon it in TearDown(), and call this one's then.
class WithMaster : public testing::Test {
 protected:
  void SetUp() override {
    config.masters = {master.address};
    session = std::make_unique<MasterSession>(process->env(), config, world.executor(), obs::null_log());
    const std::optional<Result<void>> begun = world.complete(session->begin({}), kLimit);
    ASSERT_TRUE(begun && *begun);
  }
  void TearDown() override {
    stop(session.get());
    stop(&master);
  }
  template <class T>
  void stop(T* what) {
    EXPECT_TRUE(world.complete(end(what), kLimit));
  }
  template <class T>
  static Task<bool> end(T* what) {
    co_await what->stop();
    co_return true;
  }

  static constexpr Duration kLimit = std::chrono::hours(1);
  os::SimWorld world{{}};
  std::shared_ptr<os::SimProcess> process = world.start_process("c", "coordinator");  // shared with the world's list
  std::shared_ptr<os::SimProcess> master_process = world.start_process("m", "master");
  FakeMaster master{master_process->env(), os::Address{.host = "m", .port = 19998, .path = {}}, world.executor()};
  CoordinatorConfig config;
  std::unique_ptr<MasterSession> session;
};

}  // namespace forebay::coordinator
