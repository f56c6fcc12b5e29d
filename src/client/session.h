// This client's session at the master.
#pragma once

#include <atomic>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <stop_token>

#include "async/sync.h"
#include "client/client.h"
#include "client/routing.h"
#include "client/sequence_window.h"
#include "client/write_path/intake.h"

namespace forebay::client {

// Gives mutations their (session, sequence), repeats them under the same one until their outcome is known, keeps the lease of
// this client's handles alive. When the master says that the session has expired, a new one is begun for later calls; handles of
// the old one are gone for good. Owned by Core. Any thread.
class Session {
 public:
  Session(os::Env& env, obs::Log& log, const ClientConfig& config, Routing& routing, Background& background, Intake& intake);

  Task<Result<void>> begin();
  // Renews at a third of the lease, and each second while writers are slowed, until the token ends it.
  static Task<void> keep_alive(Session* session, std::stop_token stop);
  Task<void> end();

  // `bound`: the session that a handle in the request belongs to; `stale` when it is over. Unbound calls go on under a new
  // session. `unknown` when the time for retries is over and an attempt may have been executed. `used`: the session of the
  // answer.
  template <class M>
  Task<Result<typename M::Reply>> call(Identity who, typename M::Request request, SessionId bound = {},
                                       SessionId* used = nullptr) {
    if (!who.trace) who.trace = new_trace();
    const os::Instant began = env_.clock.now();
    Trying trying{.give_up = routing_.give_up_at()};
    for (;;) {
      Result<Ticket> ticket = co_await admit(M::kMethod.retry, bound);
      if (!ticket) co_return std::unexpected(std::move(ticket).error());
      Result<typename M::Reply> reply = co_await routing_.call_master<M>(request, context_of(who, *ticket), &trying);
      ticket->finish();
      if (used != nullptr) *used = ticket->session();
      note_if_slow(M::kMethod, began, who.trace);
      if (reply || !reply.error().is(Code::kStale)) co_return reply;
      const bool again = co_await again_after_stale(ticket->session(), bound, &trying);
      if (!again) co_return std::unexpected(std::move(reply).error());
    }
  }

  TraceId new_trace() { return {first_trace_.hi, first_trace_.lo + traces_.fetch_add(1, std::memory_order_relaxed)}; }
  void describe(std::string state);
  SessionId id() const;
  bool begun() const;
  uint64_t inline_max() const { return inline_max_; }  // what the master says that it keeps of a commit's content
  const std::string& cluster() const { return cluster_; }

  // Inodes open for reading: the master keeps removed ones for as long as it is told.
  void reading(InodeId inode);
  void not_reading(InodeId inode);

 private:
  struct Epoch {
    SessionId id;
    SequenceWindow window;
    explicit Epoch(SessionId session) : id(session), window(kWindow) {}
  };
  // A sequence that is being used, or none for a read.
  class Ticket {
   public:
    Ticket(std::shared_ptr<Epoch> epoch, uint64_t sequence) : epoch_(std::move(epoch)), sequence_(sequence) {}
    Ticket(Ticket&& other) noexcept : epoch_(std::move(other.epoch_)), sequence_(std::exchange(other.sequence_, 0)) {}
    Ticket& operator=(Ticket&&) = delete;
    ~Ticket() { finish(); }
    void finish() {
      if (uint64_t sequence = std::exchange(sequence_, 0)) epoch_->window.end(sequence);
    }
    SessionId session() const { return epoch_->id; }
    uint64_t sequence() const { return sequence_; }

   private:
    std::shared_ptr<Epoch> epoch_;  // shared with the session until it begins another
    uint64_t sequence_;
  };
  static constexpr uint64_t kWindow = 1024;  // the master's outcome ring

  Task<Result<Ticket>> admit(rpc::Retry retry, SessionId bound);
  static v1::RequestContext context_of(const Identity& who, const Ticket& ticket);
  void note_if_slow(const rpc::Method& method, os::Instant began, TraceId trace);
  Task<bool> again_after_stale(SessionId used, SessionId bound, Trying* trying);
  Task<Result<void>> replace(SessionId expired);
  Task<Result<void>> open_new();
  v1::RenewSessionRequest renewal(SessionId session) const;
  Task<void> renew_once();
  static Task<void> replace_in_background(Session* session, SessionId expired);
  std::shared_ptr<Epoch> current() const;

  os::Env& env_;
  obs::Log& log_;
  const ClientConfig& config_;
  Routing& routing_;
  Background& background_;
  Intake& intake_;
  const TraceId first_trace_;  // random; the next ones follow it
  std::atomic<uint64_t> traces_ = 0;

  mutable std::mutex mutex_;
  std::shared_ptr<Epoch> epoch_;
  std::atomic<uint64_t> inline_max_ = 0;
  std::string cluster_;  // set by begin()
  Duration lease_{};
  uint64_t waited_ms_ = 0;                                   // writes of this client, before this session
  uint64_t known_master_epoch_ = 0, told_master_epoch_ = 0;  // told: it has this client's open reads
  bool ended_ = false;                                       // no other session is begun any more
  std::string state_;                                        // for people
  std::map<InodeId, uint32_t> reading_;                      // how often
  std::set<InodeId> told_reads_;                             // of reading_: those that a master was told when it had restarted
  async::Mutex opening_;
};

}  // namespace forebay::client
