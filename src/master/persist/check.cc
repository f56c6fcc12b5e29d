#include "master/persist/check.h"

#include "master/namespace/inode.h"

namespace forebay::master {
namespace {

class PersistChecker {
 public:
  PersistChecker(const kv::Reader& reader, std::string_view key, std::string_view value, std::vector<std::string>& problems)
      : reader_(reader), key_(key), value_(value), problems_(problems) {}

  Result<void> run();

 private:
  uint64_t number(size_t index) const { return read_big_endian(key_.substr(1 + 8 * index, 8)); }
  bool has_numbers(size_t count) const { return key_.size() == 1 + 8 * count; }
  void problem(std::string text) { problems_.push_back(std::move(text)); }
  void malformed() { problem(corrupt_record(key_).message()); }

  template <class Record>
  bool parse(Record& record) {
    if (record.ParseFromArray(value_.data(), static_cast<int>(value_.size()))) return true;
    malformed();
    return false;
  }
  template <class Record>
  Result<std::optional<Record>> find(const std::string& key) {
    auto record = read_record<Record>(reader_, key);
    if (!record && record.error().is(Code::kCorrupt)) return std::optional<Record>{};
    return record;
  }
  Result<bool> exists(const std::string& key) {
    ASSIGN_OR_RETURN(auto value, reader_.get(key));
    return value.has_value();
  }
  Result<void> expect(const std::string& key, std::string what) {
    ASSIGN_OR_RETURN(const bool there, exists(key));
    if (!there) problem(std::move(what));
    return {};
  }

  Result<void> check_mapping();
  Result<void> check_binding();
  Result<void> check_bound(uint64_t id, const v1::BindingRecord& record, const std::string& name);
  Result<void> check_operation();
  Result<void> check_key();
  Result<void> check_intent();
  Result<void> check_index();

