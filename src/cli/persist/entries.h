// Persistence of entries, asked about a page of a directory at a time.
#pragma once

#include <functional>
#include <map>
#include <string>
#include <vector>

#include "cli/names.h"
#include "cli/persist/control.h"

namespace forebay::cli {

// Files of one directory.
struct Page {
  InodeId directory;
  std::vector<Entry> files;
};
inline constexpr size_t kPageFiles = 256;

using StatesByName = std::map<std::string, v1::EntryPersistence>;
template <class Entries>
StatesByName by_name(const Entries& entries) {
  StatesByName states;
  for (const v1::EntryPersistence& each : entries) states.emplace(each.name(), each);
  return states;
}

// Entries that are gone, or no files, are left out.
Result<StatesByName> describe(Shell& shell, client::PersistControl& control, const Page& page);

// All regular files at and below an entry.
Result<void> for_each_page(Shell& shell, const Entry& top, const std::function<Result<void>(const Page&)>& each);

}  // namespace forebay::cli
