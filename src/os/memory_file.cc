#include "os/memory_file.h"

#include <atomic>
#include <utility>

namespace forebay::os {
namespace {

std::string about(std::string_view doing, const std::string& path) {
  std::string text{doing};
  text += " '";
  text += path;
  text += '\'';
  return text;
}

}  // namespace

struct MemoryFileSystem::Process {
  explicit Process(uint64_t g) : generation(g) {}
  const uint64_t generation;  // of the disk when the process began
  std::atomic<bool> dead = false;
  std::vector<std::weak_ptr<void>> locks;  // under the disk's lock
};

// One open file. In the descriptor table it stands for the kernel's open file description: duplicates share it.
class MemoryFile final : public File {
 public:
  using Node = MemoryDisk::Node;
  // What a descriptor refers to; keeps the node's space for as long as any descriptor or file object does.
  struct Description {
    Description(MemoryDisk& d, std::shared_ptr<Node> n, std::string p, bool w)
        : disk(d), node(std::move(n)), path(std::move(p)), writable(w), generation(d.generation_) {
      ++node->opens;
      if (writable) ++node->writers;
    }
    ~Description() {
      std::lock_guard lock(disk.mutex_);
      if (generation != disk.generation_) return;
      --node->opens;
      if (writable) --node->writers;
      unlock();
      disk.release_if_gone(*node);
    }
    Description(const Description&) = delete;
    Description& operator=(const Description&) = delete;

    void unlock() {  // with the disk's lock held
      if (node->lock_owner == this) node->lock_owner = nullptr;
    }

    MemoryDisk& disk;
    const std::shared_ptr<Node> node;
    const std::string path;
    const bool writable;
    const uint64_t generation;
  };

  MemoryFile(std::shared_ptr<MemoryFileSystem::Process> process, std::shared_ptr<DescriptorTable> table, int fd,
             std::shared_ptr<Description> description)
      : process_(std::move(process)), table_(std::move(table)), fd_(fd), open_(std::move(description)) {}
  ~MemoryFile() override { table_->close(fd_); }
  MemoryFile(const MemoryFile&) = delete;
  MemoryFile& operator=(const MemoryFile&) = delete;

  Result<size_t> read_at(MutableBytes into, uint64_t offset) override {
    std::lock_guard lock(open_->disk.mutex_);
    TRY(check_alive("read"));
    return open_->node->content.read(into, offset);
  }

  Result<void> write_at(Bytes data, uint64_t offset) override {
    std::lock_guard lock(open_->disk.mutex_);
    TRY(check_writable("write"));
    TRY(open_->disk.check_room(*open_->node, offset, data.size(), open_->path));
    open_->node->content.write(data, offset);
    open_->disk.touch(*open_->node);
    open_->disk.charge(*open_->node);
    return {};
  }

  Result<void> sync_data() override {
    std::lock_guard lock(open_->disk.mutex_);
    TRY(check_alive("sync"));
    MemoryDisk::sync(*open_->node);
    return {};
  }
  Result<void> sync_all() override { return sync_data(); }

  Result<void> truncate(uint64_t size) override {
    std::lock_guard lock(open_->disk.mutex_);
    TRY(check_writable("truncate"));
    open_->node->content.truncate(size);
    open_->disk.touch(*open_->node);
    open_->disk.charge(*open_->node);
    return {};
  }

  Result<void> allocate(uint64_t offset, uint64_t length) override {
    std::lock_guard lock(open_->disk.mutex_);
    TRY(check_writable("reserve space in"));
    TRY(open_->disk.check_room(*open_->node, offset, length, open_->path));
    open_->node->content.reserve(offset, length);
    open_->disk.charge(*open_->node);
    return {};
  }

  Result<uint64_t> size() override {
    std::lock_guard lock(open_->disk.mutex_);
    TRY(check_alive("stat"));
    return open_->node->content.size();
  }

  Result<uint64_t> allocated_bytes() override {
    std::lock_guard lock(open_->disk.mutex_);
    TRY(check_alive("stat"));
    return open_->node->content.allocated_pages() * PagedContent::kPage;
  }

  Result<FileStatus> status() override {
    std::lock_guard lock(open_->disk.mutex_);
    TRY(check_alive("stat"));
    return MemoryDisk::status_of(*open_->node);
  }

