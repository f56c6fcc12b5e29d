// A whole worker in a simulated world, with a master that the test plays.
#include "worker/worker.h"

#include <gtest/gtest.h>

#include "base/crc32c.h"
#include "os/simulation.h"
#include "worker/fake_master.h"
#include "worker/store/store_fixture.h"

namespace forebay::worker {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
namespace service = v1::worker_service;

// Removes no file while it is read-only.
class LockedDisk final : public os::SeamWatch {
 public:
  os::SeamFate before(const os::SeamCall& call) override {
    os::SeamFate fate;
    if (is_read_only && call.name == "file.remove") fate.error = EROFS;
    return fate;
  }
  bool is_read_only = false;
};

class WorkerTest : public testing::Test {
 public:
  WorkerTest() {
    master_process = world.start_process("master", "master");
    start_master();
    config.listen = {.host = "worker", .port = 29999, .path = {}};
    config.unix_listen = {.host = {}, .port = 0, .path = "/run/worker.sock"};
    config.masters = {{.host = "nobody", .port = 1, .path = {}}, master->address};
    config.store.tiers = {{.alias = "SSD", .medium = "SSD", .paths = {{"/ssd", 256 * kMiB}}, .watermarks = {}}};
    config.registration.inventory_page = 10;
    config.scrub.pause_between_passes = seconds(10);
  }
  ~WorkerTest() override {
    if (worker) stop();
    for (auto& client : clients) complete(client->stop());
    complete(master->stop());
  }

  void start_master() {
    master = std::make_unique<FakeMaster>(master_process->env(), os::Address{.host = "master", .port = 19998, .path = {}},
                                          world.executor());
  }
  Result<void> try_start() {
    process = world.start_process("worker", "worker", &disk);
    worker = std::make_unique<Worker>(process->env(), config, std::vector{world.executor()}, obs::null_log(), events, nullptr);
    return complete(worker->start());
  }
  void start() {
    Result<void> started = try_start();
    ASSERT_TRUE(started) << started.error().to_string();
    ASSERT_TRUE(world.run_until([&] { return worker->is_registered(); }, seconds(60)));
  }
  void stop() {
    complete(worker->stop());
    worker.reset();
    process.reset();
  }
  void kill() {
    process->crash();
    stop();
  }

  void complete(Task<void> task) {
    auto done = [](Task<void> inner) -> Task<bool> {
      co_await std::move(inner);
      co_return true;
    };
    ASSERT_TRUE(world.complete(done(std::move(task)), seconds(120))) << "the task does not end";
  }
  template <class T>
  Result<T> complete(Task<Result<T>> task) {
    std::optional<Result<T>> result = world.complete(std::move(task), seconds(120));
    EXPECT_TRUE(result) << "the task does not end";
    return result ? std::move(*result) : Result<T>(cancelled("never ended"));
  }

  rpc::Channel& channel(const std::string& host = "client", bool over_unix = false) {
    if (!client_process || client_process->host().name() != host) client_process = world.start_process(host, "client");
    processes.push_back(client_process);
    os::Address to = over_unix ? config.unix_listen : config.listen;
    clients.push_back(std::make_unique<rpc::Channel>(client_process->env(), to, rpc::ChannelConfig{}, world.executor()));
    return *clients.back();
  }
  template <class M>
  Result<rpc::Received<typename M::Reply>> call(rpc::Channel& to, typename M::Request request, const std::string& payload = {}) {
    rpc::CallOptions options;
    options.payload = as_bytes(payload);
    return complete(to.call<M>(std::move(request), options));
  }
  Result<uint64_t> write(rpc::Channel& to, uint64_t object, const std::string& text, uint64_t offset, uint64_t create) {
    v1::WriteObjectRequest request;
    request.set_object(object);
    request.set_offset(offset);
    request.set_create_bytes(create);
    auto reply = call<service::WriteObject>(to, request, text);
    if (!reply) return std::unexpected(reply.error());
    return reply->message.length();
  }
  Result<std::string> read(rpc::Channel& to, uint64_t object, uint64_t offset, uint32_t length) {
    v1::ReadObjectRequest request;
    request.set_object(object);
    request.set_offset(offset);
    request.set_length(length);
    auto reply = call<service::ReadObject>(to, request);
    if (!reply) return std::unexpected(reply.error());
    return std::string(as_text(reply->payload.view()));
  }
  Result<uint32_t> seal(rpc::Channel& to, uint64_t object, uint64_t length) {
    v1::SealObjectRequest request;
    request.set_object(object);
    request.set_length(length);
    request.set_sync(true);
    auto reply = call<service::SealObject>(to, request);
    if (!reply) return std::unexpected(reply.error());
    return reply->message.crc32c();
  }

