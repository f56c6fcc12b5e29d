#include "forebay/v1/persist.rpc.h"
#include "master/master_fixture.h"

namespace forebay::master {
namespace {

namespace persists = v1::persist_service;

// The service as a coordinator meets it: through the network, with a master that is killed between the calls.
class PersistServiceTest : public MasterTest {
 protected:
  void start_mapped() {
    open_session();
    v1::AddMountRequest mount;
    mount.set_path("/ufs");
    mount.set_uri("memory://store");
    ASSERT_TRUE(change<persists::AddMount>(mount));
    v1::ApplyMappingRequest mapping;
    mapping.set_file("map.json");
    mapping.set_text(R"({"cacheOnlyMountPoint": "/c", "asyncUploadPathMapping": {"/c": "/ufs/k"}})");
    auto applied = change<persists::ApplyMapping>(mapping);
    ASSERT_TRUE(applied) << applied.error().to_string();
    add_worker(1);
    auto directory = lookup("c");
    ASSERT_TRUE(directory);
    directory_ = directory->attr().inode();
  }
  std::vector<v1::WaitingIntent> waiting(v1::IntentKind kind) {
    auto page = call<persists::NextIntents>({});
    EXPECT_TRUE(page) << page.error().to_string();
    std::vector<v1::WaitingIntent> found;
    if (!page) return found;
    for (const v1::WaitingIntent& each : page->intents()) {
      if (each.intent().kind() == kind) found.push_back(each);
    }
    return found;
  }
  uint64_t directory_ = 0;
};

TEST_F(PersistServiceTest, intents_and_operations_survive_the_master_and_repeated_calls_get_the_first_answer) {
  start_mapped();
  write_file("a", 100, directory_);
  restart();
  auto intents = waiting(v1::INTENT_PERSIST);
  ASSERT_EQ(intents.size(), 1u);
  v1::StartIntentRequest start;
  *start.mutable_place() = intents[0].place();
  const v1::RequestContext once = next_context();
  auto started = call<persists::StartIntent>(start, once);
  ASSERT_TRUE(started && started->has_started()) << started.error().to_string();
  restart();
  auto repeated = call<persists::StartIntent>(start, once);
  ASSERT_TRUE(repeated);
  EXPECT_EQ(repeated->SerializeAsString(), started->SerializeAsString());
  EXPECT_TRUE(waiting(v1::INTENT_PERSIST).empty());
  auto running = call<persists::ListOperations>({});
  ASSERT_TRUE(running);
  ASSERT_EQ(running->operations_size(), 1);

  v1::FinishOperationRequest finish;
  finish.set_operation(started->started().operation());
  finish.set_epoch(started->started().record().epoch());
  finish.mutable_done()->set_identity("etag");
  auto finished = change<persists::FinishOperation>(finish);
  ASSERT_TRUE(finished) << finished.error().to_string();
  EXPECT_EQ(finished->result(), "stored");
  EXPECT_EQ(change<persists::FinishOperation>(finish).error().code(), Code::kStale);
  EXPECT_EQ(problems(), std::vector<std::string>{});
}

TEST_F(PersistServiceTest, the_mapping_is_in_force_again_after_a_restart) {
  start_mapped();
  restart();
  add_worker(2);
  write_file("a", 100, directory_);
  EXPECT_EQ(waiting(v1::INTENT_PERSIST).size(), 1u);
  auto mapping = call<persists::GetMapping>({});
  ASSERT_TRUE(mapping);
  ASSERT_EQ(mapping->mappings_size(), 1);
  EXPECT_EQ(mapping->mappings(0).target(), "/ufs/k");
}

TEST_F(PersistServiceTest, status_and_conflicts_are_served) {
  start_mapped();
  write_file("a", 100, directory_);
  auto status = call<persists::PersistStatus>({});
  ASSERT_TRUE(status);
  EXPECT_EQ(status->waiting_persist(), 1u);
  EXPECT_TRUE(call<persists::ListConflicts>({}));
  EXPECT_TRUE(call<persists::ListMounts>({}));
}

}  // namespace
}  // namespace forebay::master
