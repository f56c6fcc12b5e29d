#include "master/persist/mount_points.h"
#include "master/persist/persist_world.h"

namespace forebay::master {
namespace {

class ImportTest : public PersistWorld {
 protected:
  static v1::ImportEntry object(const std::string& name, uint64_t length, const std::string& identity = "etag") {
    v1::ImportEntry entry;
    entry.set_name(name);
    entry.set_length(length);
    entry.set_identity(identity);
    entry.set_mtime_ns(1'234);
    entry.set_mode(0640);
    entry.set_uid(7);
    entry.set_gid(8);
    return entry;
  }
  Result<v1::ImportEntriesReply> import(const std::vector<v1::ImportEntry>& entries, const std::string& key = "k") {
    v1::ImportEntriesRequest request;
    request.set_directory(inode_of("/c").value);
    request.set_mount(1);
    request.set_key(key);
    for (const v1::ImportEntry& entry : entries) *request.add_entries() = entry;
    return run(ops::import_entries, request);
  }
  v1::Imported import_one(const v1::ImportEntry& entry) {
    auto reply = import({entry});
    EXPECT_TRUE(reply) << reply.error().to_string();
    return reply && reply->outcomes_size() == 1 ? reply->outcomes(0) : v1::IMPORTED_UNSPECIFIED;
  }
};

TEST_F(ImportTest, an_object_becomes_a_clean_file_without_copies) {
  start_mapped();
  EXPECT_EQ(import_one(object("f", 150 * kMiB)), v1::IMPORTED_NEW);
  auto attr = stat("/c/f");
  ASSERT_TRUE(attr);
  EXPECT_EQ(attr->size(), 150 * kMiB);
  EXPECT_EQ(attr->mode(), 0640U);
  EXPECT_EQ(attr->uid(), 7U);
  EXPECT_EQ(attr->mtime_ns(), 1'234);
  EXPECT_EQ(attr->version(), 1U);
  EXPECT_TRUE(attr->absent());
  auto laid = layout(inode_of("/c/f"));
  ASSERT_TRUE(laid);
  EXPECT_EQ(laid->extents_size(), 3);
  for (const v1::ObjectLocation& place : laid->objects()) {
    EXPECT_EQ(place.workers_size(), 0);
    EXPECT_EQ(place.stored_version(), 1U);
  }
  EXPECT_EQ(intents(), Texts{});  // nothing has to be done for it
  EXPECT_EQ(problems(), Texts{});
}

TEST_F(ImportTest, an_empty_object_becomes_an_empty_file) {
  start_mapped();
  EXPECT_EQ(import_one(object("empty", 0)), v1::IMPORTED_NEW);
  EXPECT_EQ(stat("/c/empty")->size(), 0U);
  EXPECT_FALSE(stat("/c/empty")->absent());
  EXPECT_EQ(intents(), Texts{});
  EXPECT_EQ(problems(), Texts{});
}

TEST_F(ImportTest, again_it_is_as_it_was_and_what_is_there_stays) {
  start_mapped();
  EXPECT_EQ(import_one(object("f", 10)), v1::IMPORTED_NEW);
  EXPECT_EQ(import_one(object("f", 10)), v1::IMPORTED_BEFORE);
  EXPECT_EQ(import_one(object("f", 10, "other")), v1::IMPORTED_EXISTS);
  write_file("/c/mine", 5);
  EXPECT_EQ(import_one(object("mine", 10)), v1::IMPORTED_EXISTS);
  mkdir("/c/d");
  EXPECT_EQ(import_one(object("d", 10)), v1::IMPORTED_EXISTS);
  EXPECT_EQ(stat("/c/mine")->size(), 5U);
}

TEST_F(ImportTest, an_imported_file_is_changed_and_uploaded_over_its_object) {
  start_mapped();
  EXPECT_EQ(import_one(object("f", 10)), v1::IMPORTED_NEW);
  unlink("/c/f");
  EXPECT_EQ(run_all(), Texts{"delete k/f"});  // onDelete: delete: it is ours now
}

TEST_F(ImportTest, excluded_names_keys_in_use_and_wrong_places_are_told_apart) {
  ASSERT_TRUE(add_mount("/ufs"));
  ASSERT_TRUE(map(R"("exclude": ["*.part"])"));
  run_all();
  EXPECT_EQ(import_one(object("x.part", 10)), v1::IMPORTED_EXCLUDED);
  write_file("/c/g", 5);
  run_all();
  ASSERT_TRUE(rename("/c/g", "/c/h"));  // its object is still at k/g
  EXPECT_EQ(import_one(object("g", 5)), v1::IMPORTED_KEY_IN_USE);
  EXPECT_EQ(code_of(import({object("f", 10)}, "elsewhere")), Code::kStale);
  as = {.uid = 1000, .gid = 1000, .groups = {}, .session = as.session};
  EXPECT_EQ(error_of(import({object("f", 10)})), EPERM);
}

}  // namespace
}  // namespace forebay::master
