#include "master/namespace/check.h"

#include <algorithm>

#include "base/check.h"

#include "master/extents/content.h"
#include "master/extents/inline.h"
#include "master/extents/objects.h"
#include "master/namespace/check_xattrs.h"
#include "master/namespace/entry.h"
#include "master/persist/check.h"
#include "master/persist/pins.h"

namespace forebay::master {
namespace {

constexpr std::string_view kCheckedTags = "ABDEHIJKNOPQRSUVWXYbcdfhpqx";  // in key order
constexpr size_t kMaxProblems = 1000;  // of one step; what is beyond is found when these are mended

uint64_t number_at(std::string_view key, size_t index) { return read_big_endian(key.substr(1 + 8 * index, 8)); }

// A directory's entries counted so far: a large directory takes several steps. Not compared when it has changed since.
struct DirectoryCount {
  uint64_t directory = 0, entries = 0, directories = 0;
  int64_t changed_ns = 0;
};

std::string encode(const DirectoryCount& count, std::string_view next_key) {
  std::string cursor;
  for (uint64_t part : {count.directory, count.entries, count.directories, static_cast<uint64_t>(count.changed_ns)}) {
    append_big_endian(cursor, part);
  }
  return cursor.append(next_key);
}

constexpr size_t kCountBytes = 4 * sizeof(uint64_t);

DirectoryCount decode(std::string_view cursor) {
  auto part = [&](size_t index) { return read_big_endian(cursor.substr(8 * index, 8)); };
  return {part(0), part(1), part(2), static_cast<int64_t>(part(3))};
}

struct Pair {
  std::string key, value;
};

class Checker {
 public:
  explicit Checker(const kv::Reader& reader) : reader_(reader) {}
  Result<CheckStep> run(std::string_view cursor, size_t budget);

 private:
  template <class... Parts>
  void problem(const Parts&... parts) {
    std::string text;
    (text += ... += parts);
    if (step_.problems.size() < kMaxProblems) step_.problems.push_back(std::move(text));
  }
  template <class Record>
  std::optional<Record> parse(const Pair& pair);
  template <class Record>
  Result<std::optional<Record>> find(std::string_view key);  // one that does not parse is reported when its turn comes

  Result<std::vector<Pair>> next_pairs(std::string_view begin, std::string_view end, size_t limit);
  Result<void> check(const Pair& pair);
  Result<void> check_entry(const Pair& pair);
  Result<void> begin_directory(uint64_t directory);
  Result<void> end_directory();
  Result<void> check_inode(const Pair& pair);
  Result<void> check_directory(InodeId inode, const v1::InodeRecord& record, const std::string& name);
  Result<void> check_file(InodeId inode, const v1::InodeRecord& record, const std::string& name);
  Result<void> check_handle(const Pair& pair);
  Result<void> check_session_handle(const Pair& pair);
  Result<void> check_outcome(const Pair& pair);
  Result<void> check_session(uint64_t session, const std::string& what);
  Result<void> check_list(const Pair& pair);
  Result<void> check_object(const Pair& pair);
  Result<void> check_inline(const Pair& pair);
  Result<bool> is_referenced(ObjectId object, const v1::ObjectRecord& record);
  Result<bool> is_in_husk(ObjectId object);
  Result<const ObjectIds*> objects_of(InodeId inode);
  Result<void> check_copy(const Pair& pair);
  Result<void> check_duty(const Pair& pair);
  Result<void> check_detached(const Pair& pair);

