#include "ufs/checked_store.h"

#include "ufs/memory_store.h"
#include "ufs/store_contract.h"

namespace forebay::ufs {
namespace {

constexpr Feature kConditions[] = {Feature::kPutIfAbsent,        Feature::kPutIfIdentity,    Feature::kCompleteIfAbsent,
                                   Feature::kCompleteIfIdentity, Feature::kRemoveIfIdentity, Feature::kCopyIfSourceIdentity,
                                   Feature::kCopyIfAbsent,       Feature::kCopyIfIdentity};

MemoryBucketConfig with_quirks(std::map<Feature, Quirk> quirks) {
  MemoryBucketConfig config;
  config.quirks = std::move(quirks);
  return config;
}
MemoryBucketConfig all(Quirk quirk) {
  MemoryBucketConfig config;
  for (Feature feature : kConditions) config.quirks[feature] = quirk;
  return config;
}

// A store that does not know itself what it can do.
std::unique_ptr<CheckedStore> checked(MemoryBucket& bucket, Capabilities known = {}) {
  return std::make_unique<CheckedStore>(std::make_unique<MemoryStore>(bucket, os::real_clock()), os::real_random(), known);
}

class CheckedWorld final : public StoreWorld {
 public:
  explicit CheckedWorld(MemoryBucketConfig config)
      : bucket_([&] {
          config.features = {};
          return std::move(config);
        }()) {
    for (CheckedStore* store : {store_.get(), other_.get()}) EXPECT_TRUE(async::block_on(loop_.executor(), store->probe({})));
  }
  ~CheckedWorld() override { loop_.stop(); }
  UnderStore& store() override { return *store_; }
  UnderStore& other() override { return *other_; }
  void write_foreign(const std::string& key, const std::string& content) override { bucket_.write_foreign(key, content); }
  async::Executor executor() override { return loop_.executor(); }

 private:
  async::Loop loop_{"checked-store"};
  MemoryBucket bucket_;
  std::unique_ptr<CheckedStore> store_ = checked(bucket_), other_ = checked(bucket_);
};

std::vector<WorldMaker> worlds() {
  std::vector<WorldMaker> makers;
  for (Quirk quirk : {Quirk::kHonours, Quirk::kIgnores, Quirk::kRefusesAlways, Quirk::kUnsupported})
    makers.push_back({[quirk] { return std::make_unique<CheckedWorld>(all(quirk)); }});
  return makers;
}
INSTANTIATE_TEST_SUITE_P(Checked, StoreContract, testing::ValuesIn(worlds()));

class ProbeTest : public testing::Test {
 protected:
  ~ProbeTest() override { loop_.stop(); }
  Capabilities probed(MemoryBucketConfig config) {
    config.features = {};
    MemoryBucket bucket(std::move(config));
    auto store = checked(bucket);
    Result<Capabilities> found = async::block_on(loop_.executor(), store->probe({}));
    EXPECT_TRUE(found) << found.error().to_string();
    EXPECT_TRUE(bucket.keys().empty());
    EXPECT_TRUE(bucket.open_uploads().empty());
    return found ? *found : Capabilities();
  }

  async::Loop loop_{"probe"};
};

TEST_F(ProbeTest, believes_a_condition_only_if_the_wrong_value_is_refused_and_the_right_one_accepted) {
  Capabilities every;
  for (Feature feature : kConditions) every.set(feature);
  EXPECT_EQ(probed(all(Quirk::kHonours)), every);
  for (Feature feature : kConditions) {
    for (Quirk quirk : {Quirk::kIgnores, Quirk::kRefusesAlways, Quirk::kUnsupported}) {
      Capabilities expected = every;
      expected.set(feature, false);
      EXPECT_EQ(probed(with_quirks({{feature, quirk}})).to_text(), expected.to_text()) << feature_name(feature);
    }
  }
}

TEST_F(ProbeTest, finds_a_gateway_that_ignores_conditional_removal_and_refuses_conditional_replacement) {
  const Capabilities found = probed(with_quirks({{Feature::kRemoveIfIdentity, Quirk::kIgnores},
                                                 {Feature::kPutIfIdentity, Quirk::kRefusesAlways},
                                                 {Feature::kCompleteIfAbsent, Quirk::kIgnores},
                                                 {Feature::kCompleteIfIdentity, Quirk::kIgnores}}));
  EXPECT_TRUE(found.has(Feature::kPutIfAbsent));
  EXPECT_TRUE(found.can_put(Condition::absent()));
  EXPECT_FALSE(found.can_put(Condition::is({"e"})));
  EXPECT_EQ(found.lost().size(), 4u);
}

TEST_F(ProbeTest, what_was_found_earlier_is_used_without_another_probe) {
  MemoryBucket bucket(all(Quirk::kHonours));
  auto store = checked(bucket, Capabilities{Feature::kPutIfAbsent});
  TextSource source("x");
  ASSERT_TRUE(async::block_on(loop_.executor(), store->put({"a", stamp_of("x"), Condition::absent(), "op"}, &source, {})));
  ASSERT_EQ(bucket.requests().size(), 1u);  // no look before it
  EXPECT_EQ(bucket.requests()[0].operation, "put");
  auto careful = checked(bucket, {});
  EXPECT_FALSE(async::block_on(loop_.executor(), careful->put({"a", stamp_of("x"), Condition::absent(), "op"}, &source, {})));
  EXPECT_EQ(bucket.requests().back().operation, "head");
}

}  // namespace
}  // namespace forebay::ufs
