#include "os/file.h"

namespace forebay::os {
namespace {

std::string parent_of(const std::string& path) {
  size_t slash = path.find_last_of('/');
  if (slash == std::string::npos) return ".";
  return slash == 0 ? "/" : path.substr(0, slash);
}

}  // namespace

Result<std::string> FileSystem::read_whole(const std::string& path, uint64_t limit) {
  ASSIGN_OR_RETURN(std::unique_ptr<File> file, open(path, OpenMode::kRead));
  ASSIGN_OR_RETURN(uint64_t size, file->size());
  if (size > limit) {
    return Error(Status(Code::kInvalid, EFBIG,
                        "read '" + path + "': " + std::to_string(size) + " bytes, at most " + std::to_string(limit) +
                            " are expected in this file"));
  }
  std::string content(size, '\0');
  ASSIGN_OR_RETURN(size_t got, file->read_at(std::as_writable_bytes(std::span(content)), 0));
  content.resize(got);
  return content;
}

Result<void> FileSystem::write_whole(const std::string& path, Bytes content) {
  // A fixed temporary name: what a crash leaves behind is overwritten by the next attempt and never piles up.
  const std::string temporary = path + ".new";
  {
    ASSIGN_OR_RETURN(std::unique_ptr<File> file, open(temporary, OpenMode::kCreate));
    TRY(file->truncate(0));
    TRY(file->write_at(content, 0));
    TRY(file->sync_data());
  }
  TRY(rename(temporary, path));
  return sync_directory(parent_of(path));
}

}  // namespace forebay::os
