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

ObjectEntry sealed_entry(const IndexRecord& record, uint8_t path_index) {
  const bool staged = record.staged_charge != 0;
  return {.length = record.length,
          .charged_bytes = staged ? record.staged_charge : charge_for(record.length),
          .crc32c = record.crc32c,
          .path = path_index,
          .state = ObjectState::kSealed,
          .staged = staged};
}

Result<uint64_t> space_of(os::File& file) {
  ASSIGN_OR_RETURN(uint64_t size, file.size());
  ASSIGN_OR_RETURN(uint64_t allocated, file.allocated_bytes());
  return round_to_charge(std::max(size, allocated));
}

// Of a staged object, whose header is whole. Nothing: it was not finished being created, or the bytes that nobody synced went
// with a power cut; it is gone now. Its data is sparse where it was never written, so what it takes is what is allocated.
Result<std::optional<ObjectEntry>> recover_staged(os::FileSystem& files, const std::string& name, Examined examined,
                                                  uint64_t header_space, uint8_t path_index) {
  ObjectEntry entry{.charged_bytes = header_space, .path = path_index, .staged = true};
  Result<std::shared_ptr<os::File>> data = open_data_file(files, name, examined);
  if (!data && data.error().is_errno(ENOENT)) {
    entry.state = ObjectState::kDamaged;
    if (examined.seal || examined.header.synced_bytes != 0) return std::optional<ObjectEntry>(entry);
    TRY(files.remove(name));
    return std::optional<ObjectEntry>{};
  }
  if (!data) return std::unexpected(std::move(data).error());
  ASSIGN_OR_RETURN(const uint64_t allocated, (*data)->allocated_bytes());
  entry.charged_bytes += round_to_charge(allocated);
  if (!examined.seal) return std::optional<ObjectEntry>(entry);
  return std::optional<ObjectEntry>(sealed_entry({.object = examined.header.object,
                                                  .length = examined.seal->length,
                                                  .crc32c = examined.seal->crc32c,
                                                  .staged_charge = entry.charged_bytes},
                                                 path_index));
}

// Space reserved behind the end of a sealed file: its worker died between the footer and the cut.
Result<void> return_surplus(os::FileSystem& files, const std::string& name, os::File& file, uint64_t length) {
  ASSIGN_OR_RETURN(uint64_t allocated, file.allocated_bytes());
  if (allocated <= charge_for(length)) return {};
  ASSIGN_OR_RETURN(std::unique_ptr<os::File> writable, files.open(name, os::OpenMode::kReadWrite));
  return writable->truncate(sealed_file_bytes(length));
}

Result<bool> holds_staged_data(os::FileSystem& files, const std::string& name) {
  Result<os::FileStatus> status = files.status(name + std::string(kDataSuffix));
  if (!status && status.error().is_errno(ENOENT)) return false;
  if (!status) return std::unexpected(std::move(status).error());
  return status->size != 0;
}

// Nothing: it never finished being created, and is gone now.
Result<std::optional<ObjectEntry>> recover_file(os::FileSystem& files, const std::string& name, ObjectId object,
                                                uint8_t path_index, const std::string& cluster) {
  ASSIGN_OR_RETURN(std::unique_ptr<os::File> file, files.open(name, os::OpenMode::kRead));
  ASSIGN_OR_RETURN(uint64_t size, file->size());
  ASSIGN_OR_RETURN(const uint64_t space, space_of(*file));
  Result<Examined> examined = examine_file(*file, object, cluster);
  if (examined && examined->header.staged) return recover_staged(files, name, std::move(*examined), space, path_index);
  ObjectEntry entry{.charged_bytes = space, .path = path_index};
  if (!examined) {
    if (!examined.error().is(Code::kCorrupt)) return std::unexpected(std::move(examined).error());
    ASSIGN_OR_RETURN(const bool has_data, holds_staged_data(files, name));
    if (size <= kDataOffset && !has_data) {
      file.reset();
      TRY(files.remove(name));
      return std::optional<ObjectEntry>{};
    }
    entry.state = ObjectState::kDamaged;
  } else if (const std::optional<Seal>& seal = examined->seal) {
    entry = sealed_entry({.object = object, .length = seal->length, .crc32c = seal->crc32c}, path_index);
    TRY(return_surplus(files, name, *file, seal->length));
  }
  return std::optional<ObjectEntry>(entry);
}

