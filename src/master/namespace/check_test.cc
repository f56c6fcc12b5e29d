#include "master/namespace/check.h"

#include "master/ops/content_world.h"

namespace forebay::master {
namespace {

// Each kind of damage is made by hand, has to be found, and is mended again.
class CheckTest : public ContentWorld {
 protected:
  CheckTest() {
    EXPECT_TRUE(mkdir("/d"));
    EXPECT_TRUE(mkdir("/d/e"));
    write_file("/d/f", 100);
    writing_ = start("/d/w");
    EXPECT_TRUE(commit(writing_.handle, {extent(0, 10, writing_.object)}));
    object_ = layout(inode_of("/d/f"))->extents(0).object();
  }

  void put(const std::string& key, const std::optional<std::string>& value) {
    kv::WriteBatch batch;
    value ? batch.put(key, *value) : batch.erase(key);
    ASSERT_TRUE(store_->write(batch));
  }

  // With this value at the key (none: erased), some problem mentions `text`.
  void expect_found(const std::string& key, const std::optional<std::string>& value, const std::string& text) {
    auto before = store_->get(key);
    ASSERT_TRUE(before);
    put(key, value);
    std::vector<std::string> found = problems();
    EXPECT_TRUE(std::ranges::any_of(found, [&](const std::string& each) { return each.find(text) != std::string::npos; }))
        << text << " is not in " << testing::PrintToString(found);
    put(key, *before);
    EXPECT_EQ(problems(), Texts{});
  }

  template <class Record>
  void expect_found_when(const std::string& key, const std::function<void(Record&)>& change, const std::string& text) {
    auto record = read_record<Record>(*store_, key);
    ASSERT_TRUE(record && *record);
    change(**record);
    expect_found(key, (*record)->SerializeAsString(), text);
  }

  static std::string big_endian(uint64_t value) {
    std::string text;
    append_big_endian(text, value);
    return text;
  }

