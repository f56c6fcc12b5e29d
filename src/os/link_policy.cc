#include "os/link_policy.h"

namespace forebay::os {

Duration SimLinks::delay(const std::string& from, const std::string& to) {
  Duration delay = settings_.delay_least;
  if (settings_.delay_most > settings_.delay_least) {
    delay += Duration(static_cast<int64_t>(random_.below(static_cast<uint64_t>((settings_.delay_most - delay).count()))));
  }
  for (const std::string& host : {from, to}) {
    auto slow = slow_.find(host);
    if (slow != slow_.end()) delay += slow->second;
  }
  return delay;
}

LinkPolicy::Fate SimLinks::on_connect(const std::string& from, const std::string& to) {
  if (cut_.contains({from, to})) return {Kind::kLose};
  if (random_.one_in(settings_.refuse_one_in)) return {Kind::kReset};
  if (random_.one_in(settings_.lose_one_in)) return {Kind::kLose};
  return {Kind::kDeliver, delay(from, to)};
}

LinkPolicy::Fate SimLinks::on_segment(const std::string& from, const std::string& to, size_t) {
  if (cut_.contains({from, to})) return {Kind::kLose};
  if (random_.one_in(settings_.reset_one_in)) return {Kind::kReset};
  if (random_.one_in(settings_.lose_one_in)) return {Kind::kLose};
  return {Kind::kDeliver, delay(from, to)};
}

size_t SimLinks::segment_size(size_t available) {
  // Mostly whole, sometimes cut anywhere: a reader that takes one read for one message is found out.
  return random_.one_in(4) ? random_.between(1, available) : available;
}

}  // namespace forebay::os
