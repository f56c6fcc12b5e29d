// What may not differ between two states that are the same, and what has to be true of each.
#include <algorithm>

#include "master/namespace/check.h"
#include "master/persist/target.h"
#include "record_looks.h"
#include "small_world.h"

namespace forebay::model {

using namespace forebay::master;

std::string SmallWorld::canonical(const State& state) const {
  Ranks ranks;
  std::string text;
  auto print_rest = [&](bool collecting) {
    auto id = [&](Kind kind, uint64_t value) {
      if (collecting)
        ranks.name(kind, value);
      else
        text += ranks.text(kind, value) + " ";
    };
    for (const auto& [key, object] : state.store) {
      text += key + (object.foreign ? "F " : " ");
      if (!object.foreign) id(Kind::kInode, object.inode);
      text += std::to_string(object.version) + "\n";
    }
    std::vector<Worker> workers = state.workers;
    std::ranges::sort(workers, {}, [](const Worker& worker) { return std::pair(worker.operation, worker.epoch); });
    for (const Worker& worker : workers) {
      id(Kind::kOperation, worker.operation);
      text += std::to_string(worker.epoch) + " " + std::to_string(static_cast<int>(worker.phase));
      if (!state.records->contains(key::operation(worker.operation))) {  // given up, and not fenced
        text += worker.order->key() + std::to_string(worker.order->kind()) + worker.order->expected().identity();
        id(Kind::kInode, worker.order->inode());
        text += std::to_string(worker.order->version());
      }
      text += "\n";
    }
    for (const auto& [inode, version] : state.excused) {
      id(Kind::kInode, inode);
      text += std::to_string(version) + "x\n";
    }
  };
  print(*state.records, ranks, true, text);
  print_rest(true);
  text.clear();
  print(*state.records, ranks, false, text);
  print_rest(false);
  if (config_.policies.contains("directory")) {  // the order of seals decides only where order is kept
    std::vector<std::pair<uint64_t, std::string>> order;
    for (const auto& [content, when] : state.sealed) {
      const auto record = find<v1::InodeRecord>(*state.records, key::inode(InodeId{content.first}));
      if (record && record->version() == content.second) order.emplace_back(when, ranks.text(Kind::kInode, content.first));
    }
    std::ranges::sort(order);
    for (const auto& [when, name] : order) text += name + "<";
  }
  for (int left : {state.operations_left, state.give_ups_left, state.foreign_left, state.evictions_left, state.reads_left})
    text += std::to_string(left) + ",";
  return text;
}

bool SmallWorld::at_rest(const State& state) const {
  if (!state.workers.empty() || !all_of<v1::OperationRecord>(*state.records, 'E').empty()) return false;
  if (!all_of<v1::FetchRecord>(*state.records, 'f').empty()) return false;
  const auto intents = all_of<v1::IntentRecord>(*state.records, 'Q');
  return std::ranges::all_of(intents, [](const auto& each) { return each.second.lost(); });
}

std::string SmallWorld::outcome(const State& state) const {
  std::map<uint64_t, size_t> numbers;
  std::string text;
  auto add = [&](std::string_view name, const std::string& file, uint64_t version) {
    ((text += name) += " " + file) += "." + std::to_string(version) + "\n";
  };
  for (auto at = state.records->lower_bound("D"); at != state.records->end() && at->first[0] == 'D'; ++at) {
    v1::DentryRecord entry;
    entry.ParseFromString(at->second);
    const auto record = find<v1::InodeRecord>(*state.records, key::inode(InodeId{entry.inode()}));
    if (!record || record->type() != v1::FILE_TYPE_REGULAR) continue;
    const size_t number = numbers.try_emplace(entry.inode(), numbers.size()).first->second;
    add(std::string_view(at->first).substr(9), std::to_string(number), record->version());
  }
  for (const auto& [key, object] : state.store) {
    auto number = numbers.find(object.inode);
    add(key, object.foreign ? "F" : number == numbers.end() ? "?" : std::to_string(number->second), object.version);
  }
  return text;
}

namespace {

// The versions that have the bytes of the newest one that no worker has.
std::set<uint64_t> missing_versions(const Records& records, uint64_t inode, uint64_t newest) {
  std::set<uint64_t> versions;
  const auto list = find<v1::ExtentListRecord>(records, key::sealed_extents(InodeId{inode}, Version{newest}));
  if (!list) return versions;
  for (const uint64_t object : list->object()) {
    const auto record = find<v1::ObjectRecord>(records, key::object(ObjectId{object}));
    if (record && !record->workers().empty()) continue;
    versions.insert(record && record->stored_version() != 0 ? record->stored_version() : newest);
  }
  return versions;
}

}  // namespace

// Every file that has a name, and was closed, has its bytes somewhere.
std::optional<std::string> SmallWorld::wrong_content(const State& state) const {
  const auto bindings = all_of<v1::BindingRecord>(*state.records, 'B');
  for (const auto& [inode, record] : all_of<v1::InodeRecord>(*state.records, 'I')) {
    const bool counts = record.type() == v1::FILE_TYPE_REGULAR && record.nlink() != 0 && record.version() != 0;
    if (!counts || has_copies(state.records, InodeId{inode}, record.version())) continue;
    for (const uint64_t version : missing_versions(*state.records, inode, record.version())) {
      if (state.excused.contains({inode, version})) continue;
      const StoredObject wanted{false, inode, version};
      bool stored = std::ranges::any_of(state.store, [&](const auto& each) { return each.second == wanted; });
      for (const auto& [id, binding] : bindings) {
        auto object = state.store.find(binding.bound().key());
        const bool held = binding.inode() == inode && binding.bound().version() == version && object != state.store.end() &&
                          object->second.identity() == binding.bound().identity();
        stored = stored || held;
      }
      if (!stored) return "the content of inode " + std::to_string(inode) + " is lost";
    }
  }
  return std::nullopt;
}

namespace {

std::string folder(std::string_view key) {
  const size_t slash = key.rfind('/');
  return std::string(slash == std::string_view::npos ? std::string_view() : key.substr(0, slash));
}

}  // namespace

// What has become visible in an ordered directory, and what was sealed there before.
std::optional<std::string> SmallWorld::wrong_order(const State& before, const State& after) const {
  if (!config_.policies.contains("directory")) return std::nullopt;
  const RecordsReader reader(after.records);
  const auto mappings = Mappings::load(reader);
  for (const auto& [key, object] : after.store) {
    auto was = before.store.find(key);
    if (object.foreign || (was != before.store.end() && was->second == object)) continue;
    auto when = after.sealed.find({object.inode, object.version});
    for (const auto& [id, binding] : all_of<v1::BindingRecord>(*after.records, 'B')) {
      const auto record = find<v1::InodeRecord>(*after.records, key::inode(InodeId{binding.inode()}));
      const auto target = binding_target(reader, *mappings, binding);
      if (!record || !target || !*target || folder((*target)->key) != folder(key) || binding.has_conflict()) continue;
      auto sealed = after.sealed.find({binding.inode(), record->version()});
      if (binding.inode() == object.inode || sealed == after.sealed.end() || sealed->second > when->second) continue;
      auto there = after.store.find((*target)->key);
      const bool visible = there != after.store.end() &&
                           (there->second.foreign || there->second == StoredObject{false, binding.inode(), record->version()});
      if (!visible) return key + " is visible before " + (*target)->key + ", which was sealed earlier";
    }
  }
  return std::nullopt;
}

std::optional<std::string> SmallWorld::wrong_step(const State& before, const State& after) const {
  for (const auto& [key, was] : before.store) {
    auto now = after.store.find(key);
    const bool same = now != after.store.end() && now->second == was;
    if (same) continue;
    if (config_.forbids_deletion && now == after.store.end()) return "the object at " + key + " was deleted";
    if (was.foreign) {
      const auto record = find<v1::KeyRecord>(*before.records, key::stored_key(1, key));
      const bool adopted = record && record->ours().identity() == was.identity();
      if (!adopted && !config_.cache_wins) return "the foreign object at " + key + " was destroyed";
    } else if (now != after.store.end() && !now->second.foreign && now->second.inode == was.inode &&
               now->second.version < was.version) {
      return "the version at " + key + " went back";
    }
  }
  if (auto lost = wrong_content(after)) return lost;
  return wrong_order(before, after);
}

std::optional<std::string> SmallWorld::wrong_rest(const State& state) const {
  const RecordsReader reader(state.records);
  const auto mappings = Mappings::load(reader);
  std::set<std::string> explained;
  for (const auto& [id, binding] : all_of<v1::BindingRecord>(*state.records, 'B')) {
    if (binding.has_bound()) explained.insert(binding.bound().key());
    const auto target = binding_target(reader, *mappings, binding);
    const auto record = find<v1::InodeRecord>(*state.records, key::inode(InodeId{binding.inode()}));
    if (!target || !record) return "binding " + std::to_string(id) + " is of nothing";
    if (!*target && binding.has_bound()) return "binding " + std::to_string(id) + " has no target and holds a key";
    const bool settled_otherwise = !*target || binding.has_conflict() || binding.has_intent() || record->version() == 0;
    if (settled_otherwise) continue;
    const std::string& key = (*target)->key;
    auto there = state.store.find(key);
    const bool right = there != state.store.end() && binding.bound().key() == key &&
                       binding.bound().version() == record->version() && there->second.identity() == binding.bound().identity();
    const bool overwritten = there != state.store.end() && there->second.foreign;  // after it was clean: nobody has looked since
    if (!right && !overwritten) return "the store does not hold inode " + std::to_string(binding.inode()) + " at " + key;
  }
  const bool keeps = !config_.policies.contains("\"delete\"");
  for (const auto& [key, object] : state.store) {
    const auto record = find<v1::KeyRecord>(*state.records, key::stored_key(1, key));
    const bool kept = keeps && record && record->ours().identity() == object.identity();
    if (!object.foreign && !explained.contains(key) && !kept) return "litter at " + key;
  }
  const auto problems = check_all(reader);
  if (!problems) return problems.error().to_string();
  if (!problems->empty()) return problems->front();
  return std::nullopt;
}

}  // namespace forebay::model
