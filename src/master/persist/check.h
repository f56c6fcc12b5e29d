// Do the records of persistence agree with each other and with the namespace?
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/ids.h"
#include "base/status.h"
#include "forebay/v1/records.pb.h"
#include "kv/store.h"

namespace forebay::master {

inline constexpr std::string_view kPersistTags = "ABEKQUbcdfpq";  // in key order

// One record of these tags against those that it refers to, and that refer to it. What is wrong is added to `problems`.
Result<void> check_persist_record(const kv::Reader& reader, std::string_view key, std::string_view value,
                                  std::vector<std::string>& problems);

// Can an object without copies, by what is recorded, come back from the under store? A block from the version that it is of, any
// other from the newest one.
Result<bool> is_in_under_store(const kv::Reader& reader, const v1::ObjectRecord& object);

// What an inode counts.
Result<void> check_persist_counts(const kv::Reader& reader, InodeId inode, const v1::InodeRecord& record,
                                  std::vector<std::string>& problems);

}  // namespace forebay::master
