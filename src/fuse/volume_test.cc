// How many requests a mount works on at a time.
#include "fuse/volume.h"

#include "fuse/mount_fixture.h"
#include "os/simulation.h"

namespace forebay::fuse {
namespace {

class VolumeTest : public ::testing::Test {
 protected:
  static Task<void> begin(Volume* volume, int* begun) {
    co_await volume->place();
    volume->begin_request();
    ++*begun;
  }
  // Asks for one more request to begin, and lets what can happen do so.
  void ask() {
    async::spawn_detached(world_.executor(), begin(&volume_, &begun_));
    settle();
  }
  void settle() { world_.run_for(std::chrono::milliseconds(1)); }

  os::SimWorld world_{{}};
  FakeClient client_;
  SilentLog log_;
  Volume volume_{client_, log_, MountConfig{.max_in_flight = 2, .max_slowed = 1}, {world_.executor()}};
  int begun_ = 0;
};

TEST_F(VolumeTest, requests_that_wait_because_writers_are_slowed_take_no_place_from_others_up_to_their_limit) {
  ask();
  ask();
  EXPECT_EQ(begun_, 2);
  ask();
  EXPECT_EQ(begun_, 2);
  volume_.slowed_changed(1);
  settle();
  EXPECT_EQ(begun_, 3);
  volume_.slowed_changed(1);
  ask();
  EXPECT_EQ(begun_, 3) << "more than that would take memory without limit";
  volume_.slowed_changed(-1);
  volume_.slowed_changed(-1);
  volume_.end_request();
  settle();
  EXPECT_EQ(begun_, 3) << "those that went on count again";
  volume_.end_request();
  settle();
  EXPECT_EQ(begun_, 4);
  volume_.end_request();
  volume_.end_request();
  volume_.wait_until_idle();
}

}  // namespace
}  // namespace forebay::fuse