  // As whoever asks the process whether it is ready is told.
  struct Readiness final : WorkerEvents {
    bool ready = false;
    void registered(bool now) override { ready = now; }
    void registration_failed(const Status&) override { ready = false; }
  };
  LockedDisk disk;
  os::SimWorld world{{}};
  WorkerConfig config;
  Readiness events;
  std::shared_ptr<os::SimProcess> master_process, process, client_process;
  std::unique_ptr<FakeMaster> master;
  std::unique_ptr<Worker> worker;
  std::vector<std::shared_ptr<os::SimProcess>> processes;
  std::vector<std::unique_ptr<rpc::Channel>> clients;
};

TEST_F(WorkerTest, a_new_worker_gets_its_identity_and_keeps_it) {
  start();
  ASSERT_EQ(master->registrations.size(), 1u);
  EXPECT_EQ(master->registrations[0].worker(), 0u);
  EXPECT_EQ(master->registrations[0].cluster(), "");
  EXPECT_EQ(master->registrations[0].address().address(), "worker:29999");
  EXPECT_EQ(master->registrations[0].address().unix_address(), "unix:/run/worker.sock");
  EXPECT_FALSE(master->registrations[0].address().host_id().empty());
  EXPECT_EQ(master->registrations[0].tiers(0).quota_bytes(), 256 * kMiB);
  EXPECT_TRUE(master->complete);
  stop();
  start();
  ASSERT_EQ(master->registrations.size(), 2u);
  EXPECT_EQ(master->registrations[1].worker(), 7u);
  EXPECT_EQ(master->registrations[1].cluster(), "cluster-a");
  EXPECT_NE(master->registrations[1].start_nonce(), master->registrations[0].start_nonce());
}

TEST_F(WorkerTest, serves_bytes_over_the_network) {
  start();
  rpc::Channel& to = channel();
  const std::string text = pattern(1, kMiB);
  EXPECT_EQ(write(to, 5, text, 0, 3 * kMiB).value(), kMiB);
  EXPECT_EQ(write(to, 5, text.substr(0, 10), kMiB, 0).value(), kMiB + 10);
  EXPECT_EQ(seal(to, 5, kMiB + 10).value(), crc32c(as_bytes(text).first(10), crc32c(as_bytes(text))));
  EXPECT_EQ(seal(to, 5, kMiB + 10).value(), crc32c(as_bytes(text).first(10), crc32c(as_bytes(text))));
  expect_bytes(read(to, 5, 0, kMiB).value(), text);
  expect_bytes(read(to, 5, kMiB - 5, 100).value(), text.substr(kMiB - 5) + text.substr(0, 10));
  expect_error(write(to, 5, "x", 0, 0), Code::kStale, ESTALE);
  expect_error(read(to, 6, 0, 1), Code::kElsewhere, ENOENT);
  expect_error(write(to, 6, "x", 0, 0), Code::kElsewhere, ENOENT);
  expect_error(write(to, 6, "x", 0, kTiB), Code::kElsewhere, ENOSPC);
  expect_error(read(to, 5, 0, kMiB + 1), Code::kInvalid, EINVAL);
  v1::StatObjectRequest stat;
  stat.set_object(5);
  auto found = call<service::StatObject>(to, stat);
  ASSERT_TRUE(found);
  EXPECT_EQ(found->message.length(), kMiB + 10);
  EXPECT_TRUE(found->message.sealed());
  EXPECT_EQ(found->message.tier(), "SSD");
}

TEST_F(WorkerTest, lists_what_it_stores_in_pages) {
  start();
  rpc::Channel& to = channel();
  for (uint64_t object : {7, 5, 9}) ASSERT_TRUE(write(to, object, std::string(object, 'x'), 0, kMiB));
  Result<uint32_t> sealed = seal(to, 7, 7);
  ASSERT_TRUE(sealed);
  v1::ListObjectsRequest request;
  request.set_limit(2);
  auto page = call<service::ListObjects>(to, request);
  ASSERT_TRUE(page);
  ASSERT_EQ(page->message.objects_size(), 2);
  EXPECT_EQ(page->message.objects(0).object(), 5u);
  EXPECT_FALSE(page->message.objects(0).sealed());
  EXPECT_EQ(page->message.objects(1).object(), 7u);
  EXPECT_EQ(page->message.objects(1).length(), 7u);
  EXPECT_TRUE(page->message.objects(1).sealed());
  EXPECT_EQ(page->message.objects(1).crc32c(), *sealed);
  EXPECT_EQ(page->message.next(), 9u);
  request.set_from(page->message.next());
  page = call<service::ListObjects>(to, request);
  ASSERT_TRUE(page);
  ASSERT_EQ(page->message.objects_size(), 1);
  EXPECT_EQ(page->message.objects(0).object(), 9u);
  EXPECT_EQ(page->message.next(), 0u);
}

TEST_F(WorkerTest, passes_descriptors_on_the_same_host_only) {
  start();
  v1::OpenObjectRequest open;
  open.set_object(5);
  open.set_write(true);
  open.set_create_bytes(4096);
  expect_error(call<service::OpenObject>(channel("client"), open), Code::kRejected, EOPNOTSUPP);
  rpc::Channel& local = channel("worker", true);
  auto opened = call<service::OpenObject>(local, open);
  ASSERT_TRUE(opened) << opened.error().to_string();
  ASSERT_EQ(opened->descriptors.size(), 1u);
  auto file = client_process->env().files.adopt(opened->descriptors[0]);
  ASSERT_TRUE(file) << file.error().to_string();
  ASSERT_TRUE((*file)->write_at(as_bytes("hello"), opened->message.data_offset()));
  v1::SyncObjectRequest sync;
  sync.set_object(5);
  sync.set_length(5);
  EXPECT_TRUE(call<service::SyncObject>(local, sync));
  EXPECT_EQ(seal(local, 5, 5).value(), crc32c(as_bytes("hello")));
  expect_error(call<service::OpenObject>(local, open), Code::kStale, ESTALE);
  open.set_write(false);
  opened = call<service::OpenObject>(local, open);
  ASSERT_TRUE(opened);
  EXPECT_EQ(opened->message.length(), 5u);
  EXPECT_TRUE(opened->message.sealed());
  file = client_process->env().files.adopt(opened->descriptors[0]);
  expect_error((*file)->write_at(as_bytes("x"), 0), Code::kRejected, EBADF);
}

TEST_F(WorkerTest, notices_clients_that_write_frames) {
  start();
  rpc::Channel& client = channel();
  const std::string frame(kMiB, 'x');
  for (uint64_t at = 0; at < Writers::kMuch; at += frame.size()) {
    EXPECT_FALSE(worker->writers().are_active());
    ASSERT_TRUE(write(client, 1, frame, at, 2 * Writers::kMuch));
  }
  EXPECT_TRUE(worker->writers().are_active());
}

TEST_F(WorkerTest, notices_clients_that_write_through_descriptors) {
  start();
  v1::OpenObjectRequest open;
  open.set_object(5);
  open.set_write(true);
  open.set_create_bytes(4096);
  open.set_staged(true);
  auto opened = call<service::OpenObject>(channel("worker", true), open);
  ASSERT_TRUE(opened) << opened.error().to_string();
  EXPECT_TRUE(worker->writers().are_active());
  world.run_for(3 * Writers::kLooksOn);
  EXPECT_FALSE(worker->writers().are_active());
  auto file = client_process->env().files.adopt(opened->descriptors[0]);
  ASSERT_TRUE(file) << file.error().to_string();
  ASSERT_TRUE((*file)->write_at(as_bytes(std::string(Writers::kMuch, 'x')), 0));
  EXPECT_TRUE(world.run_until([&] { return worker->writers().are_active(); }, Writers::kLooksOn));
}

TEST_F(WorkerTest, reports_its_inventory_in_pages_after_a_kill) {
  start();
  rpc::Channel& to = channel();
  for (uint64_t id = 1; id <= 25; ++id) {
    ASSERT_TRUE(write(to, id * 300, pattern(id, id), 0, id));
    if (id % 5 != 0) ASSERT_TRUE(seal(to, id * 300, id));
  }
  kill();
  master->pages = 0;
  start();
  EXPECT_EQ(master->pages, 3u);
  EXPECT_TRUE(master->complete);
  ASSERT_EQ(master->stored.size(), 25u);
  EXPECT_EQ(master->stored[600].crc32c(), crc32c(as_bytes(pattern(2, 2))));
  EXPECT_TRUE(master->stored[600].sealed());
  EXPECT_FALSE(master->stored[1500].sealed());
  EXPECT_EQ(master->stored[1500].length(), 5u);
}

TEST_F(WorkerTest, carries_out_duties_and_reports_them_until_acknowledged) {
  start();
  rpc::Channel& to = channel();
  ASSERT_TRUE(write(to, 1, "sealed here", 0, 100));
  ASSERT_TRUE(seal(to, 1, 11));
  ASSERT_TRUE(write(to, 2, "cut me here, please", 0, 100));
  master->loses_heartbeat_replies = true;
  master->tell_remove(1);
  master->tell_seal(2, 11);
  master->tell_remove(99);    // never was here
  master->tell_seal(98, 10);  // nor this
  int before = master->heartbeats;
  world.run_until([&] { return master->heartbeats > before; }, seconds(5));
  master->loses_heartbeat_replies = false;
  ASSERT_TRUE(world.run_until([&] { return master->duties.empty(); }, seconds(30)));
  EXPECT_TRUE(master->removed.contains(1));
  EXPECT_TRUE(master->removed.contains(99));
  EXPECT_EQ(master->sealed[2].length(), 11u);
  EXPECT_EQ(master->sealed[2].crc32c(), crc32c(as_bytes("cut me here")));
  EXPECT_EQ(master->damaged, std::set<uint64_t>{98});
  EXPECT_EQ(read(to, 2, 0, 100).value(), "cut me here");
  expect_error(read(to, 1, 0, 1), Code::kElsewhere, ENOENT);
  // Acknowledged: no longer reported.
  world.run_for(seconds(3));
  EXPECT_EQ(master->last.removed_size() + master->last.sealed_size() + master->last.damaged_size(), 0);
}

TEST_F(WorkerTest, says_that_a_copy_asked_for_is_gone_and_nothing_when_it_is_there) {
  start();
  rpc::Channel& to = channel();
  ASSERT_TRUE(write(to, 1, "x", 0, 100));
  master->duties[1].set_check(true);
  master->duties[2].set_check(true);
  ASSERT_TRUE(world.run_until([&] { return !master->damaged.empty(); }, seconds(30)));
  world.run_for(seconds(3));
  EXPECT_EQ(master->damaged, std::set<uint64_t>{2});
  EXPECT_EQ(master->last.objects(), 1u);
}

TEST_F(WorkerTest, a_lost_acknowledgement_is_followed_by_the_same_report) {
  start();
  rpc::Channel& to = channel();
  ASSERT_TRUE(write(to, 1, "x", 0, 100));
  master->tell_remove(1);
  ASSERT_TRUE(world.run_until([&] { return worker->store().object_count() == 0; }, seconds(30)));
  master->loses_heartbeat_replies = true;
  ASSERT_TRUE(world.run_until([&] { return master->removed.count(1) >= 2; }, seconds(30)));
  master->loses_heartbeat_replies = false;
  world.run_for(seconds(5));
  EXPECT_EQ(master->last.removed_size(), 0);
}

TEST_F(WorkerTest, many_duties_are_worked_off_without_waiting_for_heartbeats) {
  start();
  for (uint64_t id = 1; id <= 5'500; ++id) master->tell_remove(id);
  int before = master->heartbeats;
  ASSERT_TRUE(world.run_until([&] { return master->duties.empty(); }, seconds(60)));
  EXPECT_EQ(master->removed.size(), 5'500u);
  EXPECT_LE(master->heartbeats - before, 20);
  EXPECT_LT(world.time().now() - os::VirtualTime::kStart, seconds(10));
}

TEST_F(WorkerTest, what_cannot_be_removed_now_is_tried_again_after_a_while_and_keeps_nobody_busy) {
  start();
  rpc::Channel& to = channel();
  for (uint64_t id = 1; id <= 20; ++id) ASSERT_TRUE(write(to, id, "x", 0, 100));
  disk.is_read_only = true;
  for (uint64_t id = 1; id <= 20; ++id) master->tell_remove(id);
  const int before = master->heartbeats;
  world.run_for(seconds(15));
  EXPECT_LE(master->heartbeats - before, 35);  // one in 500 ms
  EXPECT_EQ(worker->store().object_count(), 20u);
  disk.is_read_only = false;
  ASSERT_TRUE(world.run_until([&] { return master->duties.empty(); }, seconds(15)));
  EXPECT_EQ(worker->store().object_count(), 0u);
}

TEST_F(WorkerTest, an_object_sealed_by_its_writer_before_the_duty_is_reported_as_it_is) {
  start();
  rpc::Channel& to = channel();
  ASSERT_TRUE(write(to, 3, "abcdef", 0, 100));
  ASSERT_TRUE(seal(to, 3, 6));
  master->tell_seal(3, 4);
  ASSERT_TRUE(world.run_until([&] { return master->duties.empty(); }, seconds(30)));
  EXPECT_EQ(master->sealed[3].length(), 6u);
}

TEST_F(WorkerTest, registers_again_when_the_master_forgot_it_and_serves_meanwhile) {
  start();
  rpc::Channel& to = channel();
  ASSERT_TRUE(write(to, 1, "x", 0, 100));
  complete(master->stop());
  master_process->crash();
  world.run_for(seconds(30));
  EXPECT_EQ(read(to, 1, 0, 10).value(), "x");
  ASSERT_TRUE(write(to, 2, "y", 0, 100));
  master_process = world.start_process("master", "master");
  start_master();
  master->registration = 500;
  ASSERT_TRUE(world.run_until([&] { return master->complete; }, seconds(60)));
  EXPECT_EQ(master->stored.size(), 2u);
  EXPECT_EQ(master->registrations.at(0).worker(), 7u);
}

TEST_F(WorkerTest, is_ready_again_when_its_master_answers_that_was_silent) {
  start();
  EXPECT_TRUE(events.ready);
  master->loses_heartbeat_replies = true;
  ASSERT_TRUE(world.run_until([&] { return !events.ready; }, seconds(60)));
  master->loses_heartbeat_replies = false;
  EXPECT_TRUE(world.run_until([&] { return events.ready; }, seconds(60)));
  EXPECT_EQ(master->registrations.size(), 1u) << "without registering again";
}

TEST_F(WorkerTest, goes_on_to_the_next_master_when_this_one_does_not_lead) {
  auto second_process = world.start_process("second", "master");
  FakeMaster second(second_process->env(), {.host = "second", .port = 19998, .path = {}}, world.executor());
  config.masters.push_back(second.address);
  master->leads = false;
  start();
  EXPECT_EQ(second.registrations.size(), 1u);
  second.leads = false;
  second.registration = 900;
  master->leads = true;
  ASSERT_TRUE(world.run_until([&] { return master->complete; }, seconds(60)));
  stop();
  complete(second.stop());
}

TEST_F(WorkerTest, a_refused_registration_is_tried_again_and_bytes_are_served) {
  start();
  ASSERT_TRUE(write(channel(), 1, "x", 0, 100));
  stop();
  master->cluster = "cluster-b";
  ASSERT_TRUE(try_start());
  EXPECT_FALSE(world.run_until([&] { return worker->is_registered(); }, seconds(30)));
  EXPECT_EQ(read(channel(), 1, 0, 10).value(), "x");
  EXPECT_EQ(worker->store().identity()->cluster, "cluster-a");
  master->cluster = "cluster-a";
  EXPECT_TRUE(world.run_until([&] { return worker->is_registered(); }, seconds(30)));
}

TEST_F(WorkerTest, the_scrubber_finds_decay_and_the_master_hears_of_it) {
  start();
  rpc::Channel& to = channel();
  for (uint64_t id : {1, 2}) {
    ASSERT_TRUE(write(to, id, pattern(id, 100'000), 0, 100'000));
    ASSERT_TRUE(seal(to, id, 100'000));
  }
  ASSERT_TRUE(world.host("worker").disk().flip_bit("/ssd/objects/" + object_file_name(ObjectId{2}), kDataOffset + 77'777, 4));
  ASSERT_TRUE(world.run_until([&] { return !master->damaged.empty(); }, seconds(60)));
  EXPECT_EQ(master->damaged, std::set<uint64_t>{2});
}

TEST_F(WorkerTest, an_address_in_use_is_an_error_that_names_it) {
  start();
  WorkerConfig second = config;
  second.store.tiers[0].paths[0].path = "/other";
  second.unix_listen = {};
  auto process2 = world.start_process("worker", "worker-2");
  Worker other(process2->env(), second, {world.executor()}, obs::null_log(), events, nullptr);
  Result<void> started = complete(other.start());
  expect_error(started, Code::kInvalid, EADDRINUSE);
  EXPECT_NE(started.error().message().find("29999"), std::string::npos) << started.error().message();
  complete(other.stop());
}

}  // namespace
}  // namespace forebay::worker
