#include "master/master.h"

#include "master/master_fixture.h"

namespace forebay::master {
namespace {

using std::chrono::milliseconds;
using std::chrono::minutes;
using std::chrono::seconds;

TEST_F(MasterTest, a_new_store_is_formatted_once_and_keeps_its_cluster) {
  const std::string cluster = master_->cluster();
  EXPECT_EQ(cluster.size(), 32u);
  open_session();
  make_dir("a");
  restart();
  EXPECT_EQ(master_->cluster(), cluster);
  EXPECT_TRUE(lookup("a"));
}

TEST_F(MasterTest, metadata_without_a_format_or_of_another_is_refused) {
  stop();
  kv::WriteBatch batch;
  batch.put(key::format(), "2 0123456789abcdef0123456789abcdef");
  ASSERT_TRUE((*disk_->open())->write(batch));
  EXPECT_EQ(try_start().error().code(), Code::kInvalid);
  stop();
  batch.put(key::format(), "nonsense");
  ASSERT_TRUE((*disk_->open())->write(batch));
  EXPECT_EQ(try_start().error().code(), Code::kCorrupt);
  stop();
  batch.erase(key::format());
  ASSERT_TRUE((*disk_->open())->write(batch));
  EXPECT_EQ(try_start().error().code(), Code::kCorrupt);
}

TEST_F(MasterTest, a_second_master_on_the_same_metadata_is_refused) {
  auto other = world_.start_process("other", "master");
  Master second(
      other->env(), config_, [this] { return disk_->open(); }, world_.executor(), {world_.executor()}, obs::null_log(),
      no_events());
  auto started = world_.complete(second.start(), seconds(10));
  ASSERT_TRUE(started);
  EXPECT_EQ(started->error().code(), Code::kInvalid);
  auto stopping = [](Master* master) -> Task<bool> {
    co_await master->stop();
    co_return true;
  };
  ASSERT_TRUE(world_.complete(stopping(&second), seconds(10)));
  EXPECT_TRUE(lookup("missing").error().is_errno(ENOENT)) << "the first goes on";
}

TEST_F(MasterTest, a_file_goes_through_its_life) {
  add_worker(1);
  open_session();
  auto open = create("a", 1000);
  ASSERT_TRUE(open) << open.error().to_string();
  EXPECT_TRUE(open->created());
  ASSERT_EQ(open->grants_size(), 1);
  ASSERT_TRUE(commit(*open, 1000, true));
  EXPECT_EQ(lookup("a")->attr().size(), 1000u);
  EXPECT_EQ(lookup("a")->attr().version(), 1u);
  restart();
  EXPECT_EQ(lookup("a")->attr().size(), 1000u);
  EXPECT_EQ(problems(), std::vector<std::string>());
}

TEST_F(MasterTest, a_repeated_create_after_a_crash_gets_the_same_handle_and_object) {
  add_worker(1);
  open_session();
  v1::CreateRequest request;
  request.set_parent(1);
  request.set_name("a");
  request.set_access(v1::ACCESS_WRITE);
  request.set_exclusive(true);
  request.mutable_placement()->set_bytes(1000);
  const v1::RequestContext context = next_context();
  auto first = call<names::Create>(request, context);
  ASSERT_TRUE(first) << first.error().to_string();
  restart();
  auto second = call<names::Create>(request, context);
  ASSERT_TRUE(second) << second.error().to_string();
  EXPECT_EQ(second->SerializeAsString(), first->SerializeAsString());
}

TEST_F(MasterTest, a_client_that_disappears_loses_its_handles_and_its_file_is_sealed_as_acknowledged) {
  const uint64_t worker = add_worker(1);
  open_session();
  auto open = create("a", 1000);
  ASSERT_TRUE(commit(*open, 600, false));
  auto unused = create("b", 1000);
  ASSERT_TRUE(unused);
  EXPECT_EQ(report().write_handles(), 2u);
  session_ = 0;
  pass(seconds(13));
  EXPECT_EQ(report().write_handles(), 0u);
  EXPECT_EQ(report().sessions(), 0u);
  EXPECT_FALSE(lookup("a")->attr().open_for_write());
  EXPECT_EQ(lookup("a")->attr().size(), 600u);
  EXPECT_EQ(lookup("a")->attr().version(), 1u);
  auto duties = beat(worker);
  ASSERT_EQ(duties->duties_size(), 2);
  EXPECT_EQ(duties->duties(0).seal(), 600u) << "seals come first";
  EXPECT_EQ(duties->duties(0).object(), open->grants(0).object());
  EXPECT_TRUE(duties->duties(1).remove());
  EXPECT_EQ(duties->duties(1).object(), unused->grants(0).object());
  EXPECT_EQ(problems(), std::vector<std::string>());
}

TEST_F(MasterTest, a_removed_file_that_is_open_for_reading_is_kept_until_it_is_closed) {
  const uint64_t worker = add_worker(1);
  open_session();
  const uint64_t inode = write_file("a", 1000);
  v1::OpenRequest request;
  request.set_inode(inode);
  request.set_access(v1::ACCESS_READ);
  auto open = change<names::Open>(request);
  ASSERT_TRUE(open) << open.error().to_string();
  EXPECT_NE(open->handle(), 0u);
  ASSERT_TRUE(unlink("a"));
  pass(seconds(5));
  v1::GetLayoutRequest layout;
  layout.set_inode(inode);
  EXPECT_EQ(call<names::GetLayout>(layout)->extents_size(), 1);
  EXPECT_EQ(delete_all(worker), 0u);
  EXPECT_EQ(report().reclaiming(), 1u);
  v1::CloseReadRequest close;
  close.add_handles(open->handle());
  ASSERT_TRUE(change<names::CloseRead>(close));
  pass(seconds(3));
  EXPECT_EQ(delete_all(worker), 1u);
  EXPECT_EQ(report().reclaiming(), 0u);
  EXPECT_EQ(problems(), std::vector<std::string>());
}

TEST_F(MasterTest, an_open_read_that_is_told_again_after_a_restart_keeps_its_removed_file_until_it_is_not_told_any_more) {
  const uint64_t worker = add_worker(1);
  open_session();
  const uint64_t inode = write_file("a", 1000);
  v1::OpenRequest request;
  request.set_inode(inode);
  request.set_access(v1::ACCESS_READ);
  ASSERT_TRUE(change<names::Open>(request));
  ASSERT_TRUE(unlink("a"));
  restart();
  workers_.clear();
  v1::StoredObject stored;
  stored.set_object(1);
  stored.set_length(1000);
  stored.set_sealed(true);
  add_worker(1, {stored}, worker);
  ASSERT_TRUE(renew());
  pass(seconds(15), {inode});
  EXPECT_EQ(report().reclaiming(), 1u);
  pass(seconds(3));  // its reader has closed it
  EXPECT_EQ(report().reclaiming(), 0u);
  EXPECT_EQ(delete_all(worker), 1u);
}

TEST_F(MasterTest, a_file_created_for_reading_is_open_for_reading) {
  open_session();
  v1::CreateRequest request;
  request.set_parent(1);
  request.set_name("a");
  request.set_access(v1::ACCESS_READ);
  auto open = change<names::Create>(request);
  ASSERT_TRUE(open) << open.error().to_string();
  EXPECT_EQ(open->handle() & kReadHandle, kReadHandle);
  ASSERT_TRUE(unlink("a"));
  pass(seconds(3));
  EXPECT_EQ(report().reclaiming(), 1u);
}

TEST_F(MasterTest, a_removed_tree_comes_back_as_space_while_the_master_serves) {
  const uint64_t worker = add_worker(1);
  open_session();
  const uint64_t root = make_dir("tree");
  size_t files = 0;
  for (int i = 0; i < 5; ++i) {
    const uint64_t directory = make_dir("d" + std::to_string(i), root);
    for (int j = 0; j < 40; ++j, ++files) write_file("f" + std::to_string(j), 10, directory);
  }
  v1::RemoveTreeRequest request;
  request.set_parent(1);
  request.set_name("tree");
  ASSERT_TRUE(change<names::RemoveTree>(request));
  EXPECT_TRUE(lookup("tree").error().is_errno(ENOENT));
  pass(seconds(3));
  EXPECT_EQ(report().inodes(), 1u);
  EXPECT_EQ(report().reclaiming(), 0u);
  EXPECT_EQ(delete_all(worker), files);
  stop();
  EXPECT_EQ(kv::all_in(**disk_->open(), "O", "Q").size(), 0u);
}

TEST_F(MasterTest, a_tree_is_taken_apart_whatever_moment_the_master_dies_at) {
  for (size_t moment = 0; moment < 12; ++moment) {
    if (session_ == 0) open_session();
    const uint64_t root = make_dir("tree" + std::to_string(moment));
    for (int i = 0; i < 3; ++i) make_dir("d", make_dir("d" + std::to_string(i), root));
    v1::RemoveTreeRequest request;
    request.set_parent(1);
    request.set_name("tree" + std::to_string(moment));
    ASSERT_TRUE(change<names::RemoveTree>(request));
    size_t turns = 0;
    world_.run_until([&] { return turns++ == moment; }, milliseconds(100));
    restart();
    ASSERT_TRUE(renew());
    ASSERT_TRUE(renew());
    pass(seconds(3));
    EXPECT_EQ(report().inodes(), 1u) << moment;
    EXPECT_EQ(problems(), std::vector<std::string>());
  }
}

TEST_F(MasterTest, an_object_whose_handle_is_lost_is_found_and_given_back) {
  const uint64_t worker = add_worker(1);
  open_session();
  auto written = create("a", 1000);
  ASSERT_TRUE(commit(*written, 600, false));
  auto unused = create("b", 1000);
  ASSERT_TRUE(unused);
  stop();
  {
    auto store = std::move(*disk_->open());
    kv::WriteBatch batch;  // damage: the handles are gone, their objects are not
    for (const v1::OpenReply* open : {&*written, &*unused}) {
      batch.erase(key::handle(InodeId{open->attr().inode()}, HandleId{open->handle()}));
      batch.erase(key::session_handle(SessionId{session_}, HandleId{open->handle()}));
    }
    ASSERT_TRUE(store->write(batch));
  }
  start();
  workers_.clear();
  add_worker(1, {}, worker);
  ASSERT_TRUE(renew());
  pass(seconds(62));
  auto duties = beat(worker);
  ASSERT_TRUE(duties);
  bool seals = false, removes = false;
  for (const v1::Duty& duty : duties->duties()) {
    seals |= duty.object() == written->grants(0).object() && duty.seal() == 600;
    removes |= duty.object() == unused->grants(0).object() && duty.remove();
  }
  EXPECT_TRUE(seals);
  EXPECT_TRUE(removes);
}

TEST_F(MasterTest, without_workers_a_grant_is_elsewhere_and_with_full_ones_no_space) {
  open_session();
  auto open = create("a");
  ASSERT_TRUE(open);
  v1::AllocateRequest request;
  request.set_handle(open->handle());
  request.set_count(1);
  request.mutable_placement()->set_bytes(1000);
  EXPECT_EQ(change<names::Allocate>(request).error().code(), Code::kElsewhere);
  auto reply = call<clusters::RegisterWorker>(registration(0, "", 1, 0));
  ASSERT_TRUE(reply);
  v1::ReportInventoryRequest page;
  page.set_worker(reply->worker());
  page.set_registration(reply->registration());
  page.set_to(UINT64_MAX);
  EXPECT_EQ(change<names::Allocate>(request).error().code(), Code::kElsewhere) << "it has not said yet what it holds";
  page.set_last(true);
  ASSERT_TRUE(call<clusters::ReportInventory>(page));
  EXPECT_EQ(change<names::Allocate>(request).error().error(), ENOSPC);
}

TEST_F(MasterTest, a_full_disk_makes_it_read_only_and_it_recovers) {
  open_session();
  make_dir("a");
  disk_->set_full(true);
  v1::MakeDirRequest request;
  request.set_parent(1);
  request.set_name("b");
  EXPECT_EQ(change<names::MakeDir>(request).error().error(), ENOSPC);
  EXPECT_TRUE(lookup("a"));
  EXPECT_EQ(report().state(), "read-only");
  EXPECT_NE(report().reason(), "");
  disk_->set_full(false);
  EXPECT_TRUE(change<names::MakeDir>(request));
  EXPECT_EQ(report().state(), "serving");
}

TEST_F(MasterTest, a_broken_journal_refuses_changes_until_the_next_start) {
  open_session();
  make_dir("a");
  disk_->fail_sync_after(0);
  pass(seconds(1));
  v1::MakeDirRequest request;
  request.set_parent(1);
  request.set_name("b");
  EXPECT_EQ(change<names::MakeDir>(request).error().code(), Code::kBroken);
  EXPECT_EQ(report().state(), "read-only");
  EXPECT_EQ(master_->accepts_changes().error().code(), Code::kBroken);
  EXPECT_TRUE(lookup("a"));
  restart();
  EXPECT_TRUE(change<names::MakeDir>(request));
}

TEST_F(MasterTest, the_report_says_who_and_how_many) {
  const uint64_t worker = add_worker(1);
  open_session();
  write_file("a", 10);
  const v1::ReportReply reply = report();
  EXPECT_EQ(reply.cluster(), master_->cluster());
  EXPECT_EQ(reply.version(), "test");
  EXPECT_EQ(reply.state(), "serving");
  EXPECT_EQ(reply.inodes(), 2u);
  EXPECT_EQ(reply.sessions(), 1u);
  ASSERT_EQ(reply.workers_size(), 1);
  EXPECT_EQ(reply.workers(0).address().worker(), worker);
  EXPECT_EQ(reply.workers(0).state(), "live");
}

TEST_F(MasterTest, fsck_finds_an_entry_without_an_inode) {
  open_session();
  const uint64_t inode = make_dir("a");
  stop();
  kv::WriteBatch batch;
  batch.erase(key::inode(InodeId{inode}));
  ASSERT_TRUE((*disk_->open())->write(batch));
  start();
  EXPECT_NE(problems(), std::vector<std::string>());
}

// What a worker has deleted is gone, whatever becomes of the metadata.
TEST_F(MasterTest, a_duty_is_given_only_when_power_loss_cannot_take_back_its_reason) {
  os::SimRandom random(3);
  for (int round = 0; round < 10; ++round) {
    workers_.clear();
    open_session(static_cast<uint64_t>(round) + 1);
    const uint64_t worker = add_worker(static_cast<uint64_t>(round) + 1);
    const std::string name = "f" + std::to_string(round);
    const uint64_t inode = write_file(name, 1000);
    v1::SetAttrRequest truncation;
    truncation.set_inode(inode);
    truncation.set_size(0);
    ASSERT_TRUE(change<names::SetAttr>(truncation));
    auto duties = beat(worker);
    ASSERT_TRUE(duties);
    ASSERT_EQ(duties->duties_size(), 1);
    disk_->power_cut(random);
    process_->crash();
    stop();
    sequence_ = 0;
    start();
    auto found = lookup(name);
    ASSERT_TRUE(found) << found.error().to_string();
    EXPECT_EQ(found->attr().size(), 0u) << "its only object is being deleted";
  }
}

}  // namespace
}  // namespace forebay::master
