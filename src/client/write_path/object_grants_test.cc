#include "client/write_path/object_grants.h"

#include "client/core.h"
#include "client/testing/client_fixture.h"

namespace forebay::client {
namespace {

// The parts of a client, without the client.
class ObjectGrantsTest : public ClientTest {
 protected:
  ObjectGrantsTest() {
    config.first_object_bytes = kMiB;
    config.object_bytes = 16 * kMiB;
  }
  ~ObjectGrantsTest() override {
    grants.reset();
    if (core) run(end(core.get()));
  }
  void begin() {
    client_process = world.start_process("c", "client");
    core = std::make_unique<Core>(client_process->env(), obs::null_log(), config, std::vector{world.executor()});
    ASSERT_OK(run(core->session.begin()));
    ASSERT_OK(run(core->routing.refresh_workers()));
    grants = std::make_unique<ObjectGrants>(*core, 0);
  }
  static Task<bool> end(Core* core) {
    co_await core->session.end();
    co_await core->background.stop();
    co_await core->routing.stop();
    co_return true;
  }
  // With the object that comes with it.
  WriteHandle open(const std::string& name) {
    v1::CreateRequest request;
    request.set_parent(kRootInode.value);
    request.set_name(name);
    request.set_mode(0644);
    request.set_access(v1::ACCESS_READ_WRITE);
    request.mutable_placement()->set_bytes(kMiB);
    Result<v1::OpenReply> created = run(core->session.call<v1::namespace_service::Create>({}, request));
    EXPECT_OK(created);
    WriteHandle handle{.id = HandleId{created->handle()}, .session = core->session.id(), .who = {}};
    grants->add_handle(handle, created->grants());
    return handle;
  }
  Granted next(const WriteHandle& handle, size_t wanted = 1) {
    Result<Granted> granted = run(grants->next(handle, wanted));
    EXPECT_OK(granted);
    return *std::move(granted);
  }
  // Its size.
  uint64_t begin_next(const WriteHandle& handle, size_t wanted = 1) {
    Granted granted = next(handle, wanted);
    const uint64_t bytes = granted.grant.bytes();
    EXPECT_EQ(grants->begin(std::move(granted))->handle(), handle.id);
    return bytes;
  }
  std::vector<ObjectId> unused(const WriteHandle& handle) { return run(grants->take_unused(handle.id)); }

