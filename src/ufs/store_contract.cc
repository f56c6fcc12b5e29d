// What every under store must do: single objects, conditions, names, listings.
#include "ufs/store_contract.h"

#include <algorithm>

namespace forebay::ufs {
namespace {

GTEST_ALLOW_UNINSTANTIATED_PARAMETERIZED_TEST(StoreContract);

class FailingSource final : public BodySource {
 public:
  explicit FailingSource(uint64_t length) : length_(length) {}
  uint64_t length() const override { return length_; }
  Task<Result<void>> read(uint64_t offset, MutableBytes into) override {
    if (offset + into.size() >= length_) co_return corrupt("the source is damaged");
    std::ranges::fill(into, std::byte{1});
    co_return Result<void>{};
  }

 private:
  const uint64_t length_;
};

class FailingSink final : public BodySink {
 public:
  Task<Result<void>> write(Bytes) override { co_return rejected(ENOSPC, "the sink is full"); }
};

}  // namespace

TEST_P(StoreContract, reads_back_what_was_put_with_its_stamp) {
  const std::string content = pattern(1, 10'000);
  const Identity stored = put("dir/a", content);
  ASSERT_TRUE(stored.is_known());
  const ObjectStat stat = must(store().head("dir/a", call()));
  EXPECT_EQ(stat.length, content.size());
  EXPECT_EQ(stat.identity, stored);
  ASSERT_TRUE(stat.stamp);
  EXPECT_EQ(*stat.stamp, stamp_of(content));
  TextSink sink(kMiB);
  const ObjectStat got = must(store().get("dir/a", {}, Condition::none(), &sink, call()));
  EXPECT_EQ(sink.text(), content);
  EXPECT_EQ(got.identity, stored);
  EXPECT_EQ(got.length, content.size());
  EXPECT_EQ(got.stamp, stat.stamp);
}

TEST_P(StoreContract, another_process_sees_the_same) {
  put("a", "content");
  TextSink sink(kMiB);
  const ObjectStat got = must(world_->other().get("a", {}, Condition::none(), &sink, call()));
  EXPECT_EQ(sink.text(), "content");
  EXPECT_EQ(got.identity, identity("a"));
  EXPECT_EQ(got.stamp, stamp_of("content"));
}

TEST_P(StoreContract, says_that_a_key_is_missing) {
  TextSink sink(10);
  EXPECT_TRUE(fails(Failure::kNotFound, store().head("no/such", call())));
  EXPECT_TRUE(fails(Failure::kNotFound, store().get("no/such", {}, Condition::none(), &sink, call())));
  CopyRequest copy{.from = "no/such", .to = "b", .operation = "op"};
  EXPECT_TRUE(fails(Failure::kNotFound, store().copy(copy, call())));
}

TEST_P(StoreContract, reads_ranges) {
  const std::string content = pattern(2, 9000);
  put("a", content);
  EXPECT_EQ(get("a", {100, 50}), content.substr(100, 50));
  EXPECT_EQ(get("a", {0, 1}), content.substr(0, 1));
  EXPECT_EQ(get("a", {8990, 500}), content.substr(8990));
  EXPECT_EQ(get("a", {8999}), content.substr(8999));
  EXPECT_EQ(get("a", {9000, 10}), "");
  EXPECT_EQ(get("a", {1 << 20, 10}), "");
  EXPECT_EQ(get("a", {5, 0}), "");
}

TEST_P(StoreContract, tells_the_whole_length_with_every_range) {
  put("a", pattern(2, 9000));
  for (Range range : {Range{10, 20}, Range{9000, 10}, Range{0, 0}}) {
    TextSink sink(100);
    EXPECT_EQ(must(store().get("a", range, Condition::none(), &sink, call())).length, 9000u) << range.offset;
  }
}

TEST_P(StoreContract, reads_nothing_but_the_identity_asked_for) {
  const Identity first = put("a", "first");
  const Identity second = put("a", "second!");
  ASSERT_NE(first, second);
  TextSink sink(100);
  EXPECT_TRUE(fails(Failure::kConflict, store().get("a", {}, Condition::is(first), &sink, call())));
  EXPECT_EQ(sink.text(), "");
  must(store().get("a", {0, 3}, Condition::is(second), &sink, call()));
  EXPECT_EQ(sink.text(), "sec");
}

TEST_P(StoreContract, keeps_empty_objects) {
  put("empty", "");
  EXPECT_EQ(must(store().head("empty", call())).length, 0u);
  EXPECT_EQ(get("empty"), "");
  EXPECT_EQ(all_names(), std::vector<std::string>{"empty"});
}

TEST_P(StoreContract, puts_where_nothing_is_only_once) {
  put("a", "first", Condition::absent());
  EXPECT_TRUE(conflicts(try_put("a", "second", Condition::absent())));
  EXPECT_EQ(get("a"), "first");
}

TEST_P(StoreContract, replaces_the_identity_named_and_no_other) {
  const Identity first = put("a", "first");
  const Identity second = put("a", "second", Condition::is(first));
  EXPECT_NE(first, second);
  EXPECT_TRUE(conflicts(try_put("a", "third", Condition::is(first))));
  EXPECT_EQ(get("a"), "second");
  EXPECT_TRUE(conflicts(try_put("missing", "x", Condition::is(first))));
  EXPECT_FALSE(exists("missing"));
}

TEST_P(StoreContract, knows_foreign_objects_by_their_missing_stamp) {
  const Identity ours = put("a", "ours");
  world_->write_foreign("a", "theirs");
  const ObjectStat stat = must(store().head("a", call()));
  EXPECT_FALSE(stat.stamp);
  EXPECT_NE(stat.identity, ours);
  EXPECT_TRUE(conflicts(try_put("a", "again", Condition::is(ours))));
  EXPECT_TRUE(fails(Failure::kConflict, store().remove("a", Condition::is(ours), call())));
  EXPECT_EQ(get("a"), "theirs");
}

TEST_P(StoreContract, removes_the_identity_named_and_no_other) {
  const Identity first = put("a", "first");
  const Identity second = put("a", "second");
  EXPECT_TRUE(fails(Failure::kConflict, store().remove("a", Condition::is(first), call())));
  EXPECT_EQ(get("a"), "second");
  must(store().remove("a", Condition::is(second), call()));
  EXPECT_FALSE(exists("a"));
  must(store().remove("a", Condition::is(second), call()));
  must(store().remove("never/was", Condition::none(), call()));
}

TEST_P(StoreContract, takes_every_name_that_a_file_can_have) {
  std::vector<std::string> keys{"a=b",
                                "a+b",
                                "a%2Bb",
                                "a b",
                                " lead",
                                "trail ",
                                "käse/日本語/😀",
                                ".hidden/.x",
                                "a*b",
                                "a'b\"c",
                                "a&b?c",
                                "a#b;c",
                                "a:b@c",
                                "a~b!c",
                                "a\\b|c",
                                "a,b$c",
                                "(a)[b]{c}",
                                "<a>^`b",
                                "%",
                                "%zz",
                                "...",
                                "a/.../b",
                                "-",
                                "_under_score",
                                "tab\there",
                                "x/y/z.txt",
                                "CAPS",
                                "caps",
                                "e\u0301",
                                "\u00e9",
                                std::string(255, 'n'),
                                std::string(255, 'd') + "/" + std::string(255, 'f')};
  for (const std::string& key : keys) {
    put("names/" + key, key);
    EXPECT_EQ(get("names/" + key), key);
  }
  std::vector<std::string> expected;
  expected.reserve(keys.size());
  for (const std::string& key : keys) expected.push_back("names/" + key);
  std::ranges::sort(expected);
  EXPECT_EQ(names({.prefix = "names/", .by_directory = false, .most = 7}), expected);
  for (const std::string& key : keys) {
    CopyRequest copy{.from = "names/" + key, .to = "copies/" + key, .operation = next_operation()};
    must(store().copy(copy, call()));
    EXPECT_EQ(get("copies/" + key), key);
    must(store().remove("names/" + key, Condition::is(identity("names/" + key)), call()));
  }
  EXPECT_EQ(names({.prefix = "names/", .by_directory = false}), std::vector<std::string>{});
}

TEST_P(StoreContract, refuses_names_before_it_sends_them) {
  using namespace std::string_literals;
  for (const std::string& key :
       {""s, "/a"s, "a//b"s, "a/"s, "a/../b"s, ".."s, "./a"s, "a\0b"s, "\xff"s, ".forebay-x"s, "a/.forebay-b/c"s}) {
    TextSource source("x");
    TextSink sink(10);
    EXPECT_TRUE(fails(Failure::kPermanent, store().put({key, stamp_of("x"), {}, "op"}, &source, call()), EINVAL)) << key;
    EXPECT_TRUE(fails(Failure::kPermanent, store().head(key, call()), EINVAL)) << key;
    EXPECT_TRUE(fails(Failure::kPermanent, store().get(key, {}, {}, &sink, call()), EINVAL)) << key;
    EXPECT_TRUE(fails(Failure::kPermanent, store().remove(key, {}, call()), EINVAL)) << key;
    EXPECT_TRUE(fails(Failure::kPermanent, store().create_upload({key, stamp_of("x"), "op"}, call()), EINVAL)) << key;
  }
  std::string longest;
  while (longest.size() <= store().limits().key_bytes) longest += std::string(200, 'k') + "/";
  EXPECT_TRUE(fails(Failure::kPermanent, store().head(longest + "k", call()), ENAMETOOLONG));
  EXPECT_TRUE(
      fails(Failure::kPermanent, store().head(std::string(store().limits().segment_bytes + 1, 'k'), call()), ENAMETOOLONG));
  TextSource source("x");
  EXPECT_TRUE(fails(Failure::kPermanent, store().put({"a", stamp_of("x"), {}, "bad/op"}, &source, call()), EINVAL));
  EXPECT_EQ(all_names(), std::vector<std::string>{});
}

TEST_P(StoreContract, lists_in_byte_order_and_in_pages) {
  const std::vector<std::string> keys{"a", "a-b", "a.b", "b/1", "b/2", "b/c/3", "b0", "c", "d/x"};
  for (const std::string& key : keys) put(key, key);
  for (uint32_t most : {1u, 2u, 3u, 1000u}) {
    EXPECT_EQ(names({.by_directory = false, .most = most}), keys);
    EXPECT_EQ(names({.most = most}), (std::vector<std::string>{"a", "a-b", "a.b", "b/", "b0", "c", "d/"}));
    EXPECT_EQ(names({.prefix = "b/", .most = most}), (std::vector<std::string>{"b/1", "b/2", "b/c/"}));
    EXPECT_EQ(names({.prefix = "b", .most = most}), (std::vector<std::string>{"b/", "b0"}));
    EXPECT_EQ(names({.prefix = "b", .by_directory = false, .most = most}),
              (std::vector<std::string>{"b/1", "b/2", "b/c/3", "b0"}));
    EXPECT_EQ(names({.by_directory = false, .start_after = "b/1", .most = most}),
              (std::vector<std::string>{"b/2", "b/c/3", "b0", "c", "d/x"}));
    EXPECT_EQ(names({.prefix = "b/", .start_after = "b/1", .most = most}), (std::vector<std::string>{"b/2", "b/c/"}));
    EXPECT_EQ(names({.start_after = "b/", .most = most}), (std::vector<std::string>{"b0", "c", "d/"}));
    EXPECT_EQ(names({.start_after = "a", .most = most}), (std::vector<std::string>{"a-b", "a.b", "b/", "b0", "c", "d/"}));
  }
  EXPECT_EQ(names({.prefix = "nothing/here/"}), std::vector<std::string>{});
  EXPECT_EQ(names({.prefix = "a/"}), std::vector<std::string>{});
}

TEST_P(StoreContract, looks_at_objects_and_directories) {
  put("dir/sub/a", "12345");
  const Place object = must(store().look("dir/sub/a", call()));
  EXPECT_FALSE(object.is_directory);
  EXPECT_EQ(object.object.length, 5U);
  EXPECT_EQ(object.object.identity, must(store().head("dir/sub/a", call())).identity);
  EXPECT_TRUE(object.object.stamp);
  for (const char* directory : {"", "dir", "dir/sub"})
    EXPECT_TRUE(must(store().look(directory, call())).is_directory) << directory;
  for (const char* nothing : {"di", "dir/su", "dir/sub/b", "x/y/z"})
    EXPECT_TRUE(fails(Failure::kNotFound, store().look(nothing, call()))) << nothing;
}

TEST_P(StoreContract, lists_what_head_says) {
  put("dir/a", "12345");
  const ListPage page = must(store().list({.prefix = "dir/"}, call()));
  ASSERT_EQ(page.entries.size(), 1u);
  const ObjectStat stat = must(store().head("dir/a", call()));
  EXPECT_EQ(page.entries[0].length, 5u);
  EXPECT_EQ(page.entries[0].identity, stat.identity);
  EXPECT_EQ(page.entries[0].mtime_ns / 1'000'000'000, stat.mtime_ns / 1'000'000'000);
}

TEST_P(StoreContract, copies_on_its_conditions) {
  const std::string content = pattern(3, 5000);
  const Identity source = put("a", content);
  CopyRequest request{
      .from = "a", .source = Condition::is(source), .to = "b/c", .target = Condition::absent(), .operation = "op1"};
  const Identity copied = must(store().copy(request, call()));
  EXPECT_EQ(get("b/c"), content);
  EXPECT_EQ(identity("b/c"), copied);
  EXPECT_EQ(must(store().head("b/c", call())).stamp, stamp_of(content));
  EXPECT_TRUE(fails(Failure::kConflict, store().copy(request, call())));  // the target is there now
  put("a", "changed");
  request.target = Condition::is(copied);
  EXPECT_TRUE(fails(Failure::kConflict, store().copy(request, call())));  // the source is another one
  EXPECT_EQ(get("b/c"), content);
  request.source = Condition::is(identity("a"));
  request.stamp = stamp_of("changed", 7);
  must(store().copy(request, call()));
  EXPECT_EQ(get("b/c"), "changed");
  EXPECT_EQ(must(store().head("b/c", call())).stamp, stamp_of("changed", 7));
  EXPECT_EQ(get("a"), "changed");
}

TEST_P(StoreContract, hands_on_the_errors_of_source_and_sink) {
  FailingSource source(3 * kMiB);
  EXPECT_TRUE(fails(Failure::kCorrupt, store().put({"a", stamp_of(""), {}, "op"}, &source, call())));
  EXPECT_FALSE(exists("a"));
  put("b", "content");
  FailingSink sink;
  EXPECT_TRUE(fails(Failure::kPermanent, store().get("b", {}, {}, &sink, call()), ENOSPC));
  EXPECT_EQ(all_names(), std::vector<std::string>{"b"});
}

TEST_P(StoreContract, returns_when_it_is_cancelled_or_late) {
  std::stop_source stop;
  stop.request_stop();
  EXPECT_TRUE(fails(Failure::kCancelled, store().head("a", {call().deadline, stop.get_token()})));
  EXPECT_TRUE(fails(Failure::kCancelled, store().remove("a", {}, {call().deadline, stop.get_token()})));
  const Call late{os::real_clock().now() - std::chrono::seconds(1), {}};
  EXPECT_TRUE(fails(Failure::kRetryLater, store().head("a", late)));
  TextSource source("x");
  Result<Identity> stored = run(store().put({"a", stamp_of("x"), {}, "op"}, &source, late));
  ASSERT_FALSE(stored);
  const Failure failure = failure_of(stored.error());
  EXPECT_TRUE(failure == Failure::kUnknown || failure == Failure::kRetryLater) << stored.error().to_string();
}

TEST_P(StoreContract, finds_its_capabilities_and_leaves_nothing_behind) {
  const Capabilities found = must(store().probe(call()));
  EXPECT_EQ(found, store().capabilities());
  EXPECT_EQ(Capabilities::parse(found.to_text()), found);
  EXPECT_EQ(names({}), std::vector<std::string>{});
  EXPECT_TRUE(must(store().list_uploads("", "", call())).uploads.empty());
}

}  // namespace forebay::ufs
