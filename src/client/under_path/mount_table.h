// Where under stores are mounted, as this client knows it.
#pragma once

#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "client/session.h"
#include "forebay/v1/under.pb.h"

namespace forebay::client {

// All mount points at one time. Immutable.
class MountPoints {
 public:
  explicit MountPoints(v1::ListMountPointsReply listed);

  bool empty() const { return by_inode_.empty(); }
  const v1::MountPoint* at(InodeId directory) const;         // that covers exactly this directory
  const v1::MountPoint* of(uint64_t mount) const;            // by id
  const v1::MountPoint* above(std::string_view path) const;  // at or above this absolute path

 private:
  std::vector<v1::MountPoint> points_;
  std::unordered_map<InodeId, size_t> by_inode_;
};

// Asked of the master when it is first needed, and again, beside what goes on, when it is older than 2 s. A master of an earlier
// version has none. Owned by the client. Any thread.
class MountTable {
 public:
  MountTable(os::Env& env, Session& session, Background& background)
      : env_(env),
        session_(session),
        background_(background),
        points_(std::make_shared<const MountPoints>(v1::ListMountPointsReply())) {}

  // An error only while nothing is known: no master answers.
  Task<Result<std::shared_ptr<const MountPoints>>> get();

 private:
  Task<Result<void>> ask();
  static Task<void> ask_again(MountTable* self);

  os::Env& env_;
  Session& session_;
  Background& background_;
  async::Mutex asking_;
  std::mutex mutex_;
  std::shared_ptr<const MountPoints> points_;  // shared with the calls that use it
  os::Instant next_{};                         // when it is asked again
  bool is_known_ = false, is_asking_ = false;
};

}  // namespace forebay::client
