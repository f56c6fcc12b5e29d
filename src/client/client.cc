#include "client/client.h"

#include <utility>

#include "base/check.h"
#include "client/client_impl.h"
#include "client/under_path/under_client.h"

namespace forebay::client {

namespace {
ClientConfig with_upload_limits(ClientConfig config) {
  if (!config.multipart_upload) return config;
  config.write_buffer_bytes = config.multipart_upload->buffers * config.multipart_upload->buffer_bytes;
  config.stream_window = config.multipart_upload->threads;
  return config;
}
}  // namespace

Core::Core(os::Env& environment, obs::Log& logger, ClientConfig configuration, std::vector<async::Executor> executors)
    : env(environment),
      log(logger),
      config(with_upload_limits(std::move(configuration))),
      background(std::move(executors)),
      routing(env, log, config, background),
      intake(env, log, config),
      session(env, log, config, routing, background, intake),
      write_budget(config.write_buffer_bytes),
      holds(env, config, routing, background),
      staged_pool(*this),
      uploads(config.multipart_upload ? std::make_optional<async::Semaphore>(config.multipart_upload->threads) : std::nullopt),
      held_budget(config.write_buffer_bytes / 2),
      read_ahead_budget(config.read_ahead_total_bytes),
      descriptors(config.max_descriptors),
      names(env.clock) {}

namespace {
Result<void> check_config(const ClientConfig& config) {
  if (config.masters.empty()) return invalid("a client needs the address of a master");
  if (config.object_bytes == 0 || config.first_object_bytes == 0) return invalid("objects need room for a byte");
  if (config.write_buffer_bytes < kMiB) return invalid("write_buffer_bytes is less than 1 MiB: nothing could be written");
  if (const std::optional<MultipartUpload>& upload = config.multipart_upload) {
    if (upload->threads == 0) return invalid("a multipart upload without threads uploads nothing");
    if (upload->buffer_bytes < kMiB || upload->buffers == 0) return invalid("buffers of a multipart upload are at least 1 MiB");
  }
  if (config.stream_window == 0 || config.read_window == 0) return invalid("windows of 0 requests let nothing through");
  if (config.max_commit_extents == 0 || config.max_commit_extents > 4000) return invalid("max_commit_extents is 1 to 4,000");
  if (config.compact_from_extents > 1024) return invalid("compact_from_extents is at most 1,024, a page of a layout");
  if (config.compact_slice_bytes == 0) return invalid("compact_slice_bytes is 0: nothing could be rewritten");
  if (config.descriptor_idle <= Duration{}) return invalid("descriptor_idle is not positive");
  if (config.max_hold_bytes < config.hold_bytes) return invalid("max_hold_bytes is less than hold_bytes");
  if (config.max_channels == 0) return invalid("max_channels is 0: nothing could be reached");
  return {};
}

constexpr size_t kCloseAtOnce = 64;  // files, when the client stops

Task<Result<void>> close_all(std::shared_ptr<FileState> state) {
  co_await state->close_all();
  co_return Result<void>{};
}

Task<void> close_idle_descriptors(Core* core, std::stop_token stop) {
  for (;;) {
    const bool slept = co_await core->env.clock.sleep(core->config.descriptor_idle, stop);
    if (!slept) co_return;
    core->descriptors.close_idle();
  }
}
}  // namespace

Task<Result<std::unique_ptr<Client>>> Client::start(os::Env& env, obs::Log& log, ClientConfig config,
                                                    std::vector<async::Executor> executors) {
  CO_TRY(check_config(config));
  auto client = std::make_unique<UnderClient>(std::make_shared<Core>(env, log, std::move(config), std::move(executors)));
  Result<void> begun = co_await client->begin();
  if (!begun) {
    co_await client->stop();
    co_return std::unexpected(std::move(begun).error());
  }
  co_return client;
}

Task<Result<void>> ClientImpl::begin() {
  CO_TRY(co_await core_->session.begin());
  core_->background.spawn(0, Session::keep_alive(&core_->session, core_->background.token()));
  core_->background.spawn(0, SpaceHolds::keep(&core_->holds, core_->background.token()));
  core_->background.spawn(0, close_idle_descriptors(core_.get(), core_->background.token()));
  // Which workers share this host decides how files are written; without the table they are streamed.
  Result<std::vector<v1::WorkerAddress>> workers = co_await core_->routing.refresh_workers();
  if (!workers) co_return std::unexpected(std::move(workers).error());
  co_return Result<void>{};
}

Task<void> ClientImpl::stop() {
  if (std::exchange(stopped_, true)) co_return;
  core_->routing.begin_to_stop();
  core_->intake.end();
  std::vector<Task<Result<void>>> closing;
  for (const std::shared_ptr<FileState>& state : core_->files.all()) closing.push_back(close_all(state));
  co_await core_->background.run_all(0, std::move(closing), kCloseAtOnce);
  core_->staged_pool.stop();
  co_await core_->holds.end();
  if (core_->session.begun()) co_await core_->session.end();
  co_await core_->background.stop();
  co_await core_->routing.stop();
}

}  // namespace forebay::client
