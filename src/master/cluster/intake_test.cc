// Writers of a whole master that are slowed, and when.
#include "forebay/v1/persist.rpc.h"
#include "master/master_fixture.h"

namespace forebay::master {
namespace {

using std::chrono::seconds;

constexpr uint64_t kQuota = 100 * kMiB;

// One worker of 100 MiB, slowed from 90 of them on.
class IntakeTest : public MasterTest {
 protected:
  IntakeTest() {
    stop();
    config_.intake.slow_from = 0.9;
    start();
    open_session();
    worker_ = add_worker(1);
  }
  // The worker reports so much room, and the master takes notice.
  void have_room(uint64_t bytes) {
    room_ = bytes;
    tell_room();
    world_.run_for(seconds(2));
    tell_room();
  }
  void tell_room() {
    v1::WorkerHeartbeatRequest request;
    request.set_worker(worker_);
    request.set_registration(workers_[worker_]);
    v1::TierSpace& tier = *request.add_tiers();
    tier.set_quota_bytes(kQuota);
    tier.set_available_bytes(room_);
    auto reply = call<clusters::WorkerHeartbeat>(request);
    ASSERT_TRUE(reply) << reply.error().to_string();
    duties_ = reply->duties_size();
  }
  uint64_t granted_intake() {
    auto open = create("g" + std::to_string(++files_), kMiB);
    EXPECT_TRUE(open && open->grants_size() == 1);
    return open && open->grants_size() == 1 ? open->grants(0).intake() : UINT64_MAX;
  }
  uint64_t renewed_intake(uint64_t slowed_ms = 0, uint64_t session = 0) {
    v1::RenewSessionRequest request;
    request.set_session(session == 0 ? session_ : session);
    request.set_known_epoch(epoch_);
    request.set_slowed_ms(slowed_ms);
    auto reply = call<names::RenewSession>(request);
    EXPECT_TRUE(reply) << reply.error().to_string();
    return reply ? reply->intake() : UINT64_MAX;
  }
  // Nothing: granted.
  std::optional<Code> allocate(const v1::OpenReply& open) {
    v1::AllocateRequest request;
    request.set_handle(open.handle());
    request.mutable_placement()->set_bytes(kMiB);
    auto reply = change<names::Allocate>(request);
    return reply ? std::optional<Code>() : reply.error().code();
  }
  // Something that the worker has to delete, and never does.
  void remove_a_file() {
    write_file("removed", kMiB);
    ASSERT_TRUE(unlink("removed"));
    world_.run_for(seconds(1));
  }
  void map(bool evicts) {
    v1::AddMountRequest mount;
    mount.set_path("/ufs");
    mount.set_uri("memory://store");
    ASSERT_TRUE(change<v1::persist_service::AddMount>(mount));
    v1::ApplyMappingRequest mapping;
    mapping.set_file("map.json");
    mapping.set_text(std::string(R"({"cacheOnlyMountPoint": "/c", "asyncUploadPathMapping": {"/c": {"path": "/ufs/k")") +
                     (evicts ? R"(, "evict": "clean")" : "") + "}}}");
    ASSERT_TRUE(change<v1::persist_service::ApplyMapping>(mapping));
    auto directory = lookup("c");
    ASSERT_TRUE(directory);
    directory_ = directory->attr().inode();
    world_.run_for(seconds(1));
  }

