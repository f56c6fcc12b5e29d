// Names and attributes below mount points.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "client/under_path/under_core.h"

namespace forebay::client {

// A directory below a mount, the covered one included.
struct UnderDirectory {
  v1::MountPoint point;
  std::string key;  // "": the mount itself
  InodeId inode;
};

// What client/client.h promises of names, for what is below mounts; the covered directory itself is the namespace's. Owned by the
// client. Any thread.
class UnderPaths {
 public:
  // `all`: the client with what is below mounts.
  UnderPaths(std::shared_ptr<UnderCore> under, Client& all) : under_(std::move(under)), all_(all) {}

  // Nothing: an ordinary directory of the namespace.
  Task<Result<std::optional<UnderDirectory>>> directory(InodeId inode);
  // For searching a directory below a mount or listing it, EACCES.
  Task<Result<void>> check(Identity who, UnderDirectory directory, uint32_t wanted);

  Task<Result<UnderNode>> lookup(Identity who, UnderDirectory directory, std::string name, bool fresh = false);
  Task<Result<v1::Attr>> get_attr(Identity who, InodeId inode);
  Task<Result<Listed>> read_dir(Identity who, UnderDirectory directory, std::string after, uint32_t limit);
  // Of an object that is not there yet.
  InodeId number_for_new(const UnderDirectory& directory, const std::string& key);
  Task<Result<UnderNode>> at_key(Identity who, UnderNode node);  // whatever is there now
  // What the store says now. ESTALE: something else is there, or nothing.
  Task<Result<UnderNode>> current(Identity who, InodeId inode);

  // By components, with symbolic links of the namespace followed as in path_resolution(7).
  Task<Result<v1::ResolveReply>> resolve(Identity who, std::string path, bool follow);

 private:
  struct Walk;
  Task<Result<std::string>> after_key(Identity who, UnderDirectory directory, std::string after);
  Task<Result<UnderNode>> ask(Identity who, v1::MountPoint point, std::string key);
  UnderNode node_of(const v1::MountPoint& point, std::string key, const v1::UnderEntry& entry) const;
  UnderNode enter(UnderNode node);
  UnderNode written(const UnderWriter& writer) const;
  Task<Result<InodeId>> parent_of(Identity who, InodeId inode);
  Task<Result<void>> step(Walk* walk, Identity who, std::string name, bool is_last);
  Task<Result<bool>> leap(Walk* walk, Identity who);
  InodeId directory_above(const v1::MountPoint& point, const std::string& key);
  void tell_hidden(const UnderDirectory& directory, uint64_t hidden);

  const std::shared_ptr<UnderCore> under_;  // shared with open files
  Client& all_;
  std::mutex mutex_;
  os::Instant next_warning_{};
};

inline constexpr uint32_t kMayExecute = 1, kMayWrite = 2, kMayRead = 4;
bool may(const Identity& who, const v1::Attr& attr, uint32_t wanted);

}  // namespace forebay::client
