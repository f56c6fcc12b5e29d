#include "ufs/faulty_store.h"

#include "os/simulation.h"
#include "ufs/memory_store.h"
#include "ufs/store_contract.h"

namespace forebay::ufs {
namespace {

class FaultlessWorld final : public StoreWorld {
 public:
  ~FaultlessWorld() override {
    async::block_on(loop_.executor(), store_.stop());
    async::block_on(loop_.executor(), other_.stop());
    loop_.stop();
  }
  UnderStore& store() override { return store_; }
  UnderStore& other() override { return other_; }
  void write_foreign(const std::string& key, const std::string& content) override { bucket_.write_foreign(key, content); }
  async::Executor executor() override { return loop_.executor(); }

 private:
  async::Loop loop_{"faulty-store"};
  MemoryBucket bucket_;
  MemoryStore inner_{bucket_, os::real_clock()};
  ScriptedFaults none_{{}};
  FaultyStore store_{inner_, os::real_clock(), loop_.executor(), none_},
      other_{inner_, os::real_clock(), loop_.executor(), none_};
};
INSTANTIATE_TEST_SUITE_P(Faultless, StoreContract,
                         testing::Values(WorldMaker{[] { return std::make_unique<FaultlessWorld>(); }}));

class FaultyStoreTest : public testing::Test {
 protected:
  ~FaultyStoreTest() override { process_->crash(); }
  // Runs calls against a store with these faults, then lets all that is late arrive.
  void with(std::vector<ScriptedFaults::Rule> rules, const std::function<void(UnderStore&)>& test) {
    ScriptedFaults faults(std::move(rules));
    FaultyStore store(inner_, process_->env().clock, world_.executor(), faults);
    test(store);
    EXPECT_TRUE(faults.is_used_up());
    world_.run_for(std::chrono::minutes(10));
    struct Stop {
      static Task<bool> run(FaultyStore* store) {
        co_await store->stop();
        co_return true;
      }
    };
    ASSERT_TRUE(world_.complete(Stop::run(&store), std::chrono::minutes(1)));
  }
  template <class T>
  Result<T> run(Task<Result<T>> task) {
    auto done = world_.complete(std::move(task), std::chrono::hours(48));
    return done ? std::move(*done) : broken("the call does not end");
  }
  Result<Identity> put(UnderStore& store, const std::string& content, Condition condition = Condition::none(), Call call = {}) {
    TextSource source(content);
    return run(store.put({"a", stamp_of(content), std::move(condition), "op"}, &source, call));
  }
  Call soon() { return {.deadline = process_->env().clock.now() + std::chrono::seconds(5)}; }
  static Failure failure(const Result<Identity>& result) { return failure_of(result.error()); }

