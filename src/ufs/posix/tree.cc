#include "ufs/posix/tree.h"

#include <algorithm>
#include <ranges>

#include "ufs/posix/errors.h"

namespace forebay::ufs {
namespace {

constexpr const char* kStampAttribute = "user.forebay.stamp";
constexpr uint64_t kMostSideFile = 4096;

std::string directory_of(const std::string& path) {
  const size_t slash = path.rfind('/');
  return slash == 0 ? "/" : path.substr(0, slash);
}

bool is_unsupported(const Status& status) {
  return status.is_errno(EOPNOTSUPP) || status.is_errno(ENOSYS) || status.is_errno(EPERM);
}

}  // namespace

std::string PosixTree::path_of(std::string_view key) const {
  std::string path = config_.root;
  if (!key.empty()) {
    path += '/';
    path += key;
  }
  return path;
}

std::string PosixTree::part_path(std::string_view key, std::string_view operation) const {
  return path_of(parent_of(key)) + "/" + std::string(kReservedPrefix) + std::string(operation) + ".part";
}

std::string PosixTree::side_path(const std::string& path, uint64_t inode) const {
  return directory_of(path) + "/" + std::string(kReservedPrefix) + "stamp-" + std::to_string(inode);
}

Identity PosixTree::identity_of(const os::FileStatus& status) {
  return {std::to_string(status.inode) + ":" + std::to_string(status.mtime_ns) + ":" + std::to_string(status.size)};
}

Attributes PosixTree::attributes_of(const os::FileStatus& status) {
  return {.mode = status.mode, .uid = status.uid, .gid = status.gid, .mtime_ns = status.mtime_ns};
}

Result<std::optional<os::FileStatus>> PosixTree::find(const std::string& path) {
  const std::string below = config_.links != nullptr ? below_root(path) : "";
  Result<os::FileStatus> status = below.empty() ? files_.status(path) : config_.links->status(config_.root, below);
  if (status) return *status;
  if (status.error().is_errno(ENOENT) || status.error().is_errno(ENOTDIR)) return std::nullopt;
  return std::unexpected(translated(std::move(status).error()));
}

Result<std::unique_ptr<os::File>> PosixTree::open_file(const std::string& path) {
  if (config_.links == nullptr) return files_.open(path, os::OpenMode::kRead);
  return config_.links->open(files_, config_.root, below_root(path));
}

Result<bool> PosixTree::is_mount_point() {
  if (config_.mounts == nullptr) return false;
  return translated(config_.mounts->is_mount_point(config_.root));
}

Result<void> PosixTree::check_root() {
  ASSIGN_OR_RETURN(std::optional<os::FileStatus> status, find(config_.root));
  if (status && status->is_directory) {
    if (!expects_mounted_) return {};
    ASSIGN_OR_RETURN(const bool is_mounted, is_mount_point());
    if (is_mounted) return {};
    return refused(ENXIO, "nothing is mounted at the under store's directory '" + config_.root + "', where a file system was");
  }
  return refused(ENXIO, "the under store's directory '" + config_.root + "' is not there; is the file system mounted?");
}

std::optional<Stamp> PosixTree::stamp_of(const std::string& path, const os::FileStatus& status) {
  if (config_.stamps != StampPlace::kSideFile) {
    if (Result<std::string> text = files_.attribute(path, kStampAttribute)) {
      Result<Stamp> stamp = Stamp::parse(*text);
      return stamp ? std::optional(*stamp) : std::nullopt;
    }
  }
  Result<std::string> text = files_.read_whole(side_path(path, status.inode), kMostSideFile);
  const std::string identity = identity_of(status).text + " ";
  if (!text || !text->starts_with(identity)) return std::nullopt;
  Result<Stamp> stamp = Stamp::parse(std::string_view(*text).substr(identity.size()));
  return stamp ? std::optional(*stamp) : std::nullopt;
}

Result<void> PosixTree::set_stamp(const std::string& path, const Stamp& stamp) {
  if (!uses_side_files()) {
    Result<void> set = files_.set_attribute(path, kStampAttribute, stamp.to_text());
    if (set) return {};
    if (config_.stamps == StampPlace::kXattr || !is_unsupported(set.error())) return translated(std::move(set));
    xattrs_ = false;
  }
  ASSIGN_OR_RETURN(os::FileStatus status, translated(files_.status(path)));
  return translated(
      files_.write_whole(side_path(path, status.inode), as_bytes(identity_of(status).text + " " + stamp.to_text())));
}

void PosixTree::drop_side_file(const std::string& path, uint64_t inode) {
  // What is left behind is reserved, hidden, and counts for nothing: its file has another identity or none.
  if (uses_side_files()) (void)files_.remove(side_path(path, inode));
}

Result<ObjectStat> PosixTree::head(const std::string& key) {
  const std::string path = path_of(key);
  for (int attempt = 0; attempt < 5; ++attempt) {
    ASSIGN_OR_RETURN(std::optional<os::FileStatus> status, find(path));
    if (!status || status->is_directory) {
      TRY(check_root());
      return not_found("no file " + quoted(key));
    }
    if (!status->is_regular) return refused(EINVAL, quoted(key) + " is no regular file");
    std::optional<Stamp> stamp = stamp_of(path, *status);
    // The stamp was read by name: it is this file's only if the name still means the same.
    ASSIGN_OR_RETURN(std::optional<os::FileStatus> again, find(path));
    if (again && identity_of(*again) == identity_of(*status))
      return ObjectStat{status->size, status->mtime_ns, identity_of(*status), std::move(stamp)};
  }
  return busy(quoted(key) + " changes all the time");
}

Result<Place> PosixTree::look(const std::string& path) {
  TRY(check_root());
  ASSIGN_OR_RETURN(std::optional<os::FileStatus> status, find(path_of(path)));
  if (!status) return not_found("nothing at " + quoted(path));
  Place place{.is_directory = status->is_directory, .object = {}, .attributes = attributes_of(*status)};
  place.object.mtime_ns = status->mtime_ns;
  if (place.is_directory) return place;
  ASSIGN_OR_RETURN(place.object, head(path));
  return place;
}

Result<PosixTree::Opened> PosixTree::open(const std::string& key, const Condition& condition) {
  for (int attempt = 0; attempt < 5; ++attempt) {
    ASSIGN_OR_RETURN(ObjectStat stat, head(key));
    if (!condition.holds(&stat.identity)) return conflict(quoted(key) + " holds something else: " + stat.identity.text);
    auto file = open_file(path_of(key));
    if (!file && file.error().is_errno(ENOENT)) continue;
    if (!file) return std::unexpected(translated(std::move(file).error()));
    ASSIGN_OR_RETURN(os::FileStatus status, translated((*file)->status()));
    if (identity_of(status) == stat.identity) return Opened{*std::move(file), std::move(stat)};
  }
  return busy(quoted(key) + " changes all the time");
}

Result<void> PosixTree::make_parents(const std::string& key) {
  TRY(check_root());
  std::vector<std::string> missing;
  for (std::string_view above = parent_of(key); !above.empty(); above = parent_of(above)) {
    ASSIGN_OR_RETURN(std::optional<os::FileStatus> status, find(path_of(above)));
    if (status && status->is_directory) break;
    if (status) return refused(ENOTDIR, quoted(above) + " is no directory");
    missing.emplace_back(above);
  }
  for (const std::string& directory : std::views::reverse(missing)) {
    TRY(translated(files_.make_directories(path_of(directory))));
    Result<void> changed = files_.change_status(path_of(directory), {.mode = 0755});
    if (!changed && !is_unsupported(changed.error())) return translated(std::move(changed));
    TRY(translated(files_.sync_directory(path_of(parent_of(directory)))));
  }
  return {};
}

Result<std::shared_ptr<os::File>> PosixTree::create_part(const std::string& key, const std::string& operation) {
  TRY(make_parents(key));
  ASSIGN_OR_RETURN(std::optional<os::FileStatus> target, find(path_of(key)));
  if (target && target->is_directory) return refused(EISDIR, quoted(key) + " is a directory");
  auto file = files_.open(part_path(key, operation), os::OpenMode::kCreate);
  if (!file) {
    TRY(check_root());
    return std::unexpected(translated(std::move(file).error()));
  }
  Result<void> emptied = translated((*file)->truncate(0));
  if (emptied) return *std::move(file);
  (void)drop_part(key, operation);
  return std::unexpected(std::move(emptied).error());
}

Result<std::shared_ptr<os::File>> PosixTree::open_part(const std::string& key, const std::string& operation) {
  auto file = files_.open(part_path(key, operation), os::OpenMode::kReadWrite);
  if (!file && file.error().is_errno(ENOENT)) {
    TRY(check_root());
    return not_found("no upload " + operation + " of " + quoted(key));
  }
  if (!file) return std::unexpected(translated(std::move(file).error()));
  return *std::move(file);
}

Result<std::optional<Stamp>> PosixTree::part_stamp(const std::string& key, const std::string& operation) {
  const std::string path = part_path(key, operation);
  ASSIGN_OR_RETURN(std::optional<os::FileStatus> status, find(path));
  if (!status) return not_found("no upload " + operation + " of " + quoted(key));
  if (std::optional<Stamp> stamp = stamp_of(path, *status)) return stamp;
  // A side file made for the empty part: the identity has changed with the content since.
  Result<std::string> text = files_.read_whole(side_path(path, status->inode), kMostSideFile);
  const size_t space = text ? text->find(' ') : std::string::npos;
  if (space == std::string::npos) return std::nullopt;
  Result<Stamp> stamp = Stamp::parse(std::string_view(*text).substr(space + 1));
  return stamp ? std::optional(*stamp) : std::nullopt;
}

Result<void> PosixTree::drop_part(const std::string& key, const std::string& operation) {
  const std::string path = part_path(key, operation);
  ASSIGN_OR_RETURN(std::optional<os::FileStatus> status, find(path));
  if (!status) return check_root();
  drop_side_file(path, status->inode);
  Result<void> removed = files_.remove(path);
  if (!removed && !removed.error().is_errno(ENOENT)) return translated(std::move(removed));
  // The fence has to hold after a power cut too.
  return translated(files_.sync_directory(directory_of(path)));
}

Result<void> PosixTree::apply(const std::string& path, const Attributes& attributes) {
  if (config_.owner && (attributes.uid || attributes.gid)) {
    Result<void> changed = files_.change_status(path, {.uid = attributes.uid, .gid = attributes.gid});
    if (!changed && !is_unsupported(changed.error())) return translated(std::move(changed));  // only root may give files away
  }
  return translated(files_.change_status(path, {.mode = attributes.mode, .mtime_ns = attributes.mtime_ns}));
}

Result<void> PosixTree::place(const std::string& part, const std::string& target, const Condition& condition) {
  if (condition.wants_absent() && links_) {
    Result<void> linked = files_.link(part, target);
    if (linked) {
      (void)files_.remove(part);  // a second name that stays is an upload to abort; the file is complete
      return {};
    }
    if (linked.error().is_errno(EEXIST)) return conflict(linked.error().message());
    if (!is_unsupported(linked.error()) && !linked.error().is_errno(EMLINK)) return translated(std::move(linked));
    links_ = false;
  }
  ASSIGN_OR_RETURN(std::optional<os::FileStatus> there, find(target));
  if (there && there->is_directory) return refused(EISDIR, "'" + target + "' is a directory");
  const Identity identity = there ? identity_of(*there) : Identity{};
  if (!condition.holds(there ? &identity : nullptr)) return conflict("'" + target + "' holds something else: " + identity.text);
  TRY(translated(files_.rename(part, target)));
  if (there) drop_side_file(target, there->inode);
  return {};
}

Result<Identity> PosixTree::publish(const std::string& key, const std::string& operation, const std::optional<Stamp>& stamp,
                                    const Condition& condition, const Attributes& attributes) {
  const std::string part = part_path(key, operation), target = path_of(key);
  auto act = [&]() -> Result<Identity> {
    ASSIGN_OR_RETURN(std::shared_ptr<os::File> file, open_part(key, operation));
    if (stamp) {
      TRY(apply(part, {stamp->mode, stamp->uid, stamp->gid, stamp->mtime_ns}));
      TRY(set_stamp(part, *stamp));
    } else {
      TRY(apply(part, attributes));
    }
    TRY(translated(file->sync_all()));
    ASSIGN_OR_RETURN(os::FileStatus status, translated(file->status()));
    TRY(place(part, target, condition));
    TRY(unknown_if_failed(files_.sync_directory(directory_of(target))));
    return identity_of(status);
  };
  Result<Identity> published = act();
  if (!published && published.error().is(Code::kRejected) && published.error().is_errno(ENOENT))
    return not_found("no upload " + operation + " of " + quoted(key));
  return published;
}

}  // namespace forebay::ufs