  Result<std::optional<StoredRange>> next_stored(uint64_t from) override {
    std::lock_guard lock(open_->disk.mutex_);
    TRY(check_alive("look for data in"));
    return open_->node->content.next_stored(from);
  }

  Result<bool> has_writers() override {
    std::lock_guard lock(open_->disk.mutex_);
    TRY(check_alive("ask for writers of"));
    return open_->node->writers != 0;
  }

  int descriptor() const override { return fd_; }

 private:
  Result<void> check_alive(std::string_view doing) const {
    if (!process_->dead && open_->generation == open_->disk.generation_) return {};
    return broken(about(doing, open_->path) + ": the process is dead");
  }
  Result<void> check_writable(std::string_view doing) const {
    TRY(check_alive(doing));
    if (!open_->writable) return from_errno(EBADF, about(doing, open_->path));
    return {};
  }

  const std::shared_ptr<MemoryFileSystem::Process> process_;  // shared with the file system and its other files
  const std::shared_ptr<DescriptorTable> table_;              // shared by everything in one simulation
  const int fd_;
  const std::shared_ptr<Description> open_;  // shared with duplicates of the descriptor
};

MemoryFileSystem::MemoryFileSystem(MemoryDisk& disk) : disk_(disk) {
  std::lock_guard lock(disk_.mutex_);
  process_ = std::make_shared<Process>(disk_.generation_);
}

MemoryFileSystem::~MemoryFileSystem() = default;

void MemoryFileSystem::crash() {
  process_->dead = true;
  std::vector<std::shared_ptr<void>> held;  // released after the lock: the last owner of a description takes it
  std::lock_guard lock(disk_.mutex_);
  for (const std::weak_ptr<void>& locked : process_->locks) {
    std::shared_ptr<void> description = locked.lock();
    if (!description) continue;
    static_cast<MemoryFile::Description*>(description.get())->unlock();
    held.push_back(std::move(description));
  }
}

Result<void> MemoryFileSystem::check_alive(std::string_view doing, const std::string& path) const {
  if (!process_->dead && process_->generation == disk_.generation_) return {};
  return broken(about(doing, path) + ": the process is dead");
}

std::unique_ptr<File> MemoryFileSystem::open_node(std::shared_ptr<MemoryDisk::Node> node, const std::string& path,
                                                  bool writable) {
  auto description = std::make_shared<MemoryFile::Description>(disk_, std::move(node), path, writable);
  int fd = disk_.descriptors_->add(description);
  return std::make_unique<MemoryFile>(process_, disk_.descriptors_, fd, std::move(description));
}

Result<std::unique_ptr<File>> MemoryFileSystem::open(const std::string& path, OpenMode mode) {
  std::lock_guard lock(disk_.mutex_);
  TRY(check_alive("open", path));
  ASSIGN_OR_RETURN(MemoryDisk::Place place, disk_.find(path, "open"));
  if (place.node) {
    if (mode == OpenMode::kCreateNew) return from_errno(EEXIST, about("open", path));
    if (place.node->directory) return from_errno(EISDIR, about("open", path));
  } else {
    if (mode == OpenMode::kRead || mode == OpenMode::kReadWrite) return from_errno(ENOENT, about("open", path));
    place.node = std::make_shared<MemoryDisk::Node>(false);
    disk_.apply({{place.directory, place.name, place.node}});
  }
  return open_node(std::move(place.node), path, mode != OpenMode::kRead);
}

Result<std::unique_ptr<File>> MemoryFileSystem::adopt(int descriptor) {
  TRY(check_alive("adopt", std::to_string(descriptor)));
  auto description = std::static_pointer_cast<MemoryFile::Description>(disk_.descriptors_->find(descriptor));
  if (!description) return from_errno(EBADF, "adopt received descriptor " + std::to_string(descriptor));
  return std::make_unique<MemoryFile>(process_, disk_.descriptors_, descriptor, std::move(description));
}

Result<std::unique_ptr<File>> MemoryFileSystem::reopen(int descriptor) {
  auto description = std::static_pointer_cast<MemoryFile::Description>(disk_.descriptors_->find(descriptor));
  if (!description) return from_errno(EBADF, "open descriptor " + std::to_string(descriptor));
  std::lock_guard lock(description->disk.mutex_);
  TRY(check_alive("open", description->path));
  auto reading = std::make_shared<MemoryFile::Description>(description->disk, description->node, description->path, false);
  const int fd = disk_.descriptors_->add(reading);
  return std::make_unique<MemoryFile>(process_, disk_.descriptors_, fd, std::move(reading));
}

Result<void> MemoryFileSystem::make_directories(const std::string& path) {
  std::lock_guard lock(disk_.mutex_);
  TRY(check_alive("make directory", path));
  for (size_t end = 0; end != std::string::npos;) {
    end = path.find('/', end + 1);
    std::string part = path.substr(0, end);
    ASSIGN_OR_RETURN(MemoryDisk::Place place, disk_.find(part, "make directory"));
    if (place.node && !place.node->directory) return from_errno(ENOTDIR, about("make directory", part));
    if (!place.node) disk_.apply({{place.directory, place.name, std::make_shared<MemoryDisk::Node>(true)}});
  }
  return {};
}

Result<void> MemoryFileSystem::remove(const std::string& path) {
  std::lock_guard lock(disk_.mutex_);
  TRY(check_alive("remove", path));
  ASSIGN_OR_RETURN(MemoryDisk::Place place, disk_.find(path, "remove"));
  if (!place.node) return from_errno(ENOENT, about("remove", path));
  if (!place.directory) return from_errno(EBUSY, about("remove", path));
  if (!place.node->entries.empty()) return from_errno(ENOTEMPTY, about("remove", path));
  disk_.apply({{place.directory, place.name, nullptr}});
  return {};
}

Result<void> MemoryFileSystem::rename(const std::string& from, const std::string& to) {
  std::lock_guard lock(disk_.mutex_);
  const std::string doing = "rename '" + from + "' to";
  TRY(check_alive(doing, to));
  ASSIGN_OR_RETURN(MemoryDisk::Place source, disk_.find(from, doing));
  ASSIGN_OR_RETURN(MemoryDisk::Place target, disk_.find(to, doing));
  if (!source.node) return from_errno(ENOENT, about(doing, to));
  if (!source.directory || !target.directory) return from_errno(EBUSY, about(doing, to));
  if (source.node == target.node) return {};
  if (target.node) {
    if (target.node->directory && !source.node->directory) return from_errno(EISDIR, about(doing, to));
    if (!target.node->directory && source.node->directory) return from_errno(ENOTDIR, about(doing, to));
    if (!target.node->entries.empty()) return from_errno(ENOTEMPTY, about(doing, to));
  }
  if (source.node->directory && disk_.is_below(*source.node, *target.directory)) return from_errno(EINVAL, about(doing, to));
  disk_.apply({{target.directory, target.name, source.node}, {source.directory, source.name, nullptr}});
  return {};
}

Result<void> MemoryFileSystem::sync_directory(const std::string& path) {
  std::lock_guard lock(disk_.mutex_);
  TRY(check_alive("sync directory", path));
  ASSIGN_OR_RETURN(MemoryDisk::Place place, disk_.find(path, "open directory"));
  if (!place.node) return from_errno(ENOENT, about("open directory", path));
  if (!place.node->directory) return from_errno(ENOTDIR, about("open directory", path));
  disk_.sync_directory(place.node);
  return {};
}

Result<void> MemoryFileSystem::list(const std::string& path, const std::function<bool(const DirectoryEntry&)>& each) {
  std::vector<DirectoryEntry> entries;  // `each` may change the directory
  {
    std::lock_guard lock(disk_.mutex_);
    TRY(check_alive("list", path));
    ASSIGN_OR_RETURN(MemoryDisk::Place place, disk_.find(path, "list"));
    if (!place.node) return from_errno(ENOENT, about("list", path));
    if (!place.node->directory) return from_errno(ENOTDIR, about("list", path));
    for (const auto& [name, node] : place.node->entries) entries.push_back({name, node->directory});
  }
  for (const DirectoryEntry& entry : entries) {
    if (!each(entry)) break;
  }
  return {};
}

Result<bool> MemoryFileSystem::exists(const std::string& path) {
  std::lock_guard lock(disk_.mutex_);
  TRY(check_alive("look for", path));
  Result<MemoryDisk::Place> place = disk_.find(path, "look for");
  if (place) return place->node != nullptr;
  if (place.error().is_errno(ENOENT) || place.error().is_errno(ENOTDIR)) return false;
  return std::unexpected(std::move(place).error());
}

Result<std::shared_ptr<MemoryDisk::Node>> MemoryFileSystem::existing(const std::string& path, std::string_view doing) {
  TRY(check_alive(doing, path));
  ASSIGN_OR_RETURN(MemoryDisk::Place place, disk_.find(path, doing));
  if (!place.node) return from_errno(ENOENT, about(doing, path));
  return std::move(place.node);
}

Result<FileStatus> MemoryFileSystem::status(const std::string& path) {
  std::lock_guard lock(disk_.mutex_);
  ASSIGN_OR_RETURN(std::shared_ptr<MemoryDisk::Node> node, existing(path, "stat"));
  return MemoryDisk::status_of(*node);
}

Result<void> MemoryFileSystem::change_status(const std::string& path, const StatusChange& change) {
  std::lock_guard lock(disk_.mutex_);
  ASSIGN_OR_RETURN(std::shared_ptr<MemoryDisk::Node> node, existing(path, "change the status of"));
  if (change.mode) node->attributes.mode = *change.mode & 07777;
  if (change.uid) node->attributes.uid = *change.uid;
  if (change.gid) node->attributes.gid = *change.gid;
  if (change.mtime_ns) node->attributes.mtime_ns = *change.mtime_ns;
  return {};
}

Result<void> MemoryFileSystem::link(const std::string& from, const std::string& to) {
  std::lock_guard lock(disk_.mutex_);
  const std::string doing = "link '" + from + "' to";
  ASSIGN_OR_RETURN(std::shared_ptr<MemoryDisk::Node> node, existing(from, doing));
  if (node->directory) return from_errno(EPERM, about(doing, to));
  ASSIGN_OR_RETURN(MemoryDisk::Place target, disk_.find(to, doing));
  if (target.node) return from_errno(EEXIST, about(doing, to));
  disk_.apply({{target.directory, target.name, std::move(node)}});
  return {};
}

Result<std::string> MemoryFileSystem::attribute(const std::string& path, const std::string& name) {
  std::lock_guard lock(disk_.mutex_);
  const std::string doing = "read attribute " + name + " of";
  ASSIGN_OR_RETURN(std::shared_ptr<MemoryDisk::Node> node, existing(path, doing));
  auto found = node->attributes.extended.find(name);
  if (found == node->attributes.extended.end()) return from_errno(ENODATA, about(doing, path));
  return found->second;
}

Result<void> MemoryFileSystem::set_attribute(const std::string& path, const std::string& name, std::string_view value) {
  std::lock_guard lock(disk_.mutex_);
  ASSIGN_OR_RETURN(std::shared_ptr<MemoryDisk::Node> node, existing(path, "set attribute " + name + " of"));
  node->attributes.extended.insert_or_assign(name, std::string(value));
  return {};
}

Result<Space> MemoryFileSystem::space(const std::string& path) {
  std::lock_guard lock(disk_.mutex_);
  TRY(check_alive("ask for space at", path));
  ASSIGN_OR_RETURN(MemoryDisk::Place place, disk_.find(path, "ask for space at"));
  if (!place.node) return from_errno(ENOENT, about("ask for space at", path));
  const uint64_t used = disk_.used_pages_ * PagedContent::kPage, total = disk_.config_.capacity_bytes;
  return Space{total, used < total ? total - used : 0};
}

Result<std::unique_ptr<File>> MemoryFileSystem::lock(const std::string& path) {
  ASSIGN_OR_RETURN(std::unique_ptr<File> file, open(path, OpenMode::kCreate));
  auto description = std::static_pointer_cast<MemoryFile::Description>(disk_.descriptors_->find(file->descriptor()));
  // `lock` is declared last, so released first: closing the file, on refusal, takes it again.
  std::lock_guard lock(disk_.mutex_);
  if (description->node->lock_owner) return from_errno(EWOULDBLOCK, about("lock", path));
  description->node->lock_owner = description.get();
  std::erase_if(process_->locks, [](const std::weak_ptr<void>& old) { return old.expired(); });
  process_->locks.push_back(description);
  return file;
}

}  // namespace forebay::os