  const kv::Reader& reader_;
  CheckStep step_;
  DirectoryCount count_;
  uint64_t checked_session_ = 0;  // the last one found: outcomes come one session after the other
  InodeId cached_inode_;          // consecutive objects are often of one file
  ObjectIds cached_objects_;
};

std::string named(std::string_view what, uint64_t id) { return std::string(what) + " " + std::to_string(id); }

template <class Record>
std::optional<Record> Checker::parse(const Pair& pair) {
  Record record;
  if (record.ParseFromString(pair.value)) return record;
  problem(corrupt_record(pair.key).message());
  return std::nullopt;
}

template <class Record>
Result<std::optional<Record>> Checker::find(std::string_view key) {
  auto record = read_record<Record>(reader_, key);
  if (!record && record.error().is(Code::kCorrupt)) return std::optional<Record>{};
  return record;
}

Result<std::vector<Pair>> Checker::next_pairs(std::string_view begin, std::string_view end, size_t limit) {
  std::vector<Pair> pairs;
  TRY(reader_.scan(begin, end, [&](std::string_view key, std::string_view value) {
    pairs.push_back({std::string(key), std::string(value)});
    return pairs.size() < limit;
  }));
  return pairs;
}

Result<void> Checker::check(const Pair& pair) {
  if (kPersistTags.contains(pair.key[0])) return check_persist_record(reader_, pair.key, pair.value, step_.problems);
  if (pair.key[0] == 'x') return check_xattr(reader_, pair.key, pair.value, step_.problems);
  size_t length = pair.key.size();
  const bool one_number = std::string_view("IJNOSW").contains(pair.key[0]);
  const bool sound = one_number           ? length == 9
                     : pair.key[0] == 'D' ? length >= 10
                     : pair.key[0] == 'R' ? length == 11
                                          : length == 17;
  if (!sound) {
    problem(corrupt_record(pair.key).message());
    return {};
  }
  switch (pair.key[0]) {
    case 'D': return check_entry(pair);
    case 'H': return check_handle(pair);
    case 'I': return check_inode(pair);
    case 'J': return check_inline(pair);
    case 'N': return check_detached(pair);
    case 'O': return check_object(pair);
    case 'P': return check_copy(pair);
    case 'R': return check_outcome(pair);
    case 'S': parse<v1::SessionRecord>(pair); return {};
    case 'V':
    case 'W': return check_list(pair);
    case 'h': return check_session_handle(pair);
    default: return check_duty(pair);
  }
}

Result<void> Checker::begin_directory(uint64_t directory) {
  count_ = {directory, 0, 0, 0};
  ASSIGN_OR_RETURN(auto record, find<v1::InodeRecord>(key::inode(InodeId{directory})));
  if (!record) {
    problem(named("directory", directory), " has entries and no inode");
  } else if (record->type() != v1::FILE_TYPE_DIRECTORY) {
    problem(named("inode", directory), " has entries and is no directory");
  } else {
    count_.changed_ns = record->ctime_ns();
  }
  return {};
}

Result<void> Checker::end_directory() {
  if (count_.directory == 0) return {};
  DirectoryCount count = std::exchange(count_, {});
  ASSIGN_OR_RETURN(auto record, find<v1::InodeRecord>(key::inode(InodeId{count.directory})));
  bool comparable = record && is_linked(*record) && record->ctime_ns() == count.changed_ns;
  if (!comparable) return {};
  std::string name = named("directory", count.directory);
  if (record->size() != count.entries) {
    problem(name, " counts ", std::to_string(record->size()), " entries and has ", std::to_string(count.entries));
  }
  if (record->nlink() != count.directories + 2) {
    problem(name, " has ", std::to_string(record->nlink()), " links and ", std::to_string(count.directories), " directories");
  }
  return {};
}

Result<void> Checker::check_entry(const Pair& pair) {
  auto entry = parse<v1::DentryRecord>(pair);
  uint64_t parent = number_at(pair.key, 0);
  if (parent != count_.directory) {
    TRY(end_directory());
    TRY(begin_directory(parent));
  }
  ++count_.entries;
  if (!entry) return {};
  std::string name = named("entry in directory", parent) + " '" + pair.key.substr(9) + "'";
  bool is_directory = entry->type() == v1::FILE_TYPE_DIRECTORY;
  if (is_directory) ++count_.directories;
  if (!check_name(std::string_view(pair.key).substr(9))) problem(name, " has an impossible name");
  ASSIGN_OR_RETURN(auto child, find<v1::InodeRecord>(key::inode(InodeId{entry->inode()})));
  if (!child) {
    problem(name, " names inode ", std::to_string(entry->inode()), ", which does not exist");
    return {};
  }
  if (child->type() != entry->type()) problem(name, " and its inode are of different types");
  if (!is_linked(*child)) problem(name, " names a removed inode");
  if (is_directory && child->parent() != parent) problem(name, " is not where its directory says");
  return {};
}

Result<void> Checker::check_inode(const Pair& pair) {
  InodeId inode{number_at(pair.key, 0)};
  auto record = parse<v1::InodeRecord>(pair);
  if (!record) return {};
  std::string name = named("inode", inode.value);
  if (!is_linked(*record)) {
    ASSIGN_OR_RETURN(auto detached, find<v1::DetachedRecord>(key::detached(inode)));
    if (!detached) problem(name, " has no links and nobody takes it apart");
  }
  TRY(check_xattrs(reader_, inode, *record, step_.problems));
  if (record->type() == v1::FILE_TYPE_DIRECTORY) return check_directory(inode, *record, name);
  if (record->type() == v1::FILE_TYPE_REGULAR) return check_file(inode, *record, name);
  return {};
}

Result<void> Checker::check_directory(InodeId inode, const v1::InodeRecord& record, const std::string& name) {
  std::string prefix = key::dentries(inode);
  ASSIGN_OR_RETURN(std::vector<Pair> first, next_pairs(prefix, kv::prefix_end(prefix), 1));
  if (is_linked(record) && first.empty() != (record.size() == 0)) {
    problem(name, " counts ", std::to_string(record.size()), " entries");
  }
  if (!is_linked(record)) return {};
  if (record.nlink() < 2) problem(name, " has too few links");
  ASSIGN_OR_RETURN(auto parent, find<v1::InodeRecord>(key::inode(InodeId{record.parent()})));
  if (!parent || parent->type() != v1::FILE_TYPE_DIRECTORY) problem(name, " has no parent");
  return {};
}

Result<void> Checker::check_file(InodeId inode, const v1::InodeRecord& record, const std::string& name) {
  auto list = load_content(reader_, inode, record);
  if (!list && !list.error().is(Code::kCorrupt)) return std::unexpected(list.error());
  if (!list) {
    problem(name, ": ", list.error().message());
  } else {
    if (list->stored_bytes() != record.stored_bytes()) problem(name, " counts other bytes than its extents have");
    if (list->end() > record.size() && is_linked(record)) problem(name, " has extents beyond its end");
  }
  std::string prefix = key::numbers('H', inode.value);
  ASSIGN_OR_RETURN(std::vector<Pair> handles, next_pairs(prefix, kv::prefix_end(prefix), SIZE_MAX));
  if (handles.size() != record.writers()) {
    problem(name, " counts ", std::to_string(record.writers()), " writers and has ", std::to_string(handles.size()));
  }
  TRY(check_persist_counts(reader_, inode, record, step_.problems));
  if (record.writers() == 0 && record.dirty()) problem(name, " is dirty and nobody writes it");
  return {};
}

Result<void> Checker::check_handle(const Pair& pair) {
  auto handle = parse<v1::HandleRecord>(pair);
  if (!handle) return {};
  uint64_t inode = number_at(pair.key, 0), id = number_at(pair.key, 1);
  std::string name = named("handle", id);
  ASSIGN_OR_RETURN(auto record, find<v1::InodeRecord>(key::inode(InodeId{inode})));
  if (!record || handle->inode() != inode) problem(name, " is of no inode");
  ASSIGN_OR_RETURN(auto back, reader_.get(key::session_handle(SessionId{handle->session()}, HandleId{id})));
  if (!back) problem(name, " is not listed by its session");
  for (uint64_t granted : handle->granted()) {
    ASSIGN_OR_RETURN(auto object, find<v1::ObjectRecord>(key::object(ObjectId{granted})));
    bool writable = object && !object->sealed() && object->handle() == id && object->inode() == inode;
    if (!writable) problem(name, " lists object ", std::to_string(granted), ", which is not its own");
  }
  return {};
}

Result<void> Checker::check_session_handle(const Pair& pair) {
  uint64_t session = number_at(pair.key, 0), id = number_at(pair.key, 1);
  if (pair.value.size() != sizeof(uint64_t)) {
    problem(corrupt_record(pair.key).message());
    return {};
  }
  InodeId inode{read_big_endian(pair.value)};
  ASSIGN_OR_RETURN(auto handle, find<v1::HandleRecord>(key::handle(inode, HandleId{id})));
  if (!handle || handle->session() != session)
    problem(named("session", session), " lists handle ", std::to_string(id), ", which is not");
  return {};
}

Result<void> Checker::check_outcome(const Pair& pair) {
  uint64_t session = number_at(pair.key, 0);
  auto record = parse<v1::OutcomeRecord>(pair);
  if (!record) return {};
  std::string name = named("outcome", record->sequence()) + " of " + named("session", session);
  if (pair.key != key::outcome(SessionId{session}, record->sequence())) problem(name, " is in another one's place");
  return check_session(session, name);
}

Result<void> Checker::check_session(uint64_t session, const std::string& what) {
  if (session == checked_session_) return {};
  ASSIGN_OR_RETURN(auto record, reader_.get(key::session(SessionId{session})));
  if (record)
    checked_session_ = session;
  else
    problem(what, " is kept, and its ", named("session", session), " has ended");
  return {};
}

// Every piece has an object of this inode that holds so much. A removed inode's objects may have been freed already.
Result<void> Checker::check_list(const Pair& pair) {
  InodeId inode{number_at(pair.key, 0)};
  bool sealed = pair.key[0] == 'V';
  std::string name =
      (sealed ? "version " + std::to_string(number_at(pair.key, 1)) + " of " : "content of ") + named("inode", inode.value);
  auto record = parse<v1::ExtentListRecord>(pair);
  if (!record) return {};
  auto list = ExtentList::from_record(*record);
  ASSIGN_OR_RETURN(auto owner, find<v1::InodeRecord>(key::inode(inode)));
  if (!list) problem(name, ": ", list.error().message());
  if (!owner) problem(name, " is nobody's");
  if (!list || !owner) return {};
  if (sealed && owner->version() != number_at(pair.key, 1)) {
    ASSIGN_OR_RETURN(const bool pinned, is_pinned(reader_, inode, *owner, Version{number_at(pair.key, 1)}));
    if (!pinned) problem(name, " is not the newest");
  }
  if (!sealed && !owner->dirty()) problem(name, " is kept though it is sealed");
  if (!is_linked(*owner)) return {};
  for (const Piece& piece : list->pieces()) {
    ASSIGN_OR_RETURN(auto object, find<v1::ObjectRecord>(key::object(piece.object)));
    std::string where = name + " at " + std::to_string(piece.offset) + ": " + named("object", piece.object.value);
    if (!object) {
      problem(where, " does not exist");
    } else if (object->inode() != inode.value) {
      problem(where, " is another inode's");
    } else if (piece.object_offset + piece.length > object->length()) {
      problem(where, " is too short");
    }
  }
  return {};
}

Result<const ObjectIds*> Checker::objects_of(InodeId inode) {
  if (cached_inode_ == inode) return &cached_objects_;
  cached_inode_ = inode;
  cached_objects_.clear();
  ASSIGN_OR_RETURN(auto record, find<v1::InodeRecord>(key::inode(inode)));
  if (!record) return &cached_objects_;
  std::vector<std::string> keys{key::sealed_extents(inode, Version{record->version()}), key::working_extents(inode)};
  if (record->pins() != 0) {
    ASSIGN_OR_RETURN(const std::vector<Version> versions, pinned_versions(reader_, inode));
    for (const Version version : versions) keys.push_back(key::sealed_extents(inode, version));
  }
  for (const std::string& key : keys) {
    auto list = load_list(reader_, key);
    if (list) std::ranges::copy(list->objects(), std::back_inserter(cached_objects_));
  }
  std::ranges::sort(cached_objects_);
  return &cached_objects_;
}

// What one change left behind in great number waits in a removed inode of its own.
Result<bool> Checker::is_in_husk(ObjectId object) {
  ASSIGN_OR_RETURN(std::vector<Pair> detached, next_pairs("N", kv::prefix_end("N"), SIZE_MAX));
  for (const Pair& pair : detached) {
    ASSIGN_OR_RETURN(const ObjectIds* objects, objects_of(InodeId{number_at(pair.key, 0)}));
    if (std::ranges::binary_search(*objects, object)) return true;
  }
  return false;
}

Result<bool> Checker::is_referenced(ObjectId object, const v1::ObjectRecord& record) {
  if (record.handle() != 0) {
    ASSIGN_OR_RETURN(auto handle, find<v1::HandleRecord>(key::handle(InodeId{record.inode()}, HandleId{record.handle()})));
    return handle && std::ranges::find(handle->granted(), object.value) != handle->granted().end();
  }
  ASSIGN_OR_RETURN(const ObjectIds* objects, objects_of(InodeId{record.inode()}));
  if (std::ranges::binary_search(*objects, object)) return true;
  return is_in_husk(object);
}

Result<void> Checker::check_inline(const Pair& pair) {
  const ObjectId object{number_at(pair.key, 0)};
  ASSIGN_OR_RETURN(auto record, find<v1::ObjectRecord>(key::object(object)));
  if (!record || !record->inlined()) problem("inline content of ", named("object", object.value), " is nobody's");
  return {};
}

Result<void> Checker::check_object(const Pair& pair) {
  ObjectId object{number_at(pair.key, 0)};
  auto record = parse<v1::ObjectRecord>(pair);
  if (!record) return {};
  std::string name = named("object", object.value);
  ASSIGN_OR_RETURN(bool referenced, is_referenced(object, *record));
  if (!referenced) problem(name, " is in no file");
  if (record->sealed() && record->handle() != 0) problem(name, " is sealed and being written");
  if (record->length() > record->granted_bytes()) problem(name, " is longer than was granted");
  if (record->inlined()) TRY(check_inline_object(reader_, object, *record, step_.problems));
  bool elsewhere = is_kept(*record) || record->length() == 0;
  if (!elsewhere) {
    ASSIGN_OR_RETURN(elsewhere, is_in_under_store(reader_, *record));
  }
  if (!elsewhere && step_.lost.size() < kMaxProblems)
    step_.lost.push_back(name + " has no copy left: " + std::to_string(record->length()) + " bytes of inode " +
                         std::to_string(record->inode()) + " are lost");
  bool wants_seal = !record->sealed() && record->handle() == 0;
  for (uint64_t worker : record->workers()) {
    ASSIGN_OR_RETURN(auto copy, reader_.get(key::copy(WorkerId{worker}, object)));
    if (!copy) problem(name, " is not listed as a copy of worker ", std::to_string(worker));
    ASSIGN_OR_RETURN(auto duty, reader_.get(key::seal_duty(WorkerId{worker}, object)));
    // A sealed object may have one: its other copies are sealed later, and a seal that a crash tore is repeated.
    if (wants_seal && !duty) problem(name, " lacks a duty to be sealed at worker ", std::to_string(worker));
  }
  return {};
}

bool is_copy(const std::optional<v1::ObjectRecord>& object, uint64_t worker) {
  return object && std::ranges::find(object->workers(), worker) != object->workers().end();
}

Result<void> Checker::check_copy(const Pair& pair) {
  uint64_t worker = number_at(pair.key, 0);
  ObjectId object{number_at(pair.key, 1)};
  ASSIGN_OR_RETURN(auto record, find<v1::ObjectRecord>(key::object(object)));
  if (is_copy(record, worker)) return {};
  ASSIGN_OR_RETURN(auto duty, reader_.get(key::remove_duty(WorkerId{worker}, object)));
  if (!duty)
    problem("copy of ", named("object", object.value), " at worker ", std::to_string(worker), " is in no file and stays");
  return {};
}

Result<void> Checker::check_duty(const Pair& pair) {
  uint64_t worker = number_at(pair.key, 0);
  ObjectId object{number_at(pair.key, 1)};
  ASSIGN_OR_RETURN(auto record, find<v1::ObjectRecord>(key::object(object)));
  std::string name = named(pair.key[0] == 'X' ? "removal duty of worker" : "seal duty of worker", worker) + " for " +
                     named("object", object.value);
  if (pair.key[0] == 'X') {
    if (is_copy(record, worker)) problem(name, ", which is in use");
    return {};
  }
  if (!is_copy(record, worker)) {
    problem(name, ", which it does not have");
  } else if (record->handle() != 0) {
    problem(name, ", which is being written");
  } else if (pair.value.size() < sizeof(uint64_t) || read_big_endian(pair.value) != record->length()) {
    problem(name, " has another length");
  } else if (const std::string_view crc = std::string_view(pair.value).substr(sizeof(uint64_t));
             !crc.empty() && (crc.size() != sizeof(uint64_t) || !record->sealed() || read_big_endian(crc) != record->crc32c())) {
    problem(name, " has another checksum");
  }
  return {};
}

Result<void> Checker::check_detached(const Pair& pair) {
  InodeId inode{number_at(pair.key, 0)};
  parse<v1::DetachedRecord>(pair);
  ASSIGN_OR_RETURN(auto record, find<v1::InodeRecord>(key::inode(inode)));
  if (!record || is_linked(*record))
    problem(named("inode", inode.value), " is being taken apart, and ", record ? "has links" : "does not exist");
  return {};
}

Result<CheckStep> Checker::run(std::string_view cursor, size_t budget) {
  std::string begin(kCheckedTags.substr(0, 1));
  if (cursor.size() > kCountBytes) {
    count_ = decode(cursor);
    begin = cursor.substr(kCountBytes);
  } else if (!cursor.empty()) {
    return invalid("a cursor that no step gave");
  }
  for (char tag : kCheckedTags.substr(std::min(kCheckedTags.find(begin[0]), kCheckedTags.size()))) {
    if (begin[0] != tag) begin = std::string(1, tag);
    ASSIGN_OR_RETURN(std::vector<Pair> pairs, next_pairs(begin, kv::prefix_end(std::string(1, tag)), budget - step_.checked));
    for (const Pair& pair : pairs) TRY(check(pair));
    step_.checked += pairs.size();
    if (step_.checked >= budget) {
      step_.cursor = encode(count_, pairs.back().key + '\0');
      return std::move(step_);
    }
    TRY(end_directory());
  }
  return std::move(step_);
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
