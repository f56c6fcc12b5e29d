#include "master/cluster/intake.h"

#include <algorithm>
#include <utility>

#include "base/text.h"
#include "master/evict/leaving.h"
#include "master/schema.h"

namespace forebay::master {

// What was removed is still being deleted for a second or two: a write that comes right after it has to find its room.
Result<Placer::Placed> Intake::place(const v1::Placement& wanted) {
  Result<Placed> placed = parts_.workers.place(wanted);
  if (placed) {
    std::lock_guard lock(mutex_);
    full_since_.reset();
    return placed;
  }
  if (!placed.error().is_errno(ENOSPC)) return placed;
  ASSIGN_OR_RETURN(const bool again, may_come_again());
  if (!again) return placed;
  return std::unexpected(Status(Code::kBusy, ENOSPC, placed.error().message() + "; what was removed is being deleted"));
}

Result<bool> Intake::may_come_again() {
  ASSIGN_OR_RETURN(bool frees, has_to_delete());
  if (!frees) {
    ASSIGN_OR_RETURN(frees, has_removed_lately());
  }
  std::lock_guard lock(mutex_);
  const os::Instant now = parts_.clock.now();
  if (!frees)
    full_since_.reset();
  else if (!full_since_)
    full_since_ = now;
  return frees && now - *full_since_ < config_.waits_for_deletions;
}

uint64_t Intake::intake(SessionId writer) {
  if (!drains_) return 0;
  const WorkerRoom room = parts_.workers.room();
  std::lock_guard lock(mutex_);
  writers_[writer] = parts_.clock.now();
  decide_locked(room);
  return share_locked(room);
}

uint64_t Intake::renewed(SessionId session, uint64_t waited_ms) {
  if (waited_ms != 0) {
    waited_ms_ += waited_ms;
    parts_.events.writers_waited(std::chrono::milliseconds(waited_ms));
    return intake(session);
  }
  if (!drains_) return 0;
  const WorkerRoom room = parts_.workers.room();
  std::lock_guard lock(mutex_);
  decide_locked(room);
  return share_locked(room);
}

void Intake::decide_locked(const WorkerRoom& room) {
  const bool slows = IntakePolicy::slows(config_, room, drains_, slowed_);
  if (slows && !slowed_) since_ = parts_.clock.now();
  slowed_ = slows;
}

uint64_t Intake::share_locked(const WorkerRoom& room) const {
  return slowed_ ? IntakePolicy::share(IntakePolicy::bytes_per_second(config_, room), writers_.size()) : 0;
}

void Intake::describe(v1::IntakeReport& report) const {
  const WorkerRoom room = parts_.workers.room();
  report.set_room_bytes(room.left);
  report.set_waited_ms(waited_ms_);
  std::lock_guard lock(mutex_);
  if (!slowed_) return;
  report.set_slowed(true);
  report.set_bytes_per_second(IntakePolicy::bytes_per_second(config_, room));
  report.set_writers(writers_.size());
  const auto since = std::chrono::duration_cast<std::chrono::milliseconds>(parts_.clock.now() - since_).count();
  report.set_since_ms(static_cast<uint64_t>(std::max<int64_t>(since, 0)));
}

// ---- what will free space ----

Task<void> Intake::watch(Intake* self, std::stop_token stop) {
  while (co_await self->parts_.clock.sleep(self->config_.interval, stop)) {
    (void)self->has_noted_removals();  // notes them
    if (IntakePolicy::is_near(self->config_, self->parts_.workers.room())) {
      auto look = [self] { return self->look_for_drains(); };
      Result<bool> found = co_await async::run_blocking(self->parts_.blocking, look);
      if (found)
        self->drains_ = *found;
      else
        self->parts_.log.warning("what will free space on workers cannot be looked for", {{"error", found.error().to_string()}});
    } else {
      self->drains_ = false;
    }
    self->tell_changes();
  }
}

Result<bool> Intake::look_for_drains() {
  ASSIGN_OR_RETURN(const bool deletes, has_to_delete());
  if (deletes) return true;
  if (next_ == 0) whole_pass_ = false;
  ASSIGN_OR_RETURN(const LeavingSlice slice, find_leaving(*parts_.store.snapshot(), next_, config_.looked_at));
  if (slice.found) {
    // The next look begins there. When it has left, and nothing is behind it, everything is looked at again before that is said.
    next_ = *slice.found;
    whole_pass_ = std::nullopt;
    return true;
  }
  next_ = slice.next;
  const bool is_known = next_ == 0 && whole_pass_ == false;
  return is_known ? false : drains_.load();
}

Result<bool> Intake::has_to_delete() {
  const std::unique_ptr<kv::Reader> snapshot = parts_.store.snapshot();
  for (const WorkerId worker : parts_.workers.live()) {
    const ScanStarts::Queue queue{'X', worker.value};
    const ScanStarts::Mark mark = parts_.starts.mark(queue);
    uint64_t first = UINT64_MAX;
    TRY(snapshot->scan(key::numbers('X', worker.value, mark.from), kv::prefix_end(key::numbers('X', worker.value)),
                       [&](std::string_view key, std::string_view) {
                         first = read_big_endian(key.substr(9));
                         return false;
                       }));
    parts_.starts.nothing_before(queue, mark, first);
    if (first != UINT64_MAX) return true;
  }
  return false;
}

// Whether an inode has been detached a moment ago, as far as that was noted, which is done once in an interval.
bool Intake::has_noted_removals() {
  const uint64_t detached = parts_.starts.mark({}).additions;
  std::lock_guard lock(mutex_);
  const os::Instant now = parts_.clock.now();
  if (detached != std::exchange(detached_, detached)) removed_at_ = now;
  return removed_at_ && now - *removed_at_ < config_.waits_for_deletions;
}

// Detached a moment ago: its last close may be on its way, or it is being taken apart. After a start that is only in the store.
Result<bool> Intake::has_removed_lately() {
  if (has_noted_removals()) return true;
  constexpr size_t kLookedAt = 64;
  const int64_t since = os::unix_nanos(parts_.clock.wall_now() - config_.waits_for_deletions);
  const ScanStarts::Mark mark = parts_.starts.mark({});
  size_t seen = 0;
  bool found = false;
  TRY(parts_.store.scan(key::detached(InodeId{mark.from}), kv::prefix_end("N"), [&](std::string_view, std::string_view value) {
    v1::DetachedRecord detached;
    found = detached.ParseFromArray(value.data(), static_cast<int>(value.size())) && detached.since_ns() > since;
    return !found && ++seen < kLookedAt;
  }));
  return found;
}

void Intake::tell_changes() {
  const WorkerRoom room = parts_.workers.room();
  uint64_t rate = 0, writers = 0;
  bool changed = false, slowed = false;
  {
    std::lock_guard lock(mutex_);
    const os::Instant now = parts_.clock.now();
    std::erase_if(writers_, [&](const auto& writer) { return now - writer.second > config_.writer_counts; });
    decide_locked(room);
    slowed = slowed_;
    if (slowed) rate = IntakePolicy::bytes_per_second(config_, room);
    writers = writers_.size();
    changed = told_ != slowed;
    told_ = slowed;
  }
  parts_.events.intake_changed(slowed, rate);
  if (!changed) return;
  if (slowed)
    parts_.log.warning("workers are nearly full: writers are slowed to what is being freed",
                       {{"room", room.left}, {"of", room.total}, {"bytes_per_second", rate}, {"writers", writers}});
  else
    parts_.log.info("writers are no longer slowed", {{"room", room.left}, {"of", room.total}, {"waited_ms", waited_ms_.load()}});
}

}  // namespace forebay::master
