// What may leave the cache of a full worker.
#pragma once

#include <map>
#include <vector>

#include "master/evict/access_table.h"
#include "master/operation.h"

namespace forebay::master {

struct Candidate {
  InodeId inode;
  int64_t used_ns = 0;                 // the last open for reading that is known of, or the last change of its content
  std::map<WorkerId, uint64_t> bytes;  // on workers that are too full

  bool operator<(const Candidate& other) const { return std::pair(used_ns, inode) < std::pair(other.used_ns, other.inode); }
};

struct CandidateSlice {
  std::vector<Candidate> found;
  uint64_t next = 0;  // the binding to go on from; 0: that was all
  size_t looked_at = 0;
};

// Of `most` bindings from `from` on: files below a mapping with `evict: clean` whose newest version is at its key, that nobody
// pins, writes or uploads, and that have copies at one of the workers. Whether it may really go, evict() decides.
Result<CandidateSlice> find_candidates(const kv::Reader& reader, const AccessTable& accesses,
                                       const std::map<WorkerId, uint64_t>& full, uint64_t from, size_t most);

}  // namespace forebay::master
