// The kinds of operations, one function each. All run on the task's executor and answer with what the master is to be told; none
// fails otherwise. `with` outlives them.
#pragma once

#include "worker/persist/live_task.h"

namespace forebay::worker {

// The pinned version to the key: one request for a small one, else parts, with the upload's id recorded before the first of them.
Task<Outcome> upload(const TaskContext* with);
// The object at the source to the key: renamed, or copied where the store has no rename; the master has the source cleared.
Task<Outcome> move(const TaskContext* with);
// The object at the key is removed, if it is still the one expected.
Task<Outcome> clear(const TaskContext* with);
// Missing objects of the version are filled from the key, if it still holds that version, and sealed here.
Task<Outcome> restore(const TaskContext* with);
// Mode, owner and times of the object at the key, if it is the one expected; where they travel in the stamp only, nothing but
// that look.
Task<Outcome> write_attributes(const TaskContext* with);
Task<Outcome> make_directory(const TaskContext* with);
// With the empty ones below it; one with files in it stays.
Task<Outcome> remove_directory(const TaskContext* with);

// Uploads to the key that operations given up may have left behind are aborted; never somebody else's.
Task<Outcome> sweep(const TaskContext* with);

// Whichever the operation asks for.
Task<Outcome> carry_out(const TaskContext* with);

ufs::Attributes attributes_of(const v1::Attr& attr);

}  // namespace forebay::worker
