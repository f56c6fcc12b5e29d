// What happened in a simulation, as one number.
#pragma once

#include <cstdint>
#include <functional>
#include <initializer_list>
#include <memory>
#include <string_view>

namespace forebay::os {

// A digest (XXH3) over every event recorded so far, in order: two runs with equal digests did the same. With a listener every
// event is also handed out as text, to see where two runs part. One thread.
class History {
 public:
  History();
  ~History();
  History(const History&) = delete;
  History& operator=(const History&) = delete;

  // `what`: the kind of event; `who`: whose; then what tells one from another.
  void record(std::string_view what, std::string_view who, std::initializer_list<uint64_t> numbers = {});
  uint64_t digest() const;
  uint64_t events() const { return events_; }
  void listen(std::function<void(std::string_view line)> listener) { listener_ = std::move(listener); }

  static uint64_t hash(std::string_view bytes);

 private:
  struct State;
  std::unique_ptr<State> state_;
  uint64_t events_ = 0;
  std::function<void(std::string_view)> listener_;
};

}  // namespace forebay::os
