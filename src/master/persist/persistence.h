// What namespace operations and the intents' code need to know of persistence: the mapping in force, and the rules.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/ids.h"
#include "base/status.h"
#include "base/units.h"
#include "forebay/v1/persist_records.pb.h"
#include "kv/store.h"

namespace forebay::master {

struct Mapping {
  InodeId directory;
  v1::MappingRecord record;
  bool has_directories = false, has_rename = false;  // its mount

  bool deletes() const { return record.on_delete() == v1::ON_DELETE_DELETE; }
  bool ordered() const { return record.order() == v1::PERSIST_ORDER_DIRECTORY; }
  bool covers(uint64_t mount, std::string_view key) const;
  // Not to be persisted: by the file's own name, or by any name below the mapped directory.
  bool excludes_file(std::string_view name) const;
  bool excludes(std::string_view name) const;
};

// All mappings at one time. Immutable.
class Mappings {
 public:
  static Result<Mappings> load(const kv::Reader& reader);

  bool empty() const { return all_.empty(); }
  const std::vector<Mapping>& all() const { return all_; }  // by directory
  const Mapping* of_directory(InodeId directory) const;
  // Targets of different mappings never overlap. None: the mapping was removed, and what is at the key is left alone.
  const Mapping* of_key(uint64_t mount, std::string_view key) const;
  uint64_t changes() const { return changes_; }

 private:
  std::vector<Mapping> all_;
  uint64_t changes_ = 0;
};

// The mapping in force, in memory. Owned by the Master, with `store` outliving it. Within steps of the commit loop alone, which
// run one at a time. After changing() each step loads its own from the batch until the change is in the store, or known not to
// come: a batch may fail.
class MappingTable {
 public:
  explicit MappingTable(const kv::Reader& store) : store_(store) {}

  // As `view`, a transaction over the store, shows it.
  Result<std::shared_ptr<const Mappings>> in_force(const kv::Reader& view) const;
  void changing() const { current_.reset(); }

 private:
  const kv::Reader& store_;
  mutable std::shared_ptr<const Mappings> current_;  // shared with the operation that uses it
};

// The rules of the protocol, each of which a test can leave out, to show that it finds what comes of it.
struct PersistRules {
  bool one_at_a_time = true;        // one operation per key and per binding
  bool removed_is_cleared = true;   // the key of an entry that was removed or replaced is cleared
  bool bring_back = true;           // the only copy of live content is never overwritten or deleted
  bool parked_holds_nobody = true;  // a binding in conflict lets others have its key
  bool old_key_is_cleared = true;   // after the new one was written
  bool pins_versions = true;        // what is being uploaded stays
  bool keep_keeps = true;           // with onDelete keep nothing is deleted because its file was removed
};

struct PersistConfig {
  Duration lease = std::chrono::seconds(60);
  Duration longest_lease = std::chrono::hours(1);
  Duration first_retry = std::chrono::seconds(1);
  Duration last_retry = std::chrono::minutes(5);
  uint64_t block_bytes = 64 * kMiB;                 // what comes back from the under store at a time; at most
  Duration sweep_after = std::chrono::minutes(10);  // an operation was given up; longer than a request is under way. 0: never
  size_t tree_step = 256;                           // entries of a directory in one step of settle_tree
  PersistRules rules;
};

// Owned by the Master; outlives every context of an operation.
struct Persistence {
  explicit Persistence(const kv::Reader& store, PersistConfig config_in = {}) : mappings(store), config(config_in) {}

  MappingTable mappings;
  const PersistConfig config;
};

}  // namespace forebay::master
