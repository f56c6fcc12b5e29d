// The parts of the check, each on records made by hand. What a whole namespace looks like to them is in check_test.cc.
#include <gtest/gtest.h>

#include "kv/memory_store.h"
#include "master/namespace/check_entries.h"
#include "master/namespace/check_objects.h"
#include "master/namespace/check_sessions.h"
#include "master/namespace/inode.h"

namespace forebay::master {
namespace {

constexpr InodeId kDirectory{10}, kFile{20};
constexpr WorkerId kWorker{3};
constexpr ObjectId kObject{7};

class CheckPartsTest : public testing::Test {
 protected:
  StoredRecord put(const std::string& key, const std::string& value) {
    kv::WriteBatch batch;
    batch.put(key, value);
    EXPECT_TRUE(store->write(batch));
    return {key, value};
  }
  template <class Record>
  StoredRecord put(const std::string& key, const Record& record) {
    return put(key, record.SerializeAsString());
  }
  void put_directory(uint64_t entries, int64_t changed_ns = 1) {
    v1::InodeRecord record;
    record.set_type(v1::FILE_TYPE_DIRECTORY);
    record.set_size(entries);
    record.set_nlink(2);
    record.set_ctime_ns(changed_ns);
    put(key::inode(kDirectory), record);
  }
  StoredRecord put_entry(const std::string& name) {
    const uint64_t inode = ++next_inode;
    v1::InodeRecord child;
    child.set_type(v1::FILE_TYPE_REGULAR);
    child.set_nlink(1);
    put(key::inode(InodeId{inode}), child);
    v1::DentryRecord entry;
    entry.set_inode(inode);
    entry.set_type(v1::FILE_TYPE_REGULAR);
    return put(key::dentry(kDirectory, name), entry);
  }
  // Sealed, with a copy at kWorker, of kFile.
  v1::ObjectRecord object() {
    v1::ObjectRecord record;
    record.set_inode(kFile.value);
    record.set_sealed(true);
    record.set_length(100);
    record.set_granted_bytes(100);
    record.add_workers(kWorker.value);
    return record;
  }
  // The newest version of an inode, with so many links, is all of the object.
  void put_version(InodeId inode, uint32_t links) {
    v1::InodeRecord record;
    record.set_type(v1::FILE_TYPE_REGULAR);
    record.set_nlink(links);
    record.set_version(1);
    put(key::inode(inode), record);
    v1::ExtentListRecord list;
    list.add_gap(0);
    list.add_length(100);
    list.add_object(kObject.value);
    list.add_object_offset(0);
    put(key::sealed_extents(inode, Version{1}), list);
  }
  std::vector<std::string> found() { return std::exchange(notes.problems, {}); }

  std::shared_ptr<kv::MemoryDisk> disk = kv::MemoryDisk::create();
  std::unique_ptr<kv::Store> store = *disk->open();
  CheckNotes notes{*store};
  uint64_t next_inode = 100;
};

TEST_F(CheckPartsTest, entries_of_a_directory_are_counted_over_several_steps) {
  put_directory(3);
  std::string state;
  for (const char* name : {"a", "b"}) {
    EntryCheck step(notes);
    if (!state.empty()) step.restore(state);
    ASSERT_TRUE(step.check(put_entry(name)));
    state = step.state();
    ASSERT_EQ(state.size(), EntryCheck::kStateBytes);
  }
  EntryCheck last(notes);
  last.restore(state);
  ASSERT_TRUE(last.end_directory());
  EXPECT_EQ(found(), std::vector<std::string>{"directory 10 counts 3 entries and has 2"});
  last.restore(state);
  ASSERT_TRUE(last.check(put_entry("c")));
  ASSERT_TRUE(last.end_directory());
  EXPECT_TRUE(found().empty());
}

TEST_F(CheckPartsTest, a_directory_that_has_changed_since_its_first_entry_is_not_compared) {
  put_directory(5, 1);
  EntryCheck entries(notes);
  ASSERT_TRUE(entries.check(put_entry("a")));
  put_directory(6, 2);
  ASSERT_TRUE(entries.end_directory());
  EXPECT_TRUE(found().empty());
}

TEST_F(CheckPartsTest, an_outcome_without_its_session_is_found_behind_one_with_its_own) {
  SessionCheck sessions(notes);
  put(key::session(SessionId{1}), v1::SessionRecord());
  v1::OutcomeRecord outcome;
  outcome.set_sequence(5);
  for (const uint64_t session : {1, 2, 2})
    ASSERT_TRUE(sessions.check_outcome({key::outcome(SessionId{session}, 5), outcome.SerializeAsString()}));
  EXPECT_EQ(found(), std::vector<std::string>(2, "outcome 5 of session 2 is kept, and its session 2 has ended"));
}

TEST_F(CheckPartsTest, an_object_may_be_in_a_removed_inode_that_is_taken_apart) {
  v1::InodeRecord file;
  file.set_type(v1::FILE_TYPE_REGULAR);
  file.set_nlink(1);
  put(key::inode(kFile), file);
  put(key::copy(kWorker, kObject), std::string());
  const StoredRecord stored = put(key::object(kObject), object());
  ASSERT_TRUE(ObjectCheck(notes).check_object(stored));
  EXPECT_EQ(found(), std::vector<std::string>{"object 7 is in no file"});
  constexpr InodeId kHusk{30};
  put_version(kHusk, 0);
  put(key::detached(kHusk), v1::DetachedRecord());
  ASSERT_TRUE(ObjectCheck(notes).check_object(stored));
  EXPECT_TRUE(found().empty());
}

TEST_F(CheckPartsTest, bytes_without_a_copy_are_a_loss_and_no_problem_of_the_records) {
  put_version(kFile, 1);
  v1::ObjectRecord lost = object();
  lost.clear_workers();
  ASSERT_TRUE(ObjectCheck(notes).check_object(put(key::object(kObject), lost)));
  EXPECT_TRUE(found().empty());
  EXPECT_EQ(notes.lost, std::vector<std::string>{"object 7 has no copy left: 100 bytes of inode 20 are lost"});
}

TEST_F(CheckPartsTest, so_many_problems_are_enough_for_one_step) {
  for (size_t i = 0; i < 2 * CheckNotes::kMaxProblems; ++i) {
    notes.problem("problem ", std::to_string(i));
    notes.loss("loss");
  }
  EXPECT_EQ(notes.problems.size(), CheckNotes::kMaxProblems);
  EXPECT_EQ(notes.lost.size(), CheckNotes::kMaxProblems);
}

}  // namespace
}  // namespace forebay::master