  std::unique_ptr<Core> core;
  std::unique_ptr<ObjectGrants> grants;
};

TEST_F(ObjectGrantsTest, what_came_with_the_open_is_used_first_and_then_objects_grow_with_the_file) {
  begin();
  const WriteHandle handle = open("a");
  EXPECT_EQ(begin_next(handle), kMiB);
  EXPECT_EQ(master().calls("allocate"), 0);
  EXPECT_EQ(begin_next(handle), 8 * kMiB);
  EXPECT_EQ(begin_next(handle), 16 * kMiB) << "the limit";
  EXPECT_EQ(begin_next(handle), 16 * kMiB);
}

TEST_F(ObjectGrantsTest, a_long_write_has_an_object_of_its_length_at_once) {
  begin();
  const WriteHandle handle = open("a");
  next(handle);
  EXPECT_EQ(next(handle, 5 * kMiB).grant.bytes(), 5 * kMiB);
  EXPECT_EQ(next(handle, 50 * kMiB).grant.bytes(), 16 * kMiB);
}

TEST_F(ObjectGrantsTest, when_the_cluster_is_nearly_full_less_is_asked_for_and_no_worker_is_left_out) {
  begin();
  const WriteHandle handle = open("a");
  begin_next(handle);
  core->routing.avoid(WorkerId{1});
  int refused = 0;
  master().always("allocate", [&]() -> std::optional<Status> {
    if (++refused > 3) return std::nullopt;
    return Status(Code::kRejected, ENOSPC, "full");
  });
  // 8 MiB without worker 1, 8 MiB, 1 MiB, 128 KiB
  EXPECT_EQ(next(handle, 100).grant.bytes(), 128 * kKiB);
  EXPECT_TRUE(core->routing.avoided().empty());
  master().always("allocate", [] { return std::optional(Status(Code::kRejected, ENOSPC, "full")); });
  Result<Granted> none = run(grants->next(handle, 100));
  ASSERT_FALSE(none);
  EXPECT_TRUE(none.error().is_errno(ENOSPC));
}

TEST_F(ObjectGrantsTest, the_next_one_is_asked_for_before_a_large_one_is_full_and_only_once) {
  begin();
  const WriteHandle handle = open("a");
  begin_next(handle);
  grants->ask_ahead(handle, kMiB, 0);
  EXPECT_FALSE(grants->has_any_of(handle.id)) << "after a small one nobody knows whether there will be more";
  EXPECT_EQ(begin_next(handle), 8 * kMiB);
  grants->ask_ahead(handle, 8 * kMiB, 5 * kMiB);
  EXPECT_FALSE(grants->has_any_of(handle.id));
  const int asked = master().calls("allocate");
  for (int i = 0; i < 3; ++i) grants->ask_ahead(handle, 8 * kMiB, 3 * kMiB);
  EXPECT_TRUE(grants->has_any_of(handle.id));
  EXPECT_EQ(begin_next(handle), 16 * kMiB);
  EXPECT_EQ(master().calls("allocate"), asked + 1);
}

TEST_F(ObjectGrantsTest, what_was_not_begun_goes_back_with_the_handle_that_it_was_granted_to) {
  begin();
  const WriteHandle first = open("a"), second = open("b");
  ASSERT_TRUE(grants->primary());
  EXPECT_EQ(grants->primary()->id, first.id);
  const ObjectId given_back{next(second).grant.object()};
  grants->give_back(given_back, second.id);
  EXPECT_EQ(unused(first).size(), 1U);
  EXPECT_FALSE(grants->has_any_of(first.id));
  EXPECT_EQ(unused(second), std::vector{given_back});
  EXPECT_TRUE(unused(second).empty()) << "once";
  grants->remove_handle(first.id);
  EXPECT_EQ(grants->primary()->id, second.id);
  grants->remove_handle(second.id);
  EXPECT_FALSE(grants->primary());
}

TEST_F(ObjectGrantsTest, what_was_asked_for_ahead_goes_back_too) {
  begin();
  const WriteHandle handle = open("a");
  for (int i = 0; i < 2; ++i) begin_next(handle);
  grants->ask_ahead(handle, 8 * kMiB, 0);
  EXPECT_EQ(unused(handle).size(), 1U);
}

TEST_F(ObjectGrantsTest, what_was_asked_for_ahead_stays_when_another_handle_is_closed) {
  begin();
  const WriteHandle first = open("a"), second = open("b");
  for (int i = 0; i < 2; ++i) begin_next(first);
  grants->ask_ahead(first, 8 * kMiB, 0);
  const int asked = master().calls("allocate") + 1;
  EXPECT_EQ(unused(second).size(), 1U) << "what came with its open";
  EXPECT_FALSE(grants->has_any_of(second.id));
  EXPECT_TRUE(grants->has_any_of(first.id));
  for (int i = 0; i < 3; ++i) grants->ask_ahead(first, 8 * kMiB, 0);
  EXPECT_EQ(begin_next(first), 16 * kMiB);
  EXPECT_EQ(master().calls("allocate"), asked);
  EXPECT_TRUE(unused(first).empty());
}

TEST_F(ObjectGrantsTest, what_an_earlier_handle_wrote_makes_the_objects_of_the_next_no_larger) {
  begin();
  const WriteHandle first = open("a"), second = open("b");
  for (int i = 0; i < 3; ++i) begin_next(first);
  unused(first);
  grants->remove_handle(first.id);
  EXPECT_EQ(begin_next(second), kMiB);
  EXPECT_EQ(begin_next(second), 8 * kMiB);
}

TEST_F(ObjectGrantsTest, a_small_object_has_nothing_asked_for_ahead_whatever_was_filled_before) {
  begin();
  const WriteHandle first = open("a");
  for (int i = 0; i < 3; ++i) begin_next(first);
  const WriteHandle second = open("b");
  EXPECT_EQ(begin_next(second), kMiB);
  grants->ask_ahead(second, kMiB, 1);
  EXPECT_FALSE(grants->has_any_of(second.id));
}

}  // namespace
}  // namespace forebay::client
