// Removing, renaming, directories, attributes, and what this file system can do.
#include "ufs/posix/errors.h"
#include "ufs/posix/tree.h"

namespace forebay::ufs {
Result<void> PosixTree::remove(const std::string& key, const Condition& condition) {
  const std::string path = path_of(key);
  ASSIGN_OR_RETURN(std::optional<os::FileStatus> there, find(path));
  if (!there || there->is_directory) return check_root();  // as in an object store: there is no such key
  const Identity identity = identity_of(*there);
  if (!condition.holds(&identity)) return conflict(quoted(key) + " holds something else: " + identity.text);
  Result<void> removed = files_.remove(path);
  if (!removed && !removed.error().is_errno(ENOENT)) return translated(std::move(removed));
  drop_side_file(path, there->inode);
  return unknown_if_failed(files_.sync_directory(path_of(parent_of(key))));
}

Result<void> PosixTree::rename(const std::string& from, const Condition& source, const std::string& to, const Condition& target) {
  const std::string old_path = path_of(from), new_path = path_of(to);
  ASSIGN_OR_RETURN(std::optional<os::FileStatus> there, find(old_path));
  if (!there || there->is_directory) {
    TRY(check_root());
    return not_found("no file " + quoted(from));
  }
  const Identity identity = identity_of(*there);
  if (!source.holds(&identity)) return conflict(quoted(from) + " holds something else: " + identity.text);
  if (from == to) return {};
  TRY(make_parents(to));
  const bool moves_stamp = uses_side_files() && parent_of(from) != parent_of(to);
  if (moves_stamp) {  // first: a name with a stamp too many is harmless, a file without its stamp would look foreign
    if (std::optional<Stamp> stamp = stamp_of(old_path, *there)) {
      const std::string text = identity.text + " " + stamp->to_text();
      TRY(translated(files_.write_whole(side_path(new_path, there->inode), as_bytes(text))));
    }
  }
  Result<void> placed = place(old_path, new_path, target);
  if (!placed) {
    if (moves_stamp) drop_side_file(new_path, there->inode);
    if (placed.error().is_errno(ENOENT)) return not_found("no file " + quoted(from));
    return placed;
  }
  if (moves_stamp) drop_side_file(old_path, there->inode);
  TRY(unknown_if_failed(files_.sync_directory(path_of(parent_of(to)))));
  return unknown_if_failed(files_.sync_directory(path_of(parent_of(from))));
}

Result<void> PosixTree::rename_directory(const std::string& from, const std::string& to) {
  ASSIGN_OR_RETURN(std::optional<os::FileStatus> source, find(path_of(from)));
  if (!source || !source->is_directory) {
    TRY(check_root());
    return not_found("no directory " + quoted(from));
  }
  ASSIGN_OR_RETURN(std::optional<os::FileStatus> target, find(path_of(to)));
  if (target) return conflict(quoted(to) + " is there");
  TRY(make_parents(to));
  TRY(translated(files_.rename(path_of(from), path_of(to))));
  TRY(unknown_if_failed(files_.sync_directory(path_of(parent_of(to)))));
  return unknown_if_failed(files_.sync_directory(path_of(parent_of(from))));
}

Result<void> PosixTree::make_directory(const std::string& path, const Attributes& attributes) {
  TRY(make_parents(path + "/x"));
  return apply(path_of(path), attributes);
}

Result<void> PosixTree::remove_directory(const std::string& path) {
  ASSIGN_OR_RETURN(std::optional<os::FileStatus> there, find(path_of(path)));
  if (!there) return check_root();
  if (!there->is_directory) return refused(ENOTDIR, quoted(path) + " is no directory");
  // Side files whose files are gone must not keep the directory.
  std::vector<std::string> stale;
  bool is_used = false;
  TRY(files_.list(path_of(path), [&](const os::DirectoryEntry& entry) {
    const bool is_side_file = entry.name.starts_with(std::string(kReservedPrefix) + "stamp-");
    if (is_side_file) stale.push_back(entry.name);
    is_used = is_used || !is_side_file;
    return !is_used && stale.size() < 10'000;
  }));
  if (is_used) return refused(ENOTEMPTY, quoted(path) + " is not empty");
  for (const std::string& name : stale) (void)files_.remove(path_of(path) + "/" + name);
  Result<void> removed = files_.remove(path_of(path));
  if (!removed && !removed.error().is_errno(ENOENT)) return translated(std::move(removed));
  return unknown_if_failed(files_.sync_directory(path_of(parent_of(path))));
}

Result<Identity> PosixTree::set_attributes(const std::string& path, const Attributes& attributes) {
  const std::string name = path_of(path);
  ASSIGN_OR_RETURN(std::optional<os::FileStatus> there, find(name));
  if (!there) {
    TRY(check_root());
    return not_found("no file " + quoted(path));
  }
  const std::optional<Stamp> stamp = uses_side_files() && there->is_regular ? stamp_of(name, *there) : std::nullopt;
  TRY(apply(name, attributes));
  if (stamp) TRY(set_stamp(name, *stamp));  // a side file names the identity, which has changed
  ASSIGN_OR_RETURN(os::FileStatus status, files_.status(name));
  return identity_of(status);
}

Result<Capabilities> PosixTree::probe(const std::string& operation) {
  expect_mounted(false);
  TRY(check_root());
  ASSIGN_OR_RETURN(const bool is_mounted, is_mount_point());
  const std::string first = path_of(std::string(kReservedPrefix) + operation + ".part"), second = first + "2";
  auto act = [&]() -> Result<bool> {
    {
      ASSIGN_OR_RETURN(std::unique_ptr<os::File> file, files_.open(first, os::OpenMode::kCreateNew));
      TRY(file->write_at(as_bytes("probe"), 0));
      TRY(file->sync_all());
    }
    const Stamp stamp{.cluster = "probe"};
    TRY(set_stamp(first, stamp));  // finds out about xattrs
    ASSIGN_OR_RETURN(os::FileStatus status, files_.status(first));
    if (stamp_of(first, status) != stamp)
      return refused(EIO, "the under store '" + config_.root + "' does not keep what was written");
    const bool free_name = files_.link(first, second).has_value();
    Result<void> taken_name = files_.link(first, second);
    return free_name && !taken_name && taken_name.error().is_errno(EEXIST);
  };
  Result<bool> links = act();
  if (Result<os::FileStatus> status = files_.status(first)) (void)files_.remove(side_path(first, status->inode));
  (void)files_.remove(first);
  (void)files_.remove(second);
  if (!links) return std::unexpected(std::move(links).error().with_context("try the under store '" + config_.root + "'"));
  links_ = *links;
  Capabilities found{Feature::kFencedPut, Feature::kRename, Feature::kDirectories, Feature::kAttributes};
  for (Feature feature : {Feature::kPutIfAbsent, Feature::kCompleteIfAbsent, Feature::kCopyIfAbsent}) found.set(feature, *links);
  found.set(Feature::kMountPoint, is_mounted);
  expect_mounted(is_mounted);
  return found;
}

}  // namespace forebay::ufs
