#include "cli/local/prepare_persistence.h"

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "cli/local/with_client.h"
#include "cli/output.h"
#include "master/persist/mapping_file.h"
#include "os/file.h"

namespace forebay::cli {
namespace {

constexpr std::string_view kDefaultMapping = R"({
  "cacheOnlyMountPoint": "/cache-only",
  "asyncUploadPathMapping": {
    "/cache-only/persist": "/ufs/persist"
  }
}
)";

std::string options_file(const Directory& directory) { return directory.run() + "/ufs.options"; }

// Readable by nobody else from its first byte on.
Result<void> keep_options(const Directory& directory, const MountOptions& options) {
  const std::string path = options_file(directory);
  unlink(path.c_str());
  if (options.empty()) return {};
  const mode_t before = umask(077);
  const std::string text = Json(options).dump(-1, ' ', false, Json::error_handler_t::replace);
  Result<void> written = os::real_files().write_whole(path, as_bytes(text));
  umask(before);
  return written;
}

Result<MountOptions> kept_options(const Directory& directory) {
  const std::string path = options_file(directory);
  ASSIGN_OR_RETURN(const bool there, os::real_files().exists(path));
  if (!there) return MountOptions{};
  ASSIGN_OR_RETURN(const std::string text, os::real_files().read_whole(path, kMiB));
  const Json json = Json::parse(text, nullptr, /*allow_exceptions=*/false);
  MountOptions options;
  for (const auto& [name, value] : json.items())
    if (value.is_string()) options.emplace(name, value.get<std::string>());
  return options;
}

Result<void> check_mapping_file(const Directory& directory, const config::Settings& settings) {
  const std::string path = settings.text("forebay.persist.mapping_file");
  if (path.empty()) return {};
  os::FileSystem& files = os::real_files();
  ASSIGN_OR_RETURN(const bool there, files.exists(path));
  if (!there && path == directory.mapping()) return files.write_whole(path, as_bytes(kDefaultMapping));
  Result<std::string> text = files.read_whole(path, master::kMaxMappingFile);
  if (!text) return invalid("mapping file " + path + " cannot be read: " + text.error().to_string());
  TRY(master::parse_mapping_file(path, *text));
  return {};
}

// What is at /ufs, made so that it is `uri`.
Result<void> mount(const Access& access, const std::string& uri, const MountOptions& options) {
  const std::unique_ptr<client::PersistControl> control = access.client.persistence();
  ASSIGN_OR_RETURN(const v1::ListMountsReply mounts, async::block_on(access.executor, control->list_mounts(access.who)));
  auto present = std::ranges::find(mounts.mounts(), kUfsMount, [](const v1::Mount& mount) { return mount.record().path(); });
  if (present != mounts.mounts().end() && present->record().uri() == uri)
    return options.empty() ? Result<void>{} : change_mount(access, *present, options);
  if (present != mounts.mounts().end()) {
    v1::RemoveMountRequest request;
    request.set_path(kUfsMount);
    if (auto removed = async::block_on(access.executor, control->remove_mount(access.who, request)); !removed)
      return invalid("the under store at /ufs is " + present->record().uri() + " and cannot become " + uri + ": " +
                     removed.error().message() + " (start with --ufs " + present->record().uri() +
                     ", or mount the other one elsewhere with `forebay mount add`)");
  }
  return mount_store(access, kUfsMount, uri, options);
}

}  // namespace

std::string ufs_uri(const Directory& directory, const config::Settings& settings) {
  const std::string uri = settings.text("forebay.local.ufs");
  if (uri == "none") return "";
  return uri.empty() ? "file://" + directory.default_ufs() : uri;
}

Result<void> check_persistence(const Directory& directory, const config::Settings& settings, const MountOptions& options) {
  const std::string uri = ufs_uri(directory, settings);
  if (uri.empty() && !options.empty()) return invalid("--ufs-option without an under store (--ufs none)");
  if (uri == "file://" + directory.default_ufs()) TRY(os::real_files().make_directories(directory.default_ufs()));
  TRY(check_mapping_file(directory, settings));
  return keep_options(directory, options);
}

Result<void> prepare_persistence(const Directory& directory, const config::Settings& settings, obs::Log& log) {
  const std::string uri = ufs_uri(directory, settings);
  if (uri.empty()) return {};
  return with_client(settings, [&](const Access& access) -> Result<void> {
    Result<MountOptions> options = kept_options(directory);
    const Result<void> mounted = options ? mount(access, uri, *options) : std::unexpected(options.error());
    if (!mounted) return invalid("the under store " + uri + " cannot be mounted at /ufs: " + mounted.error().to_string());
    unlink(options_file(directory).c_str());
    auto mapped = async::block_on(access.executor, access.client.persistence()->reload_mapping({}));
    if (!mapped && !settings.text("forebay.persist.mapping_file").empty())
      log.warning("the mapping is not in force yet", {{"error", mapped.error().message()}});
    return {};
  });
}

}  // namespace forebay::cli
