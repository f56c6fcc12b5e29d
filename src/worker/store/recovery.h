// What is in a worker's directories when it starts.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/ids.h"
#include "base/status.h"
#include "os/file.h"
#include "worker/store/index_log.h"
#include "worker/store/object_file.h"
#include "worker/store/object_table.h"

namespace forebay::worker {

// Reads the header and the seal of an open file. No seal: unsealed, or torn while it was being sealed. `corrupt`: the header is
// damaged, or says that this is another object or another cluster's. Other errors are the file's own.
struct Examined {
  ObjectHeader header;
  std::optional<Seal> seal;
};
Result<Examined> examine_file(os::File& file, ObjectId object, const std::string& cluster);
// Of an object whose file is `name`: opens the file that holds its data, if that is another one, and holds the seal against its
// length. ENOENT: that file is gone.
Result<std::shared_ptr<os::File>> open_data_file(os::FileSystem& files, const std::string& name, Examined& examined);

// Makes the directories of a path, durably, and with them `objects/00` to `objects/ff`.
Result<void> make_object_directories(os::FileSystem& files, const std::string& path);
std::string object_path(const std::string& path, ObjectId object);
IndexRecord record_of(ObjectId object, const ObjectEntry& entry);  // of a sealed one
std::string object_directory(const std::string& path, unsigned low_byte);

// One of a path's 256 directories, as found.
struct RecoveredDirectory {
  std::vector<std::pair<ObjectId, ObjectEntry>> objects;
  std::vector<IndexRecord> sealed;  // of those, for the new index
  // Files that are not objects: left alone; at most kMaxStrangers are named. The first directory counts those beside all of them.
  std::vector<std::string> strangers;
  size_t stranger_count = 0;
};
inline constexpr size_t kMaxStrangers = 8;

// Lists the directory and opens only what `known` (ascending) does not say is sealed. A file without a whole header holds no
// acknowledged byte (the header is written before the first answer) and is removed, and so is a file of data without the object's
// own; one with a header that is wrong is kept as damaged. Space that a crash left reserved behind a seal is returned. Errors:
// the directory cannot be listed, or the process is short of descriptors or memory; a single unreadable file is a damaged object.
Result<RecoveredDirectory> recover_directory(os::FileSystem& files, const std::string& path, unsigned low_byte,
                                             uint8_t path_index, const std::string& cluster,
                                             const std::vector<IndexRecord>& known);

// True when some file in the path's directories has an object's name.
Result<bool> holds_objects(os::FileSystem& files, const std::string& path);

}  // namespace forebay::worker
