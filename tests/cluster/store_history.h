// What a store went through in a storm, looked at from its first change to its last.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "storm_contents.h"
#include "ufs/memory_bucket.h"

namespace forebay::cluster {

// At no moment may a key show a mixture, other bytes than its stamp says, or an older version of a file after a newer one;
// somebody else's object may go only where the policy says so; in an ordered directory no marker may be visible before its
// shards; and the same version is not written twice in a row. One thread.
class StoreHistory {
 public:
  struct Rules {
    bool ordered = false;
    bool replaces_foreign = false;  // by policy
    bool writes_once = true;        // the store can refuse a repeated request
  };
  StoreHistory(const StormContents& contents, Rules rules) : contents_(contents), rules_(rules) {}

  void check(const std::vector<ufs::KeyChange>& changes);
  const std::vector<std::string>& wrong() const { return wrong_; }

 private:
  void check_change(const ufs::KeyChange& change);
  void check_own(const ufs::KeyChange& change);
  void check_marker(const ufs::KeyChange& change);
  void fail(const ufs::KeyChange& change, const std::string& what);

  const StormContents& contents_;
  const Rules rules_;
  std::map<std::string, std::map<uint64_t, uint64_t>> newest_;  // of each key: inode → version that it has shown
  std::map<std::string, ufs::ObjectState> now_;
  std::vector<std::string> wrong_;
};

}  // namespace forebay::cluster
