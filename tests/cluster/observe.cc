#include "observe.h"

#include <utility>

namespace forebay::cluster {
namespace {

constexpr uint32_t kPage = 7;  // small, so that cursors are used

v1::FileType type_of(const ModelNode& node) {
  switch (node.type) {
    case ModelNode::Type::kFile: return v1::FILE_TYPE_REGULAR;
    case ModelNode::Type::kDirectory: return v1::FILE_TYPE_DIRECTORY;
    case ModelNode::Type::kSymlink: return v1::FILE_TYPE_SYMLINK;
  }
  return v1::FILE_TYPE_UNSPECIFIED;
}

Task<Result<void>> list_into(client::Client* client, InodeId directory, std::string prefix, Observed* out,
                             std::vector<std::pair<std::string, InodeId>>* below) {
  for (std::string after;;) {
    CO_ASSIGN_OR_RETURN(client::Listed page, co_await client->read_dir(kSuperuser, directory, after, kPage, true));
    for (v1::DirEntry& entry : page.entries) {
      std::string path = prefix + entry.name();
      if (entry.type() == v1::FILE_TYPE_DIRECTORY) below->emplace_back(path + "/", InodeId{entry.inode()});
      (*out)[path].attr = std::move(*entry.mutable_attr());
      after = entry.name();
    }
    if (page.end) co_return Result<void>{};
    if (page.entries.empty()) co_return corrupt("a page without entries that is not the last of '" + prefix + "'");
  }
}

std::string why_not_entry(const ModelNode& node, const ObservedEntry& entry) {
  if (entry.attr.type() != type_of(node)) return "is of type " + v1::FileType_Name(entry.attr.type());
  if (entry.attr.mode() != node.mode) return "has mode " + std::to_string(entry.attr.mode());
  if (node.is_directory()) {
    if (entry.attr.size() == node.entries.size()) return "";
    return "counts " + std::to_string(entry.attr.size()) + " entries instead of " + std::to_string(node.entries.size());
  }
  if (entry.attr.nlink() != node.links) return "has " + std::to_string(entry.attr.nlink()) + " links";
  if (!node.is_file()) return entry.attr.target() == node.target ? "" : "points to '" + entry.attr.target() + "'";
  if (entry.attr.size() != entry.content.size()) {
    return "says size " + std::to_string(entry.attr.size()) + " and reads as " + std::to_string(entry.content.size());
  }
  return node.content.why_not(entry.content);
}

}  // namespace

Task<Result<std::string>> read_file(client::Client* client, InodeId inode) {
  CO_ASSIGN_OR_RETURN(std::unique_ptr<client::File> file, co_await client->open(kSuperuser, inode, {}));
  CO_ASSIGN_OR_RETURN(v1::Attr attr, co_await file->attr());
  std::string text(attr.size() + 1, '\0');  // one more: the end has to be where the size says
  Result<size_t> got = co_await file->pread(std::as_writable_bytes(std::span(text)), 0);
  CO_TRY(co_await file->close());
  CO_ASSIGN_OR_RETURN(size_t count, std::move(got));
  text.resize(count);
  co_return text;
}

Task<Result<Observed>> observe(client::Client* client, std::string root) {
  Observed observed;
  CO_ASSIGN_OR_RETURN(v1::ResolveReply found, co_await client->resolve(kSuperuser, root, false));
  if (!found.has_attr()) co_return rejected(ENOENT, "'" + root + "' is gone");
  std::vector<std::pair<std::string, InodeId>> directories{{"", InodeId{found.attr().inode()}}};
  while (!directories.empty()) {
    auto [prefix, inode] = std::move(directories.back());
    directories.pop_back();
    CO_TRY(co_await list_into(client, inode, prefix, &observed, &directories));
  }
  for (auto& [path, entry] : observed) {
    if (entry.attr.type() != v1::FILE_TYPE_REGULAR) continue;
    Result<std::string> content = co_await read_file(client, InodeId{entry.attr.inode()});
    if (!content) co_return std::unexpected(std::move(content).error().with_context("read '" + path + "'"));
    entry.content = *std::move(content);
  }
  co_return observed;
}

std::string why_not(const ModelTree& tree, const Observed& observed) {
  std::map<uint64_t, const ModelNode*> by_inode;
  size_t matched = 0;
  for (const ModelPath& path : tree.names()) {
    const std::string name = to_text(path);
    auto found = observed.find(name);
    if (found == observed.end()) return "'" + name + "' is missing";
    ++matched;
    const ModelNode* node = tree.find(path).get();
    auto [known, is_new] = by_inode.emplace(found->second.attr.inode(), node);
    if (known->second != node) return "'" + name + "' shares an inode with another file";
    std::string why = why_not_entry(*node, found->second);
    if (!why.empty()) return "'" + name + "' " + why;
  }
  if (matched == observed.size()) return "";
  for (const auto& [name, entry] : observed) {
    ModelPath path;
    for (size_t at = 0; at <= name.size();) {
      size_t end = std::min(name.find('/', at), name.size());
      path.push_back(name.substr(at, end - at));
      at = end + 1;
    }
    if (!tree.find(path)) return "'" + name + "' should not exist";
  }
  return "";
}

void adopt_contents(ModelTree& tree, const Observed& observed) {
  for (const ModelPath& path : tree.names()) {
    ModelTree::Node node = tree.find(path);
    if (node->is_file()) node->content.adopt(observed.at(to_text(path)).content);
  }
}

}  // namespace forebay::cluster
