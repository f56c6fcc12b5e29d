// What the parts of one client share.
#pragma once

#include <algorithm>
#include <functional>
#include <memory>
#include <optional>
#include <vector>

#include "client/background.h"
#include "client/byte_budget.h"
#include "client/client.h"
#include "client/compaction/compactor.h"
#include "client/directory_attrs.h"
#include "client/ends.h"
#include "client/file_table.h"
#include "client/known_names.h"
#include "client/read_path/descriptor_cache.h"
#include "client/routing.h"
#include "client/session.h"
#include "client/write_path/ack_gaps.h"
#include "client/write_path/intake.h"
#include "client/write_path/space_holds.h"
#include "client/write_path/staged_pool.h"
#include "obs/log.h"
#include "os/env.h"

namespace forebay::client {

// What a write has memory for beside its own bytes, at the least.
inline constexpr uint64_t kMostInlineBytes = 64 * kKiB;

// Built and stopped by the client; kept alive by open files too, because a File may outlive its Client (its calls then fail).
// Environment and log outlive it.
struct Core {
  Core(os::Env& environment, obs::Log& logger, ClientConfig configuration, std::vector<async::Executor> executors);

  // Content up to so many bytes is inline.
  uint64_t inline_limit() const { return std::min({config.inline_bytes, session.inline_max(), kMostInlineBytes}); }
  bool writes_by_descriptor() const { return config.short_circuit && !config.multipart_upload; }

  os::Env& env;
  obs::Log& log;
  const ClientConfig config;
  std::function<bool(InodeId)> privilege_is_guarded;  // Client::leave_privilege()
  Background background;
  Routing routing;
  Intake intake;
  Session session;
  ByteBudget write_budget;
  AckGaps ack_gaps;
  SpaceHolds holds;
  StagedPool staged_pool;
  std::optional<async::Semaphore> uploads;  // frames on their way at once, of all files
  ByteBudget held_budget;                   // of the write budget: bytes that wait until their object is complete or asked for
  ByteBudget read_ahead_budget;
  DescriptorCache descriptors;
  FileTable files;
  ReadEnds read_ends;
  WriteEnds write_ends;
  DirectoryAttrs directories;
  KnownNames names;
  Compactor compactor;
};

}  // namespace forebay::client
