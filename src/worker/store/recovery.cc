#include "worker/store/recovery.h"

#include <algorithm>
#include <array>

#include "worker/store/object.h"

namespace forebay::worker {
namespace {

std::string objects_root(const std::string& path) { return path + "/objects"; }

bool is_shortage(const Status& status) {
  return status.is_errno(EMFILE) || status.is_errno(ENFILE) || status.is_errno(ENOMEM) || status.is(Code::kBroken);
}

const IndexRecord* find_record(const std::vector<IndexRecord>& known, ObjectId object) {
  auto found = std::ranges::lower_bound(known, object, {}, &IndexRecord::object);
  return found != known.end() && found->object == object ? &*found : nullptr;
}

ObjectEntry sealed_entry(uint64_t length, uint32_t crc, uint8_t path_index) {
  return {
      .length = length, .charged_bytes = charge_for(length), .crc32c = crc, .path = path_index, .state = ObjectState::kSealed};
}

// Space reserved behind the end of a sealed file: its worker died between the footer and the cut.
Result<void> return_surplus(os::FileSystem& files, const std::string& name, os::File& file, uint64_t length) {
  ASSIGN_OR_RETURN(uint64_t allocated, file.allocated_bytes());
  if (allocated <= charge_for(length)) return {};
  ASSIGN_OR_RETURN(std::unique_ptr<os::File> writable, files.open(name, os::OpenMode::kReadWrite));
  return writable->truncate(sealed_file_bytes(length));
}

// Nothing: it never finished being created, and is gone now.
Result<std::optional<ObjectEntry>> recover_file(os::FileSystem& files, const std::string& name, ObjectId object,
                                                uint8_t path_index, const std::string& cluster) {
  ASSIGN_OR_RETURN(std::unique_ptr<os::File> file, files.open(name, os::OpenMode::kRead));
  ASSIGN_OR_RETURN(uint64_t size, file->size());
  ASSIGN_OR_RETURN(uint64_t allocated, file->allocated_bytes());
  Result<Examined> examined = examine_file(*file, object, cluster);
  ObjectEntry entry{.charged_bytes = round_to_charge(std::max(size, allocated)), .path = path_index};
  if (!examined) {
    if (!examined.error().is(Code::kCorrupt)) return std::unexpected(std::move(examined).error());
    if (size <= kDataOffset) {
      file.reset();
      TRY(files.remove(name));
      return std::optional<ObjectEntry>{};
    }
    entry.state = ObjectState::kDamaged;
  } else if (const std::optional<Seal>& seal = examined->seal) {
    entry = sealed_entry(seal->length, seal->crc32c, path_index);
    TRY(return_surplus(files, name, *file, seal->length));
  }
  return std::optional<ObjectEntry>(entry);
}

// What lies beside the directories of objects and is not the store's.
Result<void> find_strangers(os::FileSystem& files, const std::string& path, RecoveredDirectory& found) {
  // A crash may leave the ".new" ones; "lost+found" is the file system's own.
  constexpr std::array<std::string_view, 7> kOurs = {"identity",  "identity.new", "lock",      "index",
                                                     "index.new", "objects",      "lost+found"};
  auto add = [&found](std::string name) {
    if (found.stranger_count++ < kMaxStrangers) found.strangers.push_back(std::move(name));
  };
  TRY(files.list(path, [&](const os::DirectoryEntry& entry) {
    if (std::ranges::find(kOurs, entry.name) == kOurs.end()) add(path + "/" + entry.name);
    return true;
  }));
  return files.list(objects_root(path), [&](const os::DirectoryEntry& entry) {
    bool ours = false;
    for (unsigned low_byte = 0; entry.is_directory && low_byte < 256 && !ours; ++low_byte)
      ours = entry.name == object_directory_name(low_byte);
    if (!ours) add(objects_root(path) + "/" + entry.name);
    return true;
  });
}

}  // namespace

std::string object_directory(const std::string& path, unsigned low_byte) {
  return objects_root(path) + "/" + object_directory_name(low_byte);
}

std::string object_path(const std::string& path, ObjectId object) { return objects_root(path) + "/" + object_file_name(object); }

Result<Examined> examine_file(os::File& file, ObjectId object, const std::string& cluster) {
  std::array<std::byte, kHeaderBytes> start;
  ASSIGN_OR_RETURN(size_t got, file.read_at(start, 0));
  ASSIGN_OR_RETURN(ObjectHeader header, decode_header(Bytes(start).first(got)));
  if (header.cluster != cluster) return corrupt("the file belongs to cluster '" + header.cluster + "'");
  if (header.object != object) return corrupt("the file is that of object " + to_string(header.object));

  ASSIGN_OR_RETURN(uint64_t size, file.size());
  Examined examined{.header = std::move(header), .seal = {}};
  if (size < sealed_file_bytes(0)) return examined;
  std::array<std::byte, kTrailerBytes> end;
  ASSIGN_OR_RETURN(got, file.read_at(end, size - kTrailerBytes));
  Result<Trailer> trailer = decode_trailer(Bytes(end).first(got), size);
  if (!trailer || trailer->seal.object != object) return examined;
  std::vector<std::byte> table(footer_bytes(trailer->seal.length) - kTrailerBytes);
  ASSIGN_OR_RETURN(got, file.read_at(table, kDataOffset + trailer->seal.length));
  Result<Seal> seal = decode_table(std::move(*trailer), Bytes(table).first(got));
  if (seal) examined.seal = std::move(*seal);
  return examined;
}

Result<void> make_object_directories(os::FileSystem& files, const std::string& path) {
  TRY(files.make_directories(objects_root(path)));
  std::array<bool, 256> there{};
  TRY(files.list(objects_root(path), [&there](const os::DirectoryEntry& entry) {
    for (unsigned low_byte = 0; entry.is_directory && low_byte < there.size(); ++low_byte)
      if (entry.name == object_directory_name(low_byte)) there[low_byte] = true;
    return true;
  }));
  // Synced also when they are all there: a start before this one may have died between making and syncing them.
  for (unsigned low_byte = 0; low_byte < there.size(); ++low_byte)
    if (!there[low_byte]) TRY(files.make_directories(object_directory(path, low_byte)));
  TRY(files.sync_directory(objects_root(path)));
  return files.sync_directory(path);
}

Result<RecoveredDirectory> recover_directory(os::FileSystem& files, const std::string& path, unsigned low_byte,
                                             uint8_t path_index, const std::string& cluster,
                                             const std::vector<IndexRecord>& known) {
  const std::string directory = object_directory(path, low_byte);
  RecoveredDirectory found;
  if (low_byte == 0) TRY(find_strangers(files, path, found));
  std::vector<ObjectId> unknown;
  TRY(files.list(directory, [&](const os::DirectoryEntry& entry) {
    ObjectId object = entry.is_directory ? ObjectId{} : parse_object_name(entry.name, low_byte);
    if (!object) {
      if (found.stranger_count++ < kMaxStrangers) found.strangers.push_back(directory + "/" + entry.name);
    } else if (const IndexRecord* record = find_record(known, object)) {
      found.objects.emplace_back(object, sealed_entry(record->length, record->crc32c, path_index));
      found.sealed.push_back(*record);
    } else {
      unknown.push_back(object);
    }
    return true;
  }));
  for (ObjectId object : unknown) {
    Result<std::optional<ObjectEntry>> entry = recover_file(files, object_path(path, object), object, path_index, cluster);
    if (!entry && is_shortage(entry.error())) return std::unexpected(std::move(entry).error());
    if (!entry) entry = ObjectEntry{.charged_bytes = 0, .path = path_index, .state = ObjectState::kDamaged};
    if (!*entry) continue;
    found.objects.emplace_back(object, **entry);
    if ((*entry)->state == ObjectState::kSealed) found.sealed.push_back({object, (*entry)->length, (*entry)->crc32c});
  }
  return found;
}

Result<bool> holds_objects(os::FileSystem& files, const std::string& path) {
  bool found = false;
  for (unsigned low_byte = 0; low_byte < 256 && !found; ++low_byte) {
    TRY(files.list(object_directory(path, low_byte), [&](const os::DirectoryEntry& entry) {
      found = !entry.is_directory && parse_object_name(entry.name, low_byte);
      return !found;
    }));
  }
  return found;
}

}  // namespace forebay::worker
