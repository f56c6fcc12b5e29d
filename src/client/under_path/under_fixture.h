// For tests: a mount point at /s3, whose directory has inode 50, over a store that both workers show.
#pragma once

#include <string>
#include <vector>

#include "client/testing/client_fixture.h"
#include "client/under_path/under_inode.h"

namespace forebay::client {

class UnderPathTest : public ClientTest {
 protected:
  static constexpr InodeId kMountRoot{50};

  UnderPathTest() {
    v1::MountPoint& point = master().mount_points.emplace_back();
    point.set_mount(3);
    point.set_path("/s3");
    point.set_inode(kMountRoot.value);
    point.set_parent(kRootInode.value);
    point.set_file_mode(0640);
    point.set_directory_mode(0750);
    point.set_uid(7);
    point.set_gid(8);
    master().names["s3"] = kMountRoot.value;
    for (const InodeId directory : {kRootInode, kMountRoot}) {
      v1::Attr& attr = master().directories[directory.value];
      attr.set_inode(directory.value);
      attr.set_type(v1::FILE_TYPE_DIRECTORY);
      attr.set_mode(0755);
    }
    for (auto& fake : workers) fake->under = &store;
    config.retry_for = std::chrono::seconds(10);
  }
  v1::Attr attr(const std::string& path) {
    auto reply = run(client->resolve({}, path, true));
    EXPECT_TRUE(reply) << reply.error().to_string();
    return reply && reply->has_attr() ? reply->attr() : v1::Attr();
  }
  int error_of(const std::string& path) {
    auto reply = run(client->resolve({}, path, true));
    if (!reply) return reply.error().error();
    return reply->has_attr() ? 0 : ENOENT;
  }
  std::vector<std::string> names(InodeId directory, uint32_t page = 1000) {
    std::vector<std::string> all;
    for (bool end = false; !end;) {
      auto listed = run(client->read_dir({}, directory, all.empty() ? "" : all.back(), page, true));
      EXPECT_TRUE(listed) << listed.error().to_string();
      if (!listed) break;
      for (const v1::DirEntry& entry : listed->entries) all.push_back(entry.name());
      end = listed->end;
    }
    return all;
  }
  std::unique_ptr<File> open_path(const std::string& path) { return open(InodeId{attr(path).inode()}); }
  int stats() { return worker(1).calls("stat_under") + worker(2).calls("stat_under"); }

  FakeUnderStore store;
};

}  // namespace forebay::client
