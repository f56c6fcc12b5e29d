#include "master/namespace/name_leases.h"

#include <algorithm>

namespace forebay::master {

NameLeases::NameLeases(os::Clock& clock, NameLeasesConfig config, uint64_t first_term)
    : clock_(clock),
      length_(std::clamp<Duration>(config.length, {}, kLongestNamesLease)),
      max_directories_(config.max_directories),
      next_term_(first_term) {}

// Those of the longest-lived terms go; one with a lease stays, and then no other begins.
bool NameLeases::make_room() {
  while (order_.size() >= max_directories_) {
    const auto oldest = terms_.find(order_.front());
    if (oldest != terms_.end() && oldest->second.leased_until > clock_.now()) return false;
    if (oldest != terms_.end()) terms_.erase(oldest);
    order_.pop_front();
  }
  return true;
}

std::optional<v1::NamesLease> NameLeases::begin(SessionId maker, InodeId directory) {
  if (length_ == Duration{} || !maker || !make_room()) return std::nullopt;
  // An inode that has a term already is one whose making came to nothing.
  const uint64_t number = next_term_++;
  terms_[directory] = Term{.maker = maker, .number = number, .leased_until = {}};
  order_.push_back(directory);
  v1::NamesLease begun;
  begun.set_term(number);
  return begun;
}

Result<void> NameLeases::change(SessionId session, InodeId directory) {
  const auto found = terms_.find(directory);
  if (found == terms_.end() || found->second.maker == session) return {};
  Term& term = found->second;
  if (term.leased_until <= clock_.now()) {
    terms_.erase(found);
    return {};
  }
  term.is_wanted = true;
  wait_until_ = std::max(wait_until_.value_or(term.leased_until), term.leased_until);
  return busy("somebody else relies on the names of directory " + to_string(directory) + " for a moment");
}

std::optional<v1::NamesLease> NameLeases::lease(SessionId session, InodeId directory) {
  const auto found = terms_.find(directory);
  if (found == terms_.end() || found->second.maker != session || found->second.is_wanted) return std::nullopt;
  // Clocks of two machines do not run alike; the client's lease begins when it asks, this one later.
  found->second.leased_until = clock_.now() + length_ + length_ / 8;
  v1::NamesLease lease;
  lease.set_term(found->second.number);
  lease.set_lasts_ms(static_cast<uint32_t>(std::chrono::duration_cast<std::chrono::milliseconds>(length_).count()));
  return lease;
}

}  // namespace forebay::master
