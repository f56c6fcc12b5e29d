// Content that leaves the cache, or has been lost there, as blocks: pieces of the file that are known to be at a key.
#pragma once

#include "master/extents/content.h"
#include "master/persist/ledger.h"

namespace forebay::master {

struct Evicted {
  bool at_rest = false;  // false: not now, and nothing has happened
  bool more = false;     // copies of later pieces are still there
  uint64_t bytes = 0;    // whose copies are to be deleted
};

// Takes the first `most_pieces` that have copies out of the cache, if the newest version is clean, nobody writes or uploads it,
// and nothing is about to happen to it under any of its names. Blocks take their place; the objects go the way of all that is in
// no list any more, so that a worker deletes its copy only after this is committed, and an id that was deleted never comes back.
// A block knows its checksum where it is made of whole objects, and learns it from the first restore otherwise.
Result<Evicted> evict(MutationContext& context, InodeId inode, size_t most_pieces = 1024);

// The same for objects (ascending) that have no copy which could be read: what of them is in the newest version comes back from
// its key. False: that version is at no key, or they are not part of it. Changes `record`, which the caller saves.
Result<bool> lost_to_blocks(Ledger& ledger, InodeId inode, v1::InodeRecord& record, const ObjectIds& lost);

// A whole file that is at a key and nowhere else, as version `version`.
Result<ExtentList> blocks_of(MutationContext& context, InodeId inode, uint64_t version, uint64_t length);

}  // namespace forebay::master
