#include "explore.h"

#include <xxhash.h>

#include <algorithm>
#include <deque>
#include <set>
#include <unordered_map>

namespace forebay::model {
namespace {

struct Digest {
  uint64_t low, high;
  bool operator==(const Digest&) const = default;
};
struct HashDigest {
  size_t operator()(const Digest& digest) const { return digest.low; }
};

Digest digest_of(const std::string& text) {
  const XXH128_hash_t hash = XXH3_128bits(text.data(), text.size());
  return {hash.low64, hash.high64};
}

struct Origin {
  Digest from;
  std::string label;
};

class Search {
 public:
  explicit Search(SmallWorld& world) : world_(world) {}
  Explored run(size_t most_states);

 private:
  struct Border {
    Digest digest;
    State state;
  };
  bool expand(const Border& at);
  bool fail(const Digest& at, std::string reason, std::string last = {});

  SmallWorld& world_;
  Explored result_;
  Digest first_{};
  std::unordered_map<Digest, Origin, HashDigest> known_;
  std::set<std::string> outcomes_;
  std::deque<Border> border_;
};

bool Search::fail(const Digest& at, std::string reason, std::string last) {
  result_.violation = std::move(reason);
  if (!last.empty()) result_.trace.push_back(std::move(last));
  for (Digest digest = at; digest != first_;) {
    const Origin& origin = known_.at(digest);
    result_.trace.push_back(origin.label);
    digest = origin.from;
  }
  std::ranges::reverse(result_.trace);
  return false;
}

bool Search::expand(const Border& at) {
  std::vector<Step> steps = world_.steps(at.state);
  if (!world_.complaint().empty()) return fail(at.digest, world_.complaint());
  const bool rests = world_.at_rest(at.state);
  if (rests) {
    ++result_.at_rest;
    outcomes_.insert(world_.outcome(at.state));
    if (auto wrong = world_.wrong_rest(at.state)) return fail(at.digest, *wrong);
  }
  bool progress = false;
  for (Step& step : steps) {
    ++result_.steps;
    if (auto wrong = world_.wrong_step(at.state, step.after)) return fail(at.digest, *wrong, std::move(step.label));
    const Digest digest = digest_of(world_.canonical(step.after));
    progress = progress || (step.progress && digest != at.digest);
    if (known_.contains(digest)) continue;
    known_.emplace(digest, Origin{at.digest, std::move(step.label)});
    border_.push_back({digest, std::move(step.after)});
  }
  if (!rests && !progress) return fail(at.digest, "stuck");
  return true;
}

Explored Search::run(size_t most_states) {
  State first = world_.first();
  first_ = digest_of(world_.canonical(first));
  known_.emplace(first_, Origin{});
  border_.push_back({first_, std::move(first)});
  while (!border_.empty() && known_.size() <= most_states) {
    const Border at = std::move(border_.front());
    border_.pop_front();
    if (!expand(at)) break;
  }
  result_.states = known_.size();
  result_.outcomes = outcomes_.size();
  result_.complete = border_.empty() && result_.violation.empty();
  return std::move(result_);
}

}  // namespace

Explored explore(SmallWorld& world, size_t most_states) { return Search(world).run(most_states); }

}  // namespace forebay::model
