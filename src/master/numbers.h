// Numbers that are given once: of inodes, objects, handles, sessions and so on ("C" records).
#pragma once

#include <cstdint>
#include <string_view>

#include "base/status.h"
#include "kv/store.h"
#include "kv/txn.h"

namespace forebay::master {

// The next number of a counter; it is never given again.
Result<uint64_t> next_number(kv::Txn& txn, std::string_view counter);
// Without taking it.
Result<uint64_t> coming_number(const kv::Reader& reader, std::string_view counter);

// How far the counters go on after a restart of the machine. More numbers than a master gives while its journal is not synced: at
// 150,000 in a second half an hour, and a journal that cannot be synced stops the master long before.
inline constexpr uint64_t kSkippedNumbers = uint64_t{1} << 28;

// Of a store in which no number was given yet.
void begin_numbers(kv::Txn& txn, std::string_view boot);

// Before the first number is given, at each start; `boot` tells one run of the machine from the next, empty: unknown. A power
// cut takes what was not synced, below level `fsync` numbers that others know by now: a worker the objects it holds, a client its
// session. So after a restart of the machine every counter goes on beyond what can have been given. Synced when it returns.
// Worker ids are synced before they are told, and stay small.
Result<void> skip_lost_numbers(kv::Store& store, std::string_view boot);

}  // namespace forebay::master
