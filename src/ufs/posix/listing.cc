// Listings of directories in the order of keys.
#include <algorithm>
#include <set>

#include "ufs/posix/tree.h"

namespace forebay::ufs {
namespace {

// Names of a directory that are held at a time. Of a larger directory as many passes are made as it has such batches.
constexpr size_t kBatch = 10'000;
constexpr size_t kMostUploads = 1000;  // of a page

}  // namespace

struct PosixTree::Walk {
  const ListRequest& request;
  std::string after;  // only keys greater than this
  size_t most;
  ListPage page;
};

// The smallest `most` names greater than `least`; a directory also when `least` lies below it.
Result<std::vector<PosixTree::Name>> PosixTree::names_after(const std::string& directory, const std::string& least, size_t most) {
  ASSIGN_OR_RETURN(const bool may, may_list(directory));
  if (!may) return std::vector<Name>{};
  auto less = [](const Name& a, const Name& b) { return a.sort_key < b.sort_key; };
  std::set<Name, decltype(less)> smallest(less);
  Result<void> listed = files_.list(path_of(directory), [&](const os::DirectoryEntry& entry) {
    if (entry.name.starts_with(kReservedPrefix)) return true;
    Name name{entry.name + (entry.is_directory ? "/" : ""), entry.is_directory};
    if (name.sort_key <= least && !(name.is_directory && least.size() > name.sort_key.size() && least.starts_with(name.sort_key)))
      return true;
    smallest.insert(std::move(name));
    if (smallest.size() > most) smallest.erase(std::prev(smallest.end()));
    return true;
  });
  if (!listed && !listed.error().is_errno(ENOENT) && !listed.error().is_errno(ENOTDIR))
    return std::unexpected(std::move(listed).error());
  return std::vector<Name>(smallest.begin(), smallest.end());
}

Result<void> PosixTree::add_entry(Walk& walk, const std::string& key) {
  ASSIGN_OR_RETURN(std::optional<os::FileStatus> status, find(path_of(key)));
  if (!status || !status->is_regular) return {};  // gone by now, or nothing that we could read
  walk.page.entries.push_back({key, false, status->size, status->mtime_ns, identity_of(*status), attributes_of(*status)});
  return {};
}

Result<void> PosixTree::add_directory(Walk& walk, const std::string& key) {
  ASSIGN_OR_RETURN(std::optional<os::FileStatus> status, find(path_of(key.substr(0, key.size() - 1))));
  if (!status || !status->is_directory) return {};
  walk.page.entries.push_back(
      {.key = key, .is_directory = true, .mtime_ns = status->mtime_ns, .identity = {}, .attributes = attributes_of(*status)});
  return {};
}

// Without links to follow: a directory that is one, or is behind one, is not there.
Result<bool> PosixTree::may_list(const std::string& directory) {
  if (config_.links == nullptr || directory.empty()) return true;
  ASSIGN_OR_RETURN(std::optional<os::FileStatus> status, find(path_of(directory)));
  return status && status->is_directory;
}

// False: the page is full.
Result<bool> PosixTree::walk(Walk& walk, const std::string& directory) {
  const std::string base = directory.empty() ? "" : directory + "/";
  std::string least = walk.after.starts_with(base) ? walk.after.substr(base.size()) : "";
  for (;;) {
    ASSIGN_OR_RETURN(std::vector<Name> names, names_after(directory, least, kBatch));
    for (const Name& name : names) {
      const std::string key = base + name.sort_key;
      const bool is_wanted = key.starts_with(walk.request.prefix) || (name.is_directory && walk.request.prefix.starts_with(key));
      if (!is_wanted) continue;
      const bool is_entry = walk.request.by_directory && key.size() > walk.request.prefix.size();
      if (walk.page.entries.size() == walk.most) {
        walk.page.cursor = walk.page.entries.back().key;
        return false;
      }
      if (!name.is_directory) {
        TRY(add_entry(walk, key));
      } else if (is_entry) {
        TRY(add_directory(walk, key));
      } else {
        ASSIGN_OR_RETURN(bool goes_on, this->walk(walk, key.substr(0, key.size() - 1)));
        if (!goes_on) return false;
      }
    }
    if (names.size() < kBatch) return true;
    least = names.back().sort_key;
  }
}

Result<ListPage> PosixTree::list(const ListRequest& request) {
  Walk state{
      request, request.cursor.empty() ? request.start_after : request.cursor, std::clamp<size_t>(request.most, 1, 1000), {}};
  // From the directory that the prefix names: what is beside it cannot match.
  const std::string_view start = parent_of(request.prefix);
  TRY(check_root());
  TRY(walk(state, std::string(start)));
  return std::move(state.page);
}

Result<void> PosixTree::collect_uploads(const std::string& directory, const std::string& prefix, std::vector<Upload>& into) {
  const std::string base = directory.empty() ? "" : directory + "/";
  std::vector<std::string> below;
  std::vector<std::string> parts;
  Result<void> listed = files_.list(path_of(directory), [&](const os::DirectoryEntry& entry) {
    if (entry.is_directory) {
      const std::string key = base + entry.name + "/";
      if (key.starts_with(prefix) || prefix.starts_with(key)) below.push_back(base + entry.name);
    } else if (entry.name.starts_with(kReservedPrefix) && entry.name.ends_with(".part")) {
      // The name says which operation, not which key: each could be the one that is asked for.
      if (base.starts_with(prefix) || parent_of(prefix) == directory) parts.push_back(entry.name);
    }
    return true;
  });
  if (!listed && !listed.error().is_errno(ENOENT) && !listed.error().is_errno(ENOTDIR)) return listed;
  for (const std::string& part : parts) {
    ASSIGN_OR_RETURN(std::optional<os::FileStatus> status, find(path_of(base + part)));
    if (!status) continue;
    const std::string id =
        part.substr(kReservedPrefix.size(), part.size() - kReservedPrefix.size() - std::string_view(".part").size());
    into.push_back({base, id, status->mtime_ns});
  }
  for (const std::string& sub : below) TRY(collect_uploads(sub, prefix, into));
  return {};
}

Result<UploadsPage> PosixTree::uploads(const std::string& prefix, const std::string& cursor) {
  std::vector<Upload> found;
  TRY(check_root());
  TRY(collect_uploads(std::string(parent_of(prefix)), prefix, found));
  auto place = [](const Upload& upload) { return upload.key + upload.id; };
  std::ranges::sort(found, {}, place);
  UploadsPage page;
  for (Upload& upload : found) {
    if (!cursor.empty() && place(upload) <= cursor) continue;
    if (page.uploads.size() == kMostUploads) {
      page.cursor = place(page.uploads.back());
      break;
    }
    page.uploads.push_back(std::move(upload));
  }
  return page;
}

}  // namespace forebay::ufs
