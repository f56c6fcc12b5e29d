#include "master/namespace/name_leases.h"

#include <cerrno>

#include "master/ops/world.h"

namespace forebay::master {
namespace {

using std::chrono::milliseconds;

constexpr SessionId kMaker{7}, kOther{8};

class NameLeasesTest : public World {
 protected:
  NameLeasesTest() { waits_for_leases = false; }
  void as_session(SessionId session) { as.session = session; }
  v1::NamesLease made(const std::string& path) {
    auto [parent, name] = split(path);
    v1::MakeDirRequest request;
    request.set_parent(parent.value);
    request.set_name(name);
    request.set_mode(0755);
    auto reply = run(ops::make_dir, request);
    EXPECT_TRUE(reply && reply->has_names()) << path;
    return reply ? reply->names() : v1::NamesLease();
  }
  // Lease that the creation of a file comes with.
  v1::NamesLease created(const std::string& path) {
    auto reply = create(path);
    EXPECT_TRUE(reply) << path;
    return reply ? reply->names() : v1::NamesLease();
  }
  void pass(Duration time) { clock_.at += time; }
};

TEST_F(NameLeasesTest, the_maker_of_a_directory_gets_a_lease_with_each_file_that_it_creates_there) {
  const v1::NamesLease begun = made("/d");
  EXPECT_EQ(begun.lasts_ms(), 0u);
  for (const char* name : {"/d/a", "/d/b"}) {
    const v1::NamesLease lease = created(name);
    EXPECT_EQ(lease.term(), begun.term());
    EXPECT_EQ(lease.lasts_ms(), 50u);
  }
  EXPECT_NE(made("/e").term(), begun.term());
}

TEST_F(NameLeasesTest, nobody_has_a_lease_on_a_directory_that_somebody_else_made) {
  made("/d");
  as_session(kOther);
  EXPECT_EQ(created("/d/a").term(), 0u);
  as_session(kMaker);
  EXPECT_EQ(created("/d/b").term(), 0u);  // another has added a name
}

TEST_F(NameLeasesTest, what_a_lease_is_about_waits_for_its_end) {
  const auto of_the_other = [this](auto act) {
    as_session(kOther);
    Result<void> done = act();
    as_session(kMaker);
    return done;
  };
  const auto without_reply = [](auto reply) { return reply ? Result<void>() : std::unexpected(reply.error()); };
  made("/from");
  write_file("/from/file", 1);
  mkdir("/from/dir");
  mkdir("/from/empty");
  pass(kLongestWait);
  write_file("/elsewhere", 1);
  const std::vector<std::pair<std::string, std::function<Result<void>()>>> changes = {
      {"create", [&] { return without_reply(create("/d/x")); }},
      {"mkdir", [&] { return without_reply(mkdir("/d/x")); }},
      {"mknod", [&] { return without_reply(mknod("/d/x", v1::FILE_TYPE_FIFO)); }},
      {"symlink", [&] { return without_reply(symlink("t", "/d/x")); }},
      {"link", [&] { return without_reply(link("/elsewhere", "/d/x")); }},
      {"rename", [&] { return without_reply(rename("/from/file", "/d/x")); }},
      {"exchange", [&] { return without_reply(exchange("/from/dir", "/d/mine")); }},
      {"rename over it", [&] { return without_reply(rename("/from/empty", "/d/below")); }},
      {"remove tree", [&] { return remove_tree("/d"); }},
      {"chmod", [&] { return without_reply(chmod("/d", 0700)); }},
      {"chown", [&] { return without_reply(chown("/d", 1, std::nullopt)); }}};
  for (const auto& [what, change] : changes) {
    SCOPED_TRACE(what);
    made("/d");
    ASSERT_EQ(created("/d/mine").lasts_ms(), 50u);
    made("/d/below");
    created("/d/below/file");
    ASSERT_TRUE(unlink("/d/below/file"));
    const Result<void> refused = of_the_other(change);
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code(), Code::kBusy);
    ASSERT_TRUE(names_.wait_until());
    EXPECT_LE(*names_.wait_until(), clock_.now() + kLongestWait);
    clock_.at = *names_.wait_until();
    EXPECT_TRUE(of_the_other(change));
    EXPECT_FALSE(names_.wait_until());
    if (inode_of("/d")) {
      EXPECT_EQ(created("/d/after").term(), 0u);
      EXPECT_TRUE(remove_tree("/d"));
      reclaim();
    }
    // What was moved back and forth.
    if (!inode_of("/from/file")) write_file("/from/file", 1);
    if (stat("/from/dir")->type() != v1::FILE_TYPE_DIRECTORY) ASSERT_TRUE(unlink("/from/dir") && mkdir("/from/dir"));
  }
}

TEST_F(NameLeasesTest, a_removed_directory_waits_for_its_own_lease) {
  made("/d");
  created("/d/file");
  ASSERT_TRUE(unlink("/d/file"));
  as_session(kOther);
  EXPECT_EQ(code_of(rmdir("/d")), Code::kBusy);
  clock_.at = *names_.wait_until();
  EXPECT_TRUE(rmdir("/d"));
}

TEST_F(NameLeasesTest, what_a_lease_is_not_about_does_not_wait) {
  made("/d");
  write_file("/d/a", 1);
  created("/d/b");
  as_session(kOther);
  EXPECT_TRUE(stat("/d/nothing").error().is_errno(ENOENT));
  EXPECT_TRUE(unlink("/d/a"));
  EXPECT_TRUE(open("/d/b", v1::ACCESS_READ_WRITE));
  EXPECT_TRUE(rename("/d", "/e"));
  EXPECT_EQ(code_of(create("/e/b", 0644, v1::ACCESS_READ_WRITE)), std::nullopt);  // it is there
}

TEST_F(NameLeasesTest, a_lease_that_somebody_waits_for_is_not_renewed) {
  made("/d");
  created("/d/a");
  as_session(kOther);
  EXPECT_EQ(code_of(create("/d/x")), Code::kBusy);
  const os::Instant end = *names_.wait_until();
  as_session(kMaker);
  pass(milliseconds(10));
  EXPECT_EQ(created("/d/b").term(), 0u);
  as_session(kOther);
  clock_.at = end;
  EXPECT_TRUE(create("/d/x"));
}

TEST_F(NameLeasesTest, a_term_goes_on_after_a_pause_in_which_nothing_happened) {
  const v1::NamesLease begun = made("/d");
  created("/d/a");
  pass(std::chrono::hours(1));
  EXPECT_EQ(created("/d/b").term(), begun.term());
}

TEST_F(NameLeasesTest, too_many_directories_take_the_terms_of_the_first_but_no_lease) {
  NameLeases few(clock_, {.max_directories = 2}, 1);
  ASSERT_TRUE(few.begin(kMaker, InodeId{10}) && few.begin(kMaker, InodeId{11}));
  ASSERT_TRUE(few.begin(kMaker, InodeId{12}));
  EXPECT_FALSE(few.lease(kMaker, InodeId{10}));
  ASSERT_TRUE(few.lease(kMaker, InodeId{11}));
  EXPECT_FALSE(few.begin(kMaker, InodeId{13}));
  EXPECT_FALSE(few.change(kOther, InodeId{11}));
  pass(kLongestWait);
  EXPECT_TRUE(few.begin(kMaker, InodeId{13}));
}

TEST_F(NameLeasesTest, leases_are_no_longer_than_a_later_master_waits_and_can_be_left_out) {
  NameLeases long_ones(clock_, {.length = std::chrono::seconds(5)}, 1), none(clock_, {.length = {}}, 1);
  ASSERT_TRUE(long_ones.begin(kMaker, InodeId{10}));
  EXPECT_EQ(long_ones.lease(kMaker, InodeId{10})->lasts_ms(), 50u);
  EXPECT_FALSE(none.begin(kMaker, InodeId{10}));
  EXPECT_FALSE(none.lease(kMaker, InodeId{10}));
}

}  // namespace
}  // namespace forebay::master
