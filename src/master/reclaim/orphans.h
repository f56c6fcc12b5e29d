// Objects that a writer left behind without anybody noticing.
#pragma once

#include <string>
#include <vector>

#include "master/operation.h"

namespace forebay::master {

struct OrphanSlice {
  std::vector<ObjectId> orphans;
  ObjectId next;  // where the next slice begins; 0: finished
};

// Among `most` objects from `from` on: those granted to a handle that no longer exists, and those whose inode is gone.
Result<OrphanSlice> find_orphans(const kv::Reader& reader, ObjectId from, size_t most);

// What should have happened when the handle ended: an object that the file refers to is sealed at its acknowledged length, any
// other is removed. Looks again whether it is one; false: no longer.
Result<bool> settle_orphan(MutationContext& context, ObjectId object);

}  // namespace forebay::master
