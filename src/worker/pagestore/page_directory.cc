#include "worker/pagestore/page_directory.h"

#include <cstdio>
#include <utility>

namespace forebay::worker {
namespace {
constexpr uint64_t kMostFile = 128 * kMiB;  // larger than any page with its header
}

PageDirectory::PageDirectory(os::FileSystem& files, std::string path, uint64_t quota)
    : files_(files), path_(std::move(path)), quota_(quota) {}

bool PageDirectory::has(Hash128 id) {
  auto found = index_.find(id);
  if (found == index_.end()) return false;
  order_.splice(order_.begin(), order_, found->second);
  return true;
}

std::optional<std::vector<Hash128>> PageDirectory::reserve(Hash128 id, uint64_t bytes) {
  if (bytes > quota_ || index_.contains(id)) return std::nullopt;
  std::vector<Hash128> victims;
  if (used_ + bytes > quota_) victims = shed(used_ + bytes - quota_);
  order_.push_front({id, bytes});
  index_[id] = order_.begin();
  used_ += bytes;
  return victims;
}

void PageDirectory::release(Hash128 id) {
  auto found = index_.find(id);
  if (found == index_.end()) return;
  used_ -= found->second->bytes;
  order_.erase(found->second);
  index_.erase(found);
}

std::vector<Hash128> PageDirectory::shed(uint64_t bytes) {
  std::vector<Hash128> victims;
  for (uint64_t freed = 0; freed < bytes && !order_.empty();) {
    freed += order_.back().bytes;
    victims.push_back(order_.back().id);
    release(order_.back().id);
  }
  return victims;
}

void PageDirectory::found(Hash128 id, uint64_t bytes) {
  if (index_.contains(id)) return;
  order_.push_back({id, bytes});
  index_[id] = std::prev(order_.end());
  used_ += bytes;
}

Result<void> PageDirectory::prepare() {
  TRY(files_.make_directories(path_));
  ASSIGN_OR_RETURN(lock_, files_.lock(path_ + "/lock"));
  return {};
}

Result<void> PageDirectory::scan(unsigned part, const std::function<void(Hash128, uint64_t)>& each) {
  char name[8];
  std::snprintf(name, sizeof name, "%02x", part);
  const std::string directory = path_ + "/" + name;
  ASSIGN_OR_RETURN(const bool there, files_.exists(directory));
  if (!there) return {};
  std::vector<Hash128> ids;
  TRY(files_.list(directory, [&](const os::DirectoryEntry& entry) {
    if (Result<Hash128> id = parse_page_file_name(entry.name); id && !entry.is_directory) ids.push_back(*id);
    return true;
  }));
  for (const Hash128& id : ids) {
    if (Result<os::FileStatus> status = files_.status(file_of(id))) each(id, status->size);
  }
  return {};
}

Result<void> PageDirectory::write_file(const std::string& path, Bytes bytes) {
  ASSIGN_OR_RETURN(const std::unique_ptr<os::File> file, files_.open(path, os::OpenMode::kCreate));
  TRY(file->truncate(0));
  return file->write_at(bytes, 0);
}

// Not synced: what a power cut leaves half written does not match its checksum.
Result<void> PageDirectory::write(const PageName& name, Bytes bytes, const std::vector<Hash128>& victims) {
  for (const Hash128& victim : victims) remove(victim);
  const Hash128 id = name.id();
  const std::string path = file_of(id);
  const std::vector<std::byte> file = encode_page(name, bytes);
  Result<void> written = write_file(path, file);
  if (!written && written.error().is_errno(ENOENT)) {  // the first page of its part, or somebody has removed the directory
    TRY(files_.make_directories(path.substr(0, path.rfind('/'))));
    written = write_file(path, file);
  }
  if (!written) remove(id);
  return written;
}

Result<PageBytes> PageDirectory::read(const PageName& name) {
  ASSIGN_OR_RETURN(const std::unique_ptr<os::File> file, files_.open(file_of(name.id()), os::OpenMode::kRead));
  ASSIGN_OR_RETURN(const uint64_t size, file->size());
  if (size > kMostFile) return corrupt("a page's file is too large");
  std::vector<std::byte> content(size);
  ASSIGN_OR_RETURN(const size_t got, file->read_at(content, 0));
  return decode_page(name, Bytes(content).first(got));
}

void PageDirectory::remove(Hash128 id) {
  (void)files_.remove(file_of(id));  // what stays is found at the next start, and counted then
}

}  // namespace forebay::worker
