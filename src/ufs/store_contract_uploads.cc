// What every under store must do: uploads in parts, and what only some stores can.
#include <algorithm>

#include "ufs/store_contract.h"

namespace forebay::ufs {

TEST_P(StoreContract, shows_an_upload_only_when_it_is_complete) {
  const size_t length = part_length();
  const std::string content = pattern(4, 2 * length + 777);
  const Upload upload = create("dir/big", content);
  std::vector<Part> parts(3);
  parts[2] = part(upload, 3, 2 * length, content.substr(2 * length));  // in any order
  parts[0] = part(upload, 1, 0, content.substr(0, length));
  EXPECT_FALSE(exists("dir/big"));
  EXPECT_EQ(all_names(), std::vector<std::string>{});
  parts[1] = part(upload, 2, length, content.substr(length, length));
  Result<Identity> stored = complete(upload, parts, Condition::absent());
  ASSERT_TRUE(stored) << stored.error().to_string();
  EXPECT_EQ(identity("dir/big"), *stored);
  EXPECT_EQ(must(store().head("dir/big", call())).stamp, stamp_of(content));
  EXPECT_TRUE(get("dir/big") == content);
  EXPECT_TRUE(get("dir/big", {length - 10, 20}) == content.substr(length - 10, 20));
  EXPECT_TRUE(must(store().list_uploads("", "", call())).uploads.empty());
  EXPECT_EQ(all_names(), std::vector<std::string>{"dir/big"});
}

TEST_P(StoreContract, uploads_an_empty_object_as_one_empty_part) {
  const Upload upload = create("empty", "");
  const Part only = part(upload, 1, 0, "");
  ASSERT_TRUE(complete(upload, {only}));
  EXPECT_EQ(get("empty"), "");
  EXPECT_EQ(must(store().head("empty", call())).stamp, stamp_of(""));
}

TEST_P(StoreContract, takes_the_newest_of_parts_with_one_number) {
  const size_t length = part_length();
  const std::string content = pattern(5, length + 100);
  const Upload upload = create("a", content);
  part(upload, 1, 0, pattern(6, length));
  const Part first = part(upload, 1, 0, content.substr(0, length));
  const Part second = part(upload, 2, length, content.substr(length));
  ASSERT_TRUE(complete(upload, {first, second}));
  EXPECT_TRUE(get("a") == content);
}

TEST_P(StoreContract, lists_the_parts_that_are_there) {
  const size_t length = part_length();
  const Upload upload = create("a", "");
  const Part first = part(upload, 1, 0, pattern(1, length));
  const Part second = part(upload, 2, length, pattern(2, 33));
  const std::vector<Part> listed = must(store().list_parts(upload, call()));
  ASSERT_EQ(listed.size(), 2u);
  EXPECT_EQ(listed[0].tag, first.tag);
  EXPECT_EQ(listed[0].length, length);
  EXPECT_EQ(listed[1].tag, second.tag);
  EXPECT_EQ(listed[1].number, 2u);
  EXPECT_EQ(listed[1].offset, length);
  ASSERT_TRUE(complete(upload, listed));
}

TEST_P(StoreContract, completes_an_upload_only_on_its_condition) {
  const Identity there = put("a", "there");
  const Upload upload = create("a", "new content");
  const Part only = part(upload, 1, 0, "new content");
  EXPECT_TRUE(conflicts(complete(upload, {only}, Condition::absent())));
  EXPECT_EQ(get("a"), "there");
  const Identity newer = put("a", "newer");
  EXPECT_TRUE(conflicts(complete(upload, {only}, Condition::is(there))));
  EXPECT_EQ(get("a"), "newer");
  Result<Identity> stored = complete(upload, {only}, Condition::is(newer));  // it was still there
  ASSERT_TRUE(stored) << stored.error().to_string();
  EXPECT_EQ(get("a"), "new content");
}

TEST_P(StoreContract, an_aborted_upload_can_never_become_visible) {
  const Upload upload = create("a", "content");
  const Part only = part(upload, 1, 0, "content");
  must(world_->other().abort_upload(upload, call()));  // by whoever fences
  EXPECT_TRUE(fails(Failure::kNotFound, store().complete_upload(upload, {only}, {}, call())));
  TextSource source("more");
  EXPECT_TRUE(fails(Failure::kNotFound, store().put_part(upload, 2, 7, &source, call())));
  EXPECT_TRUE(fails(Failure::kNotFound, store().list_parts(upload, call())));
  EXPECT_FALSE(exists("a"));
  must(store().abort_upload(upload, call()));
  EXPECT_TRUE(must(store().list_uploads("", "", call())).uploads.empty());
}

TEST_P(StoreContract, aborting_a_completed_upload_changes_nothing) {
  const Upload upload = create("a", "content");
  const Part only = part(upload, 1, 0, "content");
  ASSERT_TRUE(complete(upload, {only}));
  must(store().abort_upload(upload, call()));
  EXPECT_EQ(get("a"), "content");
}

TEST_P(StoreContract, finds_uploads_by_prefix) {
  const Upload first = create("dir/a", ""), second = create("dir/a", ""), elsewhere = create("other/b", "");
  std::vector<std::string> found;
  for (const Upload& upload : must(world_->other().list_uploads("dir/a", "", call())).uploads) {
    EXPECT_EQ(parent_of(upload.key), "dir");
    found.push_back(upload.id);
    must(world_->other().abort_upload(upload, call()));
  }
  std::ranges::sort(found);
  std::vector<std::string> expected{first.id, second.id};
  std::ranges::sort(expected);
  EXPECT_EQ(found, expected);
  const UploadsPage rest = must(store().list_uploads("", "", call()));
  ASSERT_EQ(rest.uploads.size(), 1u);
  EXPECT_EQ(rest.uploads[0].id, elsewhere.id);
  EXPECT_GT(rest.uploads[0].started_ns, 0);
  must(store().abort_upload(elsewhere, call()));
}

TEST_P(StoreContract, refuses_parts_that_make_no_object) {
  const Upload upload = create("a", "");
  TextSource source("x");
  EXPECT_TRUE(fails(Failure::kPermanent, store().put_part(upload, 0, 0, &source, call()), EINVAL));
  EXPECT_TRUE(fails(Failure::kPermanent, store().put_part(upload, store().limits().parts + 1, 0, &source, call()), E2BIG));
  EXPECT_TRUE(fails(Failure::kPermanent, store().put_part(upload, 1, store().limits().object_bytes, &source, call()), EFBIG));
  EXPECT_TRUE(fails(Failure::kPermanent, store().complete_upload(upload, {}, {}, call()), EINVAL));
  const Part first = part(upload, 1, 0, "x");
  EXPECT_TRUE(fails(Failure::kPermanent, store().complete_upload(upload, {{2, 0, 1, first.tag}}, {}, call()), EINVAL));
  EXPECT_TRUE(fails(Failure::kPermanent, store().complete_upload(upload, {first, {2, 5, 1, "tag"}}, {}, call()), EINVAL));
  EXPECT_FALSE(exists("a"));
  must(store().abort_upload(upload, call()));
}

TEST_P(StoreContract, gives_a_key_to_one_of_two_who_want_it_free) {
  if (!has(Feature::kPutIfAbsent)) {
    put("a", "0", Condition::absent());
    EXPECT_TRUE(conflicts(try_put("a", "1", Condition::absent())));
    return;
  }
  constexpr int kWriters = 8;
  std::vector<std::string> contents;
  std::vector<std::unique_ptr<TextSource>> sources;
  contents.reserve(kWriters);
  for (int i = 0; i < kWriters; ++i) contents.push_back("writer " + std::to_string(i));
  std::mutex mutex;
  std::vector<int> winners;
  int ended = 0;
  async::Event all_ended;
  struct Write {
    static Task<void> run(UnderStore* store, BodySource* source, std::string content, int who, std::mutex* mutex,
                          std::vector<int>* winners, int* ended, async::Event* all) {
      Result<Identity> stored =
          co_await store->put({"a", stamp_of(content), Condition::absent(), "op" + std::to_string(who)}, source, call());
      std::lock_guard lock(*mutex);
      if (stored) winners->push_back(who);
      if (++*ended == kWriters) all->set();
    }
  };
  for (int i = 0; i < kWriters; ++i) {
    sources.push_back(std::make_unique<TextSource>(contents[i]));
    async::spawn_detached(world_->executor(), Write::run(i % 2 ? &store() : &world_->other(), sources.back().get(), contents[i],
                                                         i, &mutex, &winners, &ended, &all_ended));
  }
  async::block_on(world_->executor(), all_ended.wait());
  std::lock_guard lock(mutex);
  ASSERT_EQ(winners.size(), 1u);
  EXPECT_EQ(get("a"), contents[winners[0]]);
}

// What a NAS does, and what an object store answers instead.

TEST_P(StoreContract, renames_with_its_identity_or_says_that_it_cannot) {
  const Identity stored = put("dir/a", "content");
  if (!has(Feature::kRename)) {
    EXPECT_TRUE(fails(Failure::kPermanent, store().rename("dir/a", {}, "b", {}, call()), EOPNOTSUPP));
    EXPECT_TRUE(fails(Failure::kPermanent, store().rename_directory("dir", "b", call()), EOPNOTSUPP));
    return;
  }
  must(store().rename("dir/a", Condition::is(stored), "new/b", Condition::absent(), call()));
  EXPECT_FALSE(exists("dir/a"));
  EXPECT_EQ(identity("new/b"), stored);
  EXPECT_EQ(must(store().head("new/b", call())).stamp, stamp_of("content"));
  put("c", "other");
  EXPECT_TRUE(fails(Failure::kConflict, store().rename("c", {}, "new/b", Condition::absent(), call())));
  EXPECT_TRUE(fails(Failure::kConflict, store().rename("c", Condition::is(stored), "d", {}, call())));
  EXPECT_TRUE(fails(Failure::kNotFound, store().rename("missing", {}, "d", {}, call())));
  must(store().rename("c", {}, "new/b", Condition::is(stored), call()));
  EXPECT_EQ(get("new/b"), "other");
}

TEST_P(StoreContract, renames_a_directory_with_all_that_is_below) {
  if (!has(Feature::kRename)) {
    EXPECT_TRUE(fails(Failure::kPermanent, store().rename_directory("dir", "b", call()), EOPNOTSUPP));
    return;
  }
  const Identity stored = put("dir/a", "content");
  put("dir/sub/b", "deeper");
  put("taken/x", "");
  must(store().rename_directory("dir", "above/moved", call()));
  EXPECT_EQ(all_names(), (std::vector<std::string>{"above/moved/a", "above/moved/sub/b", "taken/x"}));
  const ObjectStat moved = must(store().head("above/moved/a", call()));
  EXPECT_EQ(moved.identity, stored);
  EXPECT_EQ(moved.stamp, stamp_of("content"));
  EXPECT_TRUE(fails(Failure::kConflict, store().rename_directory("above/moved", "taken", call())));
  EXPECT_TRUE(fails(Failure::kNotFound, store().rename_directory("missing", "d", call())));
}

TEST_P(StoreContract, keeps_directories_where_it_has_them) {
  must(store().make_directory("d/empty", {.mode = 0750}, call()));
  must(store().make_directory("d/empty", {.mode = 0700}, call()));
  if (has(Feature::kDirectories)) {
    EXPECT_EQ(names({.prefix = "d/"}), std::vector<std::string>{"d/empty/"});
    put("d/empty/file", "x");
    EXPECT_TRUE(fails(Failure::kPermanent, store().remove_directory("d/empty", call()), ENOTEMPTY));
    EXPECT_TRUE(fails(Failure::kPermanent, store().make_directory("d/empty/file", {}, call()), ENOTDIR));
    must(store().remove("d/empty/file", {}, call()));
  }
  must(store().remove_directory("d/empty", call()));
  must(store().remove_directory("d/empty", call()));
  EXPECT_EQ(names({.prefix = "d/"}), std::vector<std::string>{});
  EXPECT_EQ(all_names(), std::vector<std::string>{});
}

TEST_P(StoreContract, sets_attributes_where_it_has_them) {
  const Identity stored = put("a", "content");
  if (!has(Feature::kAttributes)) {
    EXPECT_TRUE(fails(Failure::kPermanent, store().set_attributes("a", {.mode = 0600}, call()), EOPNOTSUPP));
    return;
  }
  EXPECT_EQ(must(store().set_attributes("a", {.mode = 0600}, call())), stored);
  const Identity changed = must(store().set_attributes("a", {.mtime_ns = 1'600'000'000'000'000'000}, call()));
  EXPECT_EQ(identity("a"), changed);
  const ObjectStat stat = must(store().head("a", call()));
  EXPECT_EQ(stat.mtime_ns, 1'600'000'000'000'000'000);
  EXPECT_EQ(stat.stamp, stamp_of("content"));
  EXPECT_TRUE(fails(Failure::kNotFound, store().set_attributes("missing", {.mode = 0600}, call())));
}

}  // namespace forebay::ufs
