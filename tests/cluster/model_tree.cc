#include "model_tree.h"

#include <algorithm>
#include <cerrno>
#include <utility>

#include "base/check.h"

namespace forebay::cluster {

using Type = ModelNode::Type;

std::string to_text(const ModelPath& path) {
  std::string text;
  for (const std::string& name : path) text += (text.empty() ? "" : "/") + name;
  return text;
}

ModelTree::Node ModelTree::make_directory(uint32_t mode) {
  auto node = std::make_shared<ModelNode>();
  node->type = Type::kDirectory;
  node->mode = mode;
  return node;
}

ModelTree::Node ModelTree::find(const ModelPath& path) const {
  Node node = root_;
  for (const std::string& name : path) {
    if (!node->is_directory()) return nullptr;
    auto found = node->entries.find(name);
    if (found == node->entries.end()) return nullptr;
    node = found->second;
  }
  return node;
}

ModelTree::Slot ModelTree::slot(const ModelPath& path) const {
  FOREBAY_CHECK(!path.empty(), "the root is never changed");
  Node parent = find(ModelPath(path.begin(), path.end() - 1));
  FOREBAY_CHECK(parent && parent->is_directory(), "the caller picks an existing directory");
  return {parent.get(), path.back(), find(path)};
}

void ModelTree::set(const Slot& slot, Node node) {
  if (slot.node) --slot.node->links;
  ++node->links;
  slot.parent->entries[slot.name] = std::move(node);
}

void ModelTree::erase(const Slot& slot) {
  --slot.node->links;
  slot.parent->entries.erase(slot.name);
}

bool ModelTree::is_below(const ModelNode& ancestor, const ModelNode& node) {
  if (&ancestor == &node) return true;
  return std::ranges::any_of(ancestor.entries, [&](const auto& entry) { return is_below(*entry.second, node); });
}

int ModelTree::make_dir(const ModelPath& path, uint32_t mode) {
  Slot at = slot(path);
  if (at.node) return EEXIST;
  set(at, make_directory(mode));
  return 0;
}

int ModelTree::create(const ModelPath& path, uint32_t mode, bool exclusive) {
  Slot at = slot(path);
  if (at.node) {
    if (exclusive) return EEXIST;
    return at.node->is_directory() ? EISDIR : 0;
  }
  auto node = std::make_shared<ModelNode>();
  node->mode = mode;
  set(at, std::move(node));
  return 0;
}

int ModelTree::symlink(const ModelPath& path, const std::string& target) {
  Slot at = slot(path);
  if (at.node) return EEXIST;
  auto node = std::make_shared<ModelNode>();
  node->type = Type::kSymlink;
  node->mode = 0777;
  node->target = target;
  set(at, std::move(node));
  return 0;
}

int ModelTree::link(const Node& file, const ModelPath& path) {
  Slot at = slot(path);
  if (at.node) return EEXIST;
  set(at, file);
  return 0;
}

int ModelTree::unlink(const ModelPath& path) {
  Slot at = slot(path);
  if (!at.node) return ENOENT;
  if (at.node->is_directory()) return EISDIR;
  erase(at);
  return 0;
}

int ModelTree::remove_dir(const ModelPath& path) {
  Slot at = slot(path);
  if (!at.node) return ENOENT;
  if (!at.node->is_directory()) return ENOTDIR;
  if (!at.node->entries.empty()) return ENOTEMPTY;
  erase(at);
  return 0;
}

int ModelTree::remove_tree(const ModelPath& path) {
  Slot at = slot(path);
  if (!at.node) return ENOENT;
  // Names of files inside that are linked from elsewhere go too.
  auto drop = [](auto& self, ModelNode& directory) -> void {
    for (auto& [name, node] : std::exchange(directory.entries, {})) {
      --node->links;
      self(self, *node);
    }
  };
  drop(drop, *at.node);
  erase(at);
  return 0;
}

int ModelTree::rename(const ModelPath& from, const ModelPath& to, bool no_replace, bool exchange) {
  Slot source = slot(from), target = slot(to);
  if (!source.node) return ENOENT;
  if (no_replace && target.node) return EEXIST;
  if (exchange && !target.node) return ENOENT;
  if (source.node->is_directory() && is_below(*source.node, *target.parent)) return EINVAL;
  if (target.node && target.node->is_directory() && is_below(*target.node, *source.parent)) return exchange ? EINVAL : ENOTEMPTY;
  if (source.node == target.node) return 0;
  if (exchange) {
    source.parent->entries[source.name] = target.node;
    target.parent->entries[target.name] = source.node;
    return 0;
  }
  if (target.node) {
    if (source.node->is_directory() && !target.node->is_directory()) return ENOTDIR;
    if (!source.node->is_directory() && target.node->is_directory()) return EISDIR;
    if (!target.node->entries.empty()) return ENOTEMPTY;
  }
  erase(source);
  set(target, source.node);
  return 0;
}

void ModelTree::collect(const Node& directory, const ModelPath& path, bool directories, std::vector<ModelPath>& out) {
  if (directories) out.push_back(path);
  for (const auto& [name, node] : directory->entries) {
    ModelPath below = path;
    below.push_back(name);
    if (!directories) out.push_back(below);
    if (node->is_directory()) collect(node, below, directories, out);
  }
}

std::vector<ModelPath> ModelTree::directories() const {
  std::vector<ModelPath> out;
  collect(root_, {}, true, out);
  return out;
}

std::vector<ModelPath> ModelTree::names() const {
  std::vector<ModelPath> out;
  collect(root_, {}, false, out);
  return out;
}

}  // namespace forebay::cluster
