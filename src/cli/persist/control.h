// What the commands about persistence share.
#pragma once

#include <map>
#include <memory>
#include <string>

#include "cli/output.h"
#include "cli/persist/ask.h"
#include "cli/persist/mounting.h"
#include "cli/shell.h"
#include "forebay/v1/coordinator.rpc.h"

namespace forebay::cli {

// Both connect on first use; the shell outlives what they give.
Result<Access> access_of(Shell& shell);
Result<std::unique_ptr<client::PersistControl>> persist_control(Shell& shell);

// The coordinator that the settings name. `elsewhere`, with its address, when it does not answer.
Result<os::Address> coordinator_address(Shell& shell);
template <class M>
Result<typename M::Reply> ask_coordinator(Shell& shell, typename M::Request request) {
  TRY(shell.client());
  ASSIGN_OR_RETURN(os::Address address, coordinator_address(shell));
  const std::string name = address.to_string();
  Result<typename M::Reply> reply = shell.wait(
      ask_once<M>(&shell.env(), shell.executor(), std::move(address), shell.who(), std::move(request), std::chrono::seconds(10)));
  if (!reply && (reply.error().is(Code::kElsewhere) || reply.error().is(Code::kUnknown)))
    return std::unexpected(std::move(reply).error().with_context("the coordinator at " + name + " does not answer"));
  return reply;
}

// Keys as people know them: by the mount's path in the namespace, and by the store's own name. Whoever may not see the mounts
// gets their numbers.
class MountNames {
 public:
  static MountNames load(Shell& shell);
  std::string path(uint64_t mount, const std::string& key) const;  // "/ufs/persist/a"
  std::string uri(uint64_t mount, const std::string& key) const;   // "s3://bucket/prefix/persist/a"
  std::string uri(uint64_t mount) const;

 private:
  std::map<uint64_t, v1::MountRecord> mounts_;
};

// Everything that waits, from all pages.
Result<v1::PersistStatusReply> whole_status(Shell& shell, client::PersistControl& control);

std::string format_age(Duration age);                               // "12s", "3m 5s", "2h 10m", "4d 1h"
std::string age_since(int64_t unix_nanos);                          // of it; "-" for 0
Duration duration_since(int64_t unix_nanos);                        // 0 for 0 and for the future
std::string_view kind_name(v1::OperationKind kind);                 // "upload", "move", …
std::string_view state_name(v1::PersistState state);                // "TO_BE_PERSISTED"
std::string_view conflict_policy_name(v1::OnConflict on_conflict);  // "keep-both"
Json to_json(const v1::MappingRecord& record);

}  // namespace forebay::cli
