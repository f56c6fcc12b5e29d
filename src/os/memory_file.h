// Files of the simulation, as one process sees them.
#pragma once

#include <memory>
#include <string>

#include "os/file.h"
#include "os/memory_disk.h"

namespace forebay::os {

// FileSystem over a MemoryDisk, which outlives it. Passes the same contract suite as the real one; lists in name order. Files it
// opened may outlive it. crash() is the death of the process: locks are released, and from then on every call on it and on its
// files answers `broken` and changes nothing. Any thread.
class MemoryFileSystem final : public FileSystem {
 public:
  explicit MemoryFileSystem(MemoryDisk& disk);
  ~MemoryFileSystem() override;

  Result<std::unique_ptr<File>> open(const std::string& path, OpenMode mode) override;
  Result<std::unique_ptr<File>> adopt(int descriptor) override;
  Result<std::unique_ptr<File>> reopen(int descriptor) override;
  Result<void> make_directories(const std::string& path) override;
  Result<void> remove(const std::string& path) override;
  Result<void> rename(const std::string& from, const std::string& to) override;
  Result<void> sync_directory(const std::string& path) override;
  Result<void> list(const std::string& path, const std::function<bool(const DirectoryEntry&)>& each) override;
  Result<bool> exists(const std::string& path) override;
  Result<FileStatus> status(const std::string& path) override;
  Result<void> change_status(const std::string& path, const StatusChange& change) override;
  Result<void> link(const std::string& from, const std::string& to) override;
  Result<std::string> attribute(const std::string& path, const std::string& name) override;
  Result<void> set_attribute(const std::string& path, const std::string& name, std::string_view value) override;
  Result<Space> space(const std::string& path) override;
  Result<std::unique_ptr<File>> lock(const std::string& path) override;

  void crash();

 private:
  friend class MemoryFile;
  struct Process;
  Result<void> check_alive(std::string_view doing, const std::string& path) const;
  Result<std::shared_ptr<MemoryDisk::Node>> existing(const std::string& path, std::string_view doing);  // with the disk's lock
  std::unique_ptr<File> open_node(std::shared_ptr<MemoryDisk::Node> node, const std::string& path, bool writable);

  MemoryDisk& disk_;
  std::shared_ptr<Process> process_;  // shared with its open files, which learn from it that the process died
};

}  // namespace forebay::os