  uint64_t worker_ = 0, room_ = 0, directory_ = 0;
  int files_ = 0, duties_ = 0;
};

TEST_F(IntakeTest, a_full_cache_from_which_nothing_leaves_slows_nobody) {
  have_room(2 * kMiB);
  EXPECT_EQ(granted_intake(), 0u);
  EXPECT_EQ(renewed_intake(), 0u);
  EXPECT_FALSE(report().intake().slowed());
}

TEST_F(IntakeTest, what_has_to_be_deleted_slows_writers_of_a_nearly_full_cache) {
  remove_a_file();
  have_room(50 * kMiB);
  EXPECT_EQ(granted_intake(), 0u) << "there is room";
  have_room(5 * kMiB);
  ASSERT_GT(duties_, 0);
  const uint64_t told = granted_intake();
  EXPECT_GT(told, 4 * kMiB / 10);
  EXPECT_LE(told, 5 * kMiB / 10);
  EXPECT_EQ(renewed_intake(), (4 * kMiB - kAroundObject) / 10) << "what was granted is no longer left";
  const v1::IntakeReport now = report().intake();
  EXPECT_TRUE(now.slowed());
  EXPECT_EQ(now.writers(), 1u);
  EXPECT_EQ(now.room_bytes(), 4 * kMiB - kAroundObject);
}

TEST_F(IntakeTest, it_ends_by_itself_when_there_is_room_again) {
  remove_a_file();
  have_room(5 * kMiB);
  EXPECT_NE(renewed_intake(), 0u);
  have_room(11 * kMiB);
  EXPECT_NE(renewed_intake(), 0u) << "a little more is needed than where it began";
  have_room(20 * kMiB);
  EXPECT_EQ(renewed_intake(), 0u);
  EXPECT_FALSE(report().intake().slowed());
}

TEST_F(IntakeTest, what_was_removed_lately_is_known_however_many_files_are_removed_and_open) {
  auto remove_open = [this](const std::string& name) {
    ASSERT_TRUE(create(name));
    ASSERT_TRUE(unlink(name));
  };
  auto open = create("g", kMiB);
  ASSERT_TRUE(open);
  for (int i = 0; i < 100; ++i) remove_open("r" + std::to_string(i));
  for (int i = 0; i < 8; ++i) {
    have_room(0);
    renewed_intake();
  }
  EXPECT_EQ(allocate(*open), Code::kRejected) << "they stay";
  remove_open("last");
  EXPECT_EQ(allocate(*open), Code::kBusy);
}

TEST_F(IntakeTest, who_finds_no_room_comes_again_while_something_is_being_deleted_and_not_for_long) {
  auto pass = [this](int time) {
    for (int i = 0; i < time; ++i) {
      world_.run_for(seconds(1));
      tell_room();
      renewed_intake();
    }
  };
  auto open = create("g", kMiB);
  ASSERT_TRUE(open);
  have_room(0);
  EXPECT_EQ(allocate(*open), Code::kRejected) << "nothing leaves";
  have_room(50 * kMiB);
  remove_a_file();
  have_room(0);
  EXPECT_EQ(allocate(*open), Code::kBusy);
  pass(4);
  EXPECT_EQ(allocate(*open), Code::kBusy);
  pass(2);
  EXPECT_EQ(allocate(*open), Code::kRejected) << "it does not come";
  delete_all(worker_);
  have_room(50 * kMiB);
  EXPECT_EQ(allocate(*open), std::nullopt);
  write_file("another", kMiB);
  ASSERT_TRUE(unlink("another"));
  room_ = 0;
  tell_room();
  EXPECT_EQ(allocate(*open), Code::kBusy) << "another time, at once";
}

TEST_F(IntakeTest, it_ends_when_nothing_is_left_that_would_free_space) {
  remove_a_file();
  have_room(5 * kMiB);
  EXPECT_NE(renewed_intake(), 0u);
  delete_all(worker_);  // and the worker says that nothing has come of it
  have_room(5 * kMiB);
  EXPECT_EQ(renewed_intake(), 0u);
}

TEST_F(IntakeTest, content_that_is_on_its_way_and_may_then_leave_slows_writers) {
  map(true);
  write_file("f", kMiB, directory_);
  have_room(5 * kMiB);
  EXPECT_NE(granted_intake(), 0u);
  ASSERT_TRUE(unlink("f", directory_));
  delete_all(worker_);
  have_room(5 * kMiB);
  EXPECT_EQ(granted_intake(), 0u) << "it is gone, and nothing else would leave";
}

TEST_F(IntakeTest, content_that_stays_once_it_is_persisted_slows_nobody) {
  map(false);
  write_file("f", kMiB, directory_);
  have_room(5 * kMiB);
  EXPECT_EQ(granted_intake(), 0u);
}

TEST_F(IntakeTest, a_file_that_is_still_written_or_pinned_frees_nothing) {
  map(true);
  auto open = create("f", kMiB, directory_);
  ASSERT_TRUE(open);
  ASSERT_TRUE(commit(*open, kMiB, false));
  have_room(5 * kMiB);
  EXPECT_EQ(renewed_intake(), 0u);
  ASSERT_TRUE(commit(*open, kMiB, true));
  have_room(5 * kMiB);
  EXPECT_NE(renewed_intake(), 0u);
  v1::SetPinnedRequest pin;
  pin.set_inode(open->attr().inode());
  pin.set_pinned(true);
  ASSERT_TRUE(change<names::SetPinned>(pin));
  have_room(5 * kMiB);
  EXPECT_EQ(renewed_intake(), 0u);
}

TEST_F(IntakeTest, writers_share_what_may_come_in_and_those_that_stopped_take_nothing) {
  remove_a_file();
  have_room(5 * kMiB);
  const uint64_t first = session_;
  granted_intake();
  open_session(8);
  sequence_ = 0;
  granted_intake();
  tell_room();
  EXPECT_EQ(renewed_intake(), 5 * kMiB / 10 / 2);
  EXPECT_EQ(renewed_intake(0, first), 5 * kMiB / 10 / 2);
  EXPECT_EQ(report().intake().writers(), 2u);
  for (int i = 1; i <= 7; ++i) {
    world_.run_for(seconds(1));
    tell_room();
    renewed_intake(static_cast<uint64_t>(i) * 300);  // the second had to wait, the first does nothing
    renewed_intake(0, first);
  }
  EXPECT_EQ(report().intake().writers(), 1u);
  EXPECT_EQ(report().intake().waited_ms(), 2'100u);
}

// -- what the kernel would write --

TEST_F(IntakeTest, nothing_new_is_staged_unless_others_have_the_file_open_as_it_is) {
  remove_a_file();
  have_room(5 * kMiB);
  auto staged = [this](const std::string& name, bool fork) {
    v1::CreateRequest request;
    request.set_parent(1);
    request.set_name(name);
    request.set_mode(0644);
    request.set_access(v1::ACCESS_WRITE);
    v1::Placement& placement = *request.mutable_placement();
    placement.set_bytes(kMiB);
    placement.set_host_id("host1");
    placement.set_staged(true);
    placement.set_fork(fork);
    auto open = change<names::Create>(request);
    EXPECT_TRUE(open && open->grants_size() == 1);
    return open && open->grants_size() == 1 && open->grants(0).staged();
  };
  EXPECT_FALSE(staged("a", false));
  EXPECT_TRUE(staged("b", true));
  have_room(50 * kMiB);
  EXPECT_TRUE(staged("c", false));
}

}  // namespace
}  // namespace forebay::master
