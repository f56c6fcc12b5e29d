#include "master/cluster/check_copies.h"

#include "master/ops/content_world.h"
#include "master/schema.h"

namespace forebay::master {
namespace {

constexpr WorkerId kOne{1}, kThree{3};

class CheckCopiesTest : public ContentWorld {
 protected:
  CheckCopiesTest() {
    write_file("/f", 1'000);
    object_ = layout(inode_of("/f"))->extents(0).object();
    writing_ = start("/w");
  }
  static v1::StoredObject stored(uint64_t object, uint64_t length, bool sealed, uint32_t crc) {
    v1::StoredObject stored;
    stored.set_object(object);
    stored.set_length(length);
    stored.set_sealed(sealed);
    stored.set_crc32c(crc);
    return stored;
  }
  v1::StoredObject as_recorded() { return stored(object_, object(object_)->length(), true, object(object_)->crc32c()); }

  // What is said of a worker that stores these; "object: problem".
  std::vector<std::string> problems(std::vector<v1::StoredObject> objects, WorkerId worker = kOne) {
    v1::FsckCopiesRequest page;
    page.set_worker(worker.value);
    page.set_to(UINT64_MAX);
    page.mutable_objects()->Assign(objects.begin(), objects.end());
    auto reply = check_copies(*store_, page);
    EXPECT_TRUE(reply);
    to_be_removed_ = reply ? reply->to_be_removed() : 0;
    std::vector<std::string> found;
    for (const v1::CopyProblem& each : reply->problems()) found.push_back(std::to_string(each.object()) + ": " + each.problem());
    return found;
  }
  std::vector<std::string> only(uint64_t object, const std::string& problem) { return {std::to_string(object) + ": " + problem}; }

  uint64_t object_ = 0, to_be_removed_ = 0;
  Writing writing_;
};

TEST_F(CheckCopiesTest, a_worker_that_holds_what_is_recorded_has_no_problems) { EXPECT_EQ(problems({as_recorded()}), Texts{}); }

TEST_F(CheckCopiesTest, an_object_being_written_may_be_there_or_not_begun) {
  EXPECT_EQ(problems({as_recorded(), stored(writing_.object, 77, false, 0)}), Texts{});
}

TEST_F(CheckCopiesTest, acknowledged_bytes_that_are_not_there_are_missing) {
  EXPECT_EQ(problems({}), only(object_, "is missing: 1000 bytes of inode " + std::to_string(inode_of("/f").value)));
  ASSERT_TRUE(commit(writing_.handle, {extent(0, 10, writing_.object)}));
  EXPECT_EQ(problems({as_recorded()}),
            only(writing_.object, "is missing: 10 bytes of inode " + std::to_string(inode_of("/w").value)));
  EXPECT_EQ(problems({as_recorded(), stored(writing_.object, 9, false, 0)}),
            only(writing_.object, "is shorter than what was acknowledged: 9 instead of 10"));
}

TEST_F(CheckCopiesTest, what_no_file_refers_to_is_leaked_unless_it_is_to_be_removed) {
  EXPECT_EQ(problems({as_recorded(), stored(9'000, 5, true, 0)}), only(9'000, "is stored and in no file"));
  EXPECT_EQ(problems({as_recorded()}, kThree), only(object_, "is stored and not counted as a copy"));
  ASSERT_TRUE(unlink("/f"));
  EXPECT_EQ(problems({stored(object_, 1'000, true, 0)}), Texts{});
  EXPECT_EQ(to_be_removed_, 1u);
}

TEST_F(CheckCopiesTest, a_copy_has_to_be_what_was_sealed) {
  v1::StoredObject copy = as_recorded();
  copy.set_crc32c(copy.crc32c() + 1);
  EXPECT_EQ(problems({copy}).size(), 1u);
  copy = as_recorded();
  copy.set_length(1'001);
  EXPECT_EQ(problems({copy}), only(object_, "has another length: 1001 instead of 1000"));
  copy = as_recorded();
  copy.set_sealed(false);
  EXPECT_EQ(problems({copy}), only(object_, "is sealed in the metadata and not at the worker"));
  std::string length;
  append_big_endian(length, 1'000);
  kv::WriteBatch duty;
  duty.put(key::seal_duty(kOne, ObjectId{object_}), length);
  ASSERT_TRUE(store_->write(duty));
  EXPECT_EQ(problems({copy}), Texts{});
}

TEST_F(CheckCopiesTest, a_page_that_is_not_in_order_is_invalid) {
  v1::FsckCopiesRequest page;
  page.set_worker(1);
  page.set_from(10);
  page.set_to(20);
  *page.add_objects() = stored(12, 1, true, 0);
  *page.add_objects() = stored(12, 1, true, 0);
  EXPECT_EQ(check_copies(*store_, page).error().code(), Code::kInvalid);
  page.mutable_objects()->Clear();
  *page.add_objects() = stored(20, 1, true, 0);
  EXPECT_EQ(check_copies(*store_, page).error().code(), Code::kInvalid);
}

}  // namespace
}  // namespace forebay::master
