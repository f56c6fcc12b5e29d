#include "base/crc32c.h"
#include "master/persist/persist_world.h"

namespace forebay::master {
namespace {

class ManyOperationsTest : public PersistWorld {
 protected:
  void SetUp() override { start_mapped(); }
  v1::StartIntentsRequest all_waiting() {
    v1::StartIntentsRequest request;
    for (const Waiting& each : waiting()) *request.add_intents()->mutable_place() = each.place;
    return request;
  }
  void write_inline(const std::string& path, const std::string& content) {
    auto opened = create(path, 0644, v1::ACCESS_READ_WRITE);
    ASSERT_TRUE(opened);
    v1::CommitRequest request = request_of(HandleId{opened->handle()});
    request.set_inline_content(content);
    request.set_inline_crc32c(crc32c(as_bytes(content)));
    v1::NewExtent& added = *request.add_extents();
    *added.mutable_extent() = extent(0, content.size(), 0);
    added.set_inlined(true);
    request.set_close(true);
    ASSERT_TRUE(commit(request));
  }
  void set_record(const std::string& key, const std::string& value) {
    kv::WriteBatch batch;
    batch.put(key, value);
    ASSERT_TRUE(store_->write(batch));
  }
  static v1::FinishOperationRequest done(const v1::Operation& operation) {
    v1::FinishOperationRequest request;
    request.set_operation(operation.operation());
    request.set_epoch(operation.record().epoch());
    request.mutable_done()->set_identity(identity_of(operation.record().inode(), operation.record().version()));
    return request;
  }
};

TEST_F(ManyOperationsTest, each_is_started_and_ended_as_alone_and_what_one_comes_to_is_its_own) {
  write_file("/c/a", 10);
  write_file("/c/b", 20);
  v1::StartIntentsRequest starts = all_waiting();
  ASSERT_EQ(starts.intents_size(), 2);
  starts.add_intents()->mutable_place()->set_sequence(12345);
  const auto started = run(ops::start_intents, starts);
  ASSERT_TRUE(started);
  ASSERT_EQ(started->answers_size(), 3);
  EXPECT_TRUE(started->answers(0).reply().has_started());
  EXPECT_TRUE(started->answers(1).reply().has_started());
  EXPECT_TRUE(started->answers(2).reply().has_nothing());

  v1::FinishOperationsRequest ends;
  *ends.add_operations() = done(started->answers(0).reply().started());
  ends.mutable_operations(0)->mutable_done()->set_identity(std::string(2'000, 'x'));
  *ends.add_operations() = done(started->answers(1).reply().started());
  *ends.add_operations() = done(started->answers(1).reply().started());
  const auto ended = run(ops::finish_operations, ends);
  ASSERT_TRUE(ended);
  ASSERT_EQ(ended->answers_size(), 3);
  EXPECT_EQ(ended->answers(0).error().code(), static_cast<uint32_t>(Code::kInvalid));
  EXPECT_EQ(ended->answers(1).reply().result(), "stored");
  EXPECT_EQ(ended->answers(2).error().code(), static_cast<uint32_t>(Code::kStale)) << "the same call has ended it";
  EXPECT_FALSE(is_clean("/c/a"));
  EXPECT_TRUE(is_clean("/c/b"));
}

TEST_F(ManyOperationsTest, a_damaged_intent_holds_nobody_up) {
  write_file("/c/a", 10);
  write_file("/c/b", 20);
  v1::StartIntentsRequest starts = all_waiting();
  ASSERT_EQ(starts.intents_size(), 2);
  const v1::IntentPlace damaged = starts.intents(0).place();
  const std::string name = key::intent(damaged.due_ns(), damaged.sequence());
  const std::optional<std::string> sound = *store_->get(name);
  set_record(name, "\xff");
  const auto started = run(ops::start_intents, starts);
  ASSERT_TRUE(started);
  EXPECT_EQ(started->answers(0).error().code(), static_cast<uint32_t>(Code::kCorrupt));
  EXPECT_TRUE(started->answers(1).reply().has_started());
  set_record(name, *sound);
}

TEST_F(ManyOperationsTest, layouts_bring_inline_content_and_leave_out_what_has_ended) {
  write_inline("/c/a", "some bytes");
  write_inline("/c/b", "other bytes");
  const v1::Operation a = upload("a"), b = upload("b");
  EXPECT_TRUE(a.layout().objects(0).content().empty()) << "starts are kept as outcomes";
  ASSERT_TRUE(finish_done(b));
  v1::GetUploadLayoutsRequest request;
  for (const v1::Operation* each : {&a, &b}) {
    v1::GetUploadLayoutRequest& one = *request.add_operations();
    one.set_operation(each->operation());
    one.set_epoch(each->record().epoch());
  }
  const auto layouts = run(ops::get_upload_layouts, request);
  ASSERT_TRUE(layouts);
  ASSERT_EQ(layouts->layouts_size(), 2);
  EXPECT_EQ(layouts->layouts(0).layout().objects(0).content(), "some bytes");
  EXPECT_FALSE(layouts->layouts(1).has_layout());
}

TEST_F(ManyOperationsTest, there_is_a_most_and_they_are_the_superusers) {
  v1::StartIntentsRequest request;
  for (int i = 0; i < 65; ++i) request.add_intents();
  EXPECT_EQ(run(ops::start_intents, request).error().code(), Code::kInvalid);
  as = user(1000, 1000);
  EXPECT_EQ(run(ops::start_intents, {}).error().error(), EPERM);
  EXPECT_EQ(run(ops::finish_operations, {}).error().error(), EPERM);
  EXPECT_EQ(run(ops::get_upload_layouts, {}).error().error(), EPERM);
}

}  // namespace
}  // namespace forebay::master
