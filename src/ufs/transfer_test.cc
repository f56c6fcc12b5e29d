#include "ufs/transfer.h"

#include <algorithm>

#include "ufs/memory_store.h"
#include "ufs/store_contract.h"

namespace forebay::ufs {
namespace {

class TextRanges final : public RangeSink {
 public:
  explicit TextRanges(uint64_t length) : text(length, '\0') {}
  Task<Result<void>> write(uint64_t offset, Bytes data) override {
    std::lock_guard lock(mutex_);
    text.replace(offset, data.size(), as_text(data));
    co_return Result<void>{};
  }
  std::string text;

 private:
  std::mutex mutex_;
};

class TransferTest : public testing::Test {
 protected:
  ~TransferTest() override { loop_.stop(); }
  template <class T>
  Result<T> run(Task<Result<T>> task) {
    return async::block_on(loop_.executor(), std::move(task));
  }
  static UploadPlan plan(const std::string& content) {
    return {.request = {"a", stamp_of(content), "op"}, .config = {.part_bytes = kMiB, .parallel = 3}};
  }

  async::Loop loop_{"transfer"};
  MemoryBucket bucket_;
  MemoryStore store_{bucket_, os::real_clock()};
  const std::string content_ = pattern(1, 5 * kMiB + 123);
};

TEST_F(TransferTest, moves_large_objects_both_ways) {
  TextSource source(content_);
  Result<Identity> stored = run(upload_in_parts(&store_, plan(content_), &source, {}));
  ASSERT_TRUE(stored) << stored.error().to_string();
  EXPECT_TRUE(bucket_.content("a") == content_);
  TextRanges ranges(content_.size());
  ASSERT_TRUE(
      run(download_in_ranges(&store_, "a", *stored, {0, content_.size()}, {.part_bytes = 700'000, .parallel = 4}, &ranges, {})));
  EXPECT_TRUE(ranges.text == content_);
}

TEST_F(TransferTest, downloads_what_was_asked_for_and_nothing_else) {
  bucket_.write_foreign("a", content_);
  const Identity identity = bucket_.state("a")->identity;
  TextRanges ranges(content_.size());
  const Range range{1'000'000, 2'345'678};
  ASSERT_TRUE(run(download_in_ranges(&store_, "a", identity, range, {.part_bytes = 700'000, .parallel = 4}, &ranges, {})));
  std::string expected(content_.size(), '\0');
  expected.replace(range.offset, range.length, content_, range.offset, range.length);
  EXPECT_TRUE(ranges.text == expected);
}

TEST_F(TransferTest, a_download_beyond_the_end_is_corrupt) {
  bucket_.write_foreign("a", content_);
  const Identity identity = bucket_.state("a")->identity;
  TextRanges ranges(content_.size() + 10);
  Result<void> got = run(download_in_ranges(&store_, "a", identity, {0, content_.size() + 10}, {}, &ranges, {}));
  ASSERT_FALSE(got);
  EXPECT_EQ(got.error().code(), Code::kCorrupt);
}

TEST_F(TransferTest, uploads_nothing_as_one_empty_part) {
  TextSource source("");
  ASSERT_TRUE(run(upload_in_parts(&store_, plan(""), &source, {})));
  EXPECT_EQ(bucket_.content("a"), "");
}

TEST_F(TransferTest, sends_only_the_parts_that_are_missing) {
  TextSource source(content_);
  const Upload upload = *run(store_.create_upload({"a", stamp_of(content_), "op"}, {}));
  RangeSource second(source, kMiB, kMiB);
  ASSERT_TRUE(run(store_.put_part(upload, 2, kMiB, &second, {})));
  const std::vector<Part> there = *run(store_.list_parts(upload, {}));
  ASSERT_TRUE(run(resume_upload(&store_, upload, there, plan(content_), &source, {})));
  EXPECT_TRUE(bucket_.content("a") == content_);
  EXPECT_EQ(std::ranges::count_if(bucket_.requests(), [](const RequestRecord& r) { return r.operation == "put_part"; }), 6);
}

TEST_F(TransferTest, aborts_its_upload_when_the_source_fails) {
  class Failing final : public BodySource {
   public:
    uint64_t length() const override { return 10 * kMiB; }
    Task<Result<void>> read(uint64_t offset, MutableBytes into) override {
      if (offset >= 3 * kMiB) co_return corrupt("a damaged extent");
      std::ranges::fill(into, std::byte{1});
      co_return Result<void>{};
    }
  };
  Failing source;
  Result<Identity> stored = run(upload_in_parts(&store_, plan(""), &source, {}));
  ASSERT_FALSE(stored);
  EXPECT_EQ(stored.error().code(), Code::kCorrupt);
  EXPECT_TRUE(bucket_.open_uploads().empty());
  EXPECT_FALSE(bucket_.content("a"));
}

TEST_F(TransferTest, tells_of_the_upload_before_its_first_part_and_leaves_it_to_whoever_recorded_it) {
  TextSource source(content_);
  UploadPlan recorded = plan(content_);
  std::string id;
  struct Record {
    static Task<Result<void>> run(std::string* id, Upload upload) {
      *id = upload.id;
      co_return busy("the record is not written");
    }
  };
  recorded.created = [&id](Upload upload) { return Record::run(&id, upload); };
  EXPECT_FALSE(run(upload_in_parts(&store_, recorded, &source, {})));
  ASSERT_EQ(bucket_.open_uploads().size(), 1u);
  EXPECT_EQ(bucket_.open_uploads()[0].id, id);
  EXPECT_TRUE(run(store_.list_parts(bucket_.open_uploads()[0], {}))->empty());
}

TEST_F(TransferTest, stops_a_download_when_the_object_changes) {
  bucket_.write_foreign("a", content_);
  const Identity identity = bucket_.state("a")->identity;
  bucket_.write_foreign("a", content_);
  TextRanges ranges(content_.size());
  Result<void> got = run(download_in_ranges(&store_, "a", identity, {0, content_.size()}, {}, &ranges, {}));
  ASSERT_FALSE(got);
  EXPECT_EQ(failure_of(got.error()), Failure::kConflict);
}

}  // namespace
}  // namespace forebay::ufs
