// A master with one directory, as strict about handles and objects as the real one.
#pragma once

#include <map>
#include <set>
#include <string>
#include <vector>

#include "client/extent_map.h"
#include "client/testing/fake_server.h"
#include "forebay/v1/under.pb.h"

namespace forebay::client {

class FakeMaster final : public FakeServer {
 public:
  struct FakeFile {
    uint64_t size = 0, layout = 0;
    int64_t mtime_ns = 0;
    ExtentMap extents;
  };
  struct FakeObject {
    uint64_t handle = 0, granted = 0, length = 0;
    std::vector<uint64_t> workers;
    bool sealed = false;
    uint32_t crc32c = 0;
    std::string content;  // of an inline one, which has no workers
  };

  explicit FakeMaster(std::shared_ptr<os::SimProcess> process);

  // -- what tests set --
  std::vector<v1::WorkerAddress> workers;
  std::set<uint64_t> full;  // workers that get no objects
  bool hands_over = true;   // staged objects that are ready
  uint64_t intake = 0;      // told with grants and renewals
  uint32_t lease_ms = 30'000;
  uint64_t epoch = 1;
  uint32_t inline_max = 65'536;
  size_t extents_in_page = 1024;
  std::vector<v1::MountPoint> mount_points;
  std::map<std::string, uint64_t> stored;  // key to the inode whose newest version is there, with the next one
  std::map<std::string, std::string> stored_identity;
  std::map<uint64_t, v1::Attr> directories;  // besides the root, by inode
  void expire_sessions();                    // with their handles
  void change_layout(uint64_t inode) { ++files[inode].layout; }

  // -- what tests look at --
  std::map<std::string, uint64_t> names;
  std::map<uint64_t, FakeFile> files;
  std::map<uint64_t, FakeObject> objects;
  std::map<uint64_t, std::pair<uint64_t, uint64_t>> handles;  // open for write: inode, session
  std::set<uint64_t> sessions;
  std::vector<uint64_t> removed;  // objects that were given back
  uint64_t slowed_ms = 0, renewals = 0;
  std::vector<uint64_t> read_handles_closed, told_reads;  // told: by the last renewal
  std::vector<v1::CommitRequest> commits;
  std::vector<uint32_t> committers;  // user ids, one of each of `commits`
  int executed(const std::string& method) const {
    auto found = executed_.find(method);
    return found == executed_.end() ? 0 : found->second;
  }

 private:
  void cut_staged(uint64_t inode, uint64_t size);
  std::optional<Status> admit(const rpc::Method& method, const v1::RequestContext& context) override;
  std::optional<std::string> outcome(const v1::RequestContext& context) override;
  void remember(const v1::RequestContext& context, std::string reply) override;

  void serve_sessions();
  void serve_names();
  void serve_content();
  void serve_mount_points();
  Result<v1::OpenReply> open(uint64_t session, uint64_t inode, v1::Access access, bool truncate, const v1::Placement* placement);
  Result<v1::Grant> grant(uint64_t handle, const v1::Placement& placement);
  std::optional<v1::Grant> hand_over(uint64_t handle, const v1::Placement& placement);
  Result<v1::CommitReply> commit(const v1::CommitRequest& request);
  v1::Attr attr_of(uint64_t inode);
  void close(uint64_t handle);
  v1::Layout layout_of(uint64_t inode, uint64_t offset, bool with_content = true);
  Result<v1::Attr> put(const v1::PutItem& item);

  uint64_t next_ = 100;
  std::map<std::pair<uint64_t, uint64_t>, std::string> outcomes_;
  std::map<std::string, int> executed_;
};

}  // namespace forebay::client
