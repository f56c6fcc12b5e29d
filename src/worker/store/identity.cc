#include "worker/store/identity.h"

#include <algorithm>
#include <charconv>
#include <cstdio>

#include "base/crc32c.h"
#include "worker/store/object_file.h"

namespace forebay::worker {
namespace {

constexpr std::string_view kFirstLine = "forebay worker directory, format 1\n";
constexpr uint64_t kIdentityLimit = 4096;  // bytes; a file that is longer is not ours

std::string owner_of(const Identity& identity) {
  return "worker " + to_string(identity.worker) + " of cluster '" + identity.cluster + "'";
}

// Takes "<key> <value>\n" off the front.
Result<std::string_view> take_line(std::string_view& text, std::string_view key) {
  size_t end = text.find('\n');
  std::string_view line = text.substr(0, end);
  if (end == std::string_view::npos || !line.starts_with(key) || line.size() <= key.size() || line[key.size()] != ' ')
    return invalid("no line '" + std::string(key) + "'");
  text.remove_prefix(end + 1);
  return line.substr(key.size() + 1);
}

template <class Number>
Result<Number> parse_number(std::string_view text, int base) {
  Number value = 0;
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value, base);
  if (error != std::errc{} || end != text.data() + text.size()) return invalid("'" + std::string(text) + "' is not a number");
  return value;
}

}  // namespace

std::string encode_identity(const Identity& identity) {
  std::string text(kFirstLine);
  text += "cluster " + identity.cluster + "\n";
  text += "worker " + to_string(identity.worker) + "\n";
  char crc[16];
  std::snprintf(crc, sizeof crc, "%08x\n", crc32c(as_bytes(text)));
  return text + "crc32c " + crc;
}

Result<Identity> decode_identity(std::string_view text) {
  std::string_view rest = text;
  if (!rest.starts_with(kFirstLine)) return invalid("the first line is not that of a worker's directory");
  rest.remove_prefix(kFirstLine.size());
  ASSIGN_OR_RETURN(std::string_view cluster, take_line(rest, "cluster"));
  ASSIGN_OR_RETURN(std::string_view worker, take_line(rest, "worker"));
  std::string_view covered = text.substr(0, text.size() - rest.size());
  ASSIGN_OR_RETURN(std::string_view crc, take_line(rest, "crc32c"));
  ASSIGN_OR_RETURN(uint32_t expected, parse_number<uint32_t>(crc, 16));
  if (expected != crc32c(as_bytes(covered)) || !rest.empty()) return invalid("the content does not match its checksum");
  TRY(check_cluster_name(cluster));
  ASSIGN_OR_RETURN(uint64_t id, parse_number<uint64_t>(worker, 10));
  if (id == 0) return invalid("worker 0 does not exist");
  return Identity{std::string(cluster), WorkerId{id}};
}

Result<std::optional<Identity>> read_identity(os::FileSystem& files, const std::string& directory) {
  std::string path = directory + "/" + std::string(kIdentityFile);
  ASSIGN_OR_RETURN(bool exists, files.exists(path));
  if (!exists) return std::optional<Identity>{};
  ASSIGN_OR_RETURN(std::string text, files.read_whole(path, kIdentityLimit));
  Result<Identity> identity = decode_identity(text);
  if (!identity)
    return invalid(
        "worker directory '" + directory + "': its file 'identity' is damaged (" + identity.error().message() +
        "). Restore that file, or take this path out of the worker's configuration; the objects in it stay as they are");
  return std::optional<Identity>(std::move(*identity));
}

Result<void> write_identity(os::FileSystem& files, const std::string& directory, const Identity& identity) {
  TRY(check_cluster_name(identity.cluster));
  return files.write_whole(directory + "/" + std::string(kIdentityFile), as_bytes(encode_identity(identity)));
}

Result<std::optional<Identity>> common_identity(const std::vector<DirectoryIdentity>& directories,
                                                const std::string& expected_cluster) {
  const DirectoryIdentity* first = nullptr;
  for (const DirectoryIdentity& directory : directories) {
    if (!directory.identity) continue;
    if (!expected_cluster.empty() && directory.identity->cluster != expected_cluster)
      return invalid("worker directory '" + directory.directory + "' belongs to " + owner_of(*directory.identity) +
                     ", not to cluster '" + expected_cluster + "'. Configure another path, or start this worker in that cluster");
    if (!first) {
      first = &directory;
      continue;
    }
    if (*directory.identity != *first->identity)
      return invalid("worker directory '" + directory.directory + "' belongs to " + owner_of(*directory.identity) + ", but '" +
                     first->directory + "' to " + owner_of(*first->identity) +
                     ". Paths of different workers were put into one configuration: give each worker its own");
  }
  return first ? first->identity : std::nullopt;
}

Result<void> check_cluster_name(std::string_view cluster) {
  bool printable = std::ranges::all_of(cluster, [](char c) { return c > ' ' && c < 127; });
  if (cluster.empty() || cluster.size() > kMaxClusterName || !printable)
    return invalid("a cluster id has 1 to " + std::to_string(kMaxClusterName) + " printable characters, not '" +
                   std::string(cluster) + "'");
  return {};
}

}  // namespace forebay::worker
