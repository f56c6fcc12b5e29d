// Which sessions live, and what they have open for reading.
#pragma once

#include <cstdint>
#include <map>
#include <mutex>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "base/ids.h"
#include "base/status.h"
#include "master/operation.h"
#include "os/clock.h"

namespace forebay::master {

// A number for an open for reading: the session's own sequence number of the call that opened, so that a repeated call opens
// once. The top bit keeps it apart from the journaled handles.
inline constexpr uint64_t kReadHandle = uint64_t{1} << 63;
inline HandleId read_handle(uint64_t sequence) { return HandleId{kReadHandle | sequence}; }

struct SessionTableConfig {
  Duration lease = std::chrono::seconds(10);
  size_t max_sessions = 10'000;
  size_t max_open_reads = 65'536;  // of one session
};

// In memory only; the journaled part of a session is its record ("S"). Owned by the Master. Any thread.
// After a start every session has a full lease, and until each has told its open reads (or ended) every inode counts as open.
class SessionTable : public OpenReads {
 public:
  SessionTable(os::Clock& clock, SessionTableConfig config) : clock_(clock), config_(config) {}

  // One that was journaled before this start.
  void load(SessionId session, uint64_t nonce);
  void add(SessionId session, uint64_t nonce);
  bool is_full() const;
  std::optional<SessionId> find(uint64_t nonce) const;

  bool knows(SessionId session) const;
  bool is_live(SessionId session) const;  // false as well for one that is ending
  Result<void> renew(SessionId session);  // `stale`
  // What it has open since before this start. Takes the place of what was told before.
  Result<void> tell_open_reads(SessionId session, std::span<const uint64_t> inodes);

  // What its client's writes have waited in all. Returns what is more than was told before; 0 of an unknown one.
  uint64_t note_waited(SessionId session, uint64_t waited_ms);
  // What its client says of itself, for people; empty: nothing. Of an unknown one it is dropped.
  void describe(SessionId session, std::string state);
  std::map<SessionId, std::string> described(size_t most) const;

  // An unknown session is `stale`, too many are `rejected` EMFILE. A handle that is already open is left as it is.
  Result<void> open_read(SessionId session, HandleId handle, InodeId inode);
  void close_reads(SessionId session, std::span<const uint64_t> handles);
  bool is_open(InodeId inode) const override;

  // From now on it is not live. False: unknown, or somebody is ending it already.
  bool begin_end(SessionId session);
  void abandon_end(SessionId session);  // it could not be done now; still not live
  void forget(SessionId session);
  std::vector<SessionId> expired() const;  // not being ended by somebody

  size_t size() const;

 private:
  enum class State : uint8_t { kLive, kToEnd, kEnding };
  struct Session {
    uint64_t nonce = 0;
    os::Instant expires;
    State state = State::kLive;
    std::string said;                   // of itself
    std::optional<uint64_t> waited_ms;  // none: it began before this start, and has not told
    std::map<HandleId, InodeId> reads;
    std::vector<InodeId> told;  // open since before this start
  };
  void count(InodeId inode);
  void discount(InodeId inode);
  void drop_told(Session& session);

  os::Clock& clock_;
  const SessionTableConfig config_;
  mutable std::mutex mutex_;  // guards everything below
  std::map<SessionId, Session> sessions_;
  std::unordered_map<uint64_t, SessionId> nonces_;
  std::unordered_map<InodeId, uint32_t> open_;
  std::set<SessionId> silent_;  // loaded, and have not told their open reads yet
};

}  // namespace forebay::master
