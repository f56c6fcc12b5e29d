#include "cli/persist/mounting.h"

#include <filesystem>

#include "cli/persist/ask.h"
#include "forebay/v1/tasks.rpc.h"

namespace forebay::cli {
namespace {

constexpr Duration kPatience = std::chrono::seconds(60);  // of one probe

struct OtherName {
  std::string_view theirs, ours;
};
constexpr OtherName kOtherNames[] = {{"s3a.accessKeyId", "access-key"},       {"s3a.secretKey", "secret-key"},
                                     {"aws.accessKeyId", "access-key"},       {"aws.secretKey", "secret-key"},
                                     {"aws.sessionToken", "session-token"},   {"alluxio.underfs.s3.endpoint", "endpoint"},
                                     {"alluxio.underfs.s3.region", "region"}, {"alluxio.underfs.s3.endpoint.region", "region"}};

std::string own_name(const std::string& name) {
  for (const OtherName& other : kOtherNames)
    if (name == other.theirs) return std::string(other.ours);
  return name;
}

v1::ProbeStoreRequest probe_request(const std::string& uri, const MountOptions& options) {
  v1::ProbeStoreRequest request;
  request.set_uri(uri);
  for (const auto& [name, value] : options) {
    v1::MountOption& option = *request.add_options();
    option.set_name(name);
    option.set_value(value);
  }
  return request;
}

// The first live worker that answers; a store's own refusal is an answer.
Result<v1::ProbeStoreReply> probe(const Access& access, const std::string& uri, const MountOptions& options) {
  ASSIGN_OR_RETURN(const std::vector<v1::WorkerAddress> workers, async::block_on(access.executor, access.client.workers()));
  Error failure = elsewhere("no worker is live: the store is asked by one before it is mounted");
  for (const v1::WorkerAddress& worker : workers) {
    if (!worker.live()) continue;
    ASSIGN_OR_RETURN(os::Address address, os::Address::parse(worker.address()));
    Result<v1::ProbeStoreReply> reply = async::block_on(
        access.executor, ask_once<v1::task_service::ProbeStore>(&access.env, access.executor, std::move(address), access.who,
                                                                probe_request(uri, options), kPatience));
    if (reply) return reply;
    const bool is_silent = reply.error().is(Code::kElsewhere) || reply.error().is(Code::kUnknown);
    if (!is_silent && reply.error().is(Code::kInvalid)) return std::unexpected(std::move(reply).error());
    failure = Error(std::move(reply).error().with_context("worker " + std::to_string(worker.worker()) + " cannot use " + uri));
    if (!is_silent) return failure;
  }
  return failure;
}

template <class Request>
void set_options(Request& request, const MountOptions& options, const std::string& capabilities) {
  for (const auto& [name, value] : options) {
    v1::MountOption& option = *request.add_options();
    option.set_name(name);
    option.set_value(value);
  }
  if (options.contains("capabilities")) return;
  v1::MountOption& found = *request.add_options();
  found.set_name("capabilities");
  found.set_value(capabilities);
}

}  // namespace

Result<MountOptions> parse_mount_options(const std::vector<std::string>& texts) {
  MountOptions options;
  for (const std::string& text : texts) {
    const size_t equals = text.find('=');
    if (equals == std::string::npos || equals == 0)
      return invalid("an option has the form name=value; '" + text.substr(0, std::min<size_t>(equals, 8)) + "…' has not");
    const std::string name = text.substr(0, equals), value = text.substr(equals + 1);
    if (name == "alluxio.underfs.s3.disable.dns.buckets") {
      options["addressing"] = value == "true" ? "path" : "auto";
    } else if (!options.emplace(own_name(name), value).second) {
      return invalid("option " + own_name(name) + " is given twice");
    }
  }
  return options;
}

Result<std::string> normal_ufs_uri(const std::string& text) {
  if (text.find("://") != std::string::npos) return text;
  if (text.empty()) return invalid("an under store is named file:///directory or s3://bucket/prefix");
  std::error_code error;
  const std::string path = std::filesystem::absolute(text, error).lexically_normal().string();
  if (error) return invalid("'" + text + "' is no usable path");
  return "file://" + path;
}

Result<void> mount_store(const Access& access, const std::string& path, const std::string& uri, MountOptions options) {
  ASSIGN_OR_RETURN(const v1::ProbeStoreReply found, probe(access, uri, options));
  v1::AddMountRequest request;
  request.set_path(path);
  request.set_uri(uri);
  set_options(request, options, found.capabilities());
  request.set_has_directories(found.has_directories());
  request.set_has_rename(found.has_rename());
  const std::unique_ptr<client::PersistControl> control = access.client.persistence();
  TRY(async::block_on(access.executor, control->add_mount(access.who, std::move(request))));
  return {};
}

Result<void> change_mount(const Access& access, const v1::Mount& mount, MountOptions options) {
  const v1::MountRecord& record = mount.record();
  ASSIGN_OR_RETURN(const v1::ProbeStoreReply found, probe(access, record.uri(), options));
  const bool is_as_before = found.has_directories() == record.has_directories() && found.has_rename() == record.has_rename();
  if (!is_as_before)
    return invalid(record.uri() + ": with these options it is a store of another kind; mount it at another path");
  v1::UpdateMountRequest request;
  request.set_path(record.path());
  set_options(request, options, found.capabilities());
  const std::unique_ptr<client::PersistControl> control = access.client.persistence();
  TRY(async::block_on(access.executor, control->update_mount(access.who, std::move(request))));
  return {};
}

}  // namespace forebay::cli
