// Paths below the mount point of a whole cluster.
#include <algorithm>

#include "client/under_path/importing.h"
#include "forebay/v1/persist.rpc.h"
#include "persist_fixture.h"

namespace forebay::cluster {
namespace {

using std::chrono::seconds;
using ufs::StoreFaultKind;
using Victim = PersistCluster::Victim;

class UnderClusterTest : public PersistTest {
 protected:
  // As the kernel does: what has been replaced since it was looked up is looked up again.
  Result<std::unique_ptr<client::File>> open(const std::string& path, client::OpenFlags flags = {}) {
    for (bool again = true;; again = false) {
      ASSIGN_OR_RETURN(const v1::ResolveReply found, cluster->run(cluster->client().resolve({}, path, true)));
      if (!found.has_attr()) return rejected(ENOENT, path);
      auto file = cluster->run(cluster->client().open({}, InodeId{found.attr().inode()}, flags));
      if (file || !again || !file.error().is_errno(ESTALE)) return file;
    }
  }
  Result<std::string> read(client::File& file, uint64_t offset, size_t length) {
    std::string text(length, '#');
    ASSIGN_OR_RETURN(const size_t got, cluster->run(file.pread(std::as_writable_bytes(std::span(text)), offset)));
    text.resize(got);
    return text;
  }
  Result<std::string> read(const std::string& path) {
    ASSIGN_OR_RETURN(const std::unique_ptr<client::File> file, open(path));
    return read(*file, 0, 10 * kMiB);
  }
  void expect_content(const std::string& path, const std::string& content) {
    const Result<std::string> found = read(path);
    ASSERT_TRUE(found) << path << ": " << found.error().to_string();
    EXPECT_TRUE(*found == content) << path << " has other bytes, " << found->size() << " of them";
  }
  Result<void> write(const std::string& path, const std::string& content) {
    const size_t slash = path.rfind('/');
    ASSIGN_OR_RETURN(const v1::ResolveReply above, cluster->run(cluster->client().resolve({}, path.substr(0, slash), true)));
    ASSIGN_OR_RETURN(const client::Created created,
                     cluster->run(cluster->client().create({}, InodeId{above.attr().inode()}, path.substr(slash + 1), 0644,
                                                           {.read = false, .write = true, .truncate = true}, false)));
    TRY(cluster->run(created.file->pwrite(as_bytes(content), 0)));
    return cluster->run(created.file->close());
  }
  size_t gets(const std::string& key) {
    size_t count = 0;
    for (const ufs::RequestRecord& request : cluster->bucket().requests()) {
      if (request.operation == "get" && request.key == key) ++count;
    }
    return count;
  }
  v1::ImportEntriesReply import(const std::vector<std::string>& names) {
    v1::ImportEntriesRequest request;
    request.set_directory(cluster->directory().value);
    request.set_mount(1);
    request.set_key("k");
    for (const std::string& name : names) {
      const ufs::ObjectState state = *cluster->bucket().state("k/" + name);
      v1::ImportEntry& entry = *request.add_entries();
      entry.set_name(name);
      entry.set_length(state.length);
      entry.set_identity(state.identity.text);
      entry.set_mode(0644);
    }
    auto reply = cluster->run(client::UnderImport(cluster->client()).import_entries({}, request));
    EXPECT_TRUE(reply) << reply.error().to_string();
    return reply.value_or(v1::ImportEntriesReply{});
  }
};

TEST_F(UnderClusterTest, what_is_in_the_store_is_listed_and_read) {
  start();
  const std::string content = pattern(5 * kMiB + 3);
  cluster->bucket().write_foreign("theirs/f", content);
  expect_content("/ufs/theirs/f", content);
  expect_content("/ufs/theirs/f", content);
  EXPECT_LE(gets("theirs/f"), 6U) << "pages are fetched once";
  EXPECT_TRUE(read("/ufs/theirs/none").error().is_errno(ENOENT));
}

TEST_F(UnderClusterTest, a_worker_that_dies_in_the_middle_of_a_read_is_replaced_by_the_other) {
  start();
  const std::string content = pattern(9 * kMiB);
  cluster->bucket().write_foreign("f", content);
  auto file = open("/ufs/f");
  ASSERT_TRUE(file);
  EXPECT_TRUE(*read(**file, 0, kMiB) == content.substr(0, kMiB));
  cluster->kill(Victim::kWorker0, seconds(20));
  for (uint64_t at = kMiB; at < content.size(); at += kMiB) {
    const Result<std::string> piece = read(**file, at, kMiB);
    ASSERT_TRUE(piece) << piece.error().to_string();
    EXPECT_TRUE(*piece == content.substr(at, kMiB)) << at;
  }
}

TEST_F(UnderClusterTest, whatever_the_store_does_the_reader_gets_the_right_bytes) {
  for (const StoreFaultKind kind : {StoreFaultKind::kBusy, StoreFaultKind::kSlow, StoreFaultKind::kHang,
                                    StoreFaultKind::kLostReply, StoreFaultKind::kTruncated}) {
    ufs::ScriptedFaults faults(
        {{"look", "f", {kind, seconds(1)}, 0}, {"get", "f", {kind, seconds(1)}, 0}, {"get", "f", {kind, seconds(1)}, 1}});
    start({.faults = &faults});
    const std::string content = pattern(3 * kMiB);
    cluster->bucket().write_foreign("f", content);
    expect_content("/ufs/f", content);
    cluster->stop();
    cluster.reset();
  }
}

TEST_F(UnderClusterTest, a_persisted_file_is_read_through_its_key_from_the_cache) {
  start();
  const std::string content = pattern(300'000);
  must(cluster->write("a", content));
  ASSERT_TRUE(cluster->settle());
  const size_t before = gets("k/a");
  expect_content("/ufs/k/a", content);
  EXPECT_EQ(gets("k/a"), before);
  cluster->bucket().write_foreign("k/a", "theirs");
  expect_content("/ufs/k/a", "theirs");
}

TEST_F(UnderClusterTest, a_reader_by_key_keeps_its_content_while_the_file_goes_on) {
  start();
  const std::string content = pattern(300'000), later = pattern(300'000, 2);
  must(cluster->write("a", content));
  ASSERT_TRUE(cluster->settle());
  auto file = open("/ufs/k/a");
  ASSERT_TRUE(file);
  EXPECT_TRUE(*read(**file, 0, 1000) == content.substr(0, 1000));
  must(cluster->patch("a", later, 0));
  const Result<std::string> same = read(**file, 1000, 1000);  // still at the key, or ESTALE once it is not
  if (same) EXPECT_TRUE(*same == content.substr(1000, 1000));
  ASSERT_TRUE(cluster->settle());
  const Result<std::string> gone = read(**file, 200'000, 1000);
  if (gone) {
    EXPECT_TRUE(*gone == content.substr(200'000, 1000));
  } else {
    EXPECT_EQ(to_errno(gone.error()), ESTALE);
  }
  expect_content("/ufs/k/a", later);
}

TEST_F(UnderClusterTest, what_is_written_below_a_mount_is_in_the_store_and_to_persistence_somebody_elses) {
  start();
  const std::string mine = pattern(1000), theirs = pattern(2000, 2);
  must(write("/ufs/f", theirs));
  EXPECT_TRUE(cluster->bucket().content("f") == theirs);
  must(cluster->write("a", mine));
  ASSERT_TRUE(cluster->settle());
  must(write("/ufs/k/a", theirs));
  must(cluster->patch("a", "changed", 0));
  cluster->world().run_for(seconds(30));
  EXPECT_EQ(cluster->bucket().content("k/a"), theirs) << "both stay";
  auto conflicts = cluster->ask_master<v1::persist_service::ListConflicts>({});
  ASSERT_TRUE(conflicts);
  EXPECT_EQ(conflicts->conflicts_size(), 1);
}

TEST_F(UnderClusterTest, imported_files_are_read_back_changed_and_removed) {
  start();
  const std::string first = pattern(200'000), second = pattern(100'000, 2);
  cluster->bucket().write_foreign("k/a", first);
  cluster->bucket().write_foreign("k/b", second);
  cluster->bucket().write_foreign("k/empty", "");
  const v1::ImportEntriesReply reply = import({"a", "b", "empty"});
  ASSERT_EQ(reply.outcomes_size(), 3);
  for (const int outcome : reply.outcomes()) EXPECT_EQ(outcome, v1::IMPORTED_NEW);
  EXPECT_EQ(import({"a"}).outcomes(0), v1::IMPORTED_BEFORE);
  Result<std::string> read_back = cluster->read("a");
  ASSERT_TRUE(read_back) << read_back.error().to_string();
  EXPECT_TRUE(*read_back == first);
  EXPECT_EQ(cluster->attr("empty")->size(), 0U);
  must(cluster->patch("b", "patched", 10));
  must(cluster->unlink("empty"));
  ASSERT_TRUE(cluster->settle());
  std::string patched = second;
  patched.replace(10, 7, "patched");
  EXPECT_TRUE(cluster->bucket().content("k/b") == patched);
  EXPECT_FALSE(cluster->bucket().content("k/empty"));
  EXPECT_EQ(cluster->bucket().content("k/a"), first);
}

}  // namespace
}  // namespace forebay::cluster
