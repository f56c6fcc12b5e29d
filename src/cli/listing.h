// One line of `fs ls`.
#pragma once

#include <string>

#include "cli/names.h"
#include "cli/output.h"

namespace forebay::cli {

enum class Timestamp : uint8_t { kModified, kCreated, kAccessed };

struct ListingOptions {
  bool human = false;
  Timestamp timestamp = Timestamp::kModified;
};

// NOT_PERSISTED, or LOST while some extent has no copy. There is no under store in this version.
std::string persistence_state(const v1::Attr& attr);

// Of the bytes that a file's extents hold, how many have a copy on a worker; asks for the layout of lost files only.
Result<int> percent_in_cache(Shell& shell, const Entry& entry);

// mode, owner, group, size, persistence state, MM-dd-yyyy HH:mm:ss:SSS, percent in cache or DIR, path. The size of a directory is
// its number of entries.
std::string listing_line(const std::string& path, const v1::Attr& attr, int percent, const ListingOptions& options);
Json listing_json(const std::string& path, const v1::Attr& attr, int percent);

}  // namespace forebay::cli