  Writing writing_;
  uint64_t object_ = 0;
};

TEST_F(CheckTest, a_sound_namespace_has_no_problems_in_steps_of_any_size) {
  for (size_t budget : {1u, 2u, 7u, 1000u}) {
    std::string cursor;
    uint64_t checked = 0;
    do {
      auto step = check_step(*store_, cursor, budget);
      ASSERT_TRUE(step);
      EXPECT_EQ(step->problems, Texts{});
      EXPECT_LE(step->checked, budget);
      checked += step->checked;
      cursor = step->cursor;
    } while (!cursor.empty());
    EXPECT_EQ(checked, 4u + 5u + 1u + 1u + 2u + 4u + 1u + 1u) << "entries, inodes, handle twice, objects, copies, lists";
  }
}

TEST_F(CheckTest, a_cursor_of_somebody_else_is_refused) { EXPECT_EQ(code_of(check_step(*store_, "abc", 10)), Code::kInvalid); }

TEST_F(CheckTest, finds_damaged_entries_and_directories) {
  InodeId d = inode_of("/d"), f = inode_of("/d/f"), e = inode_of("/d/e");
  expect_found(key::inode(f), std::nullopt, "which does not exist");
  expect_found(key::inode(d), std::nullopt, "has entries and no inode");
  expect_found(key::dentry(d, "f"), std::nullopt, "counts 3 entries");
  expect_found(key::dentry(d, "f"), std::nullopt, "should have 1 entries and has 0");
  expect_found(key::dentry(d, "f"), "\xff\xff", "does not parse");
  expect_found_when<v1::DentryRecord>(key::dentry(d, "f"), [](auto& r) { r.set_type(v1::FILE_TYPE_FIFO); }, "different types");
  expect_found_when<v1::InodeRecord>(key::inode(d), [](auto& r) { r.set_nlink(9); }, "has 9 links and 1 directories");
  expect_found_when<v1::InodeRecord>(key::inode(e), [](auto& r) { r.set_parent(1); }, "is not where its directory says");
  expect_found_when<v1::InodeRecord>(key::inode(e), [](auto& r) { r.set_size(1); }, "counts 1 entries");
  expect_found_when<v1::InodeRecord>(key::inode(f), [](auto& r) { r.set_nlink(2); }, "should have 2 entries and has 1");
  expect_found_when<v1::InodeRecord>(key::inode(f), [](auto& r) { r.set_nlink(0); }, "nobody takes it apart");
  expect_found(key::inode(InodeId{77}), v1::InodeRecord{}.SerializeAsString(), "nobody takes it apart");
  expect_found(key::inode_count(), big_endian(77), "77 inodes are counted");
}

TEST_F(CheckTest, finds_damaged_content) {
  InodeId f = inode_of("/d/f");
  std::string list = key::sealed_extents(f, Version{1});
  expect_found(list, std::nullopt, "has lost its extent list");
  expect_found(list, "\xff", "does not parse");
  expect_found_when<v1::ExtentListRecord>(list, [](auto& r) { r.set_length(0, 50); }, "counts other bytes");
  expect_found_when<v1::ExtentListRecord>(list, [](auto& r) { r.set_object(0, 12345); }, "does not exist");
  expect_found_when<v1::ExtentListRecord>(list, [](auto& r) { r.set_length(0, 0); }, "impossible piece");
  expect_found_when<v1::InodeRecord>(key::inode(f), [](auto& r) { r.set_size(99); }, "beyond its end");
  expect_found_when<v1::InodeRecord>(key::inode(f), [](auto& r) { r.set_dirty(true); }, "dirty and nobody writes it");
  expect_found(key::working_extents(f), v1::ExtentListRecord{}.SerializeAsString(), "though it is sealed");
  expect_found(key::sealed_extents(f, Version{9}), v1::ExtentListRecord{}.SerializeAsString(), "is not the newest");
  expect_found(key::sealed_extents(InodeId{88}, Version{1}), v1::ExtentListRecord{}.SerializeAsString(), "is nobody's");
}

TEST_F(CheckTest, finds_damaged_objects_and_duties) {
  std::string key = key::object(ObjectId{object_});
  expect_found(key, std::nullopt, "does not exist");
  expect_found_when<v1::ObjectRecord>(key, [](auto& r) { r.set_inode(1); }, "is another inode's");
  expect_found_when<v1::ObjectRecord>(key, [](auto& r) { r.set_length(99); }, "is too short");
  expect_found_when<v1::ObjectRecord>(key, [](auto& r) { r.set_handle(5); }, "is in no file");
  expect_found_when<v1::ObjectRecord>(key, [](auto& r) { r.set_sealed(false); }, "lacks a duty to be sealed");
  expect_found_when<v1::ObjectRecord>(key, [](auto& r) { r.add_workers(9); }, "is not listed as a copy of worker 9");
  expect_found_when<v1::ObjectRecord>(key, [](auto& r) { r.clear_workers(); }, "is in no file and stays");
  v1::ObjectRecord orphan;
  orphan.set_inode(inode_of("/d/f").value);
  orphan.set_sealed(true);
  expect_found(key::object(ObjectId{555}), orphan.SerializeAsString(), "object 555 is in no file");
  expect_found(key::copy(WorkerId{1}, ObjectId{object_}), std::nullopt, "is not listed as a copy");
  expect_found(key::copy(WorkerId{1}, ObjectId{777}), "", "is in no file and stays");
  expect_found(key::remove_duty(WorkerId{1}, ObjectId{object_}), "", "which is in use");
  expect_found(key::seal_duty(WorkerId{1}, ObjectId{object_}), big_endian(99), "has another length");
  expect_found(key::seal_duty(WorkerId{1}, ObjectId{writing_.object}), big_endian(10), "which is being written");
  expect_found(key::seal_duty(WorkerId{1}, ObjectId{777}), big_endian(100), "which it does not have");
}

TEST_F(CheckTest, finds_damaged_handles) {
  std::string handle = key::handle(writing_.inode, writing_.handle);
  std::string listed = key::session_handle(as.session, writing_.handle);
  expect_found(handle, std::nullopt, "counts 1 writers and has 0");
  expect_found(handle, std::nullopt, "which is not");
  expect_found(listed, std::nullopt, "is not listed by its session");
  expect_found(listed, big_endian(1), "which is not");
  expect_found_when<v1::HandleRecord>(handle, [&](auto& r) { r.add_granted(object_); }, "which is not its own");
  expect_found_when<v1::HandleRecord>(handle, [](auto& r) { r.clear_granted(); }, "is in no file");
  expect_found(key::detached(inode_of("/d")), "", "is being taken apart, and has links");
}

TEST_F(CheckTest, finds_outcomes_that_nobody_will_ask_for) {
  v1::OutcomeRecord outcome;
  outcome.set_sequence(5);
  expect_found(key::outcome(SessionId{77}, 5), outcome.SerializeAsString(), "its session 77 has ended");
  expect_found(key::outcome(SessionId{77}, 6), outcome.SerializeAsString(), "is in another one's place");
  put(key::session(SessionId{77}), v1::SessionRecord().SerializeAsString());
  put(key::outcome(SessionId{77}, 5), outcome.SerializeAsString());
  EXPECT_EQ(problems(), Texts{});
}

TEST_F(CheckTest, totals_name_the_inode_whose_links_are_wrong) {
  EXPECT_EQ(check_totals(*store_), Texts{});
  expect_found_when<v1::InodeRecord>(
      key::inode(inode_of("/d/f")), [](auto& r) { r.set_nlink(2); }, "should have 2 entries and has 1");
  expect_found(key::inode_count(), big_endian(99), "99 inodes are counted");
}

TEST_F(CheckTest, an_expired_writers_object_needs_its_duty_with_the_right_length) {
  ASSERT_TRUE(close(writing_.handle));
  std::string duty = key::seal_duty(WorkerId{2}, ObjectId{writing_.object});
  expect_found(duty, std::nullopt, "lacks a duty to be sealed at worker 2");
  expect_found(duty, big_endian(11), "has another length");
}

TEST_F(CheckTest, a_directory_that_changes_between_two_steps_is_not_damage) {
  ASSERT_TRUE(mkdir("/many"));
  for (int i = 0; i < 20; ++i) ASSERT_TRUE(mkdir("/many/" + std::to_string(i)));
  std::string cursor;
  Texts found;
  int made = 0;
  do {
    auto step = check_step(*store_, cursor, 5);
    ASSERT_TRUE(step);
    std::ranges::copy(step->problems, std::back_inserter(found));
    cursor = step->cursor;
    tick();
    if (made < 10) ASSERT_TRUE(mkdir("/many/0" + std::to_string(made++)));
  } while (!cursor.empty());
  EXPECT_EQ(found, Texts{});
}

}  // namespace
}  // namespace forebay::master
