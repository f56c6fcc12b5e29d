#include "os/history.h"

#include <xxhash.h>

#include <string>

#include "base/check.h"

namespace forebay::os {

struct History::State {
  struct Free {
    void operator()(XXH3_state_t* state) const { XXH3_freeState(state); }
  };
  std::unique_ptr<XXH3_state_t, Free> xxh{XXH3_createState()};
};

History::History() : state_(std::make_unique<State>()) {
  FOREBAY_CHECK(state_->xxh && XXH3_64bits_reset(state_->xxh.get()) == XXH_OK, "memory for a digest");
}
History::~History() = default;

void History::record(std::string_view what, std::string_view who, std::initializer_list<uint64_t> numbers) {
  XXH3_state_t* state = state_->xxh.get();
  // Lengths first: "ab","c" and "a","bc" are different events.
  const uint64_t lengths[] = {what.size(), who.size(), numbers.size()};
  XXH3_64bits_update(state, lengths, sizeof lengths);
  XXH3_64bits_update(state, what.data(), what.size());
  XXH3_64bits_update(state, who.data(), who.size());
  XXH3_64bits_update(state, numbers.begin(), numbers.size() * sizeof(uint64_t));
  ++events_;
  if (!listener_) return;
  std::string line = std::to_string(events_) + " " + std::string(what) + " " + std::string(who);
  for (uint64_t number : numbers) line += " " + std::to_string(number);
  listener_(line);
}

uint64_t History::digest() const { return XXH3_64bits_digest(state_->xxh.get()); }

uint64_t History::hash(std::string_view bytes) { return XXH3_64bits(bytes.data(), bytes.size()); }

}  // namespace forebay::os
