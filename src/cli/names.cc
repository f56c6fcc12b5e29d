#include "cli/names.h"

#include "cli/output.h"
#include "cli/path.h"
#include "client/under_path/importing.h"

namespace forebay::cli {
namespace {

constexpr uint32_t kPage = 1024;  // entries asked for at once
constexpr std::string_view kAlias = "/cache_only", kMount = "/cache-only";

Result<v1::ResolveReply> resolve(Shell& shell, const std::string& path, Links links) {
  ASSIGN_OR_RETURN(client::Client * client, shell.client());
  return shell.wait(client->resolve(shell.who(), path, links == Links::kFollow));
}

// The path under which the master knows it.
Result<std::string> real_path(Shell& shell, std::string path) {
  bool may_be_alias = path.starts_with(kAlias) && (path.size() == kAlias.size() || path[kAlias.size()] == '/');
  if (!may_be_alias) return path;
  ASSIGN_OR_RETURN(v1::ResolveReply reply, resolve(shell, std::string(kAlias), Links::kKeep));
  if (!reply.has_attr()) path.replace(0, kAlias.size(), kMount);
  return path;
}

Error at(const std::string& path, Status status) { return std::unexpected(std::move(status).with_context(path)); }

Result<void> walk_below(Shell& shell, const Entry& from, const std::function<Result<void>(const Entry&)>& each, int depth) {
  if (depth > kDeepest) return rejected(ELOOP, from.path + ": deeper than " + std::to_string(kDeepest) + " levels");
  TRY(each(from));
  if (!from.is_directory()) return {};
  return list(shell, from, [&](Entry entry) -> Result<bool> {
    TRY(walk_below(shell, entry, each, depth + 1));
    return true;
  });
}

Result<std::vector<std::string>> matches(Shell& shell, const std::string& directory, const std::string& pattern) {
  std::vector<std::string> found;
  ASSIGN_OR_RETURN(Entry entry, get(shell, directory, Links::kFollow));
  TRY(list(shell, entry, [&](const Entry& child) -> Result<bool> {
    if (matches_pattern(pattern, child.name)) found.push_back(child.path);
    return true;
  }));
  return found;
}

}  // namespace

Result<std::optional<Entry>> find(Shell& shell, const std::string& path, Links links) {
  ASSIGN_OR_RETURN(std::string normal, normalize_path(path));
  ASSIGN_OR_RETURN(std::string real, real_path(shell, normal));
  Result<v1::ResolveReply> reply = resolve(shell, real, links);
  if (!reply && reply.error().is_errno(ENOENT)) return std::optional<Entry>{};
  if (!reply) return at(normal, std::move(reply).error());
  if (!reply->has_attr()) return std::optional<Entry>{};
  Entry entry{normal, std::move(*reply->mutable_attr()), InodeId{reply->parent()}, std::move(*reply->mutable_name())};
  return std::optional<Entry>(std::move(entry));
}

Result<Entry> get(Shell& shell, const std::string& path, Links links) {
  ASSIGN_OR_RETURN(std::optional<Entry> entry, find(shell, path, links));
  if (!entry) return rejected(ENOENT, path);
  return *std::move(entry);
}

Result<Place> place(Shell& shell, const std::string& path) {
  ASSIGN_OR_RETURN(std::string normal, normalize_path(path));
  ASSIGN_OR_RETURN(std::string real, real_path(shell, normal));
  Result<v1::ResolveReply> reply = resolve(shell, real, Links::kKeep);
  if (!reply) return at(normal, std::move(reply).error());
  if (reply->name().empty()) return rejected(EEXIST, normal);
  return Place{normal, InodeId{reply->parent()}, std::move(*reply->mutable_name())};
}

Result<std::vector<std::string>> expand(Shell& shell, const std::vector<std::string>& paths) {
  std::vector<std::string> expanded;
  for (const std::string& path : paths) {
    ASSIGN_OR_RETURN(std::string normal, normalize_path(path));
    auto [directory, name] = split_path(normal);
    if (!has_pattern(name)) {
      expanded.push_back(std::move(normal));
      continue;
    }
    ASSIGN_OR_RETURN(std::optional<Entry> exact, find(shell, normal, Links::kKeep));
    if (exact) {
      expanded.push_back(std::move(normal));
      continue;
    }
    ASSIGN_OR_RETURN(std::vector<std::string> found, matches(shell, directory, name));
    if (found.empty()) return rejected(ENOENT, normal + ": nothing matches");
    expanded.insert(expanded.end(), found.begin(), found.end());
  }
  return expanded;
}

Result<void> list(Shell& shell, const Entry& directory, const std::function<Result<bool>(Entry)>& each) {
  ASSIGN_OR_RETURN(client::Client * client, shell.client());
  std::string after;
  const uint64_t hidden_before = client::hidden_keys(*client);
  for (bool end = false; !end;) {
    Result<client::Listed> page = shell.wait(client->read_dir(shell.who(), directory.inode(), after, kPage, true));
    if (!page) return at(directory.path, std::move(page).error());
    end = page->end;
    for (v1::DirEntry& child : page->entries) {
      after = child.name();
      Entry entry{join_path(directory.path, after), std::move(*child.mutable_attr()), directory.inode(), after};
      ASSIGN_OR_RETURN(bool go_on, each(std::move(entry)));
      if (!go_on) return {};
    }
    if (page->entries.empty() && !end) return corrupt(directory.path + ": an empty page of a listing that goes on");
  }
  if (const uint64_t hidden = client::hidden_keys(*client) - hidden_before; hidden > 0)
    complain("warning: " + directory.path + ": " + std::to_string(hidden) +
             " keys of the under store have names that no file system can show, or are directories that an object covers");
  return {};
}

Result<void> walk(Shell& shell, const Entry& from, const std::function<Result<void>(const Entry&)>& each) {
  return walk_below(shell, from, each, 0);
}

}  // namespace forebay::cli
