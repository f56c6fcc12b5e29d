// Do the workers hold what the metadata says they hold? Read-only; used by fsck.
#pragma once

#include "forebay/v1/admin.pb.h"
#include "kv/store.h"

namespace forebay::master {

// Compares one page of a worker's store with the state that `reader` shows. Problems: an object that no file refers to and that
// nobody will delete; a copy of a sealed object with other bytes, or not sealed though nothing is going to; acknowledged bytes
// whose copy is not there. None: an object that was granted and not begun, is being written, or is to be deleted. `invalid`: an
// object outside of its page, or not in order.
Result<v1::FsckCopiesReply> check_copies(const kv::Reader& reader, const v1::FsckCopiesRequest& page);

}  // namespace forebay::master
