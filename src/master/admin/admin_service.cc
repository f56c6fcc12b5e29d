#include "master/admin/admin_service.h"

#include "forebay/v1/admin.rpc.h"
#include "master/answers.h"
#include "master/cluster/check_copies.h"
#include "master/extents/inline.h"
#include "master/namespace/check.h"
#include "master/namespace/inode.h"
#include "master/schema.h"

namespace forebay::master {
namespace {

namespace service = v1::admin_service;

constexpr size_t kCountedAtMost = 100'000;  // records that a report counts one by one
constexpr size_t kMostClients = 1000;       // that a report names
constexpr size_t kCheckedAtOnce = 50'000;   // records of one call: a second or two

Result<uint64_t> count(const kv::Reader& reader, std::string_view prefix) {
  uint64_t counted = 0;
  TRY(reader.scan(prefix, kv::prefix_end(prefix),
                  [&](std::string_view, std::string_view) { return ++counted < kCountedAtMost; }));
  return counted;
}

Result<CheckStep> totals_of(const kv::Reader& reader) {
  CheckStep step;
  ASSIGN_OR_RETURN(step.problems, check_totals(reader));
  ASSIGN_OR_RETURN(step.checked, inode_count(reader));
  return step;
}

}  // namespace

void AdminService::bind(rpc::Router& router) {
  router.handle<service::Report>([this](rpc::Call, v1::Empty) { return answered(report()); });
  router.handle<service::Fsck>([this](rpc::Call, v1::FsckRequest request) { return answered(fsck(std::move(request))); });
  router.handle<service::FsckCopies>(
      [this](rpc::Call, v1::FsckCopiesRequest request) { return answered(fsck_copies(std::move(request))); });
}

Task<Result<v1::ReportReply>> AdminService::report() {
  auto make = [this] { return make_report(); };
  co_return co_await async::run_blocking(parts_.blocking, make);
}

Result<v1::ReportReply> AdminService::make_report() const {
  v1::ReportReply reply;
  reply.set_cluster(parts_.cluster);
  reply.set_version(parts_.version);
  reply.set_state("serving");
  Result<void> writable = parts_.loop.state();
  if (writable) writable = parts_.store.accepts_writes();
  if (!writable) {
    reply.set_state("read-only");
    reply.set_reason(writable.error().message());
  }
  const auto up = std::chrono::duration_cast<std::chrono::milliseconds>(parts_.clock.now() - parts_.started);
  reply.set_uptime_ms(static_cast<uint64_t>(up.count()));
  reply.set_sessions(parts_.sessions.size());
  const std::unique_ptr<kv::Reader> snapshot = parts_.store.snapshot();
  ASSIGN_OR_RETURN(const uint64_t inodes, inode_count(*snapshot));
  reply.set_inodes(inodes);
  ASSIGN_OR_RETURN(const uint64_t kept_inline, inline_bytes(*snapshot));
  reply.set_inline_bytes(kept_inline);
  ASSIGN_OR_RETURN(const uint64_t handles, count(*snapshot, "H"));
  reply.set_write_handles(handles);
  ASSIGN_OR_RETURN(const uint64_t reclaiming, count(*snapshot, "N"));
  reply.set_reclaiming(reclaiming);
  parts_.intake.describe(*reply.mutable_intake());
  for (v1::WorkerReport& worker : parts_.workers.report()) *reply.add_workers() = std::move(worker);
  for (const auto& [session, state] : parts_.sessions.described(kMostClients)) {
    ASSIGN_OR_RETURN(const std::optional<v1::SessionRecord> record,
                     read_record<v1::SessionRecord>(*snapshot, key::session(session)));
    if (!record) continue;
    v1::ClientReport& client = *reply.add_clients();
    client.set_client(record->client());
    client.set_host_id(record->host_id());
    client.set_state(state);
  }
  return reply;
}

Task<Result<v1::FsckReply>> AdminService::fsck(v1::FsckRequest request) {
  auto check = [&] {
    const std::unique_ptr<kv::Reader> snapshot = parts_.store.snapshot();
    return request.totals() ? totals_of(*snapshot) : check_step(*snapshot, request.cursor(), kCheckedAtOnce);
  };
  CO_ASSIGN_OR_RETURN(CheckStep step, co_await async::run_blocking(parts_.blocking, check));
  v1::FsckReply reply;
  reply.set_cursor(std::move(step.cursor));
  reply.set_checked(step.checked);
  for (std::string& problem : step.problems) reply.add_problems(std::move(problem));
  for (std::string& lost : step.lost) reply.add_problems(std::move(lost));
  co_return reply;
}

Task<Result<v1::FsckCopiesReply>> AdminService::fsck_copies(v1::FsckCopiesRequest request) {
  auto check = [&] { return check_copies(*parts_.store.snapshot(), request); };
  co_return co_await async::run_blocking(parts_.blocking, check);
}

}  // namespace forebay::master
