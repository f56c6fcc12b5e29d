#include "ufs/memory_bucket.h"

#include <algorithm>
#include <utility>

#include "base/crc32c.h"

namespace forebay::ufs {
namespace {

// The prefix's upper end: the least text greater than all that begin with it ("" if there is none).
std::string after_all(std::string prefix) {
  while (!prefix.empty() && static_cast<unsigned char>(prefix.back()) == 0xff) prefix.pop_back();
  if (!prefix.empty()) prefix.back() = static_cast<char>(static_cast<unsigned char>(prefix.back()) + 1);
  return prefix;
}

std::string no_such(const std::string& key) { return "no key " + quoted(key); }

}  // namespace

const MemoryBucket::Object* MemoryBucket::find(const std::string& key) const {
  auto found = objects_.find(key);
  return found == objects_.end() ? nullptr : &found->second;
}

Result<void> MemoryBucket::check(const Condition& condition, Feature absent, Feature identity, const std::string& key) const {
  if (condition.is_none()) return {};
  const auto quirk = config_.quirks.find(condition.wants_absent() ? absent : identity);
  const Quirk how = quirk == config_.quirks.end() ? Quirk::kHonours : quirk->second;
  if (how == Quirk::kIgnores) return {};
  if (how == Quirk::kUnsupported) return refused(EOPNOTSUPP, "NotImplemented: the condition on " + quoted(key));
  const Object* object = find(key);
  if (how == Quirk::kHonours && condition.holds(object ? &object->identity : nullptr)) return {};
  return conflict("PreconditionFailed: " + quoted(key));
}

Result<void> MemoryBucket::check_place(const std::string& key) const {
  if (!is_nas()) return {};
  if (directories_.contains(key)) return refused(EISDIR, quoted(key) + " is a directory");
  for (std::string_view above = parent_of(key); !above.empty(); above = parent_of(above)) {
    if (objects_.contains(std::string(above))) return refused(ENOTDIR, quoted(above) + " is no directory");
  }
  return {};
}

void MemoryBucket::add_parents(const std::string& key) {
  if (!is_nas()) return;
  for (std::string_view above = parent_of(key); !above.empty(); above = parent_of(above))
    directories_.try_emplace(std::string(above));
}

std::optional<ObjectState> MemoryBucket::state_of(const std::string& key) const {
  const Object* object = find(key);
  if (!object) return std::nullopt;
  return ObjectState{object->identity, object->stamp, object->bytes->size(), crc32c(as_bytes(*object->bytes))};
}

void MemoryBucket::log_change(const Caller& caller, std::string_view operation, const std::string& key,
                              std::optional<ObjectState> before) {
  changes_.push_back({next_change_++, caller.at, *caller.who, std::string(operation), key, std::move(before), state_of(key)});
  if (changes_.size() <= config_.log_entries) return;
  changes_.pop_front();
  ++dropped_;
}

void MemoryBucket::log_request(const Caller& caller, std::string_view operation, const std::string& key, bool succeeded) {
  requests_.push_back({caller.at, *caller.who, std::string(operation), key, succeeded});
  if (requests_.size() <= config_.log_entries) return;
  requests_.pop_front();
  ++dropped_;
}

template <class T>
Result<T> MemoryBucket::logged(const Caller& caller, std::string_view operation, const std::string& key, Result<T> result) {
  log_request(caller, operation, key, result.has_value());
  return result;
}

Identity MemoryBucket::store(const Caller& caller, std::string_view operation, const std::string& key, Object object) {
  std::optional<ObjectState> before = state_of(key);
  object.identity.text = "m" + std::to_string(next_identity_++);
  object.mtime_ns = caller.wall_ns;
  Identity identity = object.identity;
  add_parents(key);
  objects_.insert_or_assign(key, std::move(object));
  log_change(caller, operation, key, std::move(before));
  return identity;
}

void MemoryBucket::erase(const Caller& caller, std::string_view operation, const std::string& key) {
  std::optional<ObjectState> before = state_of(key);
  if (!before) return;
  objects_.erase(key);
  log_change(caller, operation, key, std::move(before));
}

Result<ObjectStat> MemoryBucket::head(const Caller& caller, const std::string& key) {
  std::lock_guard lock(mutex_);
  const Object* object = find(key);
  log_request(caller, "head", key, object != nullptr);
  if (!object) return not_found(no_such(key));
  return ObjectStat{object->bytes->size(), object->mtime_ns, object->identity, object->stamp};
}

Result<MemoryBucket::Content> MemoryBucket::get(const Caller& caller, const std::string& key, const Condition& condition) {
  std::lock_guard lock(mutex_);
  const Object* object = find(key);
  const bool fits = object && condition.holds(&object->identity);
  log_request(caller, "get", key, fits);
  if (!object) return not_found(no_such(key));
  if (!fits) return conflict("PreconditionFailed: " + quoted(key));
  return Content{{object->bytes->size(), object->mtime_ns, object->identity, object->stamp}, object->bytes};
}

Result<Place> MemoryBucket::look(const Caller& caller, const std::string& path) {
  std::lock_guard lock(mutex_);
  log_request(caller, "look", path, true);
  if (path.empty()) return Place{.is_directory = true, .object = {}, .attributes = {}};
  if (const Object* object = find(path)) {
    const ObjectStat stat{object->bytes->size(), object->mtime_ns, object->identity, object->stamp};
    return Place{.is_directory = false, .object = stat, .attributes = {}};
  }
  if (auto directory = directories_.find(path); directory != directories_.end())
    return Place{.is_directory = true, .object = {}, .attributes = directory->second};
  auto below = objects_.lower_bound(path + "/");
  if (below != objects_.end() && below->first.starts_with(path + "/"))
    return Place{.is_directory = true, .object = {}, .attributes = {}};
  return not_found(no_such(path));
}

Result<ListPage> MemoryBucket::list(const Caller& caller, const ListRequest& request) {
  std::lock_guard lock(mutex_);
  log_request(caller, "list", request.prefix, true);
  std::map<std::string, const Object*> names;  // of one flat view: empty directories of a NAS show up among the objects
  for (auto at = objects_.lower_bound(request.prefix); at != objects_.end() && at->first.starts_with(request.prefix); ++at)
    names.emplace(at->first, &at->second);
  if (request.by_directory) {
    for (const auto& [path, attributes] : directories_) {
      if ((path + "/").starts_with(request.prefix) && path + "/" != request.prefix) names.emplace(path + "/", nullptr);
    }
  }
  ListPage page;
  const bool after_directory = request.by_directory && request.start_after.ends_with('/');
  auto at = after_directory ? names.lower_bound(after_all(request.start_after)) : names.upper_bound(request.start_after);
  if (!request.cursor.empty()) {
    at = request.cursor.ends_with('/') ? names.lower_bound(after_all(request.cursor)) : names.upper_bound(request.cursor);
  }
  while (at != names.end()) {
    if (is_reserved(at->first)) {
      ++at;
      continue;
    }
    if (page.entries.size() == std::clamp(request.most, 1u, 1000u)) {
      page.cursor = page.entries.back().key;
      break;
    }
    const size_t slash = request.by_directory ? at->first.find('/', request.prefix.size()) : std::string::npos;
    if (slash != std::string::npos) {
      page.entries.push_back({.key = at->first.substr(0, slash + 1), .is_directory = true});
      if (auto kept = directories_.find(at->first.substr(0, slash)); kept != directories_.end())
        page.entries.back().attributes = kept->second;
      at = names.lower_bound(after_all(page.entries.back().key));
    } else {
      const Object& object = *at->second;
      page.entries.push_back({at->first, false, object.bytes->size(), object.mtime_ns, object.identity});
      ++at;
    }
  }
  return page;
}

Result<Identity> MemoryBucket::put(const Caller& caller, const PutRequest& request, std::string body) {
  std::lock_guard lock(mutex_);
  auto act = [&]() -> Result<Identity> {
    if (fenced_.contains({request.key, request.operation})) return not_found(quoted(request.operation) + " was fenced");
    TRY(check_place(request.key));
    TRY(check(request.condition, Feature::kPutIfAbsent, Feature::kPutIfIdentity, request.key));
    return store(caller, "put", request.key, {std::make_shared<const std::string>(std::move(body)), request.stamp, {}, 0});
  };
  return logged(caller, "put", request.key, act());
}

Result<Identity> MemoryBucket::copy(const Caller& caller, const CopyRequest& request) {
  std::lock_guard lock(mutex_);
  auto act = [&]() -> Result<Identity> {
    const Object* source = find(request.from);
    if (!source) return not_found(no_such(request.from));
    TRY(check(request.source, Feature::kCopyIfSourceIdentity, Feature::kCopyIfSourceIdentity, request.from));
    TRY(check_place(request.to));
    TRY(check(request.target, Feature::kCopyIfAbsent, Feature::kCopyIfIdentity, request.to));
    Object copied = *source;
    if (request.stamp) copied.stamp = request.stamp;
    return store(caller, "copy", request.to, std::move(copied));
  };
  return logged(caller, "copy", request.to, act());
}

Result<void> MemoryBucket::remove(const Caller& caller, const std::string& key, const Condition& condition) {
  std::lock_guard lock(mutex_);
  auto act = [&]() -> Result<void> {
    if (!find(key)) return {};
    TRY(check(condition, Feature::kRemoveIfIdentity, Feature::kRemoveIfIdentity, key));
    erase(caller, "remove", key);
    return {};
  };
  return logged(caller, "remove", key, act());
}

void MemoryBucket::write_foreign(const std::string& key, std::string content, os::Instant at) {
  std::lock_guard lock(mutex_);
  static const std::string who = "foreign";
  store({&who, at, at.time_since_epoch().count()}, "foreign", key,
        {std::make_shared<const std::string>(std::move(content)), std::nullopt, {}, 0});
}

void MemoryBucket::remove_foreign(const std::string& key, os::Instant at) {
  std::lock_guard lock(mutex_);
  static const std::string who = "foreign";
  erase({&who, at, at.time_since_epoch().count()}, "foreign", key);
}

std::optional<std::string> MemoryBucket::content(const std::string& key) const {
  std::lock_guard lock(mutex_);
  const Object* object = find(key);
  if (!object) return std::nullopt;
  return *object->bytes;
}

std::optional<ObjectState> MemoryBucket::state(const std::string& key) const {
  std::lock_guard lock(mutex_);
  return state_of(key);
}

std::vector<std::string> MemoryBucket::keys() const {
  std::lock_guard lock(mutex_);
  std::vector<std::string> keys;
  keys.reserve(objects_.size());
  for (const auto& [key, object] : objects_) keys.push_back(key);
  return keys;
}

std::vector<std::string> MemoryBucket::directories() const {
  std::lock_guard lock(mutex_);
  std::vector<std::string> paths;
  paths.reserve(directories_.size());
  for (const auto& [path, attributes] : directories_) paths.push_back(path);
  return paths;
}

std::vector<Upload> MemoryBucket::open_uploads() const {
  std::lock_guard lock(mutex_);
  std::vector<Upload> uploads;
  uploads.reserve(uploads_.size());
  for (const auto& [id, open] : uploads_) uploads.push_back(open.upload);
  return uploads;
}

std::vector<KeyChange> MemoryBucket::changes() const {
  std::lock_guard lock(mutex_);
  return {changes_.begin(), changes_.end()};
}

std::vector<RequestRecord> MemoryBucket::requests() const {
  std::lock_guard lock(mutex_);
  return {requests_.begin(), requests_.end()};
}

uint64_t MemoryBucket::dropped() const {
  std::lock_guard lock(mutex_);
  return dropped_;
}

// Uploads.

Result<Upload> MemoryBucket::create_upload(const Caller& caller, const UploadRequest& request) {
  std::lock_guard lock(mutex_);
  TRY(logged(caller, "create_upload", request.key, check_place(request.key)));
  char id[32];
  std::snprintf(id, sizeof id, "u%08llu",
                static_cast<unsigned long long>(next_upload_++));  // so that order by id is order by age
  Upload upload{request.key, id, caller.wall_ns};
  uploads_.emplace(upload.id, OpenUpload{upload, request.operation, request.stamp, {}});
  return upload;
}

Result<Part> MemoryBucket::put_part(const Caller& caller, const Upload& upload, uint32_t number, uint64_t offset,
                                    std::string body) {
  std::lock_guard lock(mutex_);
  auto open = uploads_.find(upload.id);
  log_request(caller, "put_part", upload.key, open != uploads_.end());
  if (open == uploads_.end()) return not_found("NoSuchUpload: " + upload.id + " of " + quoted(upload.key));
  Part part{number, offset, body.size(), "p" + std::to_string(next_identity_++)};
  open->second.parts.insert_or_assign(number, std::pair(part, std::move(body)));
  return part;
}

Result<std::vector<Part>> MemoryBucket::list_parts(const Caller& caller, const Upload& upload) {
  std::lock_guard lock(mutex_);
  auto open = uploads_.find(upload.id);
  log_request(caller, "list_parts", upload.key, open != uploads_.end());
  if (open == uploads_.end()) return not_found("NoSuchUpload: " + upload.id + " of " + quoted(upload.key));
  std::vector<Part> parts;
  for (const auto& [number, part] : open->second.parts) parts.push_back(part.first);
  return parts;
}

Result<Identity> MemoryBucket::complete_upload(const Caller& caller, const Upload& upload, const std::vector<Part>& parts,
                                               const Condition& condition) {
  std::lock_guard lock(mutex_);
  auto act = [&]() -> Result<Identity> {
    auto open = uploads_.find(upload.id);
    if (open == uploads_.end()) return not_found("NoSuchUpload: " + upload.id + " of " + quoted(upload.key));
    std::string bytes;
    for (const Part& part : parts) {
      auto stored = open->second.parts.find(part.number);
      if (stored == open->second.parts.end() || stored->second.first.tag != part.tag)
        return refused(EINVAL, "InvalidPart: " + std::to_string(part.number) + " of " + quoted(upload.key));
      if (part.offset != bytes.size()) return refused(EINVAL, "InvalidPartOrder: " + quoted(upload.key));
      if (&part != &parts.back() && stored->second.second.size() < config_.limits.least_part_bytes)
        return refused(EINVAL, "EntityTooSmall: " + quoted(upload.key));
      bytes += stored->second.second;
    }
    TRY(check_place(upload.key));
    TRY(check(condition, Feature::kCompleteIfAbsent, Feature::kCompleteIfIdentity, upload.key));
    const Stamp stamp = open->second.stamp;
    uploads_.erase(open);
    return store(caller, "complete_upload", upload.key, {std::make_shared<const std::string>(std::move(bytes)), stamp, {}, 0});
  };
  return logged(caller, "complete_upload", upload.key, act());
}

void MemoryBucket::abort_upload(const Caller& caller, const Upload& upload) {
  std::lock_guard lock(mutex_);
  log_request(caller, "abort_upload", upload.key, true);
  uploads_.erase(upload.id);
  if (!config_.features.has(Feature::kFencedPut)) return;
  fenced_.emplace(upload.key, upload.id);
  std::erase_if(uploads_,
                [&](const auto& each) { return each.second.operation == upload.id && each.second.upload.key == upload.key; });
}

UploadsPage MemoryBucket::list_uploads(const Caller& caller, const std::string& prefix, const std::string& cursor) {
  std::lock_guard lock(mutex_);
  log_request(caller, "list_uploads", prefix, true);
  UploadsPage page;
  for (auto at = uploads_.upper_bound(cursor); at != uploads_.end(); ++at) {
    if (!at->second.upload.key.starts_with(prefix)) continue;
    if (page.uploads.size() == 1000) {
      page.cursor = page.uploads.back().id;
      break;
    }
    page.uploads.push_back(at->second.upload);
  }
  return page;
}

// What only a NAS does.

Result<void> MemoryBucket::rename(const Caller& caller, const std::string& from, const Condition& source, const std::string& to,
                                  const Condition& target) {
  std::lock_guard lock(mutex_);
  auto act = [&]() -> Result<void> {
    if (!config_.features.has(Feature::kRename)) return refused(EOPNOTSUPP, "this store cannot rename");
    const Object* object = find(from);
    if (!object) return not_found(no_such(from));
    if (!source.holds(&object->identity)) return conflict(quoted(from) + " holds something else");
    TRY(check_place(to));
    const Object* replaced = find(to);
    if (!target.holds(replaced ? &replaced->identity : nullptr)) return conflict(quoted(to) + " holds something else");
    if (from == to) return {};
    std::optional<ObjectState> before = state_of(to);
    add_parents(to);
    objects_.insert_or_assign(to, *object);
    log_change(caller, "rename", to, std::move(before));
    erase(caller, "rename", from);
    return {};
  };
  return logged(caller, "rename", to, act());
}

Result<void> MemoryBucket::rename_directory(const Caller& caller, const std::string& from, const std::string& to) {
  std::lock_guard lock(mutex_);
  auto act = [&]() -> Result<void> {
    if (!config_.features.has(Feature::kRename)) return refused(EOPNOTSUPP, "this store cannot rename");
    if (!directories_.contains(from)) return not_found("no directory " + quoted(from));
    if (to == from || to.starts_with(from + "/")) return refused(EINVAL, quoted(to) + " is below " + quoted(from));
    if (directories_.contains(to) || find(to)) return conflict(quoted(to) + " is there");
    TRY(check_place(to));
    add_parents(to);
    std::vector<std::string> below;
    for (const auto& [key, object] : objects_) {
      if (key.starts_with(from + "/")) below.push_back(key);
    }
    for (const std::string& key : below) {
      const std::string moved = to + key.substr(from.size());
      objects_.insert_or_assign(moved, objects_.at(key));
      log_change(caller, "rename", moved, std::nullopt);
      erase(caller, "rename", key);
    }
    std::map<std::string, Attributes> moved;
    for (const auto& [path, attributes] : directories_) {
      const bool is_inside = path == from || path.starts_with(from + "/");
      moved.emplace(is_inside ? to + path.substr(from.size()) : path, attributes);
    }
    directories_ = std::move(moved);
    return {};
  };
  return logged(caller, "rename_directory", to, act());
}

Result<void> MemoryBucket::make_directory(const Caller& caller, const std::string& path, const Attributes& attributes) {
  std::lock_guard lock(mutex_);
  auto act = [&]() -> Result<void> {
    if (!is_nas()) return {};
    if (find(path)) return refused(ENOTDIR, quoted(path) + " is no directory");
    if (!directories_.contains(path)) TRY(check_place(path));
    add_parents(path);
    directories_.insert_or_assign(path, attributes);
    return {};
  };
  return logged(caller, "make_directory", path, act());
}

Result<void> MemoryBucket::remove_directory(const Caller& caller, const std::string& path) {
  std::lock_guard lock(mutex_);
  auto act = [&]() -> Result<void> {
    if (!is_nas()) return {};
    if (find(path)) return refused(ENOTDIR, quoted(path) + " is no directory");
    auto object = objects_.lower_bound(path + "/");
    auto directory = directories_.lower_bound(path + "/");
    const bool is_used = (object != objects_.end() && object->first.starts_with(path + "/")) ||
                         (directory != directories_.end() && directory->first.starts_with(path + "/"));
    if (is_used) return refused(ENOTEMPTY, quoted(path) + " is not empty");
    directories_.erase(path);
    return {};
  };
  return logged(caller, "remove_directory", path, act());
}

Result<Identity> MemoryBucket::set_attributes(const Caller& caller, const std::string& path, const Attributes& attributes) {
  std::lock_guard lock(mutex_);
  auto act = [&]() -> Result<Identity> {
    if (!config_.features.has(Feature::kAttributes)) return refused(EOPNOTSUPP, "this store keeps no attributes");
    if (auto directory = directories_.find(path); directory != directories_.end()) {
      directory->second = attributes;
      return Identity{"d" + path};
    }
    auto object = objects_.find(path);
    if (object == objects_.end()) return not_found(no_such(path));
    if (attributes.mtime_ns) {
      std::optional<ObjectState> before = state_of(path);
      object->second.mtime_ns = *attributes.mtime_ns;
      object->second.identity.text = "m" + std::to_string(next_identity_++);
      log_change(caller, "set_attributes", path, std::move(before));
    }
    return object->second.identity;
  };
  return logged(caller, "set_attributes", path, act());
}

}  // namespace forebay::ufs
