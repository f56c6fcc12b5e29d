// What lies below mount points, from a worker's side: over a store in memory that fails when told to.
#include <gtest/gtest.h>

#include "base/check.h"
#include "forebay/v1/persist.rpc.h"
#include "os/simulation.h"
#include "rpc/server.h"
#include "ufs/faulty_store.h"
#include "ufs/memory_store.h"
#include "worker/under/under_changes.h"
#include "worker/under/under_paths.h"
#include "worker/under/under_uploads.h"

namespace forebay::worker {
namespace {

using std::chrono::seconds;
using ufs::StoreFaultKind;

class UnderTest : public testing::Test {
 protected:
  void SetUp() override {
    master_process = world.start_process("master", "master");
    process = world.start_process("w", "worker");
    mount.set_mount(3);
    mount.mutable_record()->set_path("/s3");
    mount.mutable_record()->set_uri("memory://bucket");
    router.handle<v1::persist_service::GetMount>(
        [this](rpc::Call, v1::GetMountRequest request) { return answer(this, request); });
    server =
        std::make_unique<rpc::Server>(master_process->env(), router, rpc::ServerConfig{}, std::vector{world.executor()}, nullptr);
    auto listening = server->listen({.host = "master", .port = 1000, .path = {}});
    ASSERT_TRUE(listening);
    memory = std::make_unique<ufs::MemoryStore>(bucket, process->env().clock);
    begin();
  }
  void TearDown() override {
    end();
    run(stop(server.get()));
  }
  void begin(std::vector<ufs::ScriptedFaults::Rule> rules = {}) {
    end();
    faults = std::make_unique<ufs::ScriptedFaults>(std::move(rules));
    auto open = [this](const std::string&, const ufs::StoreOptions&) -> Result<std::unique_ptr<ufs::UnderStore>> {
      ++opened;
      if (cannot_open) return std::unexpected(*cannot_open);
      return std::make_unique<ufs::FaultyStore>(*memory, process->env().clock, world.executor(), *faults);
    };
    os::Env& env = process->env();
    mounts = std::make_unique<UnderMounts>(env, open, std::vector<os::Address>{{.host = "master", .port = 1000, .path = {}}},
                                           world.executor());
    pages = std::make_unique<PageStore>(env, PageStoreConfig{.directories = {}, .page_bytes = 4 * kKiB}, world.executor(),
                                        obs::null_log());
    paths = std::make_unique<UnderPaths>(env, *mounts, *pages, seconds(30), world.executor());
    uploads = std::make_unique<UnderUploads>(env, *mounts, UnderUploadsConfig{.most = 2, .part_bytes = 1000}, world.executor(),
                                             obs::null_log());
    changes = std::make_unique<UnderChanges>(env, *mounts, seconds(30), world.executor());
    pages->start();
    uploads->start();
  }
  void end() {
    if (!uploads) return;
    run(stop(uploads.get()));
    run(stop(pages.get()));
    run(stop(mounts.get()));
    uploads.reset();
    paths.reset();
    changes.reset();
    pages.reset();
    mounts.reset();
  }
  static Task<Result<rpc::Answer<v1::Mount>>> answer(UnderTest* self, v1::GetMountRequest request) {
    ++self->asked;
    if (request.mount() != self->mount.mount()) co_return rejected(ENOENT, "no such mount");
    co_return self->mount;
  }
  template <class T>
  static Task<bool> stop(T* what) {
    co_await what->stop();
    co_return true;
  }
  template <class T>
  T run(Task<T> task) {
    std::optional<T> result = world.complete(std::move(task), std::chrono::hours(1));
    FOREBAY_CHECK(result.has_value(), "it never ends");
    return *std::move(result);
  }
  void option(const std::string& name, const std::string& value) {
    v1::MountOption& added = *mount.mutable_record()->add_options();
    added.set_name(name);
    added.set_value(value);
  }