  os::SimWorld world_{{}};
  std::shared_ptr<os::SimProcess> process_ = world_.start_process("host", "test");
  MemoryBucket bucket_;
  MemoryStore inner_{bucket_, process_->env().clock};
};

TEST_F(FaultyStoreTest, refusals_change_nothing) {
  with(
      {{"put", "", {StoreFaultKind::kConflict}}, {"put", "", {StoreFaultKind::kBusy}}, {"put", "", {StoreFaultKind::kTruncated}}},
      [&](UnderStore& store) {
        EXPECT_EQ(failure(put(store, "x")), Failure::kConflict);
        EXPECT_EQ(failure(put(store, "x")), Failure::kRetryLater);
        EXPECT_EQ(failure(put(store, "x")), Failure::kRetryLater);
      });
  EXPECT_FALSE(bucket_.content("a"));
}

TEST_F(FaultyStoreTest, a_lost_reply_leaves_the_effect) {
  with({{"put", "", {StoreFaultKind::kLostReply}}}, [&](UnderStore& store) {
    EXPECT_EQ(failure(put(store, "x")), Failure::kUnknown);
    EXPECT_EQ(bucket_.content("a"), "x");
  });
}

TEST_F(FaultyStoreTest, a_late_request_arrives_after_the_caller_has_gone_on) {
  with({{"put", "", {StoreFaultKind::kLate, std::chrono::seconds(60)}}}, [&](UnderStore& store) {
    EXPECT_EQ(failure(put(store, "late")), Failure::kUnknown);
    EXPECT_FALSE(bucket_.content("a"));
    EXPECT_TRUE(put(store, "newer"));
  });
  EXPECT_EQ(bucket_.content("a"), "late");  // this is what a fence is for
}

TEST_F(FaultyStoreTest, a_duplicate_without_a_delay_is_done_before_the_answer) {
  with({{"put", "", {StoreFaultKind::kDuplicate, {}}}}, [&](UnderStore& store) {
    const Result<Identity> answered = put(store, "x");
    ASSERT_TRUE(answered);
    EXPECT_NE(bucket_.state("a")->identity, *answered) << "the second one has made another object";
  });
}

TEST_F(FaultyStoreTest, a_duplicate_brings_a_removed_object_back_unless_it_is_conditional) {
  with({{"put", "", {StoreFaultKind::kDuplicate, std::chrono::seconds(60)}}}, [&](UnderStore& store) {
    EXPECT_TRUE(put(store, "x"));
    EXPECT_TRUE(run(store.remove("a", Condition::none(), {})));
    EXPECT_FALSE(bucket_.content("a"));
  });
  EXPECT_EQ(bucket_.content("a"), "x");
  const Condition ours = Condition::is(bucket_.state("a")->identity);
  with({{"put", "", {StoreFaultKind::kDuplicate, std::chrono::seconds(60)}}}, [&](UnderStore& store) {
    EXPECT_TRUE(put(store, "y", ours));
    EXPECT_TRUE(run(store.remove("a", Condition::none(), {})));
  });
  EXPECT_FALSE(bucket_.content("a"));
}

TEST_F(FaultyStoreTest, a_late_completion_fails_once_its_upload_is_aborted) {
  with({{"complete_upload", "", {StoreFaultKind::kLate, std::chrono::seconds(60)}}}, [&](UnderStore& store) {
    const Upload upload = *run(store.create_upload({"a", stamp_of("x"), "op"}, {}));
    TextSource source("x");
    const Part part = *run(store.put_part(upload, 1, 0, &source, {}));
    Result<Identity> completed = run(store.complete_upload(upload, {part}, Condition::none(), {}));
    EXPECT_EQ(failure(completed), Failure::kUnknown);
    EXPECT_TRUE(run(store.abort_upload(upload, {})));
  });
  EXPECT_FALSE(bucket_.content("a"));
}

TEST_F(FaultyStoreTest, hangs_until_the_deadline) {
  with({{"put", "", {StoreFaultKind::kHang}}, {"head", "", {StoreFaultKind::kHang}}}, [&](UnderStore& store) {
    const os::Instant before = process_->env().clock.now();
    EXPECT_EQ(failure(put(store, "x", {}, soon())), Failure::kUnknown);
    EXPECT_GE(process_->env().clock.now() - before, std::chrono::seconds(5));
    EXPECT_EQ(failure_of(run(store.head("a", soon())).error()), Failure::kRetryLater);
  });
  EXPECT_FALSE(bucket_.content("a"));
}

TEST_F(FaultyStoreTest, a_truncated_answer_is_corrupt_and_its_beginning_is_right) {
  bucket_.write_foreign("a", pattern(1, 1000));
  with({{"get", "", {StoreFaultKind::kTruncated}}}, [&](UnderStore& store) {
    TextSink sink(kMiB);
    EXPECT_EQ(failure_of(run(store.get("a", {}, {}, &sink, {})).error()), Failure::kCorrupt);
    EXPECT_EQ(sink.text(), pattern(1, 1000).substr(0, 500));
  });
}

TEST_F(FaultyStoreTest, the_same_seed_gives_the_same_faults) {
  const SeededFaults::Rates rates{.conflict = 100, .busy = 100, .slow = 100, .lost_reply = 100, .late = 100};
  SeededFaults first(7, rates), second(7, rates), other(8, rates);
  int faults = 0, differences = 0;
  for (int i = 0; i < 1000; ++i) {
    const StoreFault a = first.next({"put", "a", true}), b = second.next({"put", "a", true}), c = other.next({"put", "a", true});
    EXPECT_EQ(a.kind, b.kind);
    EXPECT_EQ(a.delay, b.delay);
    faults += a.kind != StoreFaultKind::kNone;
    differences += a.kind != c.kind;
  }
  EXPECT_GT(faults, 350);
  EXPECT_LT(faults, 650);
  EXPECT_GT(differences, 0);
}

}  // namespace
}  // namespace forebay::ufs
