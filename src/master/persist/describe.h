// What persistence knows of a file's entry, for people.
#pragma once

#include "forebay/v1/persist.pb.h"
#include "master/namespace/entry.h"
#include "master/persist/target.h"

namespace forebay::master {

// Of the entry of a regular file. A handful of reads, and one for each directory up to the mapped one.
Result<v1::EntryPersistence> describe_entry(const kv::Reader& reader, const Mappings& mappings, InodeId directory,
                                            std::string_view name, const Entry& found);

}  // namespace forebay::master
