#include "kv/store_contract.h"

namespace forebay::kv {

TEST_P(StoreContract, absent_key_reads_as_nothing) { EXPECT_EQ(value_of(*store_, "a"), std::nullopt); }

TEST_P(StoreContract, last_change_of_a_key_in_a_batch_wins) {
  WriteBatch batch;
  batch.put("a", "1");
  batch.put("a", "2");
  batch.put("b", "1");
  batch.erase("b");
  batch.erase("c");
  batch.put("c", "3");
  write(batch);
  EXPECT_EQ(all_in(*store_, "a", "z"), (Pairs{{"a", "2"}, {"c", "3"}}));
}

TEST_P(StoreContract, keys_and_values_are_bytes) {
  const std::string zeros("\0k\0", 3), high("\xff\xfe", 2), value("\0\n\xff", 3);
  put(zeros, value);
  put(high, "");
  EXPECT_EQ(value_of(*store_, zeros), value);
  EXPECT_EQ(value_of(*store_, high), "");
  EXPECT_EQ(all_in(*store_, std::string(1, '\0'), std::string(3, '\xff')), (Pairs{{zeros, value}, {high, ""}}));
}

TEST_P(StoreContract, scan_is_in_byte_order_and_half_open) {
  for (const char* key : {"b", "aa", "a", "c", "ab"}) put(key, key);
  EXPECT_EQ(all_in(*store_, "a", "c"), (Pairs{{"a", "a"}, {"aa", "aa"}, {"ab", "ab"}, {"b", "b"}}));
  EXPECT_EQ(all_in(*store_, "aa", "ab"), (Pairs{{"aa", "aa"}}));
  EXPECT_EQ(all_in(*store_, "x", "z"), Pairs{});
  EXPECT_EQ(all_in(*store_, "c", "a"), Pairs{});
}

TEST_P(StoreContract, scan_stops_when_told) {
  for (const char* key : {"a", "b", "c"}) put(key, "");
  std::string seen;
  ASSERT_TRUE(store_->scan("a", "z", [&](std::string_view key, std::string_view) {
    seen += key;
    return key != "b";
  }));
  EXPECT_EQ(seen, "ab");
}

TEST_P(StoreContract, scan_may_read_the_store) {
  put("a", "b");
  put("b", "c");
  std::vector<std::optional<std::string>> followed;
  ASSERT_TRUE(store_->scan("a", "z", [&](std::string_view, std::string_view value) {
    followed.push_back(value_of(*store_, value));
    return true;
  }));
  EXPECT_EQ(followed, (std::vector<std::optional<std::string>>{"c", std::nullopt}));
}

TEST_P(StoreContract, snapshot_shows_one_state) {
  put("a", "1");
  put("b", "1");
  auto snapshot = store_->snapshot();
  put("a", "2");
  erase("b");
  put("c", "2");
  auto later = store_->snapshot();
  erase("a");
  EXPECT_EQ(all_in(*snapshot, "a", "z"), (Pairs{{"a", "1"}, {"b", "1"}}));
  EXPECT_EQ(value_of(*snapshot, "c"), std::nullopt);
  EXPECT_EQ(all_in(*later, "a", "z"), (Pairs{{"a", "2"}, {"c", "2"}}));
  snapshot.reset();
  EXPECT_EQ(all_in(*later, "a", "z"), (Pairs{{"a", "2"}, {"c", "2"}}));
  later.reset();
  EXPECT_EQ(all_in(*store_, "a", "z"), (Pairs{{"c", "2"}}));
}

TEST_P(StoreContract, what_was_synced_is_there_after_opening_again) {
  put("a", "1");
  ASSERT_TRUE(store_->sync());
  put("b", "2");
  ASSERT_TRUE(store_->sync());
  reopen();
  EXPECT_EQ(all_in(*store_, "a", "z"), (Pairs{{"a", "1"}, {"b", "2"}}));
}

TEST_P(StoreContract, what_was_written_is_there_after_opening_again) {
  put("a", "1");
  reopen();
  EXPECT_EQ(value_of(*store_, "a"), "1");
}

TEST_P(StoreContract, a_second_store_on_the_same_place_is_refused) {
  auto second = world_->open();
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().code(), Code::kInvalid);
  put("a", "1");  // and the first one does not notice
}

TEST_P(StoreContract, holds_large_values_and_many_keys) {
  const std::string large(1 << 20, 'x');
  WriteBatch batch;
  for (int i = 0; i < 1000; ++i) batch.put("k" + std::to_string(10'000 + i), std::to_string(i));
  batch.put("large", large);
  write(batch);
  reopen();
  EXPECT_EQ(all_in(*store_, "k", "l").size(), 1000u);
  EXPECT_EQ(value_of(*store_, "large"), large);
  EXPECT_GT(store_->approximate_bytes(), 0u);
}

}  // namespace forebay::kv
