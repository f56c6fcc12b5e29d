// What the one driver gives to an operation, and the two shapes an operation has. An operation's file holds domain logic only:
// admission, group commit, durability, repeated calls, metrics and logs are the driver's (master/driver.h).
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "base/ids.h"
#include "base/status.h"
#include "forebay/v1/namespace.pb.h"
#include "kv/txn.h"
#include "master/persist/persistence.h"
#include "os/clock.h"

namespace forebay::master {

class NameLeases;

// The identity an operation is checked against.
struct Caller {
  uint32_t uid = 0, gid = 0;
  std::vector<uint32_t> groups;
  SessionId session;

  bool is_superuser() const { return uid == 0; }
  bool in_group(uint32_t group) const;
};

// Chooses workers for a new object. Implemented by the cluster part, from live workers' reports less what was granted since.
class Placer {
 public:
  virtual ~Placer() = default;
  struct Placed {
    std::vector<WorkerId> workers;  // the chain of copies, first to last
    uint64_t bytes;                 // room that they have: what was wanted, or less where no worker has all of it
    bool staged = false;            // as wanted: the worker is on the client's host, and has all the room
  };
  // `rejected` ENOSPC when no worker has room worth a grant, `busy` ENOSPC when some is coming back, `elsewhere` when none is
  // live.
  virtual Result<Placed> place(const v1::Placement& wanted) = 0;
  virtual bool is_known(WorkerId worker) const = 0;
  virtual bool is_live(WorkerId worker) const { return is_known(worker); }  // has been heard of lately
  // Bytes a second that this session's client may write to workers from now on, being given room; 0: as many as it can.
  virtual uint64_t intake(SessionId /*writer*/) { return 0; }
};

// Which inodes are open for reading: in memory, told by sessions.
class OpenReads {
 public:
  virtual ~OpenReads() = default;
  virtual bool is_open(InodeId inode) const = 0;
};

// Everything a mutation may use. Time and ids come from here, so that an operation is a pure function of this and its request.
// Runs as a step of the commit loop, one at a time, on whichever thread commits; returning an error leaves nothing behind.
struct MutationContext {
  kv::Txn& txn;
  const Caller& caller;
  os::WallTime now;
  Placer& placer;
  const OpenReads& open_reads;
  const Persistence& persistence;
  NameLeases* names = nullptr;  // none: nothing that a lease is about is changed here
  uint64_t sequence = 0;        // of the call in the caller's session

  // The next number of a counter ("inode", "object", "handle", …), never given twice (master/numbers.h).
  Result<uint64_t> next_id(std::string_view counter);
};

// Everything a query may use: one consistent state. Any thread.
struct QueryContext {
  const kv::Reader& reader;
  const Caller& caller;
  os::WallTime now;
  uint64_t sequence = 0;  // of the call in the caller's session, if it has one
};

template <class M>
using Mutation = Result<typename M::Reply> (*)(MutationContext&, const typename M::Request&);
template <class M>
using Query = Result<typename M::Reply> (*)(QueryContext&, const typename M::Request&);

}  // namespace forebay::master