  Result<v1::UnderEntry> look(const std::string& path, uint64_t of = 3) {
    v1::StatUnderRequest request;
    request.set_mount(of);
    request.set_path(path);
    return run(UnderPaths::stat(paths.get(), request, {}));
  }
  Result<v1::ListUnderReply> list(const std::string& directory, const std::string& after = "", uint32_t limit = 0,
                                  bool stamps = false) {
    v1::ListUnderRequest request;
    request.set_mount(3);
    request.set_directory(directory);
    request.set_after(after);
    request.set_limit(limit);
    request.set_stamps(stamps);
    return run(UnderPaths::list(paths.get(), request, {}));
  }
  std::vector<std::string> names(const std::string& directory, uint32_t limit) {
    std::vector<std::string> all;
    std::string after;
    do {
      auto page = list(directory, after, limit);
      EXPECT_TRUE(page) << page.error().to_string();
      if (!page) break;
      for (const v1::UnderEntry& entry : page->entries()) all.push_back(entry.name() + (entry.is_directory() ? "/" : ""));
      hidden += page->hidden();
      after = page->next();
    } while (!after.empty());
    return all;
  }
  uint64_t start_upload(const std::string& key, bool exclusive = false, const std::string& expected = "") {
    v1::BeginUnderUploadRequest request;
    request.set_mount(3);
    request.set_key(key);
    request.set_exclusive(exclusive);
    request.set_expected(expected);
    request.set_mode(0640);
    auto begun = run(UnderUploads::begin(uploads.get(), request, {}));
    EXPECT_TRUE(begun) << begun.error().to_string();
    return begun ? begun->upload() : 0;
  }
  Result<v1::Empty> write(uint64_t upload, uint64_t offset, const std::string& text) {
    v1::WriteUnderUploadRequest request;
    request.set_upload(upload);
    request.set_offset(offset);
    return run(UnderUploads::write(uploads.get(), request, as_bytes(text)));
  }
  Result<v1::EndUnderUploadReply> end_upload(uint64_t upload, uint64_t length) {
    v1::EndUnderUploadRequest request;
    request.set_upload(upload);
    request.set_length(length);
    return run(UnderUploads::end(uploads.get(), request, {}));
  }

