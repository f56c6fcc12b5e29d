#include "master/sessions/session_table.h"

#include <cerrno>

namespace forebay::master {

void SessionTable::load(SessionId session, uint64_t nonce) {
  add(session, nonce);
  std::lock_guard lock(mutex_);
  silent_.insert(session);
  sessions_[session].waited_ms.reset();
}

void SessionTable::add(SessionId session, uint64_t nonce) {
  std::lock_guard lock(mutex_);
  sessions_.insert_or_assign(session, Session{.nonce = nonce, .expires = clock_.now() + config_.lease, .waited_ms = 0});
  nonces_[nonce] = session;
}

bool SessionTable::is_full() const {
  std::lock_guard lock(mutex_);
  return sessions_.size() >= config_.max_sessions;
}

std::optional<SessionId> SessionTable::find(uint64_t nonce) const {
  std::lock_guard lock(mutex_);
  auto found = nonces_.find(nonce);
  return found == nonces_.end() ? std::nullopt : std::optional(found->second);
}

bool SessionTable::knows(SessionId session) const {
  std::lock_guard lock(mutex_);
  return sessions_.contains(session);
}

bool SessionTable::is_live(SessionId session) const {
  std::lock_guard lock(mutex_);
  auto found = sessions_.find(session);
  return found != sessions_.end() && found->second.state == State::kLive;
}

Result<void> SessionTable::renew(SessionId session) {
  std::lock_guard lock(mutex_);
  auto found = sessions_.find(session);
  if (found == sessions_.end() || found->second.state != State::kLive)
    return stale("session " + to_string(session) + " has ended: its handles are closed");
  found->second.expires = clock_.now() + config_.lease;
  return {};
}

uint64_t SessionTable::note_waited(SessionId session, uint64_t waited_ms) {
  std::lock_guard lock(mutex_);
  auto found = sessions_.find(session);
  if (found == sessions_.end()) return 0;
  const uint64_t before = found->second.waited_ms.value_or(waited_ms);
  found->second.waited_ms = std::max(before, waited_ms);
  return waited_ms - std::min(before, waited_ms);
}

void SessionTable::describe(SessionId session, std::string state) {
  std::lock_guard lock(mutex_);
  auto found = sessions_.find(session);
  if (found != sessions_.end()) found->second.said = std::move(state);
}

std::map<SessionId, std::string> SessionTable::described(size_t most) const {
  std::lock_guard lock(mutex_);
  std::map<SessionId, std::string> all;
  for (const auto& [id, session] : sessions_) {
    if (all.size() == most) break;
    if (!session.said.empty() && session.state == State::kLive) all.emplace(id, session.said);
  }
  return all;
}

Result<void> SessionTable::tell_open_reads(SessionId session, std::span<const uint64_t> inodes) {
  std::lock_guard lock(mutex_);
  auto found = sessions_.find(session);
  if (found == sessions_.end()) return stale("session " + to_string(session) + " has ended");
  if (inodes.size() > config_.max_open_reads)
    return rejected(EMFILE, "more files are open for reading than one session may have");
  drop_told(found->second);
  for (uint64_t inode : inodes) {
    found->second.told.push_back(InodeId{inode});
    count(InodeId{inode});
  }
  silent_.erase(session);
  return {};
}

Result<void> SessionTable::open_read(SessionId session, HandleId handle, InodeId inode) {
  std::lock_guard lock(mutex_);
  auto found = sessions_.find(session);
  if (found == sessions_.end() || found->second.state != State::kLive)
    return stale("session " + to_string(session) + " has ended");
  auto& reads = found->second.reads;
  if (reads.contains(handle)) return {};
  if (reads.size() >= config_.max_open_reads) return rejected(EMFILE, "too many files are open for reading in one session");
  reads.emplace(handle, inode);
  count(inode);
  return {};
}

void SessionTable::close_reads(SessionId session, std::span<const uint64_t> handles) {
  std::lock_guard lock(mutex_);
  auto found = sessions_.find(session);
  if (found == sessions_.end()) return;
  for (uint64_t handle : handles) {
    auto read = found->second.reads.find(HandleId{handle});
    if (read == found->second.reads.end()) continue;
    discount(read->second);
    found->second.reads.erase(read);
  }
}

bool SessionTable::is_open(InodeId inode) const {
  std::lock_guard lock(mutex_);
  return !silent_.empty() || open_.contains(inode);
}

bool SessionTable::begin_end(SessionId session) {
  std::lock_guard lock(mutex_);
  auto found = sessions_.find(session);
  if (found == sessions_.end() || found->second.state == State::kEnding) return false;
  found->second.state = State::kEnding;
  return true;
}

void SessionTable::abandon_end(SessionId session) {
  std::lock_guard lock(mutex_);
  auto found = sessions_.find(session);
  if (found != sessions_.end()) found->second.state = State::kToEnd;
}

void SessionTable::forget(SessionId session) {
  std::lock_guard lock(mutex_);
  auto found = sessions_.find(session);
  if (found == sessions_.end()) return;
  for (const auto& [handle, inode] : found->second.reads) discount(inode);
  drop_told(found->second);
  if (auto nonce = nonces_.find(found->second.nonce); nonce != nonces_.end() && nonce->second == session) nonces_.erase(nonce);
  silent_.erase(session);
  sessions_.erase(found);
}

std::vector<SessionId> SessionTable::expired() const {
  std::lock_guard lock(mutex_);
  const os::Instant now = clock_.now();
  std::vector<SessionId> expired;
  for (const auto& [id, session] : sessions_)
    if (session.state == State::kToEnd || (session.state == State::kLive && session.expires <= now)) expired.push_back(id);
  return expired;
}

size_t SessionTable::size() const {
  std::lock_guard lock(mutex_);
  return sessions_.size();
}

void SessionTable::count(InodeId inode) { ++open_[inode]; }

void SessionTable::discount(InodeId inode) {
  auto found = open_.find(inode);
  if (--found->second == 0) open_.erase(found);
}

void SessionTable::drop_told(Session& session) {
  for (InodeId inode : session.told) discount(inode);
  session.told.clear();
}

}  // namespace forebay::master
