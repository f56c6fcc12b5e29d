// Numbers are given once, whatever a power cut takes.
#include "master/numbers.h"

#include <set>

#include "master/master_fixture.h"
#include "os/sim_random.h"

namespace forebay::master {
namespace {

class NumbersTest : public MasterTest {
 protected:
  void power_cut(uint64_t seed) {
    os::SimRandom random(seed);
    disk_->power_cut(random);
    world_.power_cut("master");
    stop();
    workers_.clear();
  }
  void expect_new(std::set<uint64_t>& given, uint64_t number, const char* what) {
    EXPECT_TRUE(given.insert(number).second) << what << " " << number << " was given before";
  }
};

TEST_F(NumbersTest, after_a_power_cut_no_number_is_given_again_below_level_fsync) {
  std::set<uint64_t> sessions, inodes, handles, objects;
  uint64_t nonce = 1;
  const uint64_t worker = add_worker(nonce);
  for (uint64_t seed = 1; seed <= 30; ++seed) {
    open_session(seed);
    expect_new(sessions, session_, "session");
    for (uint64_t i = 0; i < seed % 7 + 1; ++i) {
      auto open = create("f" + std::to_string(seed * 10 + i), 1000);
      ASSERT_TRUE(open) << open.error().to_string();
      ASSERT_EQ(open->grants_size(), 1);
      expect_new(inodes, open->attr().inode(), "inode");
      expect_new(handles, open->handle(), "handle");
      expect_new(objects, open->grants(0).object(), "object");
    }
    power_cut(seed);
    start();
    EXPECT_EQ(add_worker(++nonce, {}, worker), worker) << "workers are known, and keep small ids";
  }
  EXPECT_EQ(problems(), std::vector<std::string>());
}

TEST_F(NumbersTest, while_the_machine_stays_up_nothing_is_skipped) {
  add_worker(1);
  open_session();
  const uint64_t before = create("a")->attr().inode();
  restart();
  open_session(8);
  EXPECT_EQ(create("b")->attr().inode(), before + 1);
}

TEST_F(NumbersTest, a_store_from_before_the_record_is_taken_for_one_of_another_boot) {
  open_session();
  const uint64_t before = create("a")->attr().inode();
  crash();
  {
    auto store = disk_->open();
    kv::Txn txn(**store);
    txn.erase(key::start());
    ASSERT_TRUE((*store)->write(txn.to_batch()));
  }
  start();
  open_session(8);
  EXPECT_GE(create("b")->attr().inode(), before + kSkippedNumbers);
}

TEST_F(NumbersTest, without_a_name_of_the_boot_every_start_skips) {
  auto store = kv::MemoryDisk::create();
  auto opened = store->open();
  uint64_t last = 0;
  for (int start = 0; start < 3; ++start) {
    ASSERT_TRUE(skip_lost_numbers(**opened, ""));
    kv::Txn txn(**opened);
    const uint64_t number = *next_number(txn, "inode");
    ASSERT_TRUE((*opened)->write(txn.to_batch()));
    EXPECT_GE(number, last + (start == 0 ? 1 : kSkippedNumbers));
    last = number;
  }
}

}  // namespace
}  // namespace forebay::master