bool is_data_name(std::string_view name, unsigned low_byte, std::string_view behind) {
  const std::string suffix = std::string(kDataSuffix) + std::string(behind);
  if (!name.ends_with(suffix)) return false;
  name.remove_suffix(suffix.size());
  return static_cast<bool>(parse_object_name(name, low_byte));
}

// An object's own file is made first and removed first: data without it was not finished being created, or removed.
Result<void> remove_ownerless(os::FileSystem& files, const std::string& directory, const std::vector<std::string>& data_files,
                              const RecoveredDirectory& found) {
  if (data_files.empty()) return {};
  std::vector<ObjectId> owners;
  owners.reserve(found.objects.size());
  for (const auto& [object, entry] : found.objects) owners.push_back(object);
  std::ranges::sort(owners);
  for (const std::string& name : data_files) {
    const unsigned low_byte = std::stoul(name.substr(14, 2), nullptr, 16);
    if (std::ranges::binary_search(owners, parse_object_name(std::string_view(name).substr(0, 16), low_byte))) continue;
    TRY(files.remove(directory + "/" + name));
  }
  return {};
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

IndexRecord record_of(ObjectId object, const ObjectEntry& entry) {
  return {
      .object = object, .length = entry.length, .crc32c = entry.crc32c, .staged_charge = entry.staged ? entry.charged_bytes : 0};
}

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
  const bool staged = examined.header.staged;
  if (size < sealed_file_bytes(0, staged)) return examined;
  std::array<std::byte, kTrailerBytes> end;
  ASSIGN_OR_RETURN(got, file.read_at(end, size - kTrailerBytes));
  Result<Trailer> trailer = decode_trailer(Bytes(end).first(got), size, staged);
  if (!trailer || trailer->seal.object != object) return examined;
  std::vector<std::byte> table(footer_bytes(trailer->seal.length) - kTrailerBytes);
  ASSIGN_OR_RETURN(got, file.read_at(table, footer_offset(trailer->seal.length, staged)));
  Result<Seal> seal = decode_table(std::move(*trailer), Bytes(table).first(got));
  if (seal) examined.seal = std::move(*seal);
  return examined;
}

// A power cut may have kept a seal and lost the bytes, or kept bytes beyond those that were sealed: neither is sealed.
Result<std::shared_ptr<os::File>> open_data_file(os::FileSystem& files, const std::string& name, Examined& examined) {
  ASSIGN_OR_RETURN(std::shared_ptr<os::File> data, files.open(name + std::string(kDataSuffix), os::OpenMode::kRead));
  ASSIGN_OR_RETURN(const uint64_t size, data->size());
  if (examined.seal && examined.seal->length != size) examined.seal.reset();
  return data;
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
  std::vector<std::string> data_files, copies;
  TRY(files.list(directory, [&](const os::DirectoryEntry& entry) {
    ObjectId object = entry.is_directory ? ObjectId{} : parse_object_name(entry.name, low_byte);
    if (!entry.is_directory && is_data_name(entry.name, low_byte, "")) {
      data_files.push_back(entry.name);
    } else if (!entry.is_directory && is_data_name(entry.name, low_byte, kCopySuffix)) {
      copies.push_back(entry.name);
    } else if (!object) {
      if (found.stranger_count++ < kMaxStrangers) found.strangers.push_back(directory + "/" + entry.name);
    } else if (const IndexRecord* record = find_record(known, object)) {
      found.objects.emplace_back(object, sealed_entry(*record, path_index));
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
    if ((*entry)->state == ObjectState::kSealed) found.sealed.push_back(record_of(object, **entry));
  }
  for (const std::string& copy : copies) TRY(files.remove(directory + "/" + copy));
  TRY(remove_ownerless(files, directory, data_files, found));
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
