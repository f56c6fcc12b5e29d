#include "client/known_names.h"

#include "base/hash.h"

namespace forebay::client {

namespace {

// As far as the master takes it for a name, and says ENOENT.
bool is_name(std::string_view name) {
  constexpr size_t kLongest = 255;
  return !name.empty() && name.size() <= kLongest && name != "." && name != ".." &&
         name.find_first_of(std::string_view("/\0", 2)) == std::string_view::npos;
}

bool is_same(const Identity& one, const Identity& other) {
  return one.uid == other.uid && one.gid == other.gid && one.groups == other.groups;
}

}  // namespace

KnownNames::Making::Making(KnownNames& names) : names_(names) {
  std::lock_guard lock(names_.mutex_);
  ++names_.making_;
}

KnownNames::Making::~Making() {
  std::lock_guard lock(names_.mutex_);
  if (--names_.making_ == 0) names_.touched_.clear();
}

void KnownNames::made(InodeId directory, const v1::NamesLease& names) {
  std::lock_guard lock(mutex_);
  if (touched_.contains(directory) || touched_.size() >= kMaxDirectories) return;
  erase(directory);
  directories_[directory].term = names.term();
  order_.push_back(directory);
  while (order_.size() > kMaxDirectories) {
    erase(order_.front());
    order_.pop_front();
  }
}

void KnownNames::adding(InodeId directory, std::string_view name) {
  std::lock_guard lock(mutex_);
  const auto found = directories_.find(directory);
  if (found == directories_.end()) {
    if (making_ != 0 && touched_.size() < kMaxDirectories) touched_.insert(directory);
    return;
  }
  if (found->second.names.insert(hash64(name)).second) ++names_;
  if (names_ > kMaxNames) erase(directory);
}

void KnownNames::leased(InodeId directory, const v1::NamesLease& names, Moment sent, const Identity& who) {
  std::lock_guard lock(mutex_);
  const auto found = directories_.find(directory);
  if (found == directories_.end()) return;
  Directory& known = found->second;
  if (known.term != names.term()) return erase(directory);
  if (known.lasts != Duration{} && sent.instant < known.leased_from.instant) return;  // answers overtake each other
  known.leased_from = sent;
  known.lasts = std::chrono::milliseconds(names.lasts_ms());
  if (!is_same(known.who, who)) known.who = who;
}

void KnownNames::forget(InodeId directory) {
  std::lock_guard lock(mutex_);
  erase(directory);
  if (making_ != 0 && touched_.size() < kMaxDirectories) touched_.insert(directory);
}

void KnownNames::forget_all() {
  std::lock_guard lock(mutex_);
  directories_.clear();
  order_.clear();
  names_ = 0;
}

void KnownNames::erase(InodeId directory) {
  const auto found = directories_.find(directory);
  if (found == directories_.end()) return;
  names_ -= found->second.names.size();
  directories_.erase(found);
}

bool KnownNames::is_absent(InodeId directory, std::string_view name, const Identity& who) const {
  std::lock_guard lock(mutex_);
  const auto found = directories_.find(directory);
  if (found == directories_.end() || found->second.lasts == Duration{}) return false;
  const Directory& known = found->second;
  const bool may_search = who.uid == 0 || is_same(known.who, who);
  if (!may_search || !is_name(name) || known.names.contains(hash64(name))) return false;
  // Last: what is said holds as of this moment.
  const Moment now = this->now();
  const Duration since = now.instant - known.leased_from.instant, wall = now.wall - known.leased_from.wall;
  return since < known.lasts && wall >= Duration{} && wall < known.lasts;
}

}  // namespace forebay::client
