// A namespace in memory with the verbs of the domain, for tests: each call is one operation, run as the commit loop runs it
// (refused ones leave nothing behind). Paths are absolute. At the end everything has to agree with itself.
#pragma once

#include <gtest/gtest.h>

#include <functional>
#include <set>

#include "kv/memory_store.h"
#include "master/extents/handles.h"
#include "master/namespace/check.h"
#include "master/namespace/name_leases.h"
#include "master/namespace/reclaim.h"
#include "master/ops/ops.h"

namespace forebay::master {

// Two workers; full, or gone, when a test says so.
class TestPlacer : public Placer {
 public:
  Result<Placed> place(const v1::Placement& wanted) override;
  bool is_known(WorkerId worker) const override { return worker.value == 1 || worker.value == 2; }
  bool is_live(WorkerId worker) const override { return is_known(worker) && !gone; }
  uint64_t intake(SessionId) override { return slowed_to; }

  bool full = false, gone = false;
  uint64_t slowed_to = 0;
  size_t copies = 2;
};

class TestReads : public OpenReads {
 public:
  bool is_open(InodeId inode) const override { return open.contains(inode); }
  std::set<InodeId> open;
};

// Stands until a test moves it.
class StandingClock : public os::Clock {
 public:
  os::Instant now() const override { return at; }
  os::WallTime wall_now() const override { return {}; }
  Task<bool> sleep_until(os::Instant when, std::stop_token) override {
    at = std::max(at, when);
    co_return true;
  }
  os::Instant at{std::chrono::hours(1)};
};

inline Caller user(uint32_t uid, uint32_t gid, std::vector<uint32_t> groups = {}) {
  return {uid, gid, std::move(groups), SessionId{7}};
}
inline Caller root() { return user(0, 0); }

class World : public testing::Test {
 protected:
  World();
  void TearDown() override;

  // Any operation, by reference, on the request; `as` and `now` apply.
  template <class Reply, class Request>
  Result<Reply> run(Result<Reply> (*operation)(MutationContext&, const Request&), const Request& request);
  template <class Reply, class Request>
  Result<Reply> run(Result<Reply> (*operation)(QueryContext&, const Request&), const Request& request);
  Result<void> change(const std::function<Result<void>(MutationContext&)>& body);

  // -- names --
  Result<v1::Attr> mkdir(std::string_view path, uint32_t mode = 0755);
  Result<v1::Attr> mknod(std::string_view path, v1::FileType type, uint32_t mode = 0644, uint32_t rdev = 0);
  Result<v1::Attr> symlink(std::string_view target, std::string_view path);
  Result<v1::Attr> link(std::string_view from, std::string_view to);
  Result<v1::UnlinkReply> unlink(std::string_view path);
  Result<void> rmdir(std::string_view path);
  Result<void> remove_tree(std::string_view path);
  Result<v1::RenameReply> rename(std::string_view from, std::string_view to);
  Result<v1::RenameReply> rename_no_replace(std::string_view from, std::string_view to);
  Result<v1::RenameReply> exchange(std::string_view from, std::string_view to);
  Result<v1::Attr> stat(std::string_view path);  // does not follow
  Result<v1::Attr> get_attr(InodeId inode);
  Result<v1::ResolveReply> resolve(std::string_view path, bool follow = true, InodeId start = {});
  Result<v1::ReadDirReply> read_dir(std::string_view path, std::string after = "", uint32_t limit = 0, bool attributes = false);
  std::vector<std::string> names(std::string_view path);

  // -- attributes --
  Result<v1::Attr> set_attr(std::string_view path, v1::SetAttrRequest request);
  Result<v1::Attr> chmod(std::string_view path, uint32_t mode);
  Result<v1::Attr> chown(std::string_view path, std::optional<uint32_t> uid, std::optional<uint32_t> gid);
  Result<v1::Attr> truncate(std::string_view path, uint64_t size, HandleId handle = {});

  // -- content --
  Result<v1::OpenReply> create(std::string_view path, uint32_t mode = 0644, v1::Access access = v1::ACCESS_READ_WRITE,
                               uint64_t object_bytes = 0);
  Result<v1::OpenReply> create(v1::CreateRequest request, std::string_view path);
  Result<v1::OpenReply> open(std::string_view path, v1::Access access, bool truncate = false);
  Result<v1::Grant> allocate(HandleId handle, uint64_t bytes);
  Result<v1::CommitReply> commit(const v1::CommitRequest& request) { return run(ops::commit, request); }
  Result<v1::CommitReply> commit(HandleId handle, std::vector<v1::Extent> extents, bool close = false);
  Result<v1::CommitReply> close(HandleId handle);
  // A whole small file of one object, written, sealed and closed.
  v1::Attr write_file(std::string_view path, uint64_t bytes, uint32_t mode = 0644);
  Result<v1::Layout> layout(InodeId inode, uint64_t offset = 0);
  // Takes apart what is detached until nothing moves any more.
  void reclaim(size_t budget = 100);

  // -- what is stored --
  std::vector<std::string> problems();
  size_t count(std::string_view prefix);
  std::optional<v1::ObjectRecord> object(uint64_t id);
  bool has(std::string_view key) { return store_->get(key)->has_value(); }
  void tick() { now += std::chrono::seconds(1); }
  int64_t now_ns() const { return os::unix_nanos(now); }

  std::pair<InodeId, std::string> split(std::string_view path);  // the parent, found as superuser, and the last name
  InodeId inode_of(std::string_view path);                       // of the entry; 0 when there is none

  Caller as = root();
  os::WallTime now = os::from_unix_nanos(1'000'000'000'000'000'000);
  TestPlacer placer;
  TestReads reads;

 private:
  std::shared_ptr<kv::MemoryDisk> disk_ = kv::MemoryDisk::create();

 protected:
  std::unique_ptr<kv::Store> store_ = std::move(*disk_->open());
  Persistence persistence{*store_};
  StandingClock clock_;
  bool waits_for_leases = true;  // of other sessions, as calls do
  NameLeases names_{clock_, {}, 1};
};

inline v1::Extent extent(uint64_t offset, uint64_t length, uint64_t object, uint64_t object_offset = 0) {
  v1::Extent extent;
  extent.set_file_offset(offset);
  extent.set_length(length);
  extent.set_object(object);
  extent.set_object_offset(object_offset);
  return extent;
}

template <class T>
int error_of(const Result<T>& result) {
  return result ? 0 : result.error().error();
}
template <class T>
std::optional<Code> code_of(const Result<T>& result) {
  return result ? std::nullopt : std::optional<Code>(result.error().code());
}

// ---- implementation ----
template <class Reply, class Request>
Result<Reply> World::run(Result<Reply> (*operation)(MutationContext&, const Request&), const Request& request) {
  std::optional<Reply> reply;
  TRY(change([&](MutationContext& context) -> Result<void> {
    ASSIGN_OR_RETURN(reply, operation(context, request));
    return {};
  }));
  return *std::move(reply);
}

template <class Reply, class Request>
Result<Reply> World::run(Result<Reply> (*operation)(QueryContext&, const Request&), const Request& request) {
  QueryContext context{*store_, as, now};
  return operation(context, request);
}

}  // namespace forebay::master