  const kv::Reader& reader_;
  const std::string_view key_, value_;
  std::vector<std::string>& problems_;
};

std::string place_key(const v1::IntentPlace& place) { return key::intent(place.due_ns(), place.sequence()); }

Result<void> PersistChecker::check_mapping() {
  v1::MappingRecord record;
  if (!parse(record)) return {};
  const std::string name = "the mapping of directory " + std::to_string(number(0));
  ASSIGN_OR_RETURN(auto directory, find<v1::InodeRecord>(key::inode(InodeId{number(0)})));
  if (!directory || directory->type() != v1::FILE_TYPE_DIRECTORY || !is_linked(*directory)) problem(name + " is of no directory");
  return expect(key::mount(record.mount()), name + " is to mount " + std::to_string(record.mount()) + ", which does not exist");
}

Result<void> PersistChecker::check_bound(uint64_t id, const v1::BindingRecord& record, const std::string& name) {
  if (!record.has_bound()) return {};
  ASSIGN_OR_RETURN(auto held, find<v1::KeyRecord>(key::stored_key(record.bound().mount(), record.bound().key())));
  if (!held || held->binding() != id) problem(name + " is bound to key '" + record.bound().key() + "', which is another's");
  return {};
}

Result<void> PersistChecker::check_binding() {
  v1::BindingRecord record;
  if (!parse(record)) return {};
  const uint64_t id = number(0);
  const std::string name = "binding " + std::to_string(id);
  ASSIGN_OR_RETURN(auto entry, find<v1::DentryRecord>(key::dentry(InodeId{record.directory()}, record.name())));
  if (!entry || entry->binding() != id || entry->inode() != record.inode()) problem(name + " is of no entry");
  TRY(expect(key::inode_binding(InodeId{record.inode()}, id), name + " is not listed by its inode"));
  TRY(check_bound(id, record, name));
  if (record.has_intent()) TRY(expect(place_key(record.intent()), name + " waits for an intent that does not exist"));
  if (record.operation() != 0) TRY(expect(key::operation(record.operation()), name + " is in an operation that has ended"));
  if (record.has_conflict()) TRY(expect(key::conflict(id), name + " is in a conflict that is not listed"));
  if (record.order() != 0) {
    TRY(expect(key::turn(InodeId{record.directory()}, record.order(), id), name + " has a turn that is not listed"));
  }
  return {};
}

Result<void> PersistChecker::check_operation() {
  v1::OperationRecord record;
  if (!parse(record)) return {};
  const uint64_t id = number(0);
  const std::string name = "operation " + std::to_string(id);
  if (record.object() != 0) return {};  // beside the others of its key
  ASSIGN_OR_RETURN(auto held, find<v1::KeyRecord>(key::stored_key(record.mount(), record.key())));
  if (!held || held->operation() != id) problem(name + " is not that of its key");
  if (record.kind() == v1::OPERATION_MOVE) {
    ASSIGN_OR_RETURN(auto source, find<v1::KeyRecord>(key::stored_key(record.mount(), record.source_key())));
    if (!source || source->operation() != id) problem(name + " is not that of its source");
  }
  if (record.kind() == v1::OPERATION_UPLOAD) {
    TRY(expect(key::pin(InodeId{record.inode()}, Version{record.version()}, id), name + " has not pinned what it uploads"));
  }
  return {};
}

Result<void> PersistChecker::check_key() {
  v1::KeyRecord record;
  if (!parse(record)) return {};
  const std::string name = "key '" + std::string(key_.substr(9)) + "'";
  if (record.binding() != 0) {
    ASSIGN_OR_RETURN(auto binding, find<v1::BindingRecord>(key::binding(record.binding())));
    const bool bound = binding && binding->bound().mount() == number(0) && binding->bound().key() == key_.substr(9);
    if (!bound) problem(name + " is held by a binding that is not bound to it");
  }
  if (record.operation() != 0) TRY(expect(key::operation(record.operation()), name + " is in an operation that has ended"));
  if (record.has_clear()) TRY(expect(place_key(record.clear()), name + " waits for an intent that does not exist"));
  if (record.has_sweep()) TRY(expect(place_key(record.sweep()), name + " waits for an intent that does not exist"));
  if (record.has_directory()) TRY(expect(place_key(record.directory()), name + " waits for an intent that does not exist"));
  return {};
}

Result<void> PersistChecker::check_intent() {
  v1::IntentRecord record;
  if (!parse(record)) return {};
  v1::IntentPlace place;
  if (record.binding() != 0) {
    ASSIGN_OR_RETURN(auto binding, find<v1::BindingRecord>(key::binding(record.binding())));
    if (binding) place = binding->intent();
  } else if (record.directory() != 0) {
    ASSIGN_OR_RETURN(auto waiting, find<v1::IntentPlace>(key::tree_intent(InodeId{record.directory()})));
    if (waiting) place = *waiting;
  } else {
    ASSIGN_OR_RETURN(auto held, find<v1::KeyRecord>(key::stored_key(record.mount(), record.key())));
    if (held && record.kind() == v1::INTENT_SWEEP)
      place = held->sweep();
    else if (held)
      place = record.kind() == v1::INTENT_CLEAR ? held->clear() : held->directory();
  }
  if (place_key(place) != key_) problem("intent " + std::to_string(number(1)) + " is nobody's");
  return {};
}

Result<void> PersistChecker::check_index() {
  const std::string text = corrupt_record(key_).message();
  if (key_[0] == 'p') return expect(key::operation(number(2)), "a version is pinned by an operation that has ended: " + text);
  if (key_[0] == 'f') {
    v1::FetchRecord fetch;
    if (!parse(fetch)) return {};
    TRY(expect(key::object(ObjectId{number(0)}), "somebody waits for an object that does not exist: " + text));
    if (fetch.operation() == 0) return {};
    return expect(key::operation(fetch.operation()), "an object is fetched by an operation that has ended: " + text);
  }
  if (key_[0] == 'q') {
    v1::IntentPlace place;
    if (!parse(place)) return {};
    return expect(place_key(place), "a directory waits for an intent that does not exist: " + text);
  }
  const uint64_t id = number(key_[0] == 'b' ? 1 : key_[0] == 'd' ? 2 : 0);
  ASSIGN_OR_RETURN(auto binding, find<v1::BindingRecord>(key::binding(id)));
  const bool agrees = binding && (key_[0] == 'b'   ? binding->inode() == number(0)
                                  : key_[0] == 'c' ? binding->has_conflict()
                                                   : binding->order() == number(1) && binding->directory() == number(0));
  if (!agrees) problem("binding " + std::to_string(id) + " is listed and does not say so: " + text);
  return {};
}

Result<void> PersistChecker::run() {
  constexpr std::string_view kThree = "dp", kTwo = "Qb";
  const bool is_key = key_[0] == 'K';
  const size_t numbers = kThree.contains(key_[0]) ? 3 : kTwo.contains(key_[0]) ? 2 : 1;
  if (is_key ? key_.size() < 9 : !has_numbers(numbers)) {
    malformed();
    return {};
  }
  v1::MountRecord mount;
  switch (key_[0]) {
    case 'A': return check_mapping();
    case 'B': return check_binding();
    case 'E': return check_operation();
    case 'K': return check_key();
    case 'Q': return check_intent();
    case 'U': parse(mount); return {};
    default: return check_index();
  }
}

Result<uint64_t> count(const kv::Reader& reader, const std::string& prefix) {
  uint64_t keys = 0;
  TRY(reader.scan(prefix, kv::prefix_end(prefix), [&](std::string_view, std::string_view) { return ++keys != 0; }));
  return keys;
}

}  // namespace

Result<void> check_persist_record(const kv::Reader& reader, std::string_view key, std::string_view value,
                                  std::vector<std::string>& problems) {
  return PersistChecker(reader, key, value, problems).run();
}

Result<bool> is_in_under_store(const kv::Reader& reader, const v1::ObjectRecord& object) {
  const InodeId inode{object.inode()};
  ASSIGN_OR_RETURN(const auto record, read_record<v1::InodeRecord>(reader, key::inode(inode)));
  if (!record || record->bindings() == 0) return false;
  std::vector<uint64_t> ids;
  const std::string prefix = key::inode_bindings(inode);
  TRY(reader.scan(prefix, kv::prefix_end(prefix), [&](std::string_view key, std::string_view) {
    ids.push_back(read_big_endian(key.substr(prefix.size())));
    return true;
  }));
  for (const uint64_t id : ids) {
    ASSIGN_OR_RETURN(const auto binding, read_record<v1::BindingRecord>(reader, key::binding(id)));
    const uint64_t wanted = object.stored_version() != 0 ? object.stored_version() : record->version();
    if (binding && binding->has_bound() && binding->bound().version() == wanted) return true;
  }
  return false;
}

Result<void> check_persist_counts(const kv::Reader& reader, InodeId inode, const v1::InodeRecord& record,
                                  std::vector<std::string>& problems) {
  ASSIGN_OR_RETURN(const uint64_t bindings, count(reader, key::inode_bindings(inode)));
  ASSIGN_OR_RETURN(const uint64_t pins, count(reader, key::pins(inode)));
  if (bindings != record.bindings()) {
    problems.push_back("inode " + to_string(inode) + " counts " + std::to_string(record.bindings()) + " bindings and has " +
                       std::to_string(bindings));
  }
  if (pins != record.pins()) {
    problems.push_back("inode " + to_string(inode) + " counts " + std::to_string(record.pins()) + " pins and has " +
                       std::to_string(pins));
  }
  return {};
}

}  // namespace forebay::master
