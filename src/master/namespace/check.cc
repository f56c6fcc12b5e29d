#include "master/namespace/check.h"

#include <algorithm>

#include "base/check.h"
#include "master/extents/content.h"
#include "master/namespace/check_entries.h"
#include "master/namespace/check_objects.h"
#include "master/namespace/check_sessions.h"
#include "master/namespace/check_xattrs.h"
#include "master/persist/check.h"

namespace forebay::master {
namespace {

constexpr std::string_view kCheckedTags = "ABDEHIJKNOPQRSUVWXYbcdfhpqx";  // in key order
// One step.
class Checker {
 public:
  explicit Checker(const kv::Reader& reader) : notes_(reader) {}
  Result<CheckStep> run(std::string_view cursor, size_t budget);

 private:
  Result<void> check(const StoredRecord& stored);
  Result<void> check_inode(const StoredRecord& stored);
  Result<void> check_directory(InodeId inode, const v1::InodeRecord& record, const std::string& name);
  Result<void> check_file(InodeId inode, const v1::InodeRecord& record, const std::string& name);
  Result<void> check_detached(const StoredRecord& stored);
  CheckStep finish(uint64_t checked, std::string cursor);

  CheckNotes notes_;
  EntryCheck entries_{notes_};
  SessionCheck sessions_{notes_};
  ObjectCheck objects_{notes_};
};

Result<void> Checker::check(const StoredRecord& stored) {
  if (kPersistTags.contains(stored.key[0])) return check_persist_record(notes_.reader, stored.key, stored.value, notes_.problems);
  if (stored.key[0] == 'x') return check_xattr(notes_.reader, stored.key, stored.value, notes_.problems);
  size_t length = stored.key.size();
  const bool one_number = std::string_view("IJNOSW").contains(stored.key[0]);
  const bool sound = one_number             ? length == 9
                     : stored.key[0] == 'D' ? length >= 10
                     : stored.key[0] == 'R' ? length == 11
                                            : length == 17;
  if (!sound) {
    notes_.problem(corrupt_record(stored.key).message());
    return {};
  }
  switch (stored.key[0]) {
    case 'D': return entries_.check(stored);
    case 'H': return sessions_.check_handle(stored);
    case 'I': return check_inode(stored);
    case 'J': return objects_.check_inline(stored);
    case 'N': return check_detached(stored);
    case 'O': return objects_.check_object(stored);
    case 'P': return objects_.check_copy(stored);
    case 'R': return sessions_.check_outcome(stored);
    case 'S': notes_.parse<v1::SessionRecord>(stored); return {};
    case 'V':
    case 'W': return objects_.check_list(stored);
    case 'h': return sessions_.check_session_handle(stored);
    default: return objects_.check_duty(stored);
  }
}

Result<void> Checker::check_inode(const StoredRecord& stored) {
  InodeId inode{stored.number(0)};
  auto record = notes_.parse<v1::InodeRecord>(stored);
  if (!record) return {};
  std::string name = named("inode", inode.value);
  if (!is_linked(*record)) {
    ASSIGN_OR_RETURN(auto detached, notes_.find<v1::DetachedRecord>(key::detached(inode)));
    if (!detached) notes_.problem(name, " has no links and nobody takes it apart");
  }
  TRY(check_xattrs(notes_.reader, inode, *record, notes_.problems));
  if (record->type() == v1::FILE_TYPE_DIRECTORY) return check_directory(inode, *record, name);
  if (record->type() == v1::FILE_TYPE_REGULAR) return check_file(inode, *record, name);
  return {};
}

Result<void> Checker::check_directory(InodeId inode, const v1::InodeRecord& record, const std::string& name) {
  std::string prefix = key::dentries(inode);
  ASSIGN_OR_RETURN(std::vector<StoredRecord> first, notes_.next(prefix, kv::prefix_end(prefix), 1));
  if (is_linked(record) && first.empty() != (record.size() == 0)) {
    notes_.problem(name, " counts ", std::to_string(record.size()), " entries");
  }
  if (!is_linked(record)) return {};
  if (record.nlink() < 2) notes_.problem(name, " has too few links");
  ASSIGN_OR_RETURN(auto parent, notes_.find<v1::InodeRecord>(key::inode(InodeId{record.parent()})));
  if (!parent || parent->type() != v1::FILE_TYPE_DIRECTORY) notes_.problem(name, " has no parent");
  return {};
}

Result<void> Checker::check_file(InodeId inode, const v1::InodeRecord& record, const std::string& name) {
  auto list = load_content(notes_.reader, inode, record);
  if (!list && !list.error().is(Code::kCorrupt)) return std::unexpected(list.error());
  if (!list) {
    notes_.problem(name, ": ", list.error().message());
  } else {
    if (list->stored_bytes() != record.stored_bytes()) notes_.problem(name, " counts other bytes than its extents have");
    if (list->end() > record.size() && is_linked(record)) notes_.problem(name, " has extents beyond its end");
  }
  std::string prefix = key::numbers('H', inode.value);
  ASSIGN_OR_RETURN(std::vector<StoredRecord> handles, notes_.next(prefix, kv::prefix_end(prefix), SIZE_MAX));
  if (handles.size() != record.writers()) {
    notes_.problem(name, " counts ", std::to_string(record.writers()), " writers and has ", std::to_string(handles.size()));
  }
  TRY(check_persist_counts(notes_.reader, inode, record, notes_.problems));
  if (record.writers() == 0 && record.dirty()) notes_.problem(name, " is dirty and nobody writes it");
  return {};
}

Result<void> Checker::check_detached(const StoredRecord& stored) {
  InodeId inode{stored.number(0)};
  notes_.parse<v1::DetachedRecord>(stored);
  ASSIGN_OR_RETURN(auto record, notes_.find<v1::InodeRecord>(key::inode(inode)));
  if (!record || is_linked(*record))
    notes_.problem(named("inode", inode.value), " is being taken apart, and ", record ? "has links" : "does not exist");
  return {};
}

CheckStep Checker::finish(uint64_t checked, std::string cursor) {
  return {
      .problems = std::move(notes_.problems), .lost = std::move(notes_.lost), .checked = checked, .cursor = std::move(cursor)};
}

Result<CheckStep> Checker::run(std::string_view cursor, size_t budget) {
  std::string begin(kCheckedTags.substr(0, 1));
  if (cursor.size() > EntryCheck::kStateBytes) {
    entries_.restore(cursor.substr(0, EntryCheck::kStateBytes));
    begin = cursor.substr(EntryCheck::kStateBytes);
  } else if (!cursor.empty()) {
    return invalid("a cursor that no step gave");
  }
  uint64_t checked = 0;
  for (char tag : kCheckedTags.substr(std::min(kCheckedTags.find(begin[0]), kCheckedTags.size()))) {
    if (begin[0] != tag) begin = std::string(1, tag);
    const std::string end = kv::prefix_end(std::string(1, tag));
    ASSIGN_OR_RETURN(const std::vector<StoredRecord> records, notes_.next(begin, end, budget - checked));
    for (const StoredRecord& stored : records) TRY(check(stored));
    checked += records.size();
    if (checked >= budget) return finish(checked, entries_.state() + records.back().key + '\0');
    TRY(entries_.end_directory());
  }
  return finish(checked, {});
}

}  // namespace

Result<CheckStep> check_step(const kv::Reader& reader, std::string_view cursor, size_t budget) {
  FOREBAY_CHECK(budget > 0, "a step needs a budget");
  return Checker(reader).run(cursor, budget);
}

Result<std::vector<std::string>> check_all(const kv::Reader& reader) {
  std::vector<std::string> problems;
  std::string cursor;
  do {
    ASSIGN_OR_RETURN(CheckStep step, check_step(reader, cursor, 10'000));
    std::ranges::move(step.problems, std::back_inserter(problems));
    cursor = std::move(step.cursor);
  } while (!cursor.empty());
  ASSIGN_OR_RETURN(std::vector<std::string> totals, check_totals(reader));
  std::ranges::move(totals, std::back_inserter(problems));
  return problems;
}

}  // namespace forebay::master
