#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <map>
#include <sstream>

#include "execute.h"

namespace posix_diff {

namespace {

constexpr time_t kLongAgo = 200'000'000;  // times that the generator sets are below this, the clock's are above

// Two file systems may choose between these.
int normal(int error) { return error == EEXIST ? ENOTEMPTY : error == ENOTSUP ? EOPNOTSUPP : error; }

// errno for errno, but where POSIX leaves the choice and Linux file systems differ.
bool same_error(const Op& op, int left, int right) {
  if (left == right) return true;
  if (op.kind == Kind::kRename || op.kind == Kind::kRmdir) return normal(left) == normal(right);
  return false;
}

std::string error_text(int error) { return error == 0 ? "success" : std::strerror(error); }

template <class T>
void note(std::ostringstream& out, const char* what, const T& left, const T& right) {
  if (left != right) out << what << ": " << left << " / " << right << "; ";
}

std::string content_of(const std::filesystem::path& path) {
  std::ifstream in(path, std::ios::binary);
  std::ostringstream out;
  out << in.rdbuf();
  return std::move(out).str();
}

std::string file_difference(const std::filesystem::path& left, const std::filesystem::path& right) {
  const std::string a = content_of(left), b = content_of(right);
  if (a == b) return "";
  size_t at = 0;
  while (at < a.size() && at < b.size() && a[at] == b[at]) ++at;
  return "contents differ at byte " + std::to_string(at) + " (sizes " + std::to_string(a.size()) + " / " +
         std::to_string(b.size()) + ")";
}

std::string entry_difference(const std::filesystem::path& left, const std::filesystem::path& right) {
  struct stat a{}, b{};
  if (::lstat(left.c_str(), &a) != 0) return "lstat left: " + error_text(errno);
  if (::lstat(right.c_str(), &b) != 0) return "lstat right: " + error_text(errno);
  std::string found = difference(a, b);
  if (!found.empty()) return found;
  if (S_ISREG(a.st_mode)) return file_difference(left, right);
  if (S_ISLNK(a.st_mode)) {
    if (std::filesystem::read_symlink(left) != std::filesystem::read_symlink(right)) return "link targets differ";
  }
  return S_ISDIR(a.st_mode) ? tree_difference(left, right) : "";
}

}  // namespace

std::string difference(const struct stat& left, const struct stat& right) {
  std::ostringstream out;
  out << std::oct;
  note(out, "mode", left.st_mode, right.st_mode);
  out << std::dec;
  note(out, "nlink", left.st_nlink, right.st_nlink);
  note(out, "uid", left.st_uid, right.st_uid);
  note(out, "gid", left.st_gid, right.st_gid);
  // The size of a directory is the file system's own affair.
  if (!S_ISDIR(left.st_mode) || !S_ISDIR(right.st_mode)) note(out, "size", left.st_size, right.st_size);
  note(out, "rdev", left.st_rdev, right.st_rdev);
  // Bytes in a FIFO are the kernel's; it does not tell a mounted file system of them.
  if (!S_ISFIFO(left.st_mode) && (left.st_mtime < kLongAgo || right.st_mtime < kLongAgo)) {
    note(out, "mtime", left.st_mtime, right.st_mtime);
    note(out, "mtime nanoseconds", left.st_mtim.tv_nsec, right.st_mtim.tv_nsec);
  }
  return out.str();
}

std::string difference(const Op& op, const Outcome& left, const Outcome& right) {
  if (!same_error(op, left.error, right.error)) return "errno: " + error_text(left.error) + " / " + error_text(right.error);
  if (left.error != 0) return "";
  std::ostringstream out;
  note(out, "result", left.value, right.value);
  if (left.data != right.data) {
    if (op.kind == Kind::kList || op.kind == Kind::kListWhileRemoving || op.kind == Kind::kReadlink)
      out << "data:\n" << left.data << "--\n" << right.data;
    else
      out << "bytes read differ; ";
  }
  if (left.attributes && right.attributes) {
    out << difference(*left.attributes, *right.attributes);
    if (op.kind == Kind::kFutimens && op.atime >= 0) note(out, "atime", left.attributes->st_atime, right.attributes->st_atime);
  }
  return out.str();
}

std::string tree_difference(const std::string& left, const std::string& right) {
  std::map<std::string, int> names;  // 1: left, 2: right
  std::error_code error;
  for (const auto& entry : std::filesystem::directory_iterator(left, error)) names[entry.path().filename()] |= 1;
  if (error) return left + ": " + error.message();
  for (const auto& entry : std::filesystem::directory_iterator(right, error)) names[entry.path().filename()] |= 2;
  if (error) return right + ": " + error.message();
  for (const auto& [name, sides] : names) {
    if (sides != 3) return left + "/" + name + " is only on the " + (sides == 1 ? "left" : "right");
    const std::string found = entry_difference(std::filesystem::path(left) / name, std::filesystem::path(right) / name);
    if (!found.empty()) return found.starts_with(left) ? found : left + "/" + name + ": " + found;
  }
  return "";
}

}  // namespace posix_diff
