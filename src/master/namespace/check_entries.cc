#include "master/namespace/check_entries.h"

#include <utility>

#include "master/namespace/entry.h"
#include "master/namespace/inode.h"

namespace forebay::master {

std::string EntryCheck::state() const {
  std::string state;
  for (uint64_t part : {count_.directory, count_.entries, count_.directories, static_cast<uint64_t>(count_.changed_ns)})
    append_big_endian(state, part);
  return state;
}

void EntryCheck::restore(std::string_view state) {
  auto part = [&](size_t index) { return read_big_endian(state.substr(8 * index, 8)); };
  count_ = {part(0), part(1), part(2), static_cast<int64_t>(part(3))};
}

Result<void> EntryCheck::begin_directory(uint64_t directory) {
  count_ = {directory, 0, 0, 0};
  ASSIGN_OR_RETURN(auto record, notes_.find<v1::InodeRecord>(key::inode(InodeId{directory})));
  if (!record) {
    notes_.problem(named("directory", directory), " has entries and no inode");
  } else if (record->type() != v1::FILE_TYPE_DIRECTORY) {
    notes_.problem(named("inode", directory), " has entries and is no directory");
  } else {
    count_.changed_ns = record->ctime_ns();
  }
  return {};
}

Result<void> EntryCheck::end_directory() {
  if (count_.directory == 0) return {};
  Count count = std::exchange(count_, {});
  ASSIGN_OR_RETURN(auto record, notes_.find<v1::InodeRecord>(key::inode(InodeId{count.directory})));
  bool comparable = record && is_linked(*record) && record->ctime_ns() == count.changed_ns;
  if (!comparable) return {};
  std::string name = named("directory", count.directory);
  if (record->size() != count.entries) {
    notes_.problem(name, " counts ", std::to_string(record->size()), " entries and has ", std::to_string(count.entries));
  }
  if (record->nlink() != count.directories + 2) {
    notes_.problem(name, " has ", std::to_string(record->nlink()), " links and ", std::to_string(count.directories),
                   " directories");
  }
  return {};
}

Result<void> EntryCheck::check(const StoredRecord& stored) {
  auto entry = notes_.parse<v1::DentryRecord>(stored);
  uint64_t parent = stored.number(0);
  if (parent != count_.directory) {
    TRY(end_directory());
    TRY(begin_directory(parent));
  }
  ++count_.entries;
  if (!entry) return {};
  std::string name = named("entry in directory", parent) + " '" + stored.key.substr(9) + "'";
  bool is_directory = entry->type() == v1::FILE_TYPE_DIRECTORY;
  if (is_directory) ++count_.directories;
  if (!check_name(std::string_view(stored.key).substr(9))) notes_.problem(name, " has an impossible name");
  ASSIGN_OR_RETURN(auto child, notes_.find<v1::InodeRecord>(key::inode(InodeId{entry->inode()})));
  if (!child) {
    notes_.problem(name, " names inode ", std::to_string(entry->inode()), ", which does not exist");
    return {};
  }
  if (child->type() != entry->type()) notes_.problem(name, " and its inode are of different types");
  if (!is_linked(*child)) notes_.problem(name, " names a removed inode");
  if (is_directory && child->parent() != parent) notes_.problem(name, " is not where its directory says");
  return {};
}

}  // namespace forebay::master
