// The file tree of one actor, as it has to be.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "model_content.h"

namespace forebay::cluster {

struct ModelNode {
  enum class Type { kFile, kDirectory, kSymlink } type = Type::kFile;
  uint32_t mode = 0, links = 0;
  std::string target;                                         // of a symbolic link
  ModelContent content;                                       // of a file
  std::map<std::string, std::shared_ptr<ModelNode>> entries;  // of a directory; several names may share a file

  bool is_file() const { return type == Type::kFile; }
  bool is_directory() const { return type == Type::kDirectory; }
};

// A place in the tree: path components from its root.
using ModelPath = std::vector<std::string>;
std::string to_text(const ModelPath& path);  // "a/b"

// Operations with the results that POSIX and Linux give: 0 or an errno, and nothing changed then. Parents exist (the caller
// picks them). One owner; not synchronised.
class ModelTree {
 public:
  using Node = std::shared_ptr<ModelNode>;

  Node find(const ModelPath& path) const;  // null when there is none
  const Node& root() const { return root_; }

  int make_dir(const ModelPath& path, uint32_t mode);
  int create(const ModelPath& path, uint32_t mode, bool exclusive);  // opening what is there is success
  int symlink(const ModelPath& path, const std::string& target);
  int link(const Node& file, const ModelPath& path);
  int unlink(const ModelPath& path);
  int remove_dir(const ModelPath& path);
  int remove_tree(const ModelPath& path);
  int rename(const ModelPath& from, const ModelPath& to, bool no_replace, bool exchange);

  std::vector<ModelPath> directories() const;  // the root (empty path) first
  std::vector<ModelPath> names() const;        // everything but the root

 private:
  struct Slot {
    ModelNode* parent;
    std::string name;
    Node node;
  };
  Slot slot(const ModelPath& path) const;
  static void set(const Slot& slot, Node node);
  static void erase(const Slot& slot);
  static bool is_below(const ModelNode& ancestor, const ModelNode& node);
  static void collect(const Node& directory, const ModelPath& path, bool directories, std::vector<ModelPath>& out);

  Node root_ = make_directory(0755);
  static Node make_directory(uint32_t mode);
};

}  // namespace forebay::cluster
