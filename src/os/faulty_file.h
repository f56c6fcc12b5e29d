// Files that fail when told to.
#pragma once

#include <memory>
#include <string>

#include "os/file.h"
#include "os/seam_watch.h"

namespace forebay::os {

// Hands every call to `inner` unless the watch says otherwise. Both outlive it; its files may outlive it. Any thread, if the
// watch is made for that.
class FaultyFileSystem final : public FileSystem {
 public:
  FaultyFileSystem(FileSystem& inner, SeamWatch& watch) : inner_(inner), watch_(watch) {}

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

 private:
  Result<std::unique_ptr<File>> wrap(Result<std::unique_ptr<File>> file, const std::string& path);

  FileSystem& inner_;
  SeamWatch& watch_;
};

}  // namespace forebay::os
