// Reads of one file.
#pragma once

#include <memory>
#include <vector>

#include "base/bytes.h"
#include "client/client.h"
#include "client/content.h"

namespace forebay::client {

struct Core;
class FileState;
struct OpenHandle;

// Fills `into` from what is buffered, written and committed: buffers first, then objects on this host by descriptor, then other
// copies one after the other, several requests at once. A copy that is damaged, short or missing is not the answer: the next one
// is tried, then the layout is fetched again, and when that says the same and no copy has the bytes, the read fails with EIO.
// Workers that do not answer are waited for until `retry_for` is over. Never fewer bytes than the file has there, never others.
Task<Result<size_t>> read_file(Core* core, std::shared_ptr<FileState> state, std::shared_ptr<OpenHandle> handle,
                               MutableBytes into, uint64_t offset);

// At most a frame's bytes of one object, from the first copy that has them; those on this host are asked first, each once. Of the
// errors, one that says "wait" wins over the others.
Task<Result<void>> read_object(Core* core, std::vector<WorkerId> workers, ObjectId object, uint64_t offset, MutableBytes into,
                               TraceId trace = {});

}  // namespace forebay::client
