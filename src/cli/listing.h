// One line of `fs ls`.
#pragma once

#include <string>

#include "cli/names.h"
#include "cli/output.h"
#include "forebay/v1/persist.pb.h"

namespace forebay::cli {

enum class Timestamp : uint8_t { kModified, kCreated, kAccessed };

struct ListingOptions {
  bool human = false;
  Timestamp timestamp = Timestamp::kModified;
};

// NOT_PERSISTED, TO_BE_PERSISTED, PERSISTED; or LOST while some extent has no copy, neither here nor in the under store.
std::string persistence_state(const v1::Attr& attr, v1::PersistState state);

// Of the bytes that a file's extents hold, how many have a copy on a worker; asks for the layout of lost files only.
Result<int> percent_in_cache(Shell& shell, const Entry& entry);

// mode, owner, group, size, persistence state, MM-dd-yyyy HH:mm:ss:SSS, percent in cache or DIR, path. The size of a directory is
// its number of entries.
std::string listing_line(const std::string& path, const v1::Attr& attr, int percent, v1::PersistState state,
                         const ListingOptions& options);
Json listing_json(const std::string& path, const v1::Attr& attr, int percent, v1::PersistState state);

}  // namespace forebay::cli
