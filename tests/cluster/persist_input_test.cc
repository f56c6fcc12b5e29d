// What a namespace takes and an under store does not: it is said, nothing is lost, and nobody is held up by it.
#include "persist_fixture.h"

namespace forebay::cluster {
namespace {

using std::chrono::seconds;

class PersistInput : public PersistTest {
 protected:
  // What persist status shows of a file, once it was tried.
  std::optional<v1::PersistFailure> failure_of(const std::string& path) {
    std::optional<v1::PersistFailure> found;
    cluster->world().run_until([&] { return false; }, seconds(20));
    Result<v1::PersistStatusReply> status = cluster->status();
    EXPECT_TRUE(status);
    for (const v1::PersistFailure& each : status->failures())
      if (each.path() == path) found = each;
    return found;
  }
  void expect_refused(const std::string& name, const std::string& reason) {
    const std::optional<v1::PersistFailure> failure = failure_of("/c/" + name);
    ASSERT_TRUE(failure) << name << " is not shown";
    EXPECT_TRUE(failure->permanent());
    EXPECT_GE(failure->attempts(), 1U);
    EXPECT_TRUE(failure->error().contains(reason)) << failure->error();
  }
};

TEST_F(PersistInput, a_name_that_the_store_does_not_take_is_shown_and_holds_nobody_up) {
  start();
  const std::pair<std::string, std::string> refused[] = {{"not \xff utf-8", "UTF-8"}, {".forebay-mine", "reserved"}};
  for (const auto& [name, reason] : refused) must(cluster->write(name, "content of " + name));
  must(cluster->write("good", "content"));
  expect_refused("not ? utf-8", "UTF-8");
  expect_refused(".forebay-mine", "reserved");
  EXPECT_EQ(cluster->bucket().keys(), std::vector<std::string>{"k/good"});
  for (const auto& [name, reason] : refused) {
    Result<std::string> content = cluster->read(name);
    EXPECT_TRUE(content && *content == "content of " + name);
    must(cluster->rename(name, "now good"));
    must(cluster->rename("now good", "good " + std::to_string(name.size())));
  }
  expect_store({{"k/good", "content"}, {"k/good 11", "content of not \xff utf-8"}, {"k/good 13", "content of .forebay-mine"}});
}

TEST_F(PersistInput, a_key_of_more_bytes_than_the_store_takes_is_shown_and_holds_nobody_up) {
  start();
  InodeId directory = cluster->directory();
  std::string path;
  for (const char letter : {'a', 'b', 'c', 'd'}) {
    const std::string name(250, letter);
    Result<v1::Attr> made = cluster->run(cluster->client().make_dir({}, directory, name, 0755));
    ASSERT_TRUE(made);
    directory = InodeId{made->inode()};
    path += name + "/";
  }
  auto created = cluster->run(cluster->client().create({}, directory, std::string(100, 'f'), 0644, {.write = true}, false));
  ASSERT_TRUE(created);
  must(cluster->run(created->file->pwrite(as_bytes(std::string("deep")), 0)));
  must(cluster->run(created->file->close()));
  must(cluster->write("good", "content"));
  expect_refused(path + std::string(100, 'f'), "1024");
  v1::RenameRequest shorter;
  shorter.set_parent(directory.value);
  shorter.set_name(std::string(100, 'f'));
  shorter.set_new_parent(cluster->directory().value);
  shorter.set_new_name("short");
  must(cluster->run(cluster->client().rename({}, shorter)));
  expect_store({{"k/good", "content"}, {"k/short", "deep"}});
}

TEST_F(PersistInput, a_file_of_more_bytes_than_an_object_may_have_is_shown_until_it_is_shorter) {
  start({.limits = ufs::Limits{.object_bytes = 200'000, .least_part_bytes = 0}});
  must(cluster->write("large", pattern(300'000)));
  must(cluster->write("good", "content"));
  expect_refused("large", "200000");
  EXPECT_EQ(cluster->bucket().keys(), std::vector<std::string>{"k/good"});
  must(cluster->truncate("large", 150'000));
  expect_store({{"k/good", "content"}, {"k/large", pattern(300'000).substr(0, 150'000)}});
}

TEST_F(PersistInput, a_file_of_more_parts_than_an_upload_may_have_goes_in_larger_ones) {
  start({.limits = ufs::Limits{.least_part_bytes = 0, .parts = 10}});
  must(cluster->write("large", pattern(1'500'000)));
  expect_store({{"k/large", pattern(1'500'000)}});
  size_t parts = 0;
  for (const ufs::RequestRecord& request : cluster->bucket().requests()) parts += request.operation == "put_part";
  EXPECT_LE(parts, 10U);
  EXPECT_GE(parts, 2U);
}

}  // namespace
}  // namespace forebay::cluster
