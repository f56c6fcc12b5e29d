#include <utility>

#include "role.h"

namespace forebay::cluster {
namespace {

using std::chrono::seconds;

class ClientRole final : public Role {
 public:
  explicit ClientRole(std::shared_ptr<RunningClient> running) : running_(std::move(running)) {}
  Task<void> stop() override { return running_->client->stop(); }

 private:
  const std::shared_ptr<RunningClient> running_;  // shared with the actors that have files open in it
};

}  // namespace

Task<Result<std::unique_ptr<Role>>> start_client(std::shared_ptr<os::SimProcess> process, obs::Log* log, const Scenario* scenario,
                                                 ClientSlot* slot) {
  client::ClientConfig config;
  config.masters = {{.host = kMasterHost, .port = kMasterPort}};
  config.name = process->host().name();
  config.durability = scenario->durability;
  config.object_bytes = scenario->object_bytes;
  config.first_object_bytes = std::min<uint64_t>(64 * kKiB, scenario->object_bytes);  // small, so that files have several objects
  config.descriptor_from_bytes = 4 * kKiB;                                            // small, so that small files go both ways
  config.inline_bytes = scenario->inline_bytes;
  if (scenario->multipart) config.multipart_upload = client::MultipartUpload{.threads = 2, .buffers = 1, .buffer_bytes = kMiB};
  config.retry_for = seconds(30);
  config.compact_from_extents = 8;  // small, so that small files are compacted
  config.compact_extent_bytes = 16 * kKiB;
  config.compact_dead_bytes = 256 * kKiB;
  config.compact_slice_bytes = 32 * kKiB;
  auto running = std::make_shared<RunningClient>();
  running->process = process;
  CO_ASSIGN_OR_RETURN(running->client, co_await client::Client::start(process->env(), *log, config, {process->env().blocking}));
  if (!process->is_dead()) slot->current = running;
  co_return std::make_unique<ClientRole>(std::move(running));
}

}  // namespace forebay::cluster
