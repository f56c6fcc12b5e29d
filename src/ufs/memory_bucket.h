// An under store in memory: the state that outlives the processes using it, and what happened to it.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "os/clock.h"
#include "ufs/under_store.h"

namespace forebay::ufs {

// What a store without a feature does when the condition is sent all the same. All of these were seen.
enum class Quirk : uint8_t { kHonours, kIgnores, kRefusesAlways, kUnsupported };

struct MemoryBucketConfig {
  // Conditions are atomic unless a quirk says otherwise. With kDirectories it is a NAS: parents are directories, a key is a file.
  Capabilities features{Feature::kPutIfAbsent,        Feature::kPutIfIdentity,    Feature::kCompleteIfAbsent,
                        Feature::kCompleteIfIdentity, Feature::kRemoveIfIdentity, Feature::kCopyIfSourceIdentity,
                        Feature::kCopyIfAbsent,       Feature::kCopyIfIdentity};
  std::map<Feature, Quirk> quirks;
  Limits limits{.least_part_bytes = 0};
  uint64_t body_bytes = 256 * kMiB;  // of one request
  size_t log_entries = 4'000'000;    // of each log; the oldest are dropped and counted
};

// A key as it was at a moment.
struct ObjectState {
  Identity identity;
  std::optional<Stamp> stamp;
  uint64_t length = 0;
  uint32_t crc32c = 0;  // of the bytes themselves: a stamp may lie
  bool operator==(const ObjectState&) const = default;
};
// One change of one key, in the order in which they took effect.
struct KeyChange {
  uint64_t sequence;
  os::Instant at;
  std::string who;        // the store handle's name
  std::string operation;  // "put", "complete_upload", "copy", "remove", "rename", "foreign"
  std::string key;
  std::optional<ObjectState> before, after;
};
// One request that reached the store, whatever its answer.
struct RequestRecord {
  os::Instant at;
  std::string who, operation, key;
  bool succeeded;
};

// Keys, uploads and directories, and the history of both. Every call takes effect at once; MemoryStore adds time. Deterministic:
// identities are numbered, iteration is by name. Owned by a test or a simulation, outlives its stores. Any thread; one lock
// inside.
class MemoryBucket {
 public:
  explicit MemoryBucket(MemoryBucketConfig config = {}) : config_(std::move(config)) {}
  const MemoryBucketConfig& config() const { return config_; }

  // What a foreign program does and sees.
  void write_foreign(const std::string& key, std::string content, os::Instant at = {});
  void remove_foreign(const std::string& key, os::Instant at = {});
  std::optional<std::string> content(const std::string& key) const;
  std::optional<ObjectState> state(const std::string& key) const;
  std::vector<std::string> keys() const;
  std::vector<std::string> directories() const;
  std::vector<Upload> open_uploads() const;

  std::vector<KeyChange> changes() const;
  std::vector<RequestRecord> requests() const;
  uint64_t dropped() const;  // log entries that were too many

  // For MemoryStore: the store's side of each call.
  struct Caller {
    const std::string* who;
    os::Instant at;
    int64_t wall_ns;
  };
  Result<ObjectStat> head(const Caller& caller, const std::string& key);
  struct Content {
    ObjectStat stat;
    std::shared_ptr<const std::string> bytes;  // shared with the bucket and other readers: never changes
  };
  Result<Content> get(const Caller& caller, const std::string& key, const Condition& condition);
  Result<Place> look(const Caller& caller, const std::string& path);
  Result<ListPage> list(const Caller& caller, const ListRequest& request);
  Result<Identity> put(const Caller& caller, const PutRequest& request, std::string body);
  Result<Upload> create_upload(const Caller& caller, const UploadRequest& request);
  Result<Part> put_part(const Caller& caller, const Upload& upload, uint32_t number, uint64_t offset, std::string body);
  Result<std::vector<Part>> list_parts(const Caller& caller, const Upload& upload);
  Result<Identity> complete_upload(const Caller& caller, const Upload& upload, const std::vector<Part>& parts,
                                   const Condition& condition);
  void abort_upload(const Caller& caller, const Upload& upload);
  UploadsPage list_uploads(const Caller& caller, const std::string& prefix, const std::string& cursor);
  Result<Identity> copy(const Caller& caller, const CopyRequest& request);
  Result<void> remove(const Caller& caller, const std::string& key, const Condition& condition);
  Result<void> rename(const Caller& caller, const std::string& from, const Condition& source, const std::string& to,
                      const Condition& target);
  Result<void> rename_directory(const Caller& caller, const std::string& from, const std::string& to);
  Result<void> make_directory(const Caller& caller, const std::string& path, const Attributes& attributes);
  Result<void> remove_directory(const Caller& caller, const std::string& path);
  Result<Identity> set_attributes(const Caller& caller, const std::string& path, const Attributes& attributes);

 private:
  struct Object {
    std::shared_ptr<const std::string> bytes;
    std::optional<Stamp> stamp;
    Identity identity;
    int64_t mtime_ns = 0;
  };
  struct OpenUpload {
    Upload upload;
    std::string operation;
    Stamp stamp;
    std::map<uint32_t, std::pair<Part, std::string>> parts;
  };
  // All with the lock held.
  const Object* find(const std::string& key) const;
  Result<void> check(const Condition& condition, Feature absent, Feature identity, const std::string& key) const;
  Result<void> check_place(const std::string& key) const;  // no file above it, no directory in its place
  void add_parents(const std::string& key);
  Identity store(const Caller& caller, std::string_view operation, const std::string& key, Object object);
  void erase(const Caller& caller, std::string_view operation, const std::string& key);
  std::optional<ObjectState> state_of(const std::string& key) const;
  void log_change(const Caller& caller, std::string_view operation, const std::string& key, std::optional<ObjectState> before);
  void log_request(const Caller& caller, std::string_view operation, const std::string& key, bool succeeded);
  template <class T>
  Result<T> logged(const Caller& caller, std::string_view operation, const std::string& key, Result<T> result);
  bool is_nas() const { return config_.features.has(Feature::kDirectories); }

  const MemoryBucketConfig config_;
  mutable std::mutex mutex_;
  std::map<std::string, Object> objects_;
  std::map<std::string, Attributes> directories_;
  std::map<std::string, OpenUpload> uploads_;             // by id
  std::set<std::pair<std::string, std::string>> fenced_;  // key and operation, with kFencedPut
  std::deque<KeyChange> changes_;
  std::deque<RequestRecord> requests_;
  uint64_t next_identity_ = 1, next_upload_ = 1, next_change_ = 1, dropped_ = 0;
};

}  // namespace forebay::ufs