  os::SimWorld world{{}};
  std::shared_ptr<os::SimProcess> master_process, process;
  v1::Mount mount;
  rpc::Router router;
  std::unique_ptr<rpc::Server> server;
  int asked = 0, opened = 0;
  std::optional<Status> cannot_open;
  uint64_t hidden = 0;
  ufs::MemoryBucket bucket;
  std::unique_ptr<ufs::MemoryStore> memory;
  std::unique_ptr<ufs::ScriptedFaults> faults;
  std::unique_ptr<UnderMounts> mounts;
  std::unique_ptr<PageStore> pages;
  std::unique_ptr<UnderPaths> paths;
  std::unique_ptr<UnderUploads> uploads;
  std::unique_ptr<UnderChanges> changes;
};

using UnderPathsTest = UnderTest;
using UnderUploadsTest = UnderTest;
using UnderChangesTest = UnderTest;

// ---- looking ----

TEST_F(UnderPathsTest, shows_objects_directories_and_the_mount_itself) {
  bucket.write_foreign("a/b", "12345");
  auto file = look("a/b");
  ASSERT_TRUE(file) << file.error().to_string();
  EXPECT_EQ(file->length(), 5U);
  EXPECT_EQ(file->identity(), bucket.state("a/b")->identity.text);
  EXPECT_TRUE(look("a")->is_directory());
  EXPECT_TRUE(look("")->is_directory());
  auto missing = look("a/c");
  ASSERT_FALSE(missing);
  EXPECT_TRUE(missing.error().is_errno(ENOENT));
  EXPECT_NE(missing.error().message().find("mount /s3, 'a/c'"), std::string::npos) << missing.error().message();
}

TEST_F(UnderPathsTest, lists_every_name_once_whatever_the_size_of_the_pages) {
  for (const char* key : {"d/a", "d/a-b", "d/b/x", "d/b-c", "d/b.d", "d/c", "d/e/y/z"}) bucket.write_foreign(key, "x");
  const std::vector<std::string> expected{"a", "a-b", "b-c", "b.d", "b/", "c", "e/"};
  for (const uint32_t limit : {1U, 2U, 3U, 1000U}) EXPECT_EQ(names("d", limit), expected) << limit;
  EXPECT_EQ(names("nothing", 10), std::vector<std::string>{});
  EXPECT_EQ(hidden, 0U);
}

TEST_F(UnderPathsTest, what_no_file_system_could_show_is_hidden_and_counted) {
  for (const std::string& key : {std::string("d/ok"), std::string("d//x"), std::string("d/./x"), std::string("d/../x"),
                                 "d/" + std::string(256, 'n'), std::string("d/bad\xff"), std::string("d/.forebay-part")})
    bucket.write_foreign(key, "x");
  for (const uint32_t limit : {1U, 1000U}) {
    hidden = 0;
    EXPECT_EQ(names("d", limit), std::vector<std::string>{"ok"}) << limit;
    EXPECT_EQ(hidden, 5U) << limit;  // what is ours is not even counted
  }
}

TEST_F(UnderPathsTest, an_object_covers_the_directory_of_its_name_on_every_page) {
  for (const char* key : {"d/a", "d/a-b", "d/a/hidden", "d/b"}) bucket.write_foreign(key, "x");
  for (const uint32_t limit : {1U, 2U, 1000U}) {
    hidden = 0;
    EXPECT_EQ(names("d", limit), (std::vector<std::string>{"a", "a-b", "b"})) << limit;
    EXPECT_EQ(hidden, 1U) << limit;
  }
  EXPECT_FALSE(look("d/a")->is_directory());
}

TEST_F(UnderPathsTest, a_mount_is_asked_for_again_and_what_was_known_serves_while_no_master_answers) {
  bucket.write_foreign("a", "x");
  EXPECT_TRUE(look("a"));
  EXPECT_TRUE(look("a"));
  EXPECT_EQ(asked, 1);
  run(process->env().clock.sleep(seconds(6), {}));
  EXPECT_TRUE(look("a"));
  EXPECT_EQ(asked, 2);
  EXPECT_EQ(opened, 1);
  option("region", "elsewhere");  // the mount was changed
  run(process->env().clock.sleep(seconds(6), {}));
  EXPECT_TRUE(look("a"));
  EXPECT_EQ(opened, 2);
  master_process->crash();
  run(process->env().clock.sleep(seconds(6), {}));
  EXPECT_TRUE(look("a"));
}

TEST_F(UnderPathsTest, a_mount_that_is_not_there_is_stale_and_one_that_cannot_be_opened_says_so_at_once) {
  EXPECT_TRUE(look("a", 4).error().is_errno(ESTALE));
  cannot_open = rejected(EACCES, "InvalidAccessKeyId").error();
  const os::Instant began = process->env().clock.now();
  auto failed = look("a");
  ASSERT_FALSE(failed);
  EXPECT_TRUE(failed.error().is_errno(EACCES));
  EXPECT_NE(failed.error().message().find("/s3"), std::string::npos);
  EXPECT_FALSE(look("a"));
  EXPECT_EQ(opened, 1);  // not tried again at once
  EXPECT_LT(process->env().clock.now() - began, seconds(1));
}

TEST_F(UnderPathsTest, reads_ranges_of_one_identity_only) {
  std::string content;
  for (int i = 0; i < 3000; ++i) content += std::to_string(i) + ",";
  bucket.write_foreign("a", content);
  v1::ReadUnderRequest request;
  request.set_mount(3);
  request.set_key("a");
  request.set_identity(bucket.state("a")->identity.text);
  request.set_object_length(content.size());
  request.set_offset(4000);
  request.set_length(9000);
  auto payload = run(UnderPaths::read(paths.get(), request, {}));
  ASSERT_TRUE(payload) << payload.error().to_string();
  EXPECT_EQ(as_text(payload->view()), content.substr(4000, 9000));
  bucket.write_foreign("a", "other");
  request.set_offset(0);
  request.set_object_length(content.size());
  request.set_identity("nobody's");
  auto stale_read = run(UnderPaths::read(paths.get(), request, {}));
  ASSERT_FALSE(stale_read);
  EXPECT_TRUE(stale_read.error().is(Code::kStale)) << stale_read.error().to_string();
}

TEST_F(UnderPathsTest, a_listing_with_stamps_tells_them_and_fails_with_the_store) {
  bucket.write_foreign("d/foreign", "x");
  const uint64_t upload = start_upload("d/ours");
  ASSERT_TRUE(write(upload, 0, "bytes"));
  ASSERT_TRUE(end_upload(upload, 5));
  auto page = list("d", "", 0, true);
  ASSERT_TRUE(page);
  ASSERT_EQ(page->entries_size(), 2);
  EXPECT_EQ(page->entries(0).stamp(), "");
  EXPECT_NE(page->entries(1).stamp().find("mode=640"), std::string::npos) << page->entries(1).stamp();
  begin({{"head", "d/", {StoreFaultKind::kBusy, {}}, 0}});
  EXPECT_FALSE(list("d", "", 0, true));
}

// ---- writing ----

TEST_F(UnderUploadsTest, a_short_object_is_one_put_and_a_long_one_parts) {
  uint64_t upload = start_upload("short");
  ASSERT_TRUE(write(upload, 0, "short"));
  EXPECT_FALSE(bucket.content("short"));
  ASSERT_TRUE(end_upload(upload, 5));
  EXPECT_EQ(bucket.content("short"), "short");
  EXPECT_EQ(bucket.changes().back().operation, "put");
  upload = start_upload("long");
  std::string text;
  for (int i = 0; i < 5; ++i) {
    const std::string piece(700, static_cast<char>('a' + i));
    ASSERT_TRUE(write(upload, text.size(), piece));
    text += piece;
  }
  EXPECT_FALSE(bucket.content("long"));
  auto ended = end_upload(upload, text.size());
  ASSERT_TRUE(ended) << ended.error().to_string();
  EXPECT_EQ(bucket.content("long"), text);
  EXPECT_EQ(bucket.changes().back().operation, "complete_upload");
  EXPECT_EQ(ended->identity(), bucket.state("long")->identity.text);
  EXPECT_TRUE(bucket.open_uploads().empty());
}

TEST_F(UnderUploadsTest, what_is_written_is_nobodys) {
  const uint64_t upload = start_upload("a");
  ASSERT_TRUE(end_upload(upload, 0));
  ASSERT_TRUE(bucket.state("a")->stamp);
  EXPECT_EQ(bucket.state("a")->stamp->cluster, "none");
}

TEST_F(UnderUploadsTest, bytes_said_twice_are_taken_once_and_out_of_order_not_at_all) {
  const uint64_t upload = start_upload("a");
  ASSERT_TRUE(write(upload, 0, "one"));
  ASSERT_TRUE(write(upload, 0, "one"));
  EXPECT_FALSE(write(upload, 7, "seven"));
  ASSERT_TRUE(write(upload, 3, "two"));
  EXPECT_FALSE(end_upload(upload, 5));
  auto ended = end_upload(upload, 6);
  ASSERT_TRUE(ended);
  EXPECT_EQ(end_upload(upload, 6)->identity(), ended->identity());  // its answer was lost
  EXPECT_EQ(bucket.content("a"), "onetwo");
}

TEST_F(UnderUploadsTest, conditions_are_kept) {
  bucket.write_foreign("a", "theirs");
  EXPECT_TRUE(end_upload(start_upload("a", true), 0).error().is(Code::kStale));
  EXPECT_TRUE(end_upload(start_upload("a", false, "another"), 0).error().is(Code::kStale));
  EXPECT_EQ(bucket.content("a"), "theirs");
}

TEST_F(UnderUploadsTest, a_lost_answer_of_the_store_is_looked_into) {
  begin({{"put", "a", {StoreFaultKind::kLostReply, {}}, 0}});
  const uint64_t upload = start_upload("a");
  ASSERT_TRUE(write(upload, 0, "bytes"));
  auto ended = end_upload(upload, 5);
  ASSERT_TRUE(ended) << ended.error().to_string();
  EXPECT_EQ(ended->identity(), bucket.state("a")->identity.text);
}

TEST_F(UnderUploadsTest, a_part_that_fails_ends_it_and_leaves_nothing) {
  begin({{"put_part", "a", {StoreFaultKind::kBusy, {}}, 1}});
  const uint64_t upload = start_upload("a");
  ASSERT_TRUE(write(upload, 0, std::string(1000, 'x')));
  EXPECT_FALSE(write(upload, 1000, std::string(1000, 'y')));
  EXPECT_FALSE(end_upload(upload, 2000));
  EXPECT_TRUE(bucket.open_uploads().empty());
  EXPECT_FALSE(bucket.content("a"));
}

TEST_F(UnderUploadsTest, as_many_as_are_allowed_and_what_nobody_goes_on_with_is_given_up) {
  const uint64_t first = start_upload("a");
  ASSERT_TRUE(write(first, 0, std::string(1500, 'x')));
  start_upload("b");
  v1::BeginUnderUploadRequest third;
  third.set_mount(3);
  third.set_key("c");
  EXPECT_TRUE(run(UnderUploads::begin(uploads.get(), third, {})).error().is(Code::kBusy));
  EXPECT_EQ(bucket.open_uploads().size(), 1U);
  run(process->env().clock.sleep(std::chrono::minutes(6), {}));
  EXPECT_TRUE(bucket.open_uploads().empty());
  EXPECT_TRUE(write(first, 1500, "x").error().is(Code::kStale));
  EXPECT_TRUE(run(UnderUploads::begin(uploads.get(), third, {})));
}

TEST_F(UnderUploadsTest, a_mount_for_reading_takes_nothing) {
  option("read-only", "true");
  v1::BeginUnderUploadRequest request;
  request.set_mount(3);
  request.set_key("a");
  EXPECT_TRUE(run(UnderUploads::begin(uploads.get(), request, {})).error().is_errno(EROFS));
  v1::RemoveUnderRequest remove;
  remove.set_mount(3);
  remove.set_path("a");
  EXPECT_TRUE(run(UnderChanges::remove(changes.get(), remove, {})).error().is_errno(EROFS));
}

// ---- names ----

TEST_F(UnderChangesTest, an_object_is_copied_and_removed_where_there_are_no_renames) {
  bucket.write_foreign("a", "bytes");
  bucket.write_foreign("there", "x");
  v1::RenameUnderRequest rename;
  rename.set_mount(3);
  rename.set_from("a");
  rename.set_to("there");
  rename.set_no_replace(true);
  EXPECT_FALSE(run(UnderChanges::rename(changes.get(), rename, {})));
  EXPECT_EQ(bucket.content("a"), "bytes");
  rename.set_no_replace(false);
  auto renamed = run(UnderChanges::rename(changes.get(), rename, {}));
  ASSERT_TRUE(renamed) << renamed.error().to_string();
  EXPECT_EQ(bucket.content("there"), "bytes");
  EXPECT_FALSE(bucket.content("a"));
  rename.set_is_directory(true);
  EXPECT_TRUE(run(UnderChanges::rename(changes.get(), rename, {})).error().is_errno(EXDEV));
}

TEST_F(UnderChangesTest, a_directory_with_keys_below_is_not_empty) {
  bucket.write_foreign("d/a", "x");
  v1::RemoveUnderRequest remove;
  remove.set_mount(3);
  remove.set_path("d");
  remove.set_is_directory(true);
  EXPECT_TRUE(run(UnderChanges::remove(changes.get(), remove, {})).error().is_errno(ENOTEMPTY));
  v1::RemoveUnderRequest file;
  file.set_mount(3);
  file.set_path("d/a");
  EXPECT_TRUE(run(UnderChanges::remove(changes.get(), file, {})));
  EXPECT_FALSE(bucket.content("d/a"));
  EXPECT_TRUE(run(UnderChanges::remove(changes.get(), remove, {})));
}

}  // namespace
}  // namespace forebay::worker
