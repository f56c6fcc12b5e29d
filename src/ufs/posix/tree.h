// Files and directories below one root, as an under store keeps them. Blocking.
#pragma once

#include <algorithm>
#include <atomic>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "os/file.h"
#include "os/links.h"
#include "os/mount_points.h"
#include "ufs/under_store.h"

namespace forebay::ufs {

enum class StampPlace : uint8_t { kAuto, kXattr, kSideFile };

struct PosixTreeConfig {
  std::string root;  // absolute, must exist: a NAS that is not mounted is not to be filled beside it
  StampPlace stamps = StampPlace::kAuto;
  bool owner = true;  // chown to the stamp's owner; EPERM is passed over
  // Set: no symbolic link below the root is followed, and what is one, or lies behind one, is not there. Outlives the tree.
  os::Links* links = nullptr;
  // Set: whether something is mounted at the root is looked at. Outlives the tree.
  os::MountPoints* mounts = nullptr;
};

// The calls that PosixStore makes on its blocking executor. A key is a regular file. What is written becomes visible in one step:
// staged in
// `.forebay-<operation>.part` beside its target, given its stamp, mode and times, synced, compared with what the target holds,
// renamed (or, where nothing may be there, linked: that fails when something is), and the directory synced. A crash leaves the
// old file and perhaps a part file, which uploads() shows and drop_part() removes; after that a late publish() fails with
// kNotFound.
//
// The stamp is the xattr user.forebay.stamp, or where the file system keeps none, `.forebay-stamp-<inode>` in the same directory,
// which counts only while the file has the identity written in it. Any thread; keeps nothing but the configuration.
class PosixTree {
 public:
  PosixTree(os::FileSystem& files, PosixTreeConfig config) : files_(files), config_(std::move(config)) {}

  const std::string& root() const { return config_.root; }
  // A file system was mounted at the root when the store was probed. From now on what is there while none is mounted is not the
  // store: nothing is missing, and nothing is written.
  void expect_mounted(bool is_expected) { expects_mounted_ = is_expected; }
  std::string path_of(std::string_view key) const;
  std::string part_path(std::string_view key, std::string_view operation) const;
  static Identity identity_of(const os::FileStatus& status);
  static Attributes attributes_of(const os::FileStatus& status);

  Result<ObjectStat> head(const std::string& key);
  Result<Place> look(const std::string& path);
  struct Opened {
    std::shared_ptr<os::File> file;  // shared with reads left behind by a caller that did not wait
    ObjectStat stat;
  };
  Result<Opened> open(const std::string& key, const Condition& condition);

  // An empty part file, with the directories above it.
  Result<std::shared_ptr<os::File>> create_part(const std::string& key, const std::string& operation);
  Result<std::shared_ptr<os::File>> open_part(const std::string& key, const std::string& operation);  // kNotFound: fenced
  // See above. `stamp`: nothing for a copy of a foreign file, which has `attributes`.
  Result<void> set_stamp(const std::string& path, const Stamp& stamp);
  Result<Identity> publish(const std::string& key, const std::string& operation, const std::optional<Stamp>& stamp,
                           const Condition& condition, const Attributes& attributes = {});
  // The stamp that create_upload() left on the part.
  Result<std::optional<Stamp>> part_stamp(const std::string& key, const std::string& operation);
  Result<void> drop_part(const std::string& key, const std::string& operation);

  Result<void> remove(const std::string& key, const Condition& condition);
  Result<void> rename(const std::string& from, const Condition& source, const std::string& to, const Condition& target);
  Result<void> rename_directory(const std::string& from, const std::string& to);
  Result<void> make_directory(const std::string& path, const Attributes& attributes);
  Result<void> remove_directory(const std::string& path);
  Result<Identity> set_attributes(const std::string& path, const Attributes& attributes);

  Result<ListPage> list(const ListRequest& request);
  Result<UploadsPage> uploads(const std::string& prefix, const std::string& cursor);

  // Whether second names and xattrs work here, tried with files of its own.
  Result<Capabilities> probe(const std::string& operation);

 private:
  struct Name {
    std::string sort_key;  // a directory's with '/': the order of keys
    bool is_directory = false;
  };
  struct Walk;

  Result<std::optional<os::FileStatus>> find(const std::string& path);  // nothing: no such file
  Result<std::unique_ptr<os::File>> open_file(const std::string& path);
  std::string below_root(const std::string& path) const { return path.substr(std::min(path.size(), config_.root.size() + 1)); }
  Result<void> check_root();
  Result<bool> is_mount_point();
  Result<void> make_parents(const std::string& key);
  std::optional<Stamp> stamp_of(const std::string& path, const os::FileStatus& status);
  std::string side_path(const std::string& path, uint64_t inode) const;
  bool uses_side_files() const {
    return config_.stamps == StampPlace::kSideFile || (config_.stamps == StampPlace::kAuto && !xattrs_);
  }
  Result<void> apply(const std::string& path, const Attributes& attributes);
  Result<void> place(const std::string& part, const std::string& target, const Condition& condition);
  void drop_side_file(const std::string& path, uint64_t inode);

  Result<std::vector<Name>> names_after(const std::string& directory, const std::string& least, size_t most);
  Result<bool> walk(Walk& walk, const std::string& directory);
  Result<void> add_entry(Walk& walk, const std::string& key);
  Result<void> add_directory(Walk& walk, const std::string& key);
  Result<bool> may_list(const std::string& directory);
  Result<void> collect_uploads(const std::string& directory, const std::string& prefix, std::vector<Upload>& into);

  os::FileSystem& files_;
  const PosixTreeConfig config_;
  std::atomic<bool> xattrs_ = true;  // until the file system says otherwise
  std::atomic<bool> links_ = true;
  std::atomic<bool> expects_mounted_ = false;
};

}  // namespace forebay::ufs
