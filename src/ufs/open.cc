#include "ufs/open.h"

#include <algorithm>

#include "os/links.h"
#include "os/mount_points.h"
#include "ufs/checked_store.h"
#include "ufs/options.h"
#include "ufs/posix/posix_store.h"
#include "ufs/s3/s3_store.h"

namespace forebay::ufs {
namespace {

using Opened = Result<std::unique_ptr<UnderStore>>;

std::string without_last_slashes(std::string text) {
  while (text.size() > 1 && text.ends_with('/')) text.pop_back();
  return text;
}

// How what is in the store is shown: the master's to use, checked with the rest.
void check_shown(OptionReader& reader) {
  size_t owner = 0;
  bool read_only = false;
  for (const char* name : {"file-mode", "directory-mode"}) reader.octal(name);
  for (const char* name : {"uid", "gid"}) reader.count(name, owner, 0, UINT32_MAX - 1);
  reader.flag("read-only", read_only);
}

Opened open_posix(const std::string& uri, const StoreOptions& options, os::Env& env) {
  PosixStoreConfig config;
  config.tree.root = without_last_slashes(uri.substr(std::string_view("file://").size()));
  if (!config.tree.root.starts_with('/')) return invalid(uri + ": a directory is named from the root: file:///mnt/data");
  if (config.tree.root == "/") return invalid(uri + ": the root directory cannot be an under store");
  if (config.tree.root.find("/../") != std::string::npos || config.tree.root.ends_with("/.."))
    return invalid(uri + ": '..' in the name of a directory");
  OptionReader reader(uri, options);
  reader.choice<StampPlace>("stamp", config.tree.stamps,
                            {{"auto", StampPlace::kAuto}, {"xattr", StampPlace::kXattr}, {"side-file", StampPlace::kSideFile}});
  reader.flag("owner", config.tree.owner);
  bool follows = true;
  reader.choice<bool>("symlinks", follows, {{"follow", true}, {"refuse", false}});
  check_shown(reader);
  reader.count("calls", config.calls, 1, 256);
  reader.size("buffer", config.buffer_bytes, 4 * kKiB, 64 * kMiB);
  reader.capabilities(config.known);
  TRY(reader.finish());
  // A NAS may hang for hours: not with the threads that sync the worker's own disks. Files in memory do not, and have no threads.
  config.own_threads = &env.files == &os::real_files();
  if (!follows && config.own_threads) config.tree.links = &os::real_links();
  if (config.own_threads) config.tree.mounts = &os::real_mount_points();
  return std::make_unique<PosixStore>(env, std::move(config));
}

Result<void> check_bucket_name(const std::string& bucket, const std::string& uri) {
  auto is_allowed = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '.' || c == '_';
  };
  if (bucket.find_first_of("@:?#") != std::string::npos) {
    // Perhaps a key and its secret: not repeated.
    return invalid("an s3 URI is s3://bucket/prefix: endpoint and keys are options of the mount");
  }
  if (bucket.size() < 3 || bucket.size() > 63 || !std::ranges::all_of(bucket, is_allowed) || bucket.front() == '.' ||
      bucket.front() == '-')
    return invalid(uri + ": '" + bucket + "' is no name for a bucket (3 to 63 letters, digits, '-', '.', '_')");
  return {};
}

Result<void> split_s3(const std::string& uri, S3StoreConfig& config) {
  const std::string rest = uri.substr(std::string_view("s3://").size());
  const size_t slash = rest.find('/');
  config.client.bucket = rest.substr(0, slash);
  TRY(check_bucket_name(config.client.bucket, uri));
  const std::string prefix = slash == std::string::npos ? "" : rest.substr(slash + 1);
  if (prefix.empty()) return {};
  config.prefix = without_last_slashes(prefix);
  if (Result<void> fits = check_key(config.prefix, Limits{}); !fits) return invalid(uri + ": " + fits.error().message());
  config.prefix += '/';
  return {};
}

Result<void> check_endpoint(const std::string& endpoint, const std::string& uri) {
  if (endpoint.empty()) return {};
  const bool is_http = endpoint.starts_with("http://") || endpoint.starts_with("https://");
  if (!is_http) return invalid(uri + ": option endpoint begins with http:// or https://");
  const std::string authority = endpoint.substr(endpoint.find("://") + 3);
  if (authority.find('@') != std::string::npos)
    return invalid(uri + ": option endpoint names a user; keys are options of their own");
  if (authority.empty() || authority.find_first_of("/?# ") != std::string::npos)
    return invalid(uri + ": option endpoint is a host and perhaps a port, without a path: " + endpoint);
  return {};
}

// Default ports are left out: the signed Host header has to be the one that is sent.
std::string normal_endpoint(std::string endpoint) {
  endpoint = without_last_slashes(std::move(endpoint));
  if (endpoint.starts_with("http://") && endpoint.ends_with(":80")) endpoint.resize(endpoint.size() - 3);
  if (endpoint.starts_with("https://") && endpoint.ends_with(":443")) endpoint.resize(endpoint.size() - 4);
  return endpoint;
}

Opened open_s3(const std::string& uri, const StoreOptions& options, os::Env& env, obs::Log& log, Environment environment) {
  S3StoreConfig config;
  TRY(split_s3(uri, config));
  S3ClientConfig& client = config.client;
  Capabilities known;
  std::string secret, token;
  for (const char* name : {"AWS_REGION", "AWS_DEFAULT_REGION"}) {
    if (auto region = environment(name)) {
      client.region = *region;
      break;
    }
  }
  OptionReader reader(uri, options);
  reader.text("endpoint", client.endpoint);
  reader.text("region", client.region);
  reader.text("access-key", client.credentials.given.access_key);
  reader.text("secret-key", secret);
  reader.text("session-token", token);
  reader.text("credentials-file", client.credentials.file);
  reader.text("profile", client.credentials.profile);
  reader.flag("anonymous", client.credentials.anonymous);
  reader.flag("instance-metadata", client.credentials.use_metadata);
  reader.choice<Addressing>(
      "addressing", client.addressing,
      {{"auto", Addressing::kAuto}, {"path", Addressing::kPath}, {"virtual-host", Addressing::kVirtualHost}});
  reader.choice<PayloadSigning>(
      "payload-signing", client.payload,
      {{"auto", PayloadSigning::kAuto}, {"always", PayloadSigning::kAlways}, {"never", PayloadSigning::kNever}});
  reader.text("ca-file", client.http.ca_file);
  reader.flag("verify-tls", client.http.verify_tls);
  reader.text("proxy", client.http.proxy);
  reader.count("connections", client.http.connections, 1, 1024);
  reader.duration("connect-timeout", client.http.connect_timeout);
  reader.duration("stall-timeout", client.http.stall_timeout);
  reader.choice<bool>("dirs", config.directory_markers, {{"none", false}, {"marker", true}});
  check_shown(reader);
  reader.capabilities(known);
  TRY(reader.finish());
  client.endpoint = normal_endpoint(client.endpoint);
  TRY(check_endpoint(client.endpoint, uri));
  if (client.region.empty()) return invalid(uri + ": option region is empty");
  if (client.credentials.given.access_key.empty() != secret.empty())
    return invalid(uri + ": of the options access-key and secret-key only one is set");
  client.credentials.given.secret_key = Secret(secret);
  client.credentials.given.session_token = Secret(token);
  client.credentials.given.origin = "options of the mount";
  client.credentials.sts_http = client.http;
  auto store = std::make_unique<S3Store>(env, std::move(config), std::move(environment), log);
  return std::make_unique<CheckedStore>(std::move(store), env.random, known);
}

}  // namespace

Opened open_under_store(const std::string& uri, const StoreOptions& options, os::Env& env, obs::Log& log,
                        Environment environment) {
  if (uri.starts_with("file://")) return open_posix(uri, options, env);
  if (uri.starts_with("s3://")) return open_s3(uri, options, env, log, std::move(environment));
  return invalid("an under store is named file:///directory or s3://bucket/prefix, not '" +
                 uri.substr(0, uri.find_first_of(":/@")) + "…'");
}

}  // namespace forebay::ufs
