// Inode numbers of what lies below mount points.
#pragma once

#include <list>
#include <mutex>
#include <optional>
#include <string>
#include <unordered_map>
#include <unordered_set>

#include "base/hash.h"
#include "client/client.h"
#include "client/under_path/under_inode.h"
#include "forebay/v1/under.pb.h"

namespace forebay::client {

struct UnderNode {
  uint64_t mount = 0;
  std::string key;  // of a directory without '/' at the end
  bool is_directory = false;
  std::string identity;  // of an object
  std::string stamp;     // the same; not of what was only listed
  v1::Attr attr;         // with its number
  os::Instant known{};   // when the store said so
};

// A number is a hash of mount, key and, of an object, identity: the same in every client and after a restart, and another one
// when the object has changed, as when a file is renamed over another. Where two hashes meet (2^61 of them: never seen), the
// later one takes the next free number. Owned by the client. Any thread. Remembers `limit` nodes, about 300 bytes each, the least
// recently used go first; a number that is forgotten is ESTALE, and the kernel looks its name up again.
class NodeTable {
 public:
  explicit NodeTable(size_t limit) : limit_(limit) {}

  InodeId enter(UnderNode node);  // sets the number; what was known of the key is replaced
  std::optional<UnderNode> find(InodeId inode);
  // What was told last of this key.
  std::optional<UnderNode> find(uint64_t mount, const std::string& key);
  void forget(uint64_t mount, const std::string& key);

  // Directories that were made where a store keeps none: there until this client ends. At most 10,000; then all are forgotten.
  void made_directory(uint64_t mount, const std::string& key);
  void removed_directory(uint64_t mount, const std::string& key);
  bool was_made(uint64_t mount, const std::string& key) const;

  // While it is open, its attributes are there, whatever happens to its key.
  void opened(InodeId inode, const v1::Attr& attr);
  void closed(InodeId inode);
  std::optional<v1::Attr> open_attr(InodeId inode) const;

 private:
  static Hash128 place_of(uint64_t mount, const std::string& key);
  static bool is_same(const UnderNode& a, const UnderNode& b);

  const size_t limit_;
  mutable std::mutex mutex_;
  std::list<UnderNode> nodes_;  // most recently used first
  std::unordered_map<InodeId, std::list<UnderNode>::iterator> by_inode_;
  std::unordered_map<Hash128, InodeId> by_place_;
  struct Open {
    v1::Attr attr;
    uint32_t times = 0;
  };
  std::unordered_map<InodeId, Open> open_;
  std::unordered_set<Hash128> made_;
};

}  // namespace forebay::client
