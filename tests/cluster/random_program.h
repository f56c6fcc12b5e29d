// A program that does random file operations and knows what has to come out.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "client/client.h"
#include "model_tree.h"
#include "os/sim_random.h"
#include "small_cluster.h"

namespace forebay::cluster {

// Uses all clients of a cluster in which nothing fails, one operation after the other, and compares every answer with the model:
// errno by errno, byte by byte. One client at a time has a file open for writing; what the other sees of it is committed bytes or
// later ones. The first difference ends it. One thread.
class RandomProgram {
 public:
  RandomProgram(SmallCluster& cluster, uint64_t seed) : cluster_(cluster), random_(seed) {}

  // One operation; false: `wrong()` says what is not as it has to be.
  bool step();
  // Closes everything, compares the whole tree through both clients, removes it, and waits until no object is left.
  bool finish();
  const std::string& wrong() const { return wrong_; }

 private:
  using Node = ModelTree::Node;
  struct Open {
    size_t client;
    Node node;
    std::unique_ptr<client::File> file;
    client::OpenFlags flags;
  };
  // What the model does not know of a node.
  struct Facts {
    InodeId inode;
    size_t writers = 0, writing_client = 0;
  };

  // names
  void make_dir();
  void symlink();
  void link();
  void unlink();
  void remove_dir();
  void remove_tree();
  void rename();
  void set_mode();
  void list();
  void look();
  // content
  void create();
  void open();
  void write();
  void append();
  void read();
  void read_elsewhere();
  void truncate();
  void fallocate();
  void set_size();
  void commit();
  void close();

  void close_at(size_t index);
  void check_all_of(Open& open);
  void keep(size_t client, Node node, std::unique_ptr<client::File> file, client::OpenFlags flags);
  Open* any_open(bool writable);
  client::Client& client(size_t index) { return cluster_.client(index); }
  size_t any_client() { return random_.below(cluster_.clients()); }
  size_t client_for(const Node& node);
  ModelPath any_directory();
  ModelPath any_name();
  ModelPath any_path_of(ModelNode::Type type);
  InodeId inode_of(const ModelPath& path) { return facts_.at(tree_.find(path)).inode; }
  static ModelPath parent_of(const ModelPath& path) { return ModelPath(path.begin(), path.end() - 1); }
  client::OpenFlags any_flags();
  std::string any_data();

  void compare(int expected, const Status* error);
  template <class T>
  bool same(int expected, const Result<T>& result) {
    compare(expected, result ? nullptr : &result.error());
    return expected == 0 && result;
  }
  void fail(const std::string& what);

  SmallCluster& cluster_;
  os::SimRandom random_;
  ModelTree tree_;
  std::map<Node, Facts, std::owner_less<Node>> facts_;
  std::vector<Open> open_;
  std::string doing_, wrong_;
};

}  // namespace forebay::cluster
